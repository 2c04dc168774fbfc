"""What was granted to a customer, and what had to be asked for first."""

from decimal import Decimal

from engine.core.events.base import Event


class ConcessionGranted(Event, frozen=True):
    """A compensation (an amount in a currency) or an exception was granted by an agent: of their own authority, or with an approval."""

    concession: str
    by: str
    amount: Decimal | None = None
    currency: str | None = None
    content: str | None = None
    step: str | None = None
    approval: str | None = None
    approved_by: str | None = None


class ApprovalRequested(Event, frozen=True):
    """What is beyond the agent's own authority waits for an approval, which is a ticket of its own."""

    approval: str
    concession: str
    by: str
    amount: Decimal | None = None
    currency: str | None = None
    content: str | None = None
    step: str | None = None


class ApprovalRefused(Event, frozen=True):
    """An approval was refused, or taken back by who had asked for it; `content` says why."""

    approval: str
    by: str
    content: str | None = None
