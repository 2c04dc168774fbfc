"""What happened to the clocks of a ticket."""

from datetime import datetime, timedelta

from engine.core.events.base import Event


class DeadlineStarted(Event, frozen=True):
    """A clock started (anew, if it had run before)."""

    id: str
    kind: str
    calendar: str
    budget: timedelta | None
    due: datetime | None
    key: str = ""


class DeadlinePaused(Event, frozen=True):
    """A clock stands still."""

    id: str


class DeadlineResumed(Event, frozen=True):
    """A clock runs again and is now due at `due`."""

    id: str
    due: datetime | None


class DeadlineMoved(Event, frozen=True):
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


class DeadlineStopped(Event, frozen=True):
    """What the clock measured was done; whether in time, the clock's own breach says."""

    id: str


class DeadlineWarned(Event, frozen=True):
    """People were warned that `share` of the budget is used up; `before` says that they are so long before the end."""

    id: str
    share: float
    before: timedelta | None = None


class DeadlineReminded(Event, frozen=True):
    """The customer was reminded of what they were asked."""

    id: str


class DeadlineBreached(Event, frozen=True):
    """A promise was not kept in time."""

    id: str
    due: datetime


class Escalated(Event, frozen=True):
    """A step of an escalation was taken, `round` counts its repeats from 1; it opened work of the kind `opens`."""

    id: str
    escalation: str
    step: int
    round: int
    opens: str | None = None


class PromiseTold(Event, frozen=True):
    """The customer was told these instants, by deadline id."""

    deadlines: dict[str, datetime]


class DeadlineDropped(Event, frozen=True):
    """The ticket ended, so what the clock measured will never be done: it counts neither as met nor as breached."""

    id: str


class Acknowledged(Event, frozen=True):
    """An agent took up the ticket after a breach; repeated notices stop."""

    by: str
