"""What the knowledge base gave, and how well work was done."""

from collections.abc import Mapping

from msgspec import field

from engine.core.events.base import Event
from engine.core.quality import Review


class ArticleUsed(Event, frozen=True):
    """The customer got an answer of the knowledge base: in `message`, or by word of mouth."""

    article: str
    by: str
    message: str | None = None


class ReviewDrawn(Event, frozen=True):
    """The ticket is a review of this work."""

    by: str
    review: Review


class ReviewScored(Event, frozen=True):
    """The work got these points by item (None: the item did not apply), which come to a score of 100."""

    by: str
    score: float
    failed: bool
    points: Mapping[str, int | None] = field(default_factory=dict)
    content: str | None = None
