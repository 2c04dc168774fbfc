"""Which timers a ticket waits for, told from its state alone: what fires must still mean something, and what was promised must fire."""

from collections.abc import Iterator
from datetime import datetime

from engine.core.clocks import CALENDARS_TIMER
from engine.core.decide.alerts import LOOK_TIMER
from engine.core.decide.incidents import NEWS_TIMER
from engine.core.lifecycle import ENDED
from engine.core.model import Ticket
from engine.core.routing import ASSIGN_TIMER, HANDOVER_TIMER


def owed(ticket: Ticket) -> Iterator[tuple[str, datetime]]:
    """Yield the key and due instant of each timer without which a promise would be forgotten."""
    for clock in ticket.deadlines.values():
        if clock.running and clock.due is not None and clock.breached_at is None:
            yield f"deadline/{clock.id}/breach", clock.due
    survey = ticket.survey
    if survey is not None and survey.sent_at is None and not survey.expired:
        yield "survey/send", survey.scheduled_for


def awaits(ticket: Ticket, key: str, due: datetime) -> bool:
    """Whether a timer that was set for `due` still means anything to the ticket; where it does not, it was cancelled, or never set."""
    survey = ticket.survey
    match key.split("/"):
        case ["deadline", id, what, *_]:
            clock = ticket.deadlines.get(id)
            return clock is not None and clock.running and clock.due is not None and (what != "breach" or clock.due == due)
        case ["survey", "send"]:
            return survey is not None and survey.sent_at is None and not survey.expired
        case ["survey", *_]:
            return survey is not None and survey.awaited
        case ["rule" | "incident" | "alert", *_]:
            return key not in (NEWS_TIMER, LOOK_TIMER) or ticket.state not in ENDED
        case _:
            return key == CALENDARS_TIMER or (key in (ASSIGN_TIMER, HANDOVER_TIMER) and ticket.state not in ENDED)
