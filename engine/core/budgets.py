"""Which budget a clock gets, on which calendar: by the first of its kind's budgets that holds, else by the tier, else by the kind."""

from datetime import timedelta

from msgspec import Struct

from engine.core.compiled import DeadlineKind, Tier
from engine.core.conditions import Source, evaluate
from engine.core.draft import Draft
from engine.core.tracing import NOTHING, Asked, asked

OF_QUEUE = "queue"
"""As a clock's calendar: that of the ticket's queue."""


class Length(Struct, frozen=True):
    """How long a clock may run: `budget` (None: this ticket gets no such promise) on `calendar`, which `rule` of the policy says so,
    where, and what was seen of the kind's own budgets.
    """

    budget: timedelta | None
    calendar: str
    rule: str
    source: Source
    asked: Asked = NOTHING


def tier_of(draft: Draft) -> Tier | None:
    """Return the ticket's tier, None before it was graded or when the policy no longer has it."""
    return next((tier for tier in draft.policy.tiers if tier.id == draft.ticket.tier), None)


def length_of(draft: Draft, kind: DeadlineKind) -> Length:
    """Return how long a clock of this kind may run as the ticket stands now."""
    tier = tier_of(draft)
    calendars = (kind.calendar, tier.calendar if tier else None)
    seen = NOTHING
    if kind.budgets:
        values = draft.values()
        matched = next((place for place, one in enumerate(kind.budgets) if one.when is None or evaluate(one.when, values)), None)
        seen = asked(kind.budgets, matched, values)
        if matched is not None:
            one = kind.budgets[matched]
            return Length(one.budget, _calendar(draft, one.calendar, *calendars), one.id, one.source, seen)
    if tier is not None and kind.name in tier.budgets:
        return Length(tier.budgets[kind.name], _calendar(draft, *calendars), f"tier {tier.id}", tier.source, seen)
    return Length(kind.budget, _calendar(draft, *calendars), f"deadline {kind.name}", kind.source, seen)


def _calendar(draft: Draft, *names: str | None) -> str:
    """The first calendar that is named; a ticket that is in no queue yet passes over its queue's."""
    for name in names:
        if name == OF_QUEUE:
            queue = draft.policy.queues.get(draft.ticket.queue or "")
            name = queue.calendar if queue else None
        if name:
            return name
    return "24x7"
