"""What the knowledge base gave, and how well work was done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.events.base import Event
from engine.core.quality import Review


@dataclass(frozen=True, slots=True)
class ArticleUsed(Event):
    """The customer got an answer of the knowledge base: in `message`, or by word of mouth."""

    article: str
    by: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewDrawn(Event):
    """The ticket is a review of this work."""

    by: str
    review: Review


@dataclass(frozen=True, slots=True)
class ReviewScored(Event):
    """The work got these points by item (None: the item did not apply), which come to a score of 100."""

    by: str
    score: float
    failed: bool
    points: Mapping[str, int | None] = field(default_factory=dict)
    content: str | None = None
