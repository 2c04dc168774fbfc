"""`engine status` says what the calendars count by, what the daemon will do next, and when rules by the clock run."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.store import open_store
from tests.cli.conftest import Command
from tests.core.worlds import WEDNESDAY


def test_the_holidays_are_named_with_their_sources_and_those_that_are_not_announced_stand_out(engine: Command) -> None:
    years = {one["year"]: one for one in engine.json("status")["holidays"]}
    assert years[2026]["source"].startswith("国务院办公厅")
    assert [year for year, one in years.items() if one["provisional"]] == [2027]
    assert "holidays of 2027 are provisional: cn_office (not yet published)\n" in engine("status").stdout


def test_what_happens_next_is_named_with_its_time(engine: Command) -> None:
    number = engine.mail("next", "系统宕机", "系统故障")
    status = engine.json("status")
    assert len(status["timers"]) == 5
    assert status["timers"][0] == {"at": status["next"]["timer"], "ticket": number, "timer": "deadline/response/warn/response-and-plan/0.5"}
    assert [one["at"] for one in status["timers"]] == sorted(one["at"] for one in status["timers"])
    assert {one["job"] for one in status["jobs"]} == {"backup"}
    assert all(one["at"] > status["now"] for one in status["jobs"])
    shown = engine("status").stdout
    assert f"{number}  first response: warning (response-and-plan, 50% used)" in shown
    assert "backup (cron)" in shown
    assert "report daily (cron)" in shown


def test_it_is_told_where_so_much_waits_that_nothing_is_taken_in(engine: Command) -> None:
    settings = engine.root / "engine.yaml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(f"{before}\nintake: {{waiting_limit: 2}}\n", encoding="utf-8")
    store = open_store("sqlite:///var/engine.db", engine.root)
    told = []
    for source in ("one", "two"):
        with store.write() as tx:
            tx.accept("email", source, WEDNESDAY, "{}", b"")
        told.append("! 2 items wait to be handled (intake.waiting_limit is 2)" in engine("status").stdout)
    with store.write() as tx:
        for row in tx.inbox("pending", 9):
            tx.inbox_done(row.id, None)
    store.close()
    settings.write_text(before, encoding="utf-8")
    assert told == [False, True]


def test_the_next_slot_of_every_rule_by_the_clock_is_told(engine: Command) -> None:
    status = engine.json("status")
    now, slots = datetime.fromisoformat(status["now"]), {rule: datetime.fromisoformat(at) for rule, at in status["rules"].items()}
    assert {rule: (at.astimezone(ZoneInfo("Asia/Shanghai")).hour, at > now) for rule, at in slots.items()} == {
        "planned-visit": (10, True),
        "older-than-two-weeks": (9, True),
        "relationship": (10, True),
        "watch through-the-day": (slots["watch through-the-day"].astimezone(ZoneInfo("Asia/Shanghai")).hour, True),
        "watch weekly-weak-spots": (9, True),
        "verification": (7, True),
        "report daily": (8, True),
        "report monthly-improvement": (8, True),
        "quality": (6, True),
    }
    told = re.findall(r"^  (\d{4}-.*)  (.*) \(cron\)$", engine("status").stdout, re.MULTILINE)
    assert told == sorted(told)
    assert {rule for _, rule in told} >= set(slots)
