"""What happened to the clocks of a ticket."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.events.base import Event


@dataclass(frozen=True, slots=True)
class DeadlineStarted(Event):
    """A clock started (anew, if it had run before)."""

    id: str
    kind: str
    calendar: str
    budget: timedelta | None
    due: datetime | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class DeadlinePaused(Event):
    """A clock stands still."""

    id: str


@dataclass(frozen=True, slots=True)
class DeadlineResumed(Event):
    """A clock runs again and is now due at `due`."""

    id: str
    due: datetime | None


@dataclass(frozen=True, slots=True)
class DeadlineMoved(Event):
    """A clock's budget, calendar or due instant changed while it ran, because the tier did or the policy was asked anew.

    What it was `before` is None where it was paused, and in logs of the first version.
    """

    id: str
    calendar: str
    budget: timedelta | None
    due: datetime | None
    started_at: datetime
    budget_before: timedelta | None = None
    due_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadlineStopped(Event):
    """What the clock measured was done; whether in time, the clock's own breach says."""

    id: str


@dataclass(frozen=True, slots=True)
class DeadlineWarned(Event):
    """People were warned that `share` of the budget is used up; `before` says that they are so long before the end."""

    id: str
    share: float
    before: timedelta | None = None


@dataclass(frozen=True, slots=True)
class DeadlineReminded(Event):
    """The customer was reminded of what they were asked."""

    id: str


@dataclass(frozen=True, slots=True)
class DeadlineBreached(Event):
    """A promise was not kept in time."""

    id: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Escalated(Event):
    """A step of an escalation was taken, `round` counts its repeats from 1; it opened work of the kind `opens`."""

    id: str
    escalation: str
    step: int
    round: int
    opens: str | None = None


@dataclass(frozen=True, slots=True)
class PromiseTold(Event):
    """The customer was told these instants, by deadline id."""

    deadlines: dict[str, datetime]


@dataclass(frozen=True, slots=True)
class DeadlineDropped(Event):
    """The ticket ended, so what the clock measured will never be done: it counts neither as met nor as breached."""

    id: str


@dataclass(frozen=True, slots=True)
class Acknowledged(Event):
    """An agent took up the ticket after a breach; repeated notices stop."""

    by: str
