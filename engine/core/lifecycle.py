"""The lifecycle of a ticket: one table of transitions, and `evolve`, which folds an event into the state.

Everything that affects a ticket's state lives here. An event that the table does not allow in the present state changes nothing:
`allows` says so beforehand, `evolve` raises `IllegalEvent`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from engine.core import events as e
from engine.core.model import Concession, Deadline, Plan, PlanStep, SurveyState, Ticket, mark
from engine.errors import EngineError

WAITING = ("waiting_customer", "waiting_supplier", "on_hold")
ANY_OPEN = ("new", "in_progress", *WAITING)
ENDED = ("confirmed", "unconfirmed", "closed")


class IllegalEvent(EngineError):
    """The event cannot happen to a ticket in this state."""


def _stay(*states: str) -> dict[str, str]:
    return {state: state for state in states}


TRANSITIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "customer_contacted": _stay(*ANY_OPEN, "resolved", *ENDED) | {"new": "in_progress"},
        "plan_recorded": dict.fromkeys(ANY_OPEN, "in_progress"),
        "plan_step_done": _stay(*ANY_OPEN, "resolved"),
        "progress_reported": _stay(*ANY_OPEN) | {"new": "in_progress"},
        "task_added": _stay(*ANY_OPEN),
        "put_on_hold": dict.fromkeys(ANY_OPEN, "{state}"),
        "resumed": dict.fromkeys(WAITING, "in_progress"),
        "result_reported": dict.fromkeys(ANY_OPEN, "resolved"),
        "customer_confirmed": {"resolved": "confirmed", "unconfirmed": "confirmed"},
        "customer_objected": {"resolved": "in_progress"},
        "ticket_closed": dict.fromkeys((*ANY_OPEN, "resolved"), "{outcome}"),
        "ticket_reopened": dict.fromkeys(("resolved", *ENDED), "in_progress"),
        "tier_assigned": _stay(*ANY_OPEN),
        "routed": _stay(*ANY_OPEN, "resolved"),
        "assigned": _stay(*ANY_OPEN, "resolved"),
        "due_changed": _stay(*ANY_OPEN),
        "joined_incident": _stay(*ANY_OPEN),
        "incident_updated": _stay(*ANY_OPEN),
        "incident_recovered": _stay(*ANY_OPEN),
    }
)
"""Event → state before → state after; a name in braces is taken from the event. Events not named here never change the state."""


def allows(ticket: Ticket, event: e.Event) -> bool:
    """Whether the event may happen to the ticket now."""
    table = TRANSITIONS.get(event.type)
    return table is None or ticket.state in table


def evolve(ticket: Ticket | None, event: e.Event, at: datetime) -> Ticket:
    """Return the ticket after `event` happened at the instant `at`. Raises IllegalEvent."""
    if isinstance(event, e.TicketOpened):
        if ticket is not None:
            raise IllegalEvent(f"ticket {ticket.number} cannot be opened twice")
        return _opened(event, at)
    if ticket is None:
        raise IllegalEvent(f"{event.type} happened before any ticket was opened")
    table = TRANSITIONS.get(event.type)
    state = ticket.state
    if table is not None:
        if state not in table:
            raise IllegalEvent(f"{event.type} cannot happen to ticket {ticket.number}, which is {state}")
        target = table[state]
        state = getattr(event, target[1:-1]) if target.startswith("{") else target
    fold = _FOLDS.get(type(event))
    changes = fold(ticket, event, at) if fold else {}
    if state in ENDED and ticket.state not in ENDED:
        changes["closed_at"] = at
    return replace(ticket, seq=ticket.seq + 1, state=state, **changes)


def _opened(event: e.TicketOpened, at: datetime) -> Ticket:
    return Ticket(
        number=event.number,
        seq=1,
        kind=event.kind,
        channel=event.channel,
        state="new",
        language=event.language,
        opened_at=at,
        customer=event.customer,
        contact=event.contact,
        description=event.description,
        subject=event.subject,
        impact=event.impact,
        wish=event.wish,
        expected_by=event.expected_by,
        parent=event.parent,
        due=event.due,
        tier=event.tier,
        opened_by=event.by,
        alike=event.alike,
    )


Changes = dict[str, Any]


def _clock(ticket: Ticket, deadline: Deadline) -> Changes:
    return {"deadlines": MappingProxyType({**ticket.deadlines, deadline.id: deadline})}


def _started(ticket: Ticket, event: e.DeadlineStarted, at: datetime) -> Changes:
    return _clock(ticket, Deadline(event.id, event.kind, event.key, event.calendar, started_at=at, budget=event.budget, due=event.due))


def _paused(ticket: Ticket, event: e.DeadlinePaused, at: datetime) -> Changes:
    clock = ticket.deadlines[event.id]
    return _clock(ticket, replace(clock, due=None, pauses=(*clock.pauses, (at, None))))


def _deadline_resumed(ticket: Ticket, event: e.DeadlineResumed, at: datetime) -> Changes:
    clock = ticket.deadlines[event.id]
    return _clock(ticket, replace(clock, due=event.due, pauses=(*clock.pauses[:-1], (clock.pauses[-1][0], at))))


def _moved(ticket: Ticket, event: e.DeadlineMoved, at: datetime) -> Changes:
    clock = ticket.deadlines[event.id]
    pauses = clock.pauses if event.started_at == clock.started_at else tuple(p for p in clock.pauses if p[1] is None)
    moved = replace(clock, calendar=event.calendar, budget=event.budget, due=event.due, started_at=event.started_at, pauses=pauses)
    return _clock(ticket, moved)


def _stopped(ticket: Ticket, event: e.DeadlineStopped, at: datetime) -> Changes:
    return _clock(ticket, replace(ticket.deadlines[event.id], stopped_at=at))


def _dropped(ticket: Ticket, event: e.DeadlineDropped, at: datetime) -> Changes:
    return {"deadlines": MappingProxyType({key: clock for key, clock in ticket.deadlines.items() if key != event.id})}


def _breached(ticket: Ticket, event: e.DeadlineBreached, at: datetime) -> Changes:
    return _clock(ticket, replace(ticket.deadlines[event.id], breached_at=at)) | {"acknowledged_at": None}


def _warned(ticket: Ticket, event: e.DeadlineWarned, at: datetime) -> Changes:
    clock = ticket.deadlines[event.id]
    return _clock(ticket, replace(clock, warned=(*clock.warned, mark(event.before or event.share))))


def _contacted(ticket: Ticket, event: e.CustomerContacted, at: datetime) -> Changes:
    return {"first_contact_at": ticket.first_contact_at or at}


def _planned(ticket: Ticket, event: e.PlanRecorded, at: datetime) -> Changes:
    steps = tuple(PlanStep(id, content, who, due) for id, content, who, due in event.steps)
    waiting = {number: replace(one, step=None) for number, one in ticket.approvals.items()}  # the steps of the plan before are no more
    return {"plan": Plan(event.content, event.by, at, steps), "approvals": MappingProxyType(waiting)}


def _step_done(ticket: Ticket, event: e.PlanStepDone, at: datetime) -> Changes:
    plan = ticket.plan
    if plan is None:
        raise IllegalEvent(f"ticket {ticket.number} has no plan with a step {event.step}")
    return {"plan": replace(plan, steps=tuple(replace(s, done_at=at) if s.id == event.step else s for s in plan.steps))}


def _asked(event: e.ApprovalRequested | e.ConcessionGranted) -> Concession:
    return Concession(event.concession, event.by, event.amount, event.currency, event.content, event.step, event.approval)


def _granted(ticket: Ticket, event: e.ConcessionGranted, at: datetime) -> Changes:
    granted = replace(_asked(event), approved_by=event.approved_by)
    return {"concessions": (*ticket.concessions, granted), "approvals": _without(ticket, event.approval)}


def _without(ticket: Ticket, approval: str | None) -> Mapping[str, Concession]:
    return MappingProxyType({number: one for number, one in ticket.approvals.items() if number != approval})


def _survey(ticket: Ticket, **changes: Any) -> Changes:
    return {"survey": replace(ticket.survey, **changes)} if ticket.survey else {}


_FOLDS: dict[type[e.Event], Callable[[Ticket, Any, datetime], Changes]] = {
    e.TierAssigned: lambda t, ev, at: {"tier": ev.tier, "tier_overridden": ev.by != "system"},
    e.Routed: lambda t, ev, at: {"queue": ev.queue},
    e.Assigned: lambda t, ev, at: {"assignee": ev.agent},
    e.FieldSet: lambda t, ev, at: {ev.field: ev.value},
    e.TagAdded: lambda t, ev, at: {"tags": (*t.tags, ev.tag)},
    e.TagRemoved: lambda t, ev, at: {"tags": tuple(tag for tag in t.tags if tag != ev.tag)},
    e.CustomerChanged: lambda t, ev, at: {"customer": ev.customer},
    e.PromiseTold: lambda t, ev, at: {"promised": MappingProxyType({**t.promised, **ev.deadlines})},
    e.DeadlineStarted: _started,
    e.DeadlinePaused: _paused,
    e.DeadlineResumed: _deadline_resumed,
    e.DeadlineMoved: _moved,
    e.DeadlineStopped: _stopped,
    e.DeadlineDropped: _dropped,
    e.DeadlineWarned: _warned,
    e.DeadlineBreached: _breached,
    e.Escalated: lambda t, ev, at: {"opened": (*t.opened, ev.opens)} if ev.opens else {},
    e.Acknowledged: lambda t, ev, at: {"acknowledged_at": at},
    e.CustomerContacted: _contacted,
    e.PlanRecorded: _planned,
    e.PlanStepDone: _step_done,
    e.ApprovalRequested: lambda t, ev, at: {"approvals": MappingProxyType({**t.approvals, ev.approval: _asked(ev)})},
    e.ApprovalRefused: lambda t, ev, at: {"approvals": _without(t, ev.approval)},
    e.ConcessionGranted: _granted,
    e.TaskAdded: lambda t, ev, at: {"tasks": (*t.tasks, ev.task)},
    e.ResultReported: lambda t, ev, at: {"result": ev.content, "resolved_at": at},
    e.CustomerObjected: lambda t, ev, at: {"objections": t.objections + 1, "resolved_at": None},
    e.TicketReopened: lambda t, ev, at: {"reopened": t.reopened + 1, "resolved_at": None, "closed_at": None, "survey": None},
    e.IncidentSuspected: lambda t, ev, at: {"alike": ev.alike},
    e.JoinedIncident: lambda t, ev, at: {"incident": ev.incident},
    e.LeftIncident: lambda t, ev, at: {"incident": None, "alike": None},
    e.IncidentUpdated: lambda t, ev, at: {"news": ev.content or t.news},
    e.ImprovementPlanned: lambda t, ev, at: {"improvement": ev.improvement},
    e.ImprovementVerified: lambda t, ev, at: {"improvement": replace(t.improvement, verdict=ev.verdict) if t.improvement else None},
    e.ReviewDrawn: lambda t, ev, at: {"review": ev.review},
    e.ReviewScored: lambda t, ev, at: {
        "review": replace(t.review, reviewer=ev.by, points=ev.points, score=ev.score, failed=ev.failed) if t.review else None
    },
    e.DueChanged: lambda t, ev, at: {"due": ev.due},
    e.SurveyScheduled: lambda t, ev, at: {"survey": SurveyState(ev.survey, ev.send_at)},
    e.SurveySkipped: lambda t, ev, at: {"survey": SurveyState(ev.survey, at, expired=True)},
    e.SurveySent: lambda t, ev, at: _survey(t, sent_at=at),
    e.SurveyAnswered: lambda t, ev, at: _survey(t, answered_at=at),
    e.SurveyExpired: lambda t, ev, at: _survey(t, expired=True),
}
