"""`decide`: what one signal leads to. Pure: no I/O, no clock, no randomness; all it needs comes in."""

from datetime import datetime

from engine.core import clocks
from engine.core.compiled import Policy
from engine.core.decide import actions, intake, opening, receipts, replies, surveys, timers
from engine.core.decision import Decision
from engine.core.draft import Draft, Refusal
from engine.core.facts import Facts
from engine.core.lifecycle import IllegalEvent
from engine.core.model import Ticket
from engine.core.signals import (
    AgentActed,
    CallArrived,
    MessageArrived,
    ReceiptArrived,
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
    try:
        _dispatch(draft, ticket, signal)
        if ticket is not None and draft.ticket.state != ticket.state:
            surveys.consider(draft)
    except (Refusal, IllegalEvent) as refusal:
        return Decision(ticket, (), (), (), refused=str(refusal))
    return draft.finish()


def _dispatch(draft: Draft, ticket: Ticket | None, signal: Signal) -> None:
    match signal:
        case MessageArrived():
            intake.message(draft, signal) if ticket is None else replies.message(draft, signal)
        case CallArrived():
            intake.call(draft, signal) if ticket is None else replies.call(draft, signal)
        case TicketRequested():
            opening.requested(draft, signal)
        case AgentActed():
            actions.act(draft, signal)
        case TaskClosed():
            actions.task_closed(draft, signal)
        case TimerFired():
            timers.fired(draft, signal)
        case ReceiptArrived():
            receipts.arrived(draft, signal)
