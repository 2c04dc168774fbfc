"""Business time against an oracle that reads the wall clock minute by minute, and the laws of its arithmetic."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.calendar import Calendar, CalendarSpec, HolidayYear, Pause, Window
from tests.core.calendars import CALENDARS, MINUTE, at
from tests.support.counts import scaled


def open_by_the_wall_clock(spec: CalendarSpec, instant: datetime) -> bool:
    """The oracle: reads the local wall clock and looks it up, one instant at a time."""
    if any(start <= instant < end for start, end in spec.closed):
        return False
    if any(start <= instant < end for start, end in spec.open):
        return True
    local = instant.astimezone(ZoneInfo(spec.timezone))
    minute = local.hour * 60 + local.minute
    for day, clock in ((local.date(), minute), (local.date() - timedelta(days=1), minute + 1440)):
        weekday = day.weekday()
        if spec.holidays is not None:
            if day in spec.holidays[day.year].workdays:
                weekday = 0
            elif day in spec.holidays[day.year].off:
                continue
        if any(window.start_minute <= clock < window.end_minute for window in spec.weekly.get(weekday, ())):
            return True
    return False


def counted_minutes(spec: CalendarSpec, start: datetime, pauses: list[Pause]) -> Iterator[tuple[datetime, bool]]:
    instant = start
    while True:
        paused = any(begin <= instant and (end is None or instant < end) for begin, end in pauses)
        yield instant, not paused and open_by_the_wall_clock(spec, instant)
        instant += MINUTE


ZONES = ["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
# Around the changes of the clock, New Year, a leap day and the Spring Festival.
INTERESTING = [
    at(text)
    for text in (
        "2026-03-07T20:00Z",
        "2026-03-28T20:00Z",
        "2026-10-31T20:00Z",
        "2026-10-24T20:00Z",
        "2026-10-03T12:00Z",
        "2026-04-04T12:00Z",
        "2025-12-31T12:00Z",
        "2028-02-28T12:00Z",
        "2026-02-13T04:00Z",
        "2026-06-15T00:00Z",
    )
]
windows = st.tuples(st.integers(0, 1440), st.integers(1, 400)).map(lambda w: Window(w[0], min(w[0] + w[1], 1800)))
instants = st.builds(lambda base, offset: base + offset * MINUTE, st.sampled_from(INTERESTING), st.integers(0, 2000))
intervals = st.builds(lambda start, length: (start, start + length * MINUTE), instants, st.integers(1, 600))
pause_lists = st.lists(
    st.builds(lambda start, length: (start, length and start + length * MINUTE), instants, st.none() | st.integers(1, 600)), max_size=3
)
some_days = st.frozensets(instants.map(lambda instant: instant.date()), max_size=3)
arrangements = st.builds(
    lambda off, workdays: {year: HolidayYear(off, workdays, provisional=True) for year in range(2025, 2029)}, some_days, some_days
)
specs = st.builds(
    CalendarSpec,
    name=st.just("any"),
    timezone=st.sampled_from(ZONES),
    weekly=st.dictionaries(st.integers(0, 6), st.lists(windows, max_size=3).map(tuple), min_size=1),
    holidays=st.none() | arrangements,
    closed=st.lists(intervals, max_size=2).map(tuple),
    open=st.lists(intervals, max_size=2).map(tuple),
)
SPAN = 1000


@given(spec=specs, start=instants, pauses=pause_lists)
def test_elapsed_and_open_agree_with_a_reading_of_the_wall_clock_minute_by_minute(
    spec: CalendarSpec, start: datetime, pauses: list[Pause]
) -> None:
    calendar, used = Calendar(spec), 0
    for (instant, counts), _ in zip(counted_minutes(spec, start, pauses), range(SPAN), strict=False):
        if (instant - start) // MINUTE % 37 == 0:
            assert calendar.elapsed(start, instant, pauses) == used * MINUTE
            assert calendar.is_open(instant) == open_by_the_wall_clock(spec, instant)
        used += counts
    assert calendar.elapsed(start, start + SPAN * MINUTE, pauses) == used * MINUTE


@given(spec=specs, start=instants, pauses=pause_lists, budget=st.integers(1, 400))
def test_a_deadline_agrees_with_a_reading_of_the_wall_clock_minute_by_minute(
    spec: CalendarSpec, start: datetime, pauses: list[Pause], budget: int
) -> None:
    used, expected = 0, None
    for (instant, counts), _ in zip(counted_minutes(spec, start, pauses), range(SPAN), strict=False):
        used += counts
        if used == budget:
            expected = instant + MINUTE
            break
    if expected is not None:
        assert Calendar(spec).due(start, budget * MINUTE, pauses) == expected


# ── many cases a calendar: the wall clock is read once a minute for five days, and every case steps through what was read ──

CASES_A_CALENDAR, FULL_CASES = 50, 100_000
DAYS = 5 * 1440
starts = st.integers(0, 2 * 1440)
spans = st.tuples(st.integers(0, DAYS), st.integers(0, 900) | st.none())
many_cases = st.lists(
    st.tuples(starts, st.integers(0, 2 * 1440), st.lists(spans, max_size=3)), min_size=CASES_A_CALENDAR, max_size=CASES_A_CALENDAR
)


def stepped(opened: list[bool], start: int, budget: int, pauses: list[tuple[int, int | None]]) -> int | None:
    """The oracle's deadline, in minutes from where it began to read; None where it is not inside what was read."""
    used, minute = 0, start
    while used < budget:
        if minute >= len(opened):
            return None
        used += opened[minute] and not any(begin <= minute and (length is None or minute < begin + length) for begin, length in pauses)
        minute += 1
    return minute


