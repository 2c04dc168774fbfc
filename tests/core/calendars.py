"""Calendars that the tests of business time share."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from engine.core.calendar import ALWAYS, Calendar, CalendarSpec, HolidayYear, Window

MINUTE = timedelta(minutes=1)
OFFICE_HOURS = (Window(9 * 60, 12 * 60), Window(13 * 60 + 30, 18 * 60))
WEEKDAYS = dict.fromkeys(range(5), OFFICE_HOURS)
DAILY_NIGHT = dict.fromkeys(range(7), (Window(22 * 60, 30 * 60),))


def days(year: int, *ranges: str) -> frozenset[date]:
    """Dates of `MM-DD` or `MM-DD/MM-DD` (both ends included)."""

    def spread(text: str) -> Iterator[date]:
        first, last = (date.fromisoformat(f"{year}-{day}") for day in (text.split("/") * 2)[:2])
        yield from (first + timedelta(days=n) for n in range((last - first).days + 1))

    return frozenset(day for text in ranges for day in spread(text))


# State Council General Office notice on 2026 holidays.
CHINA_2026 = HolidayYear(
    off=days(2026, "01-01/01-03", "02-15/02-23", "04-04/04-06", "05-01/05-05", "06-19/06-21", "09-25/09-27", "10-01/10-07"),
    workdays=days(2026, "01-04", "02-14", "02-28", "05-09", "09-20", "10-10"),
    provisional=False,
)
CN_OFFICE = Calendar(
    CalendarSpec(
        name="cn_office",
        timezone="Asia/Shanghai",
        weekly=WEEKDAYS,
        holidays={2026: CHINA_2026, 2027: HolidayYear(days(2027, "01-01"), frozenset(), provisional=True)},
    )
)
NY_NIGHT = Calendar(CalendarSpec("ny_night", "America/New_York", DAILY_NIGHT))
NY_OFFICE = Calendar(CalendarSpec("ny_office", "America/New_York", WEEKDAYS))
BERLIN_EARLY = Calendar(CalendarSpec("berlin_early", "Europe/Berlin", dict.fromkeys(range(7), (Window(90, 240),))))
BERLIN_DAY = Calendar(CalendarSpec("berlin_day", "Europe/Berlin", dict.fromkeys(range(7), (Window(0, 24 * 60),))))
CALENDARS = {calendar.name: calendar for calendar in (ALWAYS, CN_OFFICE, NY_NIGHT, NY_OFFICE, BERLIN_EARLY, BERLIN_DAY)}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
