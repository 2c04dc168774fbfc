"""`engine rota`: who is on now, at another time and through a week, in both languages."""

from itertools import pairwise

import pytest

from tests.cli.conftest import Command


def test_the_rota_says_who_is_on_and_who_would_hear(engine: Command) -> None:
    rows = {row["queue"]: row for row in engine.json("rota", "--at", "2026-03-04 10:00")}
    assert rows["front_desk"]["on_shift"] == ["zhao", "wang"]
    assert rows["front_desk"]["lead"] == {"id": "zhao", "present": True}
    assert rows["front_desk"]["backup"] == [{"id": "li", "present": True}]
    assert rows["front_desk"]["escalates_to"] == {"id": "zhao", "present": True}
    night = {row["queue"]: row for row in engine.json("rota", "--at", "2026-03-04T23:00:00+08:00")}
    assert night["front_desk"]["on_shift"] == []
    assert night["front_desk"]["escalates_to"] == {"id": "zhou", "present": True}
    assert night["front_desk"]["at"] == "2026-03-04T15:00:00+00:00"


@pytest.mark.parametrize(("language", "words"), [("en", ("escalates to", "Front desk", "周静")), ("zh", ("升级找", "前台", "未当班"))])
def test_the_table_is_in_the_readers_language(engine: Command, language: str, words: tuple[str, ...]) -> None:
    team = engine.root / "policies" / "team.yaml"
    kept = team.read_text(encoding="utf-8")
    absent = kept.replace(
        '"+8613800000009", shift: any, users: [], absent: []', '"+8613800000009", shift: any, absent: ["2026-03-04/2026-03-04"]'
    )
    assert absent != kept
    team.write_text(absent if language == "zh" else kept, encoding="utf-8")
    said = engine("rota", "--at", "2026-03-04 23:00", "--lang", language).stdout
    team.write_text(kept, encoding="utf-8")
    assert [word for word in words if word not in said] == []


def test_a_week_has_a_line_for_each_span(engine: Command) -> None:
    spans = [row for row in engine.json("rota", "--week", "--at", "2026-03-04 10:00") if row["queue"] == "front_desk"]
    assert spans[0]["at"] == "2026-03-04T02:00:00+00:00"
    assert spans[-1]["until"] == "2026-03-11T02:00:00+00:00"
    assert all(one["until"] == other["at"] for one, other in pairwise(spans))
    assert "2026-03-04 12:00" in engine("rota", "--week", "--at", "2026-03-04 10:00").stdout


def test_a_time_nobody_can_read_and_a_year_without_holidays_are_refused(engine: Command) -> None:
    assert "rota" in engine("rota", "--help").stdout
    assert engine("rota", "--at", "soon", code=2).stderr
    assert "2041" in engine("rota", "--at", "2041-03-04 10:00", code=1).stderr