@settings(max_examples=scaled(FULL_CASES // CASES_A_CALENDAR))
@given(spec=specs, begin=st.sampled_from(INTERESTING), cases=many_cases)
def test_a_hundred_thousand_deadlines_agree_with_stepping_through_the_minutes(
    spec: CalendarSpec, begin: datetime, cases: list[tuple[int, int, list[tuple[int, int | None]]]]
) -> None:
    calendar = Calendar(spec)
    opened = [open_by_the_wall_clock(spec, begin + minute * MINUTE) for minute in range(DAYS)]
    for start, budget, spans_of_case in cases:
        pauses: list[Pause] = [
            (begin + pause * MINUTE, None if length is None else begin + (pause + length) * MINUTE) for pause, length in spans_of_case
        ]
        expected = stepped(opened, start, budget, spans_of_case)
        if expected is None:
            # Either it lies behind what was read, or a pause that lasts keeps it from ever coming.
            elapsed = calendar.elapsed(begin + start * MINUTE, begin + DAYS * MINUTE, pauses)
            assert elapsed < budget * MINUTE, (start, budget, spans_of_case)
        else:
            assert calendar.due(begin + start * MINUTE, budget * MINUTE, pauses) == begin + expected * MINUTE, (
                start,
                budget,
                spans_of_case,
            )


durations = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20))


@pytest.mark.parametrize("name", CALENDARS)
@given(start=instants.filter(lambda i: i.year == 2026), budget=durations, pauses=pause_lists)
def test_due_and_elapsed_are_inverse(name: str, start: datetime, budget: timedelta, pauses: list[Pause]) -> None:
    calendar = CALENDARS[name]
    due = calendar.due(start, budget, pauses)
    if due is None:
        assert any(end is None for _, end in pauses)
    else:
        assert due >= start
        assert calendar.elapsed(start, due, pauses) == budget
        if budget:
            assert calendar.elapsed(start, due - timedelta.resolution, pauses) == budget - timedelta.resolution


@pytest.mark.parametrize("name", CALENDARS)
@given(start=instants.filter(lambda i: i.year == 2026), first=durations, second=durations)
def test_elapsed_adds_up_and_never_falls(name: str, start: datetime, first: timedelta, second: timedelta) -> None:
    calendar, middle = CALENDARS[name], start + first
    whole = calendar.elapsed(start, middle + second)
    assert whole == calendar.elapsed(start, middle) + calendar.elapsed(middle, middle + second)
    assert timedelta(0) <= calendar.elapsed(start, middle) <= whole <= first + second


@pytest.mark.parametrize("name", CALENDARS)
@given(start=instants.filter(lambda i: i.year == 2026), first=durations, second=durations)
def test_a_larger_budget_is_never_due_earlier_and_budgets_add_up(name: str, start: datetime, first: timedelta, second: timedelta) -> None:
    calendar = CALENDARS[name]
    due = calendar.due(start, first)
    assert due is not None
    both = calendar.due(start, first + second)
    assert both is not None
    assert both >= due
    assert calendar.due(due, second) == both or not second
