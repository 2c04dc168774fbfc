"""The promises of an open ticket are moved to the policy in force on purpose; what was missed, and what was not promised by us, stays."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import events as e
from engine.core.calendar import ALWAYS
from engine.core.compiled import Policy
from engine.core.decision import Decision
from engine.core.model import Deadline
from engine.core.signals import RenewalRequested
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, a_step, at, changed, shipped

GENERAL = "budgets: {response: 2h, next_response: 4h, plan: 24h, progress: 24h}"


def promising(budgets: str, *more: tuple[str, str, str]) -> Policy:
    return changed(("sla.yaml", GENERAL, f"budgets: {{{budgets}}}"), *more)


def renew(house: House, number: str, policy: Policy) -> Decision:
    """Put a policy in force and ask for the ticket's promises by it."""
    house.world = replace(house.world, policy=policy)
    decision = house.handle(RenewalRequested(number, "zhou")).first
    assert decision.refused is None
    return decision


def moved(decision: Decision) -> dict[str, e.DeadlineMoved]:
    return {event.id: event for event in decision.events if isinstance(event, e.DeadlineMoved)}


def clock(house: House, number: str, id: str) -> Deadline:
    return house.ticket(number).deadlines[id]


def breaches(house: House, number: str) -> list[tuple[str, datetime]]:
    return [(event.id, event.due) for event in house.log(number) if isinstance(event, e.DeadlineBreached)]


def test_old_and_new_budgets_and_instants_are_recorded_in_one_decision() -> None:
    house = House()
    number = house.mail("你好")
    house.wait(10 * MINUTE)
    decision = renew(house, number, promising("response: 1h, plan: 30h, progress: 24h"))
    assert moved(decision) == {
        "response": e.DeadlineMoved("response", "24x7", HOUR, WEDNESDAY + HOUR, WEDNESDAY, 2 * HOUR, WEDNESDAY + 2 * HOUR),
        "plan": e.DeadlineMoved("plan", "24x7", 30 * HOUR, WEDNESDAY + 30 * HOUR, WEDNESDAY, DAY, WEDNESDAY + DAY),
    }
    # The plan is due later than the customer was told, so they are told again.
    assert [event.type for event in decision.events] == ["deadline_moved"] * 2 + ["message_queued", "promise_told"]
    assert [row.script for row in house.messages(number)][-1] == "promise_moved"
    kept = house.decisions(number)[-1]
    assert (kept.signal_type, kept.signal["actor"]) == ("renewal_requested", "zhou")
    assert kept.policy_digest == house.world.policy.digest
    assert {reason["source"]["file"] for reason in kept.reasons} == {"sla.yaml", "scripts.yaml"}


def test_without_being_asked_a_ticket_keeps_its_promises_under_another_policy() -> None:
    house = House()
    number = house.mail("你好")
    house.world = replace(house.world, policy=promising("response: 1h, plan: 24h, progress: 24h"))
    house.done(number, "note", text="看过")
    assert clock(house, number, "response").due == WEDNESDAY + 2 * HOUR


def test_the_same_promises_move_nothing_and_a_second_time_neither() -> None:
    house = House()
    number = house.mail("你好")
    before = house.timer_keys(number)
    assert renew(house, number, shipped()).events == ()
    policy = promising("response: 1h, plan: 24h, progress: 24h")
    assert set(moved(renew(house, number, policy))) == {"response"}
    assert renew(house, number, policy).events == ()
    assert house.timer_keys(number) == before


def test_what_was_missed_stays_on_record_whether_somebody_noticed_or_not() -> None:
    house = House()
    number = house.mail("你好")
    house.wait(2 * HOUR)
    assert breaches(house, number) == [("response", WEDNESDAY + 2 * HOUR)]
    renew(house, number, promising("response: 5h, plan: 24h, progress: 24h"))
    assert (clock(house, number, "response").due, clock(house, number, "response").met) == (WEDNESDAY + 2 * HOUR, False)

    unnoticed = House()
    number = unnoticed.mail("你好")
    unnoticed.now += 3 * HOUR  # the engine stood still: no timer fired
    renew(unnoticed, number, promising("response: 5h, plan: 24h, progress: 24h"))
    unnoticed.wait(timedelta(0))
    assert breaches(unnoticed, number) == [("response", WEDNESDAY + 2 * HOUR)]


def test_what_is_overdue_by_the_new_promise_is_missed_at_once_and_told_once() -> None:
    house = House()
    number = house.mail("你好")
    house.wait(90 * MINUTE)
    policy = promising("response: 1h, plan: 24h, progress: 24h")
    for _ in range(2):
        renew(house, number, policy)
    house.wait(timedelta(0))
    renew(house, number, policy)
    house.wait(MINUTE)
    assert breaches(house, number) == [("response", WEDNESDAY + HOUR)]
    assert [row.created_at for row in house.messages(number, script="breach_notice", party=house.ticket(number).assignee)] == [
        WEDNESDAY + 90 * MINUTE
    ]


