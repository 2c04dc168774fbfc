"""Measures of improvement as work of the house, their verdicts, and what came of follow-ups."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import events as e
from engine.core.decide import decide
from engine.core.decide.improvements import judge
from engine.core.improvements import CATEGORIES, CAUSES, VERDICTS, Aim, Evidence, Improvement, Measured, Outcome
from engine.core.signals import TicketRequested
from tests.core.worlds import DAY, HOUR, WEDNESDAY, House, facts, shipped

BEFORE = (WEDNESDAY - 28 * DAY, WEDNESDAY)
AFTER = (WEDNESDAY + 30 * DAY, WEDNESDAY + 58 * DAY)
AIM = Aim("needs_met", BEFORE, AFTER, {"kind": "complaint"})
PLAN = Improvement("training", ("202603040001",), AIM)
DUE = WEDNESDAY + 20 * DAY
MONTH_END = datetime(2026, 4, 1, tzinfo=ZoneInfo("Asia/Shanghai"))


def measure(house: House, due: datetime | None = DUE, plan: Improvement | None = PLAN) -> str:
    request = TicketRequested(
        "improvement", "front_desk", "投诉话术培训", "email", "zh", due=due, assignee="zhao", actor="zhou", improvement=plan
    )
    handled = house.handle(request).first
    assert handled.ticket is not None
    return handled.ticket.number


def clock(house: House, number: str) -> Any:
    return house.ticket(number).deadlines["improvement"]


def test_a_measure_is_its_owners_and_runs_until_its_due_date() -> None:
    house = House()
    number = measure(house)
    ticket = house.ticket(number)
    assert (ticket.kind, ticket.assignee, ticket.improvement) == ("improvement", "zhao", PLAN)
    assert (clock(house, number).due, clock(house, number).budget) == (DUE, None)
    house.done(number, "resolve", "zhao", "培训已完成")
    assert (house.ticket(number).state, clock(house, number).met) == ("closed", True)


def test_a_measure_that_nobody_planned_yet_has_thirty_days() -> None:
    house = House()
    number = measure(house, due=None, plan=None)
    assert (house.ticket(number).improvement, clock(house, number).due) == (None, WEDNESDAY + 30 * DAY)
    house.done(number, "improve", "zhou", improvement=PLAN)
    assert house.ticket(number).improvement == PLAN


def test_an_overdue_measure_is_warned_of_and_escalated() -> None:
    house = House()
    number = measure(house)
    house.until(WEDNESDAY + 16 * DAY + HOUR)
    assert clock(house, number).warned == ("0.8",)
    house.until(DUE + 8 * DAY)
    told = {row.party for row in house.messages(number, script="breach_notice")}
    assert told >= {"zhao", "zhou"}
    assert clock(house, number).met is False


def test_another_due_date_moves_the_clock_and_leaves_a_breach_on_record() -> None:
    house = House()
    number = measure(house)
    house.done(number, "improve", "zhou", due=DUE + 10 * DAY)
    assert (clock(house, number).due, house.ticket(number).due) == (DUE + 10 * DAY, DUE + 10 * DAY)
    house.until(DUE + 11 * DAY)
    assert clock(house, number).met is False
    house.done(number, "improve", "zhou", due=DUE + 20 * DAY, text="供应商延期")
    assert clock(house, number).met is None
    recorded = house.log(number)
    assert [event.due for event in recorded if isinstance(event, e.DeadlineBreached)] == [DUE + 10 * DAY]
    assert [event.type for event in recorded if isinstance(event, e.Noted)] == ["noted"]
    assert house.act(number, "improve", "zhou", due=DUE + 20 * DAY).events == (), "the same again"
    assert "lies in the past" in str(house.act(number, "improve", "zhou", due=WEDNESDAY).refused)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (replace(PLAN, category="weather"), "a measure cannot change 'weather'"),
        (replace(PLAN, aim=replace(AIM, kpi="volume")), "nothing can be verified by 'volume'"),
        (replace(PLAN, aim=replace(AIM, kpi="backlog")), "nothing can be verified by 'backlog'"),
        (replace(PLAN, aim=replace(AIM, kpi="no_such")), "nothing can be verified by 'no_such'"),
        (replace(PLAN, aim=replace(AIM, scope={"month": "2026-01"})), "needs_met is not known by month"),
        (replace(PLAN, aim=replace(AIM, baseline=AFTER, check=BEFORE)), "the baseline comes first"),
        (replace(PLAN, aim=replace(AIM, check=(AFTER[1], AFTER[0]))), "the baseline comes first"),
        (
            replace(PLAN, aim=Aim("csat", BEFORE, (MONTH_END - HOUR, AFTER[1]))),
            "answers are kept by month: for csat the check begins in a later",
        ),
        (replace(PLAN, aim=Aim("nps", (MONTH_END, AFTER[0]), AFTER)), "answers are kept by month: for nps"),
    ],
)
def test_what_cannot_be_verified_is_refused(wanted: Improvement, said: str) -> None:
    house = House()
    refused = house.act(measure(house), "improve", "zhou", improvement=wanted).refused
    assert said in str(refused)


def found(before: float | None, after: float | None, difference: tuple[float, float] | None, n: int = 100) -> Evidence:
    return Evidence(AIM, Measured(n, before), Measured(n, after), difference)


@pytest.mark.parametrize(
    ("evidence", "now", "verdict"),
    [
        (found(0.5, 0.8, (0.1, 0.4)), AFTER[1], "improved"),
        (found(0.5, 0.8, (0.1, 0.4)), AFTER[1] - HOUR, "too_early"),
        (found(0.5, 0.6, (-0.1, 0.2)), AFTER[1], "not_improved"),
        (found(0.5, 0.6, (0.0, 0.2)), AFTER[1], "not_improved"),
        (found(0.8, 0.5, (-0.4, -0.1)), AFTER[1], "not_improved"),
        (found(0.5, 0.8, None), AFTER[1], "not_improved"),
        (found(None, 0.8, None), AFTER[1], "too_early"),
        (found(0.5, None, None), AFTER[1], "too_early"),
        (found(0.5, 0.8, (0.1, 0.4), n=9), AFTER[1], "too_early"),
        (replace(found(0.2, 0.1, (-0.15, -0.05)), aim=replace(AIM, kpi="recurrence")), AFTER[1], "improved"),
        (replace(found(0.1, 0.2, (0.05, 0.15)), aim=replace(AIM, kpi="recurrence")), AFTER[1], "not_improved"),
    ],
)
def test_verdicts(evidence: Evidence, now: datetime, verdict: str) -> None:
    assert judge(evidence, 10, now) == verdict


@pytest.mark.parametrize("baseline", [BEFORE, (BEFORE[0], MONTH_END)])
def test_what_is_kept_by_month_is_checked_in_a_later_month(baseline: tuple[datetime, datetime]) -> None:
    house = House()
    number = measure(house, plan=replace(PLAN, aim=Aim("csat", baseline, (MONTH_END, AFTER[1]))))
    assert house.ticket(number).improvement is not None


@given(st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(lambda ends: (min(ends), max(ends))), st.booleans())
def test_no_interval_that_holds_zero_shows_an_improvement(ends: tuple[float, float], late: bool) -> None:
    now = AFTER[1] if late else AFTER[0]
    high = judge(found(0.5, 0.5, ends), 1, now)
    low = judge(replace(found(0.5, 0.5, (-ends[1], -ends[0])), aim=replace(AIM, kpi="recurrence")), 1, now)
    assert high == low
    assert high in VERDICTS
    assert (high == "improved") is (late and ends[0] > 0)


def test_a_verdict_is_on_record_with_its_figures_and_lasts_until_the_aim_is_another() -> None:
    house = House()
    number = measure(house)
    house.done(number, "resolve", "zhao", "培训已完成")
    house.until(AFTER[1])
    evidence = found(0.5, 0.8, (0.1, 0.4))
    decision = house.act(number, "verify", "zhou", evidence=evidence)
    assert decision.events == (e.ImprovementVerified("zhou", "improved", evidence),)
    assert "verdict: improved" in [reason.decided for reason in decision.reasons]
    improvement = house.ticket(number).improvement
    assert improvement == replace(PLAN, verdict="improved")
    house.done(number, "improve", "zhou", improvement=replace(PLAN, category="handbook"))
    assert house.ticket(number).improvement == replace(PLAN, category="handbook", verdict="improved")
    house.done(number, "improve", "zhou", improvement=replace(PLAN, aim=replace(AIM, scope={})))
    assert house.ticket(number).improvement == replace(PLAN, aim=replace(AIM, scope={}))


@pytest.mark.parametrize(
    ("plan", "evidence"), [(PLAN, None), (None, found(0.5, 0.8, None)), (replace(PLAN, aim=replace(AIM, scope={})), found(0.5, 0.8, None))]
)
def test_only_the_figures_that_a_measure_aims_at_verify_it(plan: Improvement | None, evidence: Evidence | None) -> None:
    house = House()
    assert "is not verified by these figures" in str(house.act(measure(house, plan=plan), "verify", "zhou", evidence=evidence).refused)


def test_a_kpi_that_the_policy_says_nothing_of_needs_no_more_than_something_to_count() -> None:
    house = House()
    aim = replace(AIM, kpi="mttr", scope={})
    assert "mttr" not in shipped().reports.kpis
    number = measure(house, plan=replace(PLAN, aim=aim))
    house.until(AFTER[1])
    house.done(number, "verify", "zhou", evidence=Evidence(aim, Measured(1, 9.0), Measured(1, 5.0), (-5.0, -3.0)))
    improvement = house.ticket(number).improvement
    assert improvement is not None
    assert improvement.verdict == "improved"


def test_only_a_measure_is_planned_or_verified() -> None:
    house = House()
    number = house.mail("请问营业时间")
    for action in ("improve", "verify"):
        assert "no measure of improvement" in str(house.act(number, action, "zhou").refused)


def test_an_outcome_is_recorded_in_words_that_stand_beside_the_log() -> None:
    house = House()
    number = house.mail("我要投诉送货员")
    said = Outcome("process", ("没有回电", "工单无人认领"), "补送并道歉", "这次还行", True)
    decision = house.act(number, "outcome", "zhou", outcome=said)
    (event,) = [one for one in decision.events if isinstance(one, e.OutcomeRecorded)]
    assert (event.by, event.cause, event.satisfied) == ("zhou", "process", True)
    ids = [*event.whys, str(event.remedy), str(event.words)]
    assert [house.text(id) for id in ids] == ["没有回电", "工单无人认领", "补送并道歉", "这次还行"]
    again = house.act(number, "outcome", "zhou", outcome=Outcome(satisfied=False))
    assert [(one.whys, one.remedy, one.satisfied) for one in again.events if isinstance(one, e.OutcomeRecorded)] == [((), None, False)]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "needs something to record"),
        (Outcome(remedy=" "), "needs something to record"),
        (Outcome(cause="weather"), "no category of causes 'weather'"),
        (Outcome(whys=("因",) * 6), "why is asked 5 times at most; there are 6 answers"),
    ],
)
def test_an_outcome_that_says_nothing_or_too_much_is_refused(said: Outcome | None, why: str) -> None:
    house = House()
    assert why in str(house.act(house.mail("我要投诉送货员"), "outcome", "zhou", outcome=said).refused)


@pytest.mark.parametrize(
    "said", [Outcome(cause=CAUSES[0]), Outcome(whys=("因",)), Outcome(remedy="补"), Outcome(words="好"), Outcome(satisfied=False)]
)
def test_any_one_thing_is_an_outcome(said: Outcome) -> None:
    house = House()
    assert house.act(house.mail("我要投诉送货员"), "outcome", "zhou", outcome=said).refused is None


def test_a_measure_without_an_owner_goes_to_whom_its_queue_chooses() -> None:
    request = TicketRequested(
        "improvement", "front_desk", "修订手册", "email", "zh", improvement=replace(PLAN, category=CATEGORIES[2], aim=None)
    )
    decision = decide(None, request, facts(), shipped(), WEDNESDAY)
    assert decision.ticket is not None
    assert decision.ticket.assignee is not None
    assert decision.ticket.deadlines["improvement"].due == WEDNESDAY + timedelta(days=30)
