"""A ticket's log up to an instant: how the ticket stood then, and how each of its clocks ran, those that were started anew included."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from engine.core import events as e
from engine.core.lifecycle import evolve
from engine.core.model import Deadline, Ticket
from engine.store.rows import StoredEvent


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a clock, as it stood at `until`."""

    clock: Deadline
    until: datetime
    moved: datetime | None = None
    """When its due instant was moved last, by a change of tier or of policy."""

    @property
    def due(self) -> datetime | None:
        """When it had to be met; None while it stands still."""
        return self.clock.due

    @property
    def breached(self) -> bool:
        """Whether it was met late, or was overdue at `until`, noticed by a timer or not."""
        if self.clock.breached_at is not None:
            return True
        return self.due is not None and self.due < (self.clock.stopped_at or self.until)

    @property
    def outcome(self) -> str:
        """`met`, `breached`, `paused` or `open`."""
        if self.breached:
            return "breached"
        if not self.clock.running:
            return "met"
        return "paused" if self.clock.paused else "open"

    @property
    def decided_at(self) -> datetime | None:
        """When it was met, or the instant at which it was breached; None while that is open.

        One that was moved to an instant that had passed was breached when it was moved: what was said of the time before stays true.
        """
        return max(filter(None, (self.due, self.moved)), default=None) if self.breached else self.clock.stopped_at


@dataclass(frozen=True, slots=True)
class History:
    """A ticket as it stood at an instant, all that had happened to it by then, and every run of its clocks in the order they started."""

    ticket: Ticket
    log: tuple[StoredEvent, ...]
    runs: tuple[Run, ...]

    def first_runs(self, kinds: Collection[str]) -> list[Run]:
        """The first run of each clock of these kinds: a clock may run again when a customer objects."""
        first: dict[str, Run] = {}
        for run in self.runs:
            if run.clock.kind in kinds:
                first.setdefault(run.clock.id, run)
        return list(first.values())


def history(log: Sequence[StoredEvent], until: datetime) -> History | None:
    """Fold what happened before `until`; None if the ticket was not there yet.

    A clock with a budget that is started again while it runs was met by what started it (a progress report resets the clock for the
    next one). One whose date was given was replaced, by a new plan: it counts only if it was breached by then.
    """
    known = tuple(stored for stored in log if stored.at < until)
    ticket: Ticket | None = None
    earlier: list[Run] = []
    moved: dict[str, datetime] = {}
    for stored in known:
        before = ticket
        ticket = evolve(ticket, stored.event, stored.at)
        match stored.event:
            case e.DeadlineMoved(id=id):
                moved[id] = stored.at
            case e.DeadlineStarted(id=id) if before is not None and id in before.deadlines:
                earlier += _replaced(before.deadlines[id], stored.at, until, moved.pop(id, None))
    if ticket is None:
        return None
    runs = (*earlier, *(Run(clock, until, moved.get(clock.id)) for clock in ticket.deadlines.values()))
    return History(ticket, known, tuple(sorted(runs, key=lambda run: run.clock.started_at)))


def _replaced(clock: Deadline, at: datetime, until: datetime, moved: datetime | None) -> list[Run]:
    run = Run(replace(clock, stopped_at=at) if clock.running else clock, until, moved)
    return [run] if run.breached or clock.budget is not None or not clock.running else []
