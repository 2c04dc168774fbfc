"""What a ticket's log says of promises that were not kept in time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core import events as e
from engine.core.lifecycle import evolve
from engine.core.model import Deadline, Ticket
from engine.store.rows import StoredEvent


@dataclass(frozen=True, slots=True)
class Missed:
    """A promise that was not kept when it was `due`: until when it was late, None where it still is, and how often it was escalated."""

    ticket: Ticket
    kind: str
    due: datetime
    ended: datetime | None
    escalations: int


def missed(ticket: Ticket, log: Sequence[StoredEvent], until: datetime) -> Iterator[Missed]:
    """Yield all that the ticket missed up to an instant, by its log up to then; what still runs last.

    As KPIs count, a clock that is started anew while it runs was met by what started it.
    """
    now: Ticket | None = None
    escalations = Counter[str]()
    for kept in log:
        event, clock = kept.event, now.deadlines.get(getattr(kept.event, "id", "")) if now else None
        now = evolve(now, event, kept.at)
        if clock is None or not clock.running:
            continue
        escalations[clock.id] += isinstance(event, e.Escalated)
        over = isinstance(event, e.DeadlineStopped | e.DeadlineStarted) or (isinstance(event, e.DeadlineDropped) and clock.breached_at)
        if over and (due := _due(clock, kept.at)):
            yield Missed(ticket, clock.kind, due, kept.at, escalations.pop(clock.id))
    for clock in ticket.deadlines.values():
        if clock.running and (due := _due(clock, until)):
            yield Missed(ticket, clock.kind, due, None, escalations[clock.id])


def _due(clock: Deadline, at: datetime) -> datetime | None:
    """When the clock was missed, None where it was not by then. One that was paused or moved later afterwards was missed all the same."""
    if clock.breached_at is not None:
        return min(clock.due or clock.breached_at, clock.breached_at)
    return clock.due if clock.due is not None and clock.due < at else None