def test_warnings_move_along_and_those_that_are_past_are_not_sent_again() -> None:
    house = House()
    number = house.mail("你好")
    house.wait(70 * MINUTE)  # half of two hours was warned of
    renew(house, number, promising("response: 100m, plan: 24h, progress: 24h"))
    assert [key for key in house.timer_keys(number) if "/response/" in key] == [
        "deadline/response/breach",
        "deadline/response/warn/response-and-plan/-600s",
        "deadline/response/warn/response-and-plan/0.8",
    ]
    house.wait(HOUR)
    warned = [event.share for event in house.log(number) if isinstance(event, e.DeadlineWarned) and event.id == "response"]
    assert warned[:2] == [0.5, 0.8]
    assert breaches(house, number) == [("response", WEDNESDAY + 100 * MINUTE)]


def test_warnings_of_the_policy_in_force_are_set_where_no_instant_moves() -> None:
    house = House()
    number = house.mail("你好")
    assert renew(house, number, changed(("sla.yaml", "warn: [50%, 80%, -10m]", "warn: [25%, 80%, -10m]"))).events == ()
    assert "deadline/response/warn/response-and-plan/0.25" in house.timer_keys(number)
    assert "deadline/response/warn/response-and-plan/0.5" not in house.timer_keys(number)


def test_a_paused_clock_goes_on_with_the_new_budget() -> None:
    house = House()
    number = house.mail("你好")
    house.wait(HOUR)
    house.done(number, "hold")
    [event] = moved(renew(house, number, promising("response: 2h, plan: 4h, progress: 24h"))).values()
    assert (event.id, event.due_before, event.due) == ("plan", None, None)
    house.wait(DAY)
    house.done(number, "resume")
    assert clock(house, number, "plan").due == house.now + 3 * HOUR


@given(st.integers(1, 2000), st.lists(st.integers(1, 90), max_size=4))
def test_the_new_instant_is_the_calendars_from_the_start_with_every_pause(minutes: int, spans: list[int]) -> None:
    house = House()
    try:
        number = house.mail("你好")
        pauses: list[tuple[datetime, datetime | None]] = []
        for span in spans:
            house.now += span * MINUTE
            house.done(number, "hold")
            pauses.append((house.now, house.now + span * MINUTE))
            house.now += span * MINUTE
            house.done(number, "resume")
        plan = clock(house, number, "plan")
        renew(house, number, promising(f"response: 2h, plan: {minutes}m, progress: 24h"))
        assert clock(house, number, "plan").due == ALWAYS.due(WEDNESDAY, minutes * MINUTE, pauses)
        assert clock(house, number, "plan").started_at == plan.started_at
    finally:
        house.close()


def test_another_calendar_and_other_holidays_move_what_is_due() -> None:
    house = House(now=at("03-06 16:00"))
    number = house.mail("你好")
    house.done(number, "contact")
    before = clock(house, number, "progress").due
    [event] = moved(
        renew(house, number, changed(("calendars/cn_office.yaml", "closed: []", 'closed: ["2026-03-09 08:00-20:00"]')))
    ).values()
    assert (event.id, event.budget, event.budget_before) == ("progress", DAY, DAY)
    assert before is not None
    assert event.due is not None
    assert event.due > before


def test_a_promise_that_the_policy_makes_no_more_stays_as_it_was_given() -> None:
    house = House()
    number = house.mail("你好")
    house.done(number, "contact")
    policy = promising("response: 2h, plan: 24h")
    assert renew(house, number, policy).events == ()
    without = {name: kind for name, kind in policy.deadlines.items() if name != "progress"}
    assert renew(house, number, replace(policy, deadlines=without)).events == ()
    assert clock(house, number, "progress").running


def test_a_date_that_a_person_gave_and_the_customers_own_time_stay() -> None:
    house = House()
    number = house.mail("你好")
    house.done(number, "contact")
    house.done(number, "plan", text="更换", steps=(a_step("寄出", WEDNESDAY + DAY),))
    policy = promising("response: 1h, plan: 1h, progress: 24h")
    renew(house, number, policy)
    assert clock(house, number, "plan_step:1").due == WEDNESDAY + DAY
    house.done(number, "resolve", text="已寄出")
    due = clock(house, number, "confirmation").due
    confirmation = replace(policy.deadlines["confirmation"], budget=HOUR)
    renew(house, number, replace(policy, deadlines={**policy.deadlines, "confirmation": confirmation}))
    assert clock(house, number, "confirmation").due == due


@pytest.mark.parametrize("ended", ["close", "resolve"])
def test_a_ticket_that_owes_nothing_is_left_alone(ended: str) -> None:
    house = House()
    number = house.mail("你好")
    house.done(number, ended, text="好了")
    before = house.timer_keys(number)
    assert renew(house, number, promising("response: 1h, plan: 1h, progress: 1h")).events == ()
    assert house.timer_keys(number) == before


def test_the_customer_is_not_told_of_an_earlier_instant_and_the_log_says_what_they_were_promised() -> None:
    house = House()
    number = house.mail("你好")
    messages = house.messages(number)
    renew(house, number, promising("response: 1h, plan: 24h, progress: 24h"))
    assert house.messages(number) == messages
    assert house.ticket(number).promised["response"] == WEDNESDAY + 2 * HOUR
