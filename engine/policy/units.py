"""Durations, times of day, windows and shares as policies write them. The schemas hold the same forms; here they become values."""

from datetime import date, time, timedelta

from engine.core.model import Threshold
from engine.policy.said import said

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DAY = timedelta(days=1)


def duration(text: str) -> timedelta:
    """Return the time span that `10m`, `2h` or `1d 4h` names."""
    return timedelta(**{_UNITS[part[-1]]: int(part[:-1]) for part in text.split()})


def share(text: str) -> float:
    """Return 0.8 for `80%`."""
    return float(text.removesuffix("%")) / 100


def threshold(text: str) -> Threshold:
    """Return 0.8 for `80%`, ten minutes for `-10m`, so long before the end."""
    return duration(text[1:]) if text.startswith("-") else share(text)


def minutes(text: str) -> int:
    """Return the minutes from midnight of `09:00`, at most 1,800 for `30:00`."""
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def window(text: str) -> tuple[int, int]:
    """Return begin and end of `09:00-12:00` in minutes from midnight."""
    begin, _, end = text.partition("-")
    return minutes(begin), minutes(end)


def quiet_hours(text: str) -> tuple[time, time]:
    """Return begin and end of `21:00-08:00` as times of day; `24:00` is midnight."""
    begin, end = (value % (24 * 60) for value in window(text))
    return time(*divmod(begin, 60)), time(*divmod(end, 60))


def day(text: str) -> date:
    """Return the date of `2026-03-04`; raises ValueError when there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(said("there is no day {day}", day=text)) from error


def days(text: str, year: int) -> list[date]:
    """Return the days of `10-01/10-07` or `10-01` in that year.

    Raises:
        ValueError: a day does not exist, or the range runs backwards.
    """
    first, _, last = text.partition("/")
    begin, end = day(f"{year:04d}-{first}"), day(f"{year:04d}-{last or first}")
    if end < begin:
        raise ValueError(said("{last} is before {first}", last=last, first=first))
    return [begin + _DAY * number for number in range((end - begin).days + 1)]
