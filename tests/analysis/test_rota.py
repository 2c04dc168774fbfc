"""Who is on: by shift, absence and who went away, at an instant and through a week."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from engine.analysis.rota import WEEK, Rota, Watch
from engine.core.calendar import CalendarUnknown
from engine.core.compiled import Queue
from engine.store.rows import AgentRow
from tests.core.worlds import HOUR, at, shipped, team

POLICY = shipped()
ROTA = Rota(team(), POLICY, {})


def watch(queue: str, when: str, rota: Rota = ROTA) -> Watch:
    return rota.watch(POLICY.queues[queue], at(when))


@pytest.mark.parametrize(
    ("queue", "when", "members", "answers"),
    [
        ("front_desk", "03-04 10:00", ("zhao", "wang"), "zhao"),
        ("front_desk", "03-04 12:30", (), "zhou"),  # the office rests at noon
        ("front_desk", "03-04 23:00", (), "zhou"),
        ("front_desk", "03-07 10:00", (), "zhou"),  # Saturday
        ("front_desk", "02-14 10:00", ("zhao", "wang"), "zhao"),  # a Saturday that is worked
        ("front_desk", "10-01 10:00", (), "zhou"),  # a holiday
        ("tech_support", "03-04 03:00", ("qian", "wu"), "qian"),
        ("product", "03-04 10:00", ("chen",), "zhou"),
        ("supervisors", "03-04 10:00", ("li",), "li"),
    ],
)
def test_who_is_on_shift_and_who_answers(queue: str, when: str, members: tuple[str, ...], answers: str) -> None:
    found = watch(queue, when)
    assert (found.members, found.answers) == (members, answers)


def test_who_is_absent_or_away_is_not_there_and_the_backup_answers() -> None:
    zhao = replace(team().agents["zhao"], absent=((date(2026, 3, 4), date(2026, 3, 4)),))
    absent = Rota(replace(team(), agents={**team().agents, "zhao": zhao}), POLICY, {})
    assert watch("front_desk", "03-04 10:00", absent) == Watch("front_desk", ("wang",), ("zhao", "li"), frozenset({"li"}), "li")
    gone = Rota(team(), POLICY, {"zhao": AgentRow("zhao", 0, at("03-04 09:00"), at("03-04 11:00"), "zhao")})
    assert [watch("front_desk", when, gone).answers for when in ("03-04 10:59", "03-04 11:00")] == ["li", "zhao"]


def test_a_lead_or_a_manager_who_is_not_in_the_team_is_not_there() -> None:
    queue = Queue("q", {}, "gone", None, POLICY.queues["product"].source, backup=("gone too",))
    assert ROTA.watch(queue, at("03-04 10:00")).answers == "zhou"


def test_a_week_is_cut_where_somebody_comes_or_goes_and_nowhere_else() -> None:
    spans = list(ROTA.week(POLICY.queues["front_desk"], at("03-04 10:00")))
    assert (spans[0][0], spans[-1][1]) == (at("03-04 10:00"), at("03-04 10:00") + WEEK)
    assert all(one[1] == other[0] and one[2] != other[2] for one, other in pairwise(spans))
    assert {start.astimezone(at("03-04 10:00").tzinfo) for start, *_ in spans} >= {at("03-04 12:00"), at("03-05 09:00")}
    for start, end, found in spans:
        for instant in (start, end - timedelta(seconds=1)):
            assert ROTA.watch(POLICY.queues["front_desk"], instant) == found
    assert len(list(ROTA.week(POLICY.queues["tech_support"], at("03-04 10:00")))) > 1  # the backup comes and goes


def test_a_week_tells_absences_and_who_went_away() -> None:
    zhao = replace(team().agents["zhao"], absent=((date(2026, 3, 5), date(2026, 3, 5)),))
    people = replace(team(), agents={**team().agents, "zhao": zhao})
    rota = Rota(people, POLICY, {"wang": AgentRow("wang", 0, at("03-04 11:00"), at("03-04 11:30"), "wang")})
    spans = list(rota.week(POLICY.queues["front_desk"], at("03-04 10:00")))
    found = {start: (span.members, span.answers) for start, _, span in spans}
    assert found[at("03-04 10:00")] == (("zhao", "wang"), "zhao")
    assert found[at("03-04 11:00")] == (("zhao",), "zhao")
    assert found[at("03-04 11:30")] == (("zhao", "wang"), "zhao")
    assert found[at("03-05 09:00")] == (("wang",), "li")
    assert found[at("03-06 09:00")] == (("zhao", "wang"), "zhao")


def test_a_year_without_holidays_is_said_to_be_unknown() -> None:
    with pytest.raises(CalendarUnknown, match="2041"):
        ROTA.watch(POLICY.queues["front_desk"], at("03-04 10:00") + 15 * 365 * 24 * HOUR)
