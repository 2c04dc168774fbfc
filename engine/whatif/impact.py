"""What another policy would change for the tickets that are open: their routing, their warnings, their escalations.

Nothing is replayed and nothing kept: what the two policies say about each ticket as it stands is reckoned and compared. Promises are not,
for an open ticket keeps those it was given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from msgspec.structs import replace

from engine.core.calendar import CalendarUnknown
from engine.core.clocks import escalations_for, react, warnings
from engine.core.compiled import Policy
from engine.core.decide.escalation import recipients
from engine.core.draft import Draft
from engine.core.facts import Facts
from engine.core.fields import NEEDS, OPEN_STATES
from engine.core.model import SYSTEM, Deadline, Ticket, mark
from engine.core.signals import RenewalRequested
from engine.core.values import first_match
from engine.runtime.gather import Gatherer, World
from engine.store import Reader, TicketQuery, Transaction

PARTS: Final = ("routing", "warnings", "escalations")
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a customer's need would be put, and the skills its agent needs."""

    queue: str
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that is still ahead: at this instant, None while the clock is paused, to these parties."""

    deadline: str
    mark: str
    at: datetime | None
    to: tuple[str, ...]
    script: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an escalation that is still ahead, so long `after` the breach."""

    deadline: str
    after: timedelta
    notify: tuple[str, ...]
    script: str
    reassign: bool
    repeat: timedelta | None
    until: str | None


@dataclass(frozen=True, slots=True)
class Handling:
    """How a policy would go on with one ticket."""

    routing: Routing | None
    warnings: tuple[Warned, ...]
    escalations: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """One open ticket under both policies. `error` says why it could not be reckoned; there is nothing to compare then."""

    ticket: str
    old: Handling | None
    new: Handling | None
    error: str | None = None

    @property
    def changes(self) -> tuple[str, ...]:
        """Which of `PARTS` differ."""
        return tuple(part for part in PARTS if getattr(self.old, part, None) != getattr(self.new, part, None))


def impact(reader: Reader, world: World, old: Policy, now: datetime) -> Iterator[Impact]:
    """Yield each open ticket, as `old` and as the policy of `world` would go on with it."""
    new = world.policy
    both = replace(new, fields=old.fields | new.fields, spans={**old.spans, **new.spans})
    # Facts about a ticket that is there are only read, which any view can do.
    gatherer = Gatherer(cast(Transaction, reader), replace(world, policy=both), now)
    for ticket in reader.tickets(TicketQuery(states=OPEN_STATES, limit=_ALL)):
        try:
            facts = gatherer.facts(ticket, RenewalRequested(ticket.number, SYSTEM), None)
            yield Impact(ticket.number, handling(ticket, facts, old, now), handling(ticket, facts, new, now))
        except CalendarUnknown as unknown:
            yield Impact(ticket.number, None, None, str(unknown))


def handling(ticket: Ticket, facts: Facts, policy: Policy, now: datetime) -> Handling:
    """Return how `policy` would go on with a ticket. Raises CalendarUnknown."""
    draft = Draft(ticket, facts, policy, now, react)
    running = [clock for clock in ticket.deadlines.values() if clock.running]
    return Handling(
        routing=_routing(draft) if ticket.kind in NEEDS else None,
        warnings=tuple(warned for clock in running for warned in _warnings(draft, clock)),
        escalations=tuple(step for clock in running for step in _steps(draft, clock)),
    )


def _routing(draft: Draft) -> Routing:
    route, _ = first_match(draft.policy.routes, draft.values())
    return Routing(route.queue, route.skills)


def _warnings(draft: Draft, clock: Deadline) -> Iterator[Warned]:
    # A clock that is paused will warn again when it goes on.
    later = ((one, threshold, None) for one in escalations_for(draft, clock.kind) for threshold in one.warn)
    for escalation, threshold, at in later if clock.due is None else warnings(draft, clock, clock.due):
        yield Warned(clock.id, mark(threshold), at, tuple(recipients(draft, escalation.warn_to)), escalation.warn_script)


def _steps(draft: Draft, clock: Deadline) -> Iterator[Step]:
    for escalation in escalations_for(draft, clock.kind):
        for step in escalation.steps:
            if clock.breached_at is None or step.repeat or clock.breached_at + step.after > draft.now:
                told = tuple(recipients(draft, step.notify))
                yield Step(clock.id, step.after, told, step.script, step.reassign, step.repeat, step.until)
