"""The people of the demo's month: what they write. How they react, and what comes of it, the whole demo shows (tests/acceptance)."""

import random
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from engine.whatif.month import Month
from tests.core.worlds import shipped

UNTIL = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


class Written:
    """Hands that write down what they are to do."""

    def __init__(self) -> None:
        self.drops: list[tuple[datetime, str, str, bytes]] = []

    def drop(self, at: datetime, channel: str, name: str, raw: bytes) -> None:
        self.drops.append((at, channel, name, raw))

    def act(self, at: datetime, number: str, action: str, text: str = "", actor: str | None = None, **details: Any) -> None:
        raise AssertionError("nobody has seen anything yet")

    def reply(self, at: datetime, message: str, text: str) -> None:
        raise AssertionError("nobody has got anything yet")


def written(seed: int, tickets: int) -> list[tuple[datetime, str, str, bytes]]:
    told = yaml.safe_load((resources.files("engine.whatif") / "day" / "month.yaml").read_text(encoding="utf-8"))
    hands = Written()
    Month(told, UNTIL, shipped().calendars[told["calendar"]], ZONE, random.Random(seed), hands).write(tickets)
    return hands.drops


def test_the_same_seed_writes_the_same_and_another_one_something_else(seed: int) -> None:
    assert written(seed, 40) == written(seed, 40)
    assert written(seed, 40) != written(seed + 1, 40)


def test_so_many_write_as_were_asked_for_over_every_channel_each_once(seed: int) -> None:
    for tickets in (0, 3, 150):
        drops = written(seed, tickets)
        assert len(drops) == len({raw for *_, raw in drops}) == tickets
    assert {channel for _, channel, _, _ in drops} == {"email", "sms", "phone_log"}


def test_they_write_before_the_day_by_daylight_and_seldom_on_a_day_off(seed: int) -> None:
    moments = [at for at, *_ in written(seed, 150)]
    assert max(moments) < UNTIL
    assert {at.astimezone(ZONE).hour for at in moments} <= set(range(9, 20))
    calendar = shipped().calendars["cn_office"]
    closed = sum(not calendar.is_open(at.astimezone(ZONE).replace(hour=10)) for at in moments)
    assert closed < len(moments) / 3
