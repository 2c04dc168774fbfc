"""Holidays out of an iCalendar file (RFC 5545): whole days that are off, and make-up workdays, by year, as an arrangement in YAML.

The file is a stranger's: its size, its events and its recurrences are bounded, and its time zones are not looked at.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct

from engine.errors import EngineError

if TYPE_CHECKING:
    from icalendar import Event

MOST_BYTES = 2_000_000
MOST_EVENTS = 5_000
MOST_RECURRING = 20
WORKDAY_WORDS = ("班", "workday", "working day")
"""A day whose summary has one of these words is worked, unless the file says so otherwise."""

_YEARS = range(1900, 2200)
_DAY = timedelta(days=1)
_FOLD = re.compile(rb"(?:\r?\n)+[ \t]")
_ZONES = re.compile(rb"^BEGIN:VTIMEZONE\b.*?^END:VTIMEZONE\b[^\n]*\n?", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_EVENT = re.compile(rb"^BEGIN:VEVENT\b", re.MULTILINE | re.IGNORECASE)
_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "WKST"})
_DAMAGED = (ValueError, OverflowError, TypeError, LookupError, AttributeError)
"""What icalendar and dateutil make of a damaged event."""
_UNTIL = re.compile(r"(UNTIL=\d{8})\w*")


class NotHolidays(EngineError):
    """The file holds no holidays that can be read; the message says why."""


class Holidays(Struct, frozen=True):
    """Days off and make-up workdays, what the calendar is called, and the events that were left out, each with why."""

    off: frozenset[date]
    workdays: frozenset[date]
    title: str
    left_out: tuple[str, ...]


def read_holidays(data: bytes, years: Sequence[int] = (), words: Sequence[str] = WORKDAY_WORDS) -> Holidays:
    """Read the whole-day events of some years; without `years` those of events that happen once. Raises NotHolidays."""
    from icalendar import Calendar

    if len(data) > MOST_BYTES:
        raise NotHolidays(f"the file has more than {MOST_BYTES:,} bytes")
    plain = _ZONES.sub(b"", _FOLD.sub(b"", data))
    if len(_EVENT.findall(plain)) > MOST_EVENTS:
        raise NotHolidays(f"the file has more than {MOST_EVENTS:,} events")
    try:
        calendar = Calendar.from_ical(plain)
        events = calendar.events
    except (ValueError, RecursionError) as error:
        raise NotHolidays("the file is no iCalendar file: it has to begin with BEGIN:VCALENDAR and be whole") from error
    off, workdays, left_out = _sorted_out(events, years, [word.casefold() for word in words])
    if both := sorted(off & workdays):
        raise NotHolidays(f"{both[0]} is both off and a workday; say with --workday which summaries are workdays")
    if not off | workdays:
        more = f" ({len(left_out)} left out: {left_out[0]})" if left_out else ""
        raise NotHolidays(f"there are no holidays in the file{more}; --year says which years are wanted")
    return Holidays(frozenset(off), frozenset(workdays), _plain(calendar.get("X-WR-CALNAME", "")), tuple(left_out))


def as_yaml(holidays: Holidays, name: str, source: str) -> str:
    """Return the arrangement as a file for calendars/."""
    lines = [
        f"# calendars/{name}.yaml: holidays out of an iCalendar file (节假日); name the arrangement in `holidays:` of a calendar",
        "# yaml-language-server: $schema=../.schemas/calendars.json",
        "version: 1",
        "arrangements:",
        f"  {name}:",
    ]
    told = json.dumps(_plain(f"{holidays.title}, {source}" if holidays.title else source), ensure_ascii=False)
    for year in sorted({day.year for day in holidays.off | holidays.workdays}):
        lines += [f'    "{year}":', f"      source: {told}"]
        for key, days in (("off", holidays.off), ("workdays", holidays.workdays)):
            lines.append(f"      {key}: [{', '.join(_ranges(day for day in sorted(days) if day.year == year))}]")
    return "\n".join(lines)


def _sorted_out(events: "Sequence[Event]", years: Sequence[int], words: Sequence[str]) -> tuple[set[date], set[date], list[str]]:
    """Return days off, workdays, and what was left out."""
    left_out: list[str] = []

    def days_of(event: "Event", years: set[int]) -> list[date]:
        try:
            return list(_days(event, years))
        except (
            ValueError,
            OverflowError,
            TypeError,
            LookupError,
            AttributeError,
        ) as error:  # what icalendar and dateutil make of a damaged event
            left_out.append(f"{_plain(event.get('SUMMARY', '')) or 'an event without a summary'}: {_plain(error)}")
            return []

    recurring = [event for event in events if "RRULE" in event]
    found = [(event, days_of(event, set())) for event in events if "RRULE" not in event]
    wanted = set(years) or {days[0].year for _, days in found if days}
    found += [(event, days_of(event, wanted)) for event in recurring[:MOST_RECURRING]]
    if unread := recurring[MOST_RECURRING:]:
        left_out.append(f"{len(unread)} events: more than {MOST_RECURRING} recur")
    off: set[date] = set()
    workdays: set[date] = set()
    for event, days in found:
        (workdays if _is_worked(event, words) else off).update(day for day in days if day.year in wanted)
    return off, workdays, left_out


def _is_worked(event: "Event", words: Sequence[str]) -> bool:
    special = str(event.get("X-APPLE-SPECIAL-DAY", ""))
    summary = _plain(event.get("SUMMARY", "")).casefold()
    return special == "ALTERNATE-WORKDAY" or (not special and any(word in summary for word in words))


def _days(event: "Event", years: set[int]) -> Iterator[date]:
    """Yield the days of a whole-day event, in the years when it recurs. Raises ValueError for what is none."""
    if event.get("STATUS") == "CANCELLED":
        raise ValueError("it is cancelled")
    start, end = event.start, event.end
    if isinstance(start, datetime) or isinstance(end, datetime):
        raise ValueError("it is no whole day; an hour that is closed once stands in `closed:` of a calendar")
    length = (end - start).days
    if start.year not in _YEARS or not 0 < length <= 366:
        raise ValueError(f"it lasts from {start} to {end}")
    for first in _recurrences(event, start, years) if "RRULE" in event else [start]:
        yield from (first + number * _DAY for number in range(length))


def _recurrences(event: "Event", start: date, years: set[int]) -> list[date]:
    from dateutil.rrule import rrulestr

    rule = event.get("RRULE")
    if isinstance(rule, list) or rule.get("FREQ") != ["YEARLY"] or not rule.keys() <= _PARTS:
        raise ValueError("holidays recur yearly; write the other days down one by one")
    if any(0 in rule.get(part, ()) for part in ("INTERVAL", "BYMONTH", "BYMONTHDAY")):
        raise ValueError("its rule counts from 0")  # which dateutil would do for ever
    if not years:
        raise ValueError("it recurs, and no year is asked for")
    begins = datetime(start.year, start.month, start.day)  # noqa: DTZ001  # days have no zone
    every = rrulestr(_UNTIL.sub(r"\1", rule.to_ical().decode()), dtstart=begins)
    found = every.between(datetime(min(years) - 1, 1, 1), datetime(max(years), 12, 31), inc=True)  # noqa: DTZ001  # as above
    return [day.date() for day in found if day.date() not in event.exdates]


def _ranges(days: Iterator[date]) -> Iterator[str]:
    """Yield the days in order as `"10-01/10-07"`, neighbours joined."""
    for _, row in groupby(enumerate(days), key=lambda numbered: numbered[1] - numbered[0] * _DAY):
        first, *rest = (day.strftime("%m-%d") for _, day in row)
        yield f'"{first}/{rest[-1]}"' if rest else f'"{first}"'


def _plain(text: object) -> str:
    """What a file says of itself, on one line and without what a terminal or YAML would obey."""
    return "".join(letter for letter in " ".join(str(text).split()) if letter.isprintable())[:200]
