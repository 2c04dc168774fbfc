"""The table of hand-checked deadlines, and its calendars."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import yaml

from engine.core.calendar import Calendar, CalendarSpec, Pause
from engine.policy import compile_only_calendars

FOLDER = Path(__file__).parent / "deadlines"


@dataclass(frozen=True)
class Case:
    """One line of the table: when `budget` is used up, or how much was `used` at an instant."""

    calendar: str
    start: datetime
    why: str
    pauses: tuple[Pause, ...] = ()
    budget: timedelta | None = None
    due: datetime | None = None
    at: datetime | None = None
    used: timedelta | None = None

    def __str__(self) -> str:
        return f"{self.calendar} {self.why}"

    def holds(self, calendar: Calendar) -> bool:
        """Whether the calendar gives the answers of this line."""
        if self.budget is None:
            assert self.at is not None
            return calendar.elapsed(self.start, self.at, self.pauses) == self.used
        if calendar.due(self.start, self.budget, self.pauses) != self.due:
            return False
        return self.due is None or calendar.elapsed(self.start, self.due, self.pauses) == self.budget


@cache
def raw() -> list[dict]:
    return yaml.safe_load((FOLDER / "cases.yaml").read_text(encoding="utf-8"))["cases"]


@cache
def cases() -> list[Case]:
    return [_case(**line) for line in raw()]


@cache
def calendars() -> dict[str, Calendar]:
    found, diagnostics = compile_only_calendars(FOLDER)
    assert diagnostics == ()
    return dict(found)


def spec_of(calendar: Calendar) -> CalendarSpec:
    """What a calendar was made of, to make a slightly other one."""
    return CalendarSpec(
        calendar.name, calendar.timezone, calendar._weekly, calendar._holidays, tuple(calendar._closed), tuple(calendar._open)
    )


def _case(calendar: str, start: str, why: str, **more) -> Case:
    def instant(text: str | None) -> datetime | None:
        return None if text in (None, "..") else datetime.fromisoformat(str(text))

    def pauses() -> Iterator[Pause]:
        for pause in more.get("pauses", ()):
            begin, _, end = pause.partition("/")
            yield datetime.fromisoformat(begin), instant(end)

    def minutes(key: str) -> timedelta | None:
        return timedelta(minutes=more[key]) if key in more else None

    due, at = instant(more.get("due")), instant(more.get("at"))
    return Case(calendar, datetime.fromisoformat(start), why, tuple(pauses()), minutes("budget"), due, at, minutes("used"))
