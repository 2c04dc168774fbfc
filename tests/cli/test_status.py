"""`engine status` says what the calendars count by, and when rules by the clock run."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.cli.conftest import Command


def test_the_holidays_are_named_with_their_sources_and_those_that_are_not_announced_stand_out(engine: Command) -> None:
    years = {one["year"]: one for one in engine.json("status")["holidays"]}
    assert years[2026]["source"].startswith("国务院办公厅")
    assert [year for year, one in years.items() if one["provisional"]] == [2027]
    assert "holidays of 2027 are provisional: cn_office (not yet published)\n" in engine("status").stdout


def test_the_next_slot_of_every_rule_by_the_clock_is_told(engine: Command) -> None:
    status = engine.json("status")
    now, slots = datetime.fromisoformat(status["now"]), {rule: datetime.fromisoformat(at) for rule, at in status["rules"].items()}
    assert {rule: (at.astimezone(ZoneInfo("Asia/Shanghai")).hour, at > now) for rule, at in slots.items()} == {
        "planned-visit": (10, True),
        "older-than-two-weeks": (9, True),
    }
    assert re.search(r"^rules: planned-visit \d{4}-.* 10:00:00, older-than-two-weeks ", engine("status").stdout, re.MULTILINE)
