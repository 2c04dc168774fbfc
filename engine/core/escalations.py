"""The compiled policy of what colleagues are told: who is warned and when, what follows a breach, and how much of it reaches anybody."""

from datetime import timedelta

from msgspec import Struct

from engine.core.conditions import Source
from engine.core.model import Threshold
from engine.core.quiet import Hours


class Recipient(Struct, frozen=True):
    """Who is told: a role, a queue or an agent, and over which channels first, where they reach them."""

    to: str
    channels: tuple[str, ...] = ()


class Opening(Struct, frozen=True):
    """Work that a step opens: a ticket of `kind` in `queue`."""

    kind: str
    queue: str


class EscalationStep(Struct, frozen=True):
    """What happens `after` the breach (zero: at it), again every `repeat` while the clock runs, or `until` it is `acknowledged`.

    `raise_tier` is the tier that the ticket gets, empty for the next more urgent one.
    """

    after: timedelta
    notify: tuple[Recipient, ...]
    script: str
    source: Source
    reassign: bool = False
    repeat: timedelta | None = None
    until: str | None = None
    raise_tier: str | None = None
    opens: Opening | None = None


class Escalation(Struct, frozen=True):
    """Who is warned before the deadlines of these kinds (at shares of the budget used, or so long before the end), and what follows a
    breach.
    """

    id: str
    deadlines: tuple[str, ...]
    warn: tuple[Threshold, ...]
    warn_to: tuple[Recipient, ...]
    warn_script: str | None
    steps: tuple[EscalationStep, ...]
    source: Source


class Gathering(Struct, frozen=True):
    """How notices become a digest: the first `after` that an agent gets `within` a span go at once, the others when the span ends."""

    after: int
    within: timedelta


class Quiet(Struct, frozen=True):
    """When agents get no notices (start, end; local time of day of the company), except about tickets of the tiers `exempt`."""

    hours: Hours
    exempt: tuple[str, ...]


class Limits(Struct, frozen=True):
    """How many automatic messages one address may get `within` a span, over all channels: a customer's and an agent's. With a `digest`
    nothing to agents is left out: what is too much is gathered.
    """

    per_customer: int
    per_agent: int
    within: timedelta
    digest: Gathering | None = None
    quiet: Quiet | None = None
