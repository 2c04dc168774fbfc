"""A ticket as its events made it. Everything is frozen; `lifecycle.evolve` makes the next state out of the last one and an event.

Ids of content (texts, addresses) stand here, never the content itself: erasing content leaves a log that still replays.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import TypeAlias

from msgspec import Struct, field

from engine.core.calendar import Pause
from engine.core.fields import INCIDENT
from engine.core.improvements import Improvement
from engine.core.quality import Review

CUSTOMER = "customer"
"""The party of a message or signal that is the ticket's customer; every other party is an agent's id."""

WEBHOOK = "webhook"
"""The party, and the channel, of a message to another program; its address is the name of an endpoint."""

SYSTEM = "system"
"""Who acted when nobody did: a timer, a rule."""


class Deadline(Struct, frozen=True):
    """One clock of a ticket. `id` is the kind's name, with `:key` behind it where a ticket has several of one kind.

    `due` is None while the clock is paused. Without a `budget` the due instant was given, not counted. `warned` are the marks of the
    thresholds that people were warned at since it started.
    """

    id: str
    kind: str
    key: str
    calendar: str
    started_at: datetime
    budget: timedelta | None
    due: datetime | None
    pauses: tuple[Pause, ...] = ()
    stopped_at: datetime | None = None
    breached_at: datetime | None = None
    warned: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether it still has to be met."""
        return self.stopped_at is None

    @property
    def paused(self) -> bool:
        """Whether it stands still now."""
        return bool(self.pauses) and self.pauses[-1][1] is None

    @property
    def met(self) -> bool | None:
        """Whether the promise was kept; None while that is open."""
        if self.breached_at is not None:
            return False
        return None if self.stopped_at is None else True


class PlanStep(Struct, frozen=True):
    """One completion point of a solution plan: who does what (a content id) by when."""

    id: str
    content: str
    who: str
    due: datetime
    done_at: datetime | None = None


class Plan(Struct, frozen=True):
    """The solution plan now in force; `content` names its text."""

    content: str
    by: str
    recorded_at: datetime
    steps: tuple[PlanStep, ...] = ()


class SurveyState(Struct, frozen=True):
    """How far a survey of this ticket has come; never what was answered."""

    survey: str
    scheduled_for: datetime
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    expired: bool = False

    @property
    def awaited(self) -> bool:
        """Whether an answer may still come."""
        return self.sent_at is not None and self.answered_at is None and not self.expired


class Concession(Struct, frozen=True):
    """What a customer is given beyond what they are due, as it was asked for by an agent or granted.

    `name` is `compensation`, which has an amount in a currency, or one of the policy's exceptions. `content` names why, `step` is the
    plan's step that it is. Where it took an approval, that is a ticket, and `approved_by` who granted it.
    """

    name: str
    by: str
    amount: Decimal | None = None
    currency: str | None = None
    content: str | None = None
    step: str | None = None
    approval: str | None = None
    approved_by: str | None = None


Threshold: TypeAlias = float | timedelta
"""When a clock is warned of: at a share of its budget, or so long before it is due."""


@cache
def mark(threshold: Threshold) -> str:
    """Return what a threshold is called in timers and records: `0.8`, `-600s`."""
    return f"-{threshold.total_seconds():g}s" if isinstance(threshold, timedelta) else f"{threshold:g}"


def _nothing() -> Mapping[str, Deadline]:
    return MappingProxyType({})


class Ticket(Struct, frozen=True):
    """The state of one ticket. `seq` is the sequence number of the last event folded in.

    `contact` names the content that holds the contact person and address; `promised` are the instants the customer was told.
    `parent` is the ticket this one belongs to, except where that link is confidential. `concessions` were granted, `approvals` are those
    that wait, by the number of the ticket that asks for one. `opened` are the kinds of work that escalations have opened for it.
    `incident` is the one it is a part of; `alike` says with which tickets it counts, or, of an incident, which it takes in; `news` is the
    content that an incident said last. `improvement` is what a measure is for and how it was judged, `review` what a review is of.
    """

    number: str
    seq: int
    kind: str
    channel: str
    state: str
    language: str
    opened_at: datetime
    customer: str | None = None
    contact: str | None = None
    description: str | None = None
    subject: str | None = None
    impact: str | None = None
    wish: str | None = None
    expected_by: str | None = None
    parent: str | None = None
    due: datetime | None = None
    tier: str | None = None
    queue: str | None = None
    assignee: str | None = None
    tier_overridden: bool = False
    opened_by: str = SYSTEM
    plan: Plan | None = None
    result: str | None = None
    tasks: tuple[str, ...] = ()
    deadlines: Mapping[str, Deadline] = field(default_factory=_nothing)
    promised: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    survey: SurveyState | None = None
    first_contact_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    objections: int = 0
    reopened: int = 0
    tags: tuple[str, ...] = ()
    concessions: tuple[Concession, ...] = ()
    approvals: Mapping[str, Concession] = field(default_factory=lambda: MappingProxyType({}))
    opened: tuple[str, ...] = ()
    incident: str | None = None
    alike: str | None = None
    news: str | None = None
    improvement: Improvement | None = None
    review: Review | None = None

    @property
    def is_incident(self) -> bool:
        """Whether other tickets may belong to it; a customer's report of an incident is a ticket like any other."""
        return self.kind == INCIDENT and self.customer is None

    @property
    def known_until(self) -> datetime:
        """The latest instant that its clocks know of. No decision lies before it, even when the machine's clock was set back."""
        edges = [(clock.started_at, clock.stopped_at, clock.breached_at, *chain(*clock.pauses)) for clock in self.deadlines.values()]
        return max(filter(None, chain([self.opened_at], *edges)))
