"""A decision in people's words, for the demo's live timeline: time, ticket, what happened, which rule at which file and line said so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.core import events as e
from engine.core.conditions import Source
from engine.runtime.handle import Handled


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline. `tone` is good, bad, warn, in, out or plain."""

    at: datetime
    ticket: str
    what: str
    rule: str
    tone: str


_TONES: dict[type[e.Event], str] = {
    e.TicketOpened: "in",
    e.MessageReceived: "in",
    e.CallNoted: "in",
    e.MessageQueued: "out",
    e.DeadlineWarned: "warn",
    e.DeadlineBreached: "bad",
    e.Escalated: "bad",
    e.CustomerObjected: "bad",
    e.MessageFailed: "bad",
    e.MessageSuppressed: "warn",
    e.CustomerConfirmed: "good",
    e.PlanRecorded: "good",
    e.ResultReported: "good",
}

_SILENT = (e.MessageSent, e.MessageDelivered, e.DeadlineStopped, e.DeadlineDropped, e.PromiseTold)


def lines(handled: Handled, timezone: str) -> Iterator[Line]:
    """Yield a line for each event of the decision that people care about."""
    made = handled.decision
    if made.ticket is None:
        return
    base = made.ticket.seq - len(made.events)
    at = handled.at.astimezone(ZoneInfo(timezone))
    for position, event in enumerate(made.events, 1):
        if isinstance(event, _SILENT):
            continue
        reasons = [reason for reason in made.reasons if reason.seq == base + position]
        rule = "; ".join(f"{reason.rule} {_place(reason.source)}".strip() for reason in reasons)
        yield Line(at, made.ticket.number, describe(event, timezone), rule, _TONES.get(type(event), "plain"))


def describe(event: e.Event, timezone: str) -> str:
    """Return one event in words."""
    match event:
        case e.TicketOpened():
            tier = f" → {event.tier}" if event.tier else ""
            return f"{event.name}: {event.kind} by {event.channel}{tier}"
        case e.DeadlineStarted() | e.DeadlineMoved() | e.DeadlineResumed():
            due = event.due.astimezone(ZoneInfo(timezone)).strftime("%m-%d %H:%M") if event.due else "paused"
            return f"{event.name}: {event.id} due {due}"
        case e.Routed(queue=queue):
            return f"routed to {queue}"
        case e.Assigned(agent=agent):
            return f"assigned to {agent}" if agent else "back in its queue"
        case e.MessageQueued():
            return f"message to {event.party} by {event.channel}: {event.script or 'own words'}"
        case e.MessageSuppressed():
            return f"no message to {event.party} ({event.script}): {event.reason}"
        case e.Escalated():
            return f"escalated: {event.id}, {event.escalation} step {event.step + 1}"
        case e.DeadlineWarned():
            return f"warned: {event.id} at {event.share:.0%}"
        case e.DeadlineBreached() | e.DeadlinePaused() | e.DeadlineReminded():
            return f"{event.name}: {event.id}"
        case e.TicketClosed(outcome=outcome):
            return f"ended: {outcome}"
        case e.TierAssigned(tier=tier, by=by):
            return f"graded {tier} by {by}"
    by = getattr(event, "by", "")
    return f"{event.name.replace('_', ' ')}{f' ({by})' if by else ''}"


def _place(source: Source | None) -> str:
    return f"({source})" if source else ""
