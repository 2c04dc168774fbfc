"""What is learned: what came of a follow-up, which measures were taken, and whether they worked."""

from dataclasses import dataclass
from datetime import datetime

from engine.core.events.base import Event
from engine.core.improvements import Evidence, Improvement


@dataclass(frozen=True, slots=True)
class OutcomeRecorded(Event):
    """What came of a follow-up: the category of the cause, and contents: each answer to "why?", the remedy, the customer's words."""

    by: str
    cause: str | None = None
    whys: tuple[str, ...] = ()
    remedy: str | None = None
    words: str | None = None
    satisfied: bool | None = None


@dataclass(frozen=True, slots=True)
class ImprovementPlanned(Event):
    """What a measure changes, what it came of and what it should move, wholly; before or while it is carried out."""

    by: str
    improvement: Improvement


@dataclass(frozen=True, slots=True)
class ImprovementVerified(Event):
    """The figures on a measure were looked at. `verdict` is improved, not_improved or too_early."""

    by: str
    verdict: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class DueChanged(Event):
    """The date that a person gave for work of the house is another one."""

    due: datetime
    by: str
