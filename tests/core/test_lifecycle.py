"""The table of transitions, and that what it does not allow changes nothing."""

import pytest
from msgspec import structs

from engine.core import events as e
from engine.core.fields import STATES
from engine.core.lifecycle import ENDED, TRANSITIONS, IllegalEvent, allows, evolve
from engine.core.model import Ticket
from tests.core.worlds import HOUR, WEDNESDAY, opened

LATER = WEDNESDAY + HOUR

EXAMPLES: dict[str, e.Event] = {
    event.type: event
    for event in (
        e.CustomerContacted("zhao", "email"),
        e.PlanRecorded("c", "zhao"),
        e.PlanStepDone("1", "zhao"),
        e.ProgressReported("zhao"),
        e.TaskAdded("202603040002", "zhao"),
        e.PutOnHold("on_hold", "zhao"),
        e.Resumed("zhao"),
        e.ResultReported("c", "zhao"),
        e.CustomerConfirmed("customer"),
        e.CustomerObjected("customer"),
        e.TicketClosed("closed", "zhao"),
        e.TicketReopened("zhao"),
        e.TierAssigned("urgent", "zhao"),
        e.Routed("finance"),
        e.Assigned("wu"),
        e.JoinedIncident("202603040002"),
        e.IncidentUpdated("202603040002"),
        e.IncidentRecovered("202603040002"),
        e.DueChanged(LATER, "zhao"),
    )
}


def in_state(state: str) -> Ticket:
    ticket = opened("你好").ticket
    assert ticket is not None
    planned = evolve(ticket, e.PlanRecorded("c", "zhao", (("1", "s", "qian", LATER),)), WEDNESDAY)
    return structs.replace(planned, state=state, closed_at=WEDNESDAY if state in ENDED else None)


def test_the_table_is_about_events_and_states_that_exist() -> None:
    assert set(EXAMPLES) == set(TRANSITIONS)
    assert {state for table in TRANSITIONS.values() for state in table} <= set(STATES)
    targets = {target for table in TRANSITIONS.values() for target in table.values() if "{" not in target}
    assert targets <= set(STATES)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_moves_the_ticket_as_the_table_says_or_not_at_all(name: str, state: str) -> None:
    ticket, event = in_state(state), EXAMPLES[name]
    target = TRANSITIONS[name].get(state)
    assert allows(ticket, event) is (target is not None)
    if target is None:
        with pytest.raises(IllegalEvent, match=f"{name} cannot happen to ticket {ticket.number}, which is {state}"):
            evolve(ticket, event, LATER)
        return
    moved = evolve(ticket, event, LATER)
    assert moved.state == {"{state}": "on_hold", "{outcome}": "closed"}.get(target, target)
    assert moved.seq == ticket.seq + 1
    ended_at = WEDNESDAY if state in ENDED else LATER
    assert moved.closed_at == (ended_at if moved.state in ENDED else None)


def test_an_event_that_no_state_forbids_is_always_allowed() -> None:
    for state in STATES:
        ticket = in_state(state)
        assert allows(ticket, e.Noted("c", "zhao"))
        assert evolve(ticket, e.Noted("c", "zhao"), LATER) == structs.replace(ticket, seq=ticket.seq + 1)


def test_a_ticket_is_opened_once_and_first() -> None:
    ticket = in_state("new")
    again = e.TicketOpened(number=ticket.number, kind="inquiry", channel="email", language="zh")
    with pytest.raises(IllegalEvent, match="cannot be opened twice"):
        evolve(ticket, again, LATER)
    with pytest.raises(IllegalEvent, match="noted happened before any ticket was opened"):
        evolve(None, e.Noted("c", "zhao"), LATER)


def test_no_step_is_done_without_a_plan() -> None:
    ticket = structs.replace(in_state("new"), plan=None)
    with pytest.raises(IllegalEvent, match="has no plan with a step 1"):
        evolve(ticket, e.PlanStepDone("1", "zhao"), LATER)


def test_a_survey_event_without_a_survey_changes_nothing() -> None:
    ticket = in_state("confirmed")
    assert evolve(ticket, e.SurveySent("after-closure"), LATER).survey is None


def test_who_contacted_first_stays_first() -> None:
    ticket = evolve(in_state("new"), e.CustomerContacted("zhao", "email"), WEDNESDAY)
    assert evolve(ticket, e.CustomerContacted("wu", "email"), LATER).first_contact_at == WEDNESDAY


def test_every_event_class_has_its_own_stored_name() -> None:
    assert len(e.EVENT_TYPES) == len(e.EVENT_CLASSES)
    assert e.TicketOpened in e.EVENT_CLASSES
    unsaid = {"follow_up_opened", "task_opened", "call_back_opened", "approval_opened", "incident_opened", "improvement_opened"}
    unsaid |= {"alert_opened", "review_opened"}
    assert set(e.EVENT_NAMES) - unsaid <= set(e.EVENT_TYPES)
    kinds = {"inquiry": "ticket_opened", "task": "task_opened", "follow_up": "follow_up_opened", "incident": "incident_opened"}
    assert {kind: e.TicketOpened("1", kind, "email", "zh").name for kind in kinds} == kinds
