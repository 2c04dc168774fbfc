"""Quality reviews as plain values: the form by which work is scored, what is reviewed, and what its points come to."""

from collections.abc import Mapping

from msgspec import Struct

from engine.core.conditions import Source
from engine.core.schedule import Schedule
from engine.core.scripts import Text

DIMENSIONS = ("agent", "kind", "tier", "channel", "queue")
"""What the groups may be told apart by out of each of which some tickets are drawn."""


class Item(Struct, frozen=True):
    """One thing that is looked at: `weight` is its part of the whole, `points` the most it can get; without any, a `critical` one fails
    the whole.
    """

    id: str
    label: Text
    weight: float
    points: int
    critical: bool = False


class Form(Struct, frozen=True, kw_only=True):
    """How quality is reviewed: by the agents of `queue` and the manager. Of each group that has the same values of `by` the `share` is
    drawn, rounded up, and not fewer than `at_least`; of those, the share `twice` is reviewed by two. By the `schedule` the daemon draws.
    """

    queue: str
    share: float
    at_least: int = 0
    by: tuple[str, ...]
    twice: float = 0.0
    items: tuple[Item, ...]
    schedule: Schedule | None = None
    source: Source


class Review(Struct, frozen=True):
    """What is reviewed, as it was when it was drawn: a ticket, a `call` that opened none (by the id of its decision), or the visit of a
    mystery shopper, which has neither; `agent` did the work.

    `points` were given by item by the `reviewer`, None where an item did not apply; `score` is what they come to, 0 where it `failed`.
    """

    agent: str
    ticket: str | None = None
    kind: str | None = None
    tier: str | None = None
    channel: str | None = None
    queue: str | None = None
    reviewer: str | None = None
    points: Mapping[str, int | None] | None = None
    score: float | None = None
    failed: bool = False
    call: str | None = None

    @property
    def work(self) -> str | None:
        """What tells the work from every other, None for a visit."""
        return self.ticket or self.call


def score(form: Form, points: Mapping[str, int | None]) -> tuple[float, bool]:
    """Return the score of 100, and whether a critical item failed the whole, which makes it 0.

    It is 100 Σ weight · points / most points, over Σ weight, of the items that applied, of which there is one at least.
    """
    given = [(item, got) for item in form.items if (got := points.get(item.id)) is not None]
    if any(item.critical and got == 0 for item, got in given):
        return 0.0, True
    reached = sum(item.weight * got / item.points for item, got in given)
    return 100 * reached / sum(item.weight for item, _ in given), False
