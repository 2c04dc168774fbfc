"""The period of a report: a month or a week of the company's, and those before it."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.analysis.texts import YEARS
from engine.errors import UsageError

MONTH, WEEK = "month", "week"
_NAMED = re.compile(r"(?P<month>\d{4}-\d\d)|(?P<week>\d{4}-W\d\d)")


@dataclass(frozen=True, slots=True)
class Period:
    """From the midnight before its `first` day to that before `after`; what KPIs call such a period (`2026-10`, `2026-W41`)."""

    unit: str
    first: date
    after: date
    timezone: str

    @property
    def name(self) -> str:
        """The month, or the week of ISO 8601."""
        year, week, _ = self.first.isocalendar()
        return self.first.isoformat()[:7] if self.unit == MONTH else f"{year}-W{week:02}"

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
    """Return the month `2026-10` or the week `2026-W41`. Raises UsageError."""
    found = _NAMED.fullmatch(text.strip())
    unit = MONTH if found and found["month"] else WEEK
    try:
        first = date.fromisoformat(f"{text.strip()}-01" if unit == MONTH else f"{text.strip()}-1")
        if found and first.year in YEARS:
            return _around(first, unit, timezone)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{text!r} is no period: write a month as 2026-10, or a week as 2026-W41")


def last(unit: str, at: datetime, timezone: str) -> Period:
    """Return the last whole period that had ended at an instant."""
    today = at.astimezone(ZoneInfo(timezone)).date()
    return _around(_back(unit, _first(today, unit), 1), unit, timezone)


def _first(day: date, unit: str) -> date:
    return day.replace(day=1) if unit == MONTH else day - timedelta(days=day.weekday())


def _back(unit: str, first: date, count: int) -> date:
    if unit == WEEK:
        return first - timedelta(weeks=count)
    months = first.year * 12 + first.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def _around(first: date, unit: str, timezone: str) -> Period:
    return Period(unit, first, _back(unit, first, -1), timezone)
