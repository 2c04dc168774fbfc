"""What protects an installation, in a whole engine: receiving has a circuit, a rate is read and kept, a clock that jumps is told."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.channels import Delivery, Inbound, TemporaryFailure
from engine.cli.init import lay_out
from engine.errors import ConfigurationError
from engine.runtime.carriers import RECEIVE, Rate
from engine.runtime.clock import JUMPED, VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from engine.runtime.worker import PARTS, Worker
from engine.store import ChannelRow, OutboxRow, StoreFailed

NOW = datetime(2026, 3, 4, 1, tzinfo=UTC)


class Post:
    """A channel whose carrier is away until it is said to be back."""

    def __init__(self) -> None:
        self.away = True
        self.asked = 0

    def open(self) -> None:
        """Nothing to connect to."""

    def close(self) -> None:
        """Nothing to let go."""

    def receive(self, timeout: float) -> Iterator[Delivery]:
        self.asked += 1
        if self.away:
            raise TemporaryFailure("no route to the mail server")
        yield Delivery(Inbound(f"m{self.asked}", "wang@customer.example", NOW, "你好"), lambda: None, b"raw")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    lay_out(tmp_path, "live")
    opened = open_engine(load_project(tmp_path), VirtualClock(NOW), random.Random(1), reload=True, owner="engine run")
    yield opened
    opened.close()


def test_a_carrier_that_cannot_be_received_from_is_left_alone_until_it_is_back(engine: Engine) -> None:
    post: Any = Post()
    engine.channels["email"] = post
    for _ in range(engine.project.circuit.failures):
        with pytest.raises(TemporaryFailure):
            engine.receive("email", timeout=0)
    assert [engine.receive("email", timeout=0) for _ in range(3)] == [0, 0, 0]
    assert post.asked == engine.project.circuit.failures
    with engine.store.read() as reader:
        state = reader.channel_state("email", RECEIVE)
    assert (state.error, state.retry_at) == ("no route to the mail server", NOW + engine.project.circuit.pause)
    post.away = False
    engine.clock.set(NOW + engine.project.circuit.pause)  # type: ignore[attr-defined]  # it is a virtual one
    assert engine.receive("email", timeout=0) == 1
    with engine.store.read() as reader:
        assert reader.channel_state("email", RECEIVE) == ChannelRow("email", RECEIVE)


def test_a_store_that_fails_is_no_fault_of_the_carrier(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise StoreFailed("disk full")

    monkeypatch.setattr("engine.runtime.inbox.accept", fails)
    for _ in range(9):
        with pytest.raises(StoreFailed):
            engine.receive("email", timeout=0)
    with engine.store.read() as reader:
        assert reader.channel_states() == []


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("30/m", Rate(30, timedelta(minutes=1), 1)),
        ("600/m", Rate(600, timedelta(minutes=1), 10)),
        ("5/s", Rate(5, timedelta(seconds=1), 5)),
        ("1000/d", Rate(1000, timedelta(days=1), 1)),
        ("{limit: 30, per: 1h 30m, burst: 7}", Rate(30, timedelta(minutes=90), 7)),
    ],
)
def test_a_rate_is_read_in_its_short_and_its_long_form(tmp_path: Path, said: str, read: Rate) -> None:
    (tmp_path / "engine.yaml").write_text(f"version: 1\nchannels:\n  sms: {{transport: folder, rate: {said}}}\n", encoding="utf-8")
    (channel,) = load_project(tmp_path).channels
    assert (channel.rate, dict(channel.settings)) == (read, {"transport": "folder"})


@pytest.mark.parametrize("said", ["0/m", "30", "30/w", "{limit: 3}", "{limit: 3, per: 0s}", "{limit: 0, per: 1m}", "-1/m"])
def test_what_is_no_rate_is_refused(tmp_path: Path, said: str) -> None:
    (tmp_path / "engine.yaml").write_text(f"version: 1\nchannels:\n  sms: {{rate: {said}}}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"channels\.sms\.rate"):
        load_project(tmp_path)


def test_a_rate_of_engine_yaml_is_kept_when_messages_go_out(engine: Engine) -> None:
    engine.project = replace(
        engine.project, channels=tuple(replace(one, rate=Rate(60, timedelta(minutes=1), 2)) for one in engine.project.channels)
    )
    with engine.store.write() as tx:
        for n in range(10):
            tx.keep_content(f"t{n}", None, "message", "您好")
            tx.queue_message(OutboxRow(f"m{n}", None, "sms", "customer", f"+86139000000{n:02}", "", f"t{n}", "zh", True, None, NOW))
    sent = []
    for second in range(10):
        engine.clock.set(NOW + timedelta(seconds=second))  # type: ignore[attr-defined]  # it is a virtual one
        engine.work_outbox("sms")
        with engine.store.read() as reader:
            sent.append(reader.message_counts().get("sent", 0))
    assert sent == [2, 3, 4, 5, 6, 7, 8, 9, 10, 10]


@pytest.mark.parametrize(("by", "alarm"), [(45, False), (61, True), (-3600, True), (86_400, True)])
def test_a_wall_clock_that_jumps_holds_what_goes_by_it_and_raises_an_alarm(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, by: int, alarm: bool
) -> None:
    worker = Worker(engine, {}, PARTS)
    assert not worker._guard.holds()
    truth = time.time
    monkeypatch.setattr(time, "time", lambda: truth() + by)
    assert worker._guard.holds() is alarm
    worker._decide()
    with engine.store.read() as reader:
        kept = reader.meta(JUMPED)
    assert kept == (f"{NOW.isoformat()} {by}" if alarm else None)


def test_by_how_much_the_clock_may_jump_is_a_setting(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.project = replace(engine.project, clock_jump=timedelta(minutes=10))
    worker = Worker(engine, {}, PARTS)
    truth = time.time
    monkeypatch.setattr(time, "time", lambda: truth() + 300)
    assert not worker._guard.holds()
