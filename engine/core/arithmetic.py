"""How a deadline is reckoned, step by step: which stretches of time counted, which did not and why, until the budget was used up."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise

from msgspec import Struct
from msgspec.structs import replace

from engine.core.calendar import Calendar, Pause
from engine.core.intervals import FOREVER, Interval, as_utc, merged_pauses

_ZERO = timedelta(0)
_DAY = timedelta(days=1)


class Why(StrEnum):
    """Why a stretch counted (`open`, `workday`: a make-up day; `mixed`: partly) or did not (`closed`, `holiday`, `pause`)."""

    OPEN = "open"
    WORKDAY = "workday"
    CLOSED = "closed"
    HOLIDAY = "holiday"
    PAUSE = "pause"
    MIXED = "mixed"


class Step(Struct, frozen=True):
    """One stretch in UTC and how much of it counted. An end of None: the pause still lasts.

    `shift` is by how much the clocks of the calendar's zone were put forward (negative: back) in it; `steps` how many were summed up here;
    `names` by language the holidays that were skipped and those that make-up days make up for, each once, where the calendar names them.
    """

    start: datetime
    end: datetime | None
    counted: timedelta
    why: Why
    shift: timedelta = _ZERO
    steps: int = 1
    names: tuple[Mapping[str, str], ...] = ()


class Arithmetic(Struct, frozen=True):
    """A deadline and how it came about. The steps lie end to end from `start`; what they counted sums to `budget` at `due`.

    `due` is None while a pause without an end makes it unknowable. A zero budget takes no steps.
    """

    calendar: str
    timezone: str
    start: datetime
    budget: timedelta
    pauses: tuple[Pause, ...]
    due: datetime | None
    steps: tuple[Step, ...]


def reckon(calendar: Calendar, start: datetime, budget: timedelta, pauses: Sequence[Pause] = (), *, most: int = 0) -> Arithmetic:
    """Reckon `calendar.due(start, budget, pauses)` in steps, long rows summed up to `most` of them (0: none; at least 3).

    Raises what `Calendar.due` raises.
    """
    start, due = as_utc(start), calendar.due(start, budget, pauses)
    merged = list(merged_pauses(pauses, start))
    # Without a due instant the last pause has no end, and the time up to it is told.
    end = merged[-1][0] if due is None else due
    steps = list(_steps(calendar, start, end, [(begin, stop or FOREVER) for begin, stop in merged]))
    if due is None:
        steps.append(Step(end, None, _ZERO, Why.PAUSE))
    shown = _shortened(calendar, steps, most) if most else steps
    return Arithmetic(calendar.name, calendar.timezone, start, budget, tuple(pauses), due, tuple(shown))


def _steps(calendar: Calendar, start: datetime, end: datetime, pauses: list[Interval]) -> Iterator[Step]:
    """The time from start to end, neighbours of one nature joined."""
    opened = list(calendar.open_between(start, end))
    cuts = {start, end, *_midnights(calendar, start, end)}
    cuts.update(edge for interval in (*opened, *pauses) for edge in interval if start < edge < end)
    edges = sorted(cuts)
    pieces = [(begin, stop, *_why(calendar, begin, opened, pauses)) for begin, stop in pairwise(edges)]
    for (why, names), joined in groupby(pieces, key=lambda piece: piece[2:]):
        row = list(joined)
        begin, stop = row[0][0], row[-1][1]
        counted = stop - begin if why in (Why.OPEN, Why.WORKDAY) else _ZERO
        yield Step(begin, stop, counted, why, _shift(calendar, begin, stop), names=names)


def _why(calendar: Calendar, at: datetime, opened: list[Interval], pauses: list[Interval]) -> tuple[Why, tuple[Mapping[str, str], ...]]:
    """The nature of the piece that begins at `at`, with the day's name where the day is why. Both lists lose what has passed."""
    for intervals in (opened, pauses):
        while intervals and intervals[0][1] <= at:
            del intervals[0]
    day = calendar.local(at).date()
    year = calendar.holidays.get(day.year)
    made_up = year is not None and day in year.workdays
    named = (year.names[day],) if year is not None and day in year.names else ()
    if pauses and pauses[0][0] <= at:
        return Why.PAUSE, ()
    if opened and opened[0][0] <= at:
        return (Why.WORKDAY, named) if made_up else (Why.OPEN, ())
    return (Why.HOLIDAY, named) if year is not None and day in year.off and not made_up else (Why.CLOSED, ())


def _midnights(calendar: Calendar, start: datetime, end: datetime) -> Iterator[datetime]:
    """The local midnights at which the nature of a day may change: none where the calendar has no holidays."""
    if not calendar.holidays:
        return
    day = calendar.local(start).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    while (midnight := (day := day + _DAY).astimezone(UTC)) < end:
        yield midnight


def _shift(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    before, after = calendar.local(start).utcoffset(), calendar.local(end).utcoffset()
    return (after or _ZERO) - (before or _ZERO)


def _shortened(calendar: Calendar, steps: list[Step], most: int) -> list[Step]:
    """A long row by day, and where the days are too many the middle ones as one; what counted and the ends stay as they were."""
    if len(steps) <= most:
        return steps
    days = [_sum(list(row)) for _, row in groupby(steps, key=lambda step: calendar.local(step.start).date())]
    if len(days) <= most:
        return days
    head = most - 2
    return [*days[:head], _sum(days[head:-1]), days[-1]]


def _sum(steps: list[Step]) -> Step:
    if len(steps) == 1:
        return steps[0]
    counted = sum((step.counted for step in steps), _ZERO)
    total, shift = sum(step.steps for step in steps), sum((step.shift for step in steps), _ZERO)
    names = [name for step in steps for name in step.names]
    each = tuple(name for place, name in enumerate(names) if name not in names[:place])
    return replace(steps[0], end=steps[-1].end, counted=counted, why=Why.MIXED, shift=shift, steps=total, names=each)
