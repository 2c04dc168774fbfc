"""`decide`: what one signal leads to. Pure: no I/O, no clock, no randomness; all it needs comes in."""

from datetime import datetime

from engine.core import clocks, promises
from engine.core.authority import APPROVAL
from engine.core.commands import CancelTimers
from engine.core.compiled import Policy
from engine.core.decide import actions, alerts, authority, incidents, intake, opening, receipts, replies, rules, surveys, timers
from engine.core.decision import Decision
from engine.core.draft import Draft
from engine.core.facts import Facts
from engine.core.fields import ALERT
from engine.core.lifecycle import ENDED
from engine.core.model import Ticket
from engine.core.routing import ASSIGN_TIMER, HANDOVER_TIMER
from engine.core.signals import (
    AgentActed,
    ApprovalDecided,
    CallArrived,
    CustomerChanged,
    IncidentSought,
    IncidentSpoke,
    KpiWatched,
    MessageArrived,
    RenewalRequested,
    RuleDue,
    Signal,
    TaskClosed,
    TicketRequested,
    TimerFired,
)


def decide(ticket: Ticket | None, signal: Signal, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Return what `signal` leads to for `ticket` (None: there is none yet) at the instant `now`.

    What is not allowed in the ticket's state is refused: the decision then changes nothing and says why.
    """
    draft = Draft(ticket, facts, policy, now, clocks.react)
    refused = draft.attempt(lambda: _whole(draft, ticket, signal))
    decision = draft.finish()
    return decision if refused is None else Decision(ticket, (), (), decision.reasons, refused)


def _whole(draft: Draft, ticket: Ticket | None, signal: Signal) -> None:
    draft.automatic = isinstance(signal, MessageArrived) and signal.automatic
    _dispatch(draft, ticket, signal)
    if ticket is not None and draft.ticket.state != ticket.state:
        if draft.ticket.state in ENDED:
            draft.want(CancelTimers(ASSIGN_TIMER))
            draft.want(CancelTimers(HANDOVER_TIMER))
            if draft.ticket.kind == ALERT:
                draft.want(CancelTimers(alerts.LOOK_TIMER))
        surveys.consider(draft)
    rules.follow(draft)
    if ticket is not None:
        promises.tell_of_later(draft)


def _dispatch(draft: Draft, ticket: Ticket | None, signal: Signal) -> None:
    match signal:
        case MessageArrived():
            intake.message(draft, signal) if ticket is None else replies.message(draft, signal)
        case CallArrived():
            intake.call(draft, signal) if ticket is None else replies.call(draft, signal)
        case TicketRequested() if signal.kind == APPROVAL:
            authority.opened(draft, signal)
        case TicketRequested():
            opening.requested(draft, signal)
        case AgentActed():
            actions.act(draft, signal)
        case TaskClosed():
            actions.task_closed(draft, signal)
        case CustomerChanged():
            opening.belongs_to(draft, signal)
        case ApprovalDecided():
            authority.decided(draft, signal)
        case TimerFired():
            timers.fired(draft, signal)
        case RenewalRequested():
            clocks.renew(draft)
        case RuleDue():
            rules.due(draft, signal)
        case IncidentSought():
            incidents.sought(draft, signal)
        case IncidentSpoke():
            incidents.spoke(draft, signal)
        case KpiWatched():
            alerts.watched(draft, signal)
        case _:
            receipts.arrived(draft, signal)
