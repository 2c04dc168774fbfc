"""A ticket's promises as its log has them, counted another way than KPIs count them: by every run of each clock, seen from the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from engine.core import events as e
from engine.core.lifecycle import evolve
from engine.core.model import Deadline, Ticket
from engine.store import StoredEvent


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a clock, as it stood at `until`; `moved` is when its due instant was moved last."""

    clock: Deadline
    until: datetime
    moved: datetime | None = None

    @property
    def breached(self) -> bool:
        """Whether it was met late, or was overdue at `until`, noticed by a timer or not."""
        if self.clock.breached_at is not None:
            return True
        return self.clock.due is not None and self.clock.due < (self.clock.stopped_at or self.until)

    @property
    def decided_at(self) -> datetime | None:
        """When it was met or breached; one that was moved to an instant that had passed was breached then. None while that is open."""
        return max(filter(None, (self.clock.due, self.moved)), default=None) if self.breached else self.clock.stopped_at


def runs(log: Sequence[StoredEvent], until: datetime) -> Iterator[Run]:
    """Yield each run of the ticket's clocks, by what happened before `until`.

    A clock with a budget that is started again while it runs was met by what started it. One whose date was given was replaced, by a new
    plan: it counts only if it was breached by then.
    """
    ticket: Ticket | None = None
    moved: dict[str, datetime] = {}
    for stored in (one for one in log if one.at < until):
        before, ticket = ticket, evolve(ticket, stored.event, stored.at)
        match stored.event:
            case e.DeadlineMoved(id=id):
                moved[id] = stored.at
            case e.DeadlineStarted(id=id) if before is not None and id in before.deadlines:
                clock = before.deadlines[id]
                run = Run(replace(clock, stopped_at=stored.at) if clock.running else clock, until, moved.pop(id, None))
                if run.breached or clock.budget is not None or not clock.running:
                    yield run
    yield from (Run(clock, until, moved.get(clock.id)) for clock in (ticket.deadlines.values() if ticket else ()))
