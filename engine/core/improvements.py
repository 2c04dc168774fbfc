"""What is learned, as plain values: measures of improvement with the KPI that each should move, and what came of follow-ups."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct, field

CATEGORIES = ("process", "training", "handbook", "policy")
"""What a measure changes."""

CAUSES = ("people", "process", "technology", "resources", "environment")
"""The categories of a cause (fishbone)."""

MOST_WHYS = 5
"""How often one asks why."""

IMPROVED, NOT_IMPROVED, TOO_EARLY = VERDICTS = ("improved", "not_improved", "too_early")

Window: TypeAlias = tuple[datetime, datetime]
"""From an instant to before another one."""


class Aim(Struct, frozen=True):
    """The KPI that a measure should move, of what has these values by dimension: as it was in `baseline`, as it became in `check`."""

    kpi: str
    baseline: Window
    check: Window
    scope: Mapping[str, str] = field(default_factory=dict)


class Measured(Struct, frozen=True):
    """What a KPI was in a window: over how many, its value, and its 95 % interval; None where there is none."""

    n: int
    value: float | None
    low: float | None = None
    high: float | None = None


class Evidence(Struct, frozen=True):
    """The figures on a measure: its KPI before and after, and the 95 % interval of after less before, None where it cannot be told."""

    aim: Aim
    before: Measured
    after: Measured
    difference: tuple[float, float] | None = None


class Improvement(Struct, frozen=True):
    """A measure as far as it is planned. `sources` are what it came of (numbers of tickets, names of alerts); its words, owner and due
    date are those of its ticket. `verdict` is the last one.
    """

    category: str | None = None
    sources: tuple[str, ...] = ()
    aim: Aim | None = None
    verdict: str | None = None


class Outcome(Struct, frozen=True):
    """What came of a follow-up, in the words of who made it: answers to "why?" one after the other, what was done about it, what the
    customer said, and whether they are satisfied now (None: not known).
    """

    cause: str | None = None
    whys: tuple[str, ...] = ()
    remedy: str = ""
    words: str = ""
    satisfied: bool | None = None


def next_month(at: datetime, timezone: str) -> datetime:
    """Return the midnight at which the month after that of `at` begins in the zone, in UTC."""
    first = at.astimezone(ZoneInfo(timezone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1).astimezone(UTC)
