"""A deadline reckoned step by step: the steps lie end to end, sum to the budget, end at the due instant and say why each counted."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.arithmetic import Arithmetic, Step, Why, reckon
from engine.core.calendar import ALWAYS, Calendar, CalendarSpec, CalendarUnknown, HolidayYear, Pause
from tests.core.calendars import CALENDARS, CN_OFFICE, MINUTE, WEEKDAYS, at, days
from tests.core.test_calendar_properties import instants, pause_lists, specs

HOUR = timedelta(hours=1)
BERLIN, NIGHT = CALENDARS["berlin_early"], CALENDARS["ny_night"]
LINES = 5


def read(found: Arithmetic, calendar: Calendar) -> list[str]:
    """Each step as `01-30 09:00 – 01-30 10:00 open 60`, local time and minutes."""

    def clock(instant: datetime | None) -> str:
        return calendar.local(instant).strftime("%m-%d %H:%M") if instant else "…"

    return [f"{clock(step.start)} – {clock(step.end)} {step.why} {step.counted // MINUTE}" for step in found.steps]


@pytest.mark.parametrize(
    ("calendar", "start", "budget", "steps"),
    [
        (ALWAYS, "2026-03-04T09:00Z", 48 * HOUR, ["03-04 09:00 – 03-06 09:00 open 2880"]),
        (
            CN_OFFICE,
            "2026-03-04T11:30+08:00",
            HOUR,
            ["03-04 11:30 – 03-04 12:00 open 30", "03-04 12:00 – 03-04 13:30 closed 0", "03-04 13:30 – 03-04 14:00 open 30"],
        ),
        (  # over the National Day holiday
            CN_OFFICE,
            "2026-09-30T17:30+08:00",
            HOUR,
            [
                "09-30 17:30 – 09-30 18:00 open 30",
                "09-30 18:00 – 10-01 00:00 closed 0",
                "10-01 00:00 – 10-08 00:00 holiday 0",
                "10-08 00:00 – 10-08 09:00 closed 0",
                "10-08 09:00 – 10-08 09:30 open 30",
            ],
        ),
        (  # Saturday 10 October is a make-up workday
            CN_OFFICE,
            "2026-10-09T17:30+08:00",
            HOUR,
            ["10-09 17:30 – 10-09 18:00 open 30", "10-09 18:00 – 10-10 09:00 closed 0", "10-10 09:00 – 10-10 09:30 workday 30"],
        ),
        (CN_OFFICE, "2026-03-07T03:00+08:00", timedelta(0), []),
    ],
)
def test_each_stretch_says_whether_and_why_it_counted(calendar: Calendar, start: str, budget: timedelta, steps: list[str]) -> None:
    assert read(reckon(calendar, at(start), budget), calendar) == steps


@pytest.mark.parametrize(
    ("calendar", "start", "minutes", "step", "shift"),
    [
        (BERLIN, "2026-03-29T01:30+01:00", 90, "03-29 01:30 – 03-29 04:00 open 90", HOUR),
        (BERLIN, "2026-10-25T01:30+02:00", 210, "10-25 01:30 – 10-25 04:00 open 210", -HOUR),
        (NIGHT, "2026-03-07T22:00-05:00", 420, "03-07 22:00 – 03-08 06:00 open 420", HOUR),
        (NIGHT, "2026-10-31T22:00-04:00", 540, "10-31 22:00 – 11-01 06:00 open 540", -HOUR),
    ],
)
def test_a_step_says_when_the_clocks_were_moved_in_it(calendar: Calendar, start: str, minutes: int, step: str, shift: timedelta) -> None:
    found = reckon(calendar, at(start), minutes * MINUTE)
    assert read(found, calendar) == [step]
    assert found.steps[0].shift == shift


def test_pauses_do_not_count_and_win_over_closed_hours() -> None:
    pauses: list[Pause] = [(at("2026-03-04T10:00+08:00"), at("2026-03-04T11:00+08:00")), (at("2026-03-04T10:30+08:00"), None)]
    ended = [pauses[0], (pauses[1][0], at("2026-03-04T12:30+08:00"))]
    assert read(reckon(CN_OFFICE, at("2026-03-04T09:00+08:00"), 2 * HOUR, ended), CN_OFFICE) == [
        "03-04 09:00 – 03-04 10:00 open 60",
        "03-04 10:00 – 03-04 12:30 pause 0",
        "03-04 12:30 – 03-04 13:30 closed 0",
        "03-04 13:30 – 03-04 14:30 open 60",
    ]
    lasting = reckon(CN_OFFICE, at("2026-03-04T09:00+08:00"), 2 * HOUR, pauses)
    assert lasting.due is None
    assert read(lasting, CN_OFFICE) == ["03-04 09:00 – 03-04 10:00 open 60", "03-04 10:00 – … pause 0"]


def test_a_holiday_and_a_make_up_day_are_named_where_they_are_why_also_in_a_sum() -> None:
    spring, national = {"zh": "春节", "en": "Spring Festival"}, {"zh": "国庆节"}
    names = {**dict.fromkeys(days(2026, "02-14/02-17"), spring), date(2026, 10, 1): national}
    year = HolidayYear(days(2026, "02-15/02-17", "10-01"), days(2026, "02-14"), provisional=False, names=names)
    named = Calendar(CalendarSpec("named", "Asia/Shanghai", WEEKDAYS, {2026: year}))
    start = at("2026-02-13T17:00+08:00")
    steps = reckon(named, start, 9 * HOUR).steps
    assert [(step.why, step.names) for step in steps if step.why is not Why.CLOSED] == [
        (Why.OPEN, ()),
        (Why.WORKDAY, (spring,)),
        (Why.WORKDAY, (spring,)),
        (Why.HOLIDAY, (spring,)),
        (Why.OPEN, ()),
    ]
    summed = reckon(named, start, 1600 * HOUR, most=3).steps
    assert [(step.why, step.names) for step in summed] == [(Why.MIXED, ()), (Why.MIXED, (spring, national)), (Why.OPEN, ())]


def test_long_rows_are_told_by_day_and_the_middle_ones_as_one() -> None:
    start = at("2026-03-04T09:00+08:00")
    by_day = reckon(CN_OFFICE, start, 20 * HOUR, most=LINES)
    assert read(by_day, CN_OFFICE) == [
        "03-04 09:00 – 03-05 09:00 mixed 450",
        "03-05 09:00 – 03-06 09:00 mixed 450",
        "03-06 09:00 – 03-06 15:30 mixed 300",
    ]
    long = reckon(CN_OFFICE, start, 150 * HOUR, most=LINES)
    assert read(long, CN_OFFICE)[3] == "03-09 09:00 – 03-31 09:00 mixed 7200"
    assert (len(long.steps), long.steps[3].steps) == (LINES, 64)  # 16 days of two windows, a break and a night
    assert reckon(CN_OFFICE, start, HOUR, most=LINES).steps == (Step(start, start + HOUR, HOUR, Why.OPEN),)


def test_a_year_without_data_is_no_guess_here_either() -> None:
    with pytest.raises(CalendarUnknown, match="2028"):
        reckon(CN_OFFICE, at("2028-03-04T09:00+08:00"), HOUR)


@given(
    calendar=st.sampled_from(list(CALENDARS.values())) | specs.map(Calendar),
    start=instants,
    minutes=st.integers(0, 6000),
    pauses=pause_lists,
    most=st.sampled_from([0, 3, LINES]),
)
def test_the_steps_lie_end_to_end_sum_to_the_budget_and_end_when_it_is_due(
    calendar: Calendar, start: datetime, minutes: int, pauses: list[Pause], most: int
) -> None:
    budget = minutes * MINUTE
    try:
        due = calendar.due(start, budget, pauses)
    except CalendarUnknown:
        with pytest.raises(CalendarUnknown):
            reckon(calendar, start, budget, pauses, most=most)
        return
    found = reckon(calendar, start, budget, pauses, most=most)
    assert found.due == due
    assert [step.end for step in found.steps[:-1]] == [step.start for step in found.steps[1:]]
    assert not most or len(found.steps) <= most
    if found.steps:
        assert (found.steps[0].start, found.steps[-1].end) == (start, due)
    if due is not None:
        assert sum((step.counted for step in found.steps), timedelta(0)) == budget
        assert bool(found.steps) is (due > start)
    for step in found.steps:
        if step.end is not None:
            assert calendar.elapsed(step.start, step.end, pauses) == step.counted


def test_hours_that_are_open_once_count() -> None:
    closed = Calendar(CalendarSpec("once", "Asia/Shanghai", {}, open=((at("2026-03-07T09:00+08:00"), at("2026-03-07T12:00+08:00")),)))
    assert read(reckon(closed, at("2026-03-06T09:00+08:00"), HOUR), closed) == [
        "03-06 09:00 – 03-07 09:00 closed 0",
        "03-07 09:00 – 03-07 10:00 open 60",
    ]
