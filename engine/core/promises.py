"""What the customer is told in clock time, and told again when it turns out to be later. Each telling is a record."""

from collections.abc import Iterable
from datetime import datetime

from engine.core import events as e
from engine.core.context import deadline
from engine.core.draft import Draft
from engine.core.messages import notify
from engine.core.model import CUSTOMER, SYSTEM, Deadline


def promise(draft: Draft, occasion: str) -> None:
    """Tell the customer the tier and the instants, and keep on record what they were told."""
    if notify(draft, occasion, CUSTOMER):
        _told(draft, _ahead(draft, draft.ticket.deadlines))


def regrade(draft: Draft, tier: str, by: str = SYSTEM, reason: str | None = None) -> None:
    """Put the ticket into another tier, and tell a customer who was told the old promise the new one."""
    draft.record(e.TierAssigned(tier, by, reason))
    if draft.ticket.promised:
        promise(draft, "promise_changed")


def tell_of_later(draft: Draft) -> None:
    """Tell the customer again which promises this decision made later than they were told, where the policy wants it."""
    if draft.policy.on_later_promise != "tell" or "promise_moved" not in draft.policy.notices:
        return
    ticket = draft.ticket
    moved = dict.fromkeys(event.id for event in draft.events if isinstance(event, e.DeadlineMoved | e.DeadlineResumed))
    later = [clock for clock in _ahead(draft, moved) if clock.id in ticket.promised and _is_later(clock.due, ticket.promised[clock.id])]
    if not later:
        return
    instants = {clock.id: f"{ticket.promised[clock.id].isoformat()} → {clock.due.isoformat()}" for clock in later if clock.due}
    draft.because("told again", "on_later_promise: tell", draft.policy.deadlines[later[0].kind].source, instants)
    words = {"deadlines": {clock.kind: deadline(draft, clock, ticket.language) for clock in later}}
    if notify(draft, "promise_moved", CUSTOMER, words):
        _told(draft, later)


def _ahead(draft: Draft, ids: Iterable[str]) -> list[Deadline]:
    """The clocks among these that are promised aloud and still to come."""
    clocks = [clock for id in ids if (clock := draft.ticket.deadlines.get(id)) is not None and clock.running]
    kinds = draft.policy.deadlines
    return [clock for clock in clocks if clock.kind in kinds and kinds[clock.kind].promised and clock.due and clock.due > draft.now]


def _told(draft: Draft, clocks: Iterable[Deadline]) -> None:
    if instants := {clock.id: clock.due for clock in clocks if clock.due}:
        draft.record(e.PromiseTold(instants))


def _is_later(due: datetime | None, told: datetime) -> bool:
    """Whether the customer, who reads minutes, would read a later instant."""
    return due is not None and due.replace(second=0, microsecond=0) > told.replace(second=0, microsecond=0)
