"""What is learned: what came of a follow-up, which measures were taken, and whether they worked."""

from datetime import datetime

from engine.core.events.base import Event
from engine.core.improvements import Evidence, Improvement


class OutcomeRecorded(Event, frozen=True):
    """What came of a follow-up: the category of the cause, and contents: each answer to "why?", the remedy, the customer's words."""

    by: str
    cause: str | None = None
    whys: tuple[str, ...] = ()
    remedy: str | None = None
    words: str | None = None
    satisfied: bool | None = None


class ImprovementPlanned(Event, frozen=True):
    """What a measure changes, what it came of and what it should move, wholly; before or while it is carried out."""

    by: str
    improvement: Improvement


class ImprovementVerified(Event, frozen=True):
    """The figures on a measure were looked at. `verdict` is improved, not_improved or too_early."""

    by: str
    verdict: str
    evidence: Evidence


class DueChanged(Event, frozen=True):
    """The date that a person gave for work of the house is another one."""

    due: datetime
    by: str
