"""What customers said elsewhere than in a survey, as the store keeps it."""

from datetime import date, datetime

from msgspec import Struct


class FeedbackRow(Struct, frozen=True):
    """What a customer said elsewhere than in a survey. `score` is one of `scale` (lowest, highest), None with it where none was given.

    `id` is made of what was entered: the same again is the same.
    """

    id: str
    day: date
    source: str
    text: str
    score: float | None
    scale: tuple[int, int] | None
    customer: str | None
    entered_at: datetime
    by: str
