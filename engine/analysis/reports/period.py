"""The period of a report: a month, a week or a day of the company's, and those before it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.analysis.kpi import sums
from engine.analysis.texts import YEARS
from engine.errors import UsageError

MONTH, WEEK, DAY = "month", "week", "day"
FORMS: Mapping[str, str] = {MONTH: "2026-10", WEEK: "2026-W41", DAY: "2026-10-15"}
"""How the name of each is written."""
_NAMED = re.compile(r"(?P<month>\d{4}-\d\d)|(?P<week>\d{4}-W\d\d)|(?P<day>\d{4}-\d\d-\d\d)")
_FIRST: Mapping[str, str] = {MONTH: "-01", WEEK: "-1", DAY: ""}
_DAYS: Mapping[str, int] = {WEEK: 7, DAY: 1}


@dataclass(frozen=True, slots=True)
class Period:
    """From the midnight before its `first` day to that before `after`; KPIs call it by the same `name` (see `FORMS`)."""

    unit: str
    first: date
    after: date
    timezone: str

    @property
    def name(self) -> str:
        """The month, the week of ISO 8601, or the day."""
        return sums.named(self.first)[self.unit]

    @property
    def since(self) -> datetime:
        """The instant at which it begins."""
        return midnight(self.first, self.timezone)

    @property
    def until(self) -> datetime:
        """The instant before which it ends."""
        return midnight(self.after, self.timezone)

    def before(self, count: int = 1) -> "Period":
        """The period so many before this one; a negative number: behind it."""
        return _around(_back(self.unit, self.first, count), self.unit, self.timezone)


def midnight(day: date, timezone: str) -> datetime:
    """Return the instant at which a day begins in the zone."""
    return datetime.combine(day, datetime.min.time(), ZoneInfo(timezone))


def named(text: str, timezone: str) -> Period:
    """Return the month `2026-10`, the week `2026-W41` or the day `2026-10-15`. Raises UsageError."""
    found = _NAMED.fullmatch(text.strip())
    try:
        if found and found.lastgroup and (first := date.fromisoformat(found[0] + _FIRST[found.lastgroup])).year in YEARS:
            return _around(first, found.lastgroup, timezone)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{text!r} is no period: write a month as 2026-10, a week as 2026-W41, or a day as 2026-10-15")


def last(unit: str, at: datetime, timezone: str) -> Period:
    """Return the last whole period that had ended at an instant."""
    today = at.astimezone(ZoneInfo(timezone)).date()
    return _around(_back(unit, _first(today, unit), 1), unit, timezone)


def _first(day: date, unit: str) -> date:
    return day.replace(day=1) if unit == MONTH else day - timedelta(days=day.weekday() % _DAYS[unit])


def _back(unit: str, first: date, count: int) -> date:
    if unit in _DAYS:
        return first - count * timedelta(days=_DAYS[unit])
    months = first.year * 12 + first.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def _around(first: date, unit: str, timezone: str) -> Period:
    return Period(unit, first, _back(unit, first, -1), timezone)
