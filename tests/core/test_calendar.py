"""Business time: what a calendar is made of and what it refuses; test_deadlines.py has the table of deadlines."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.core.calendar import ALWAYS, Calendar, CalendarSpec, CalendarUnknown, HolidayYear, Pause, Window
from tests.core.calendars import CALENDARS, CHINA_2026, CN_OFFICE, DAILY_NIGHT, MINUTE, NY_OFFICE, OFFICE_HOURS, WEEKDAYS, at, days


def minutes(text: str) -> timedelta:
    return timedelta(minutes=int(text))


def test_the_sample_holidays_match_the_policy_they_were_taken_from() -> None:
    worked = {day for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(365)) if is_worked(day)}
    assert len(worked) == 261 - 19 + 6  # weekdays, less those off, plus the make-up days
    assert {day for day in worked if day.weekday() > 4} == CHINA_2026.workdays


def is_worked(day: date) -> bool:
    return CN_OFFICE.is_open(datetime(day.year, day.month, day.day, 10, tzinfo=ZoneInfo("Asia/Shanghai")))


@pytest.mark.parametrize("calendar", [CN_OFFICE, ALWAYS], ids=lambda calendar: calendar.name)
def test_time_stands_still_from_an_open_pause_on(calendar: Calendar) -> None:
    start, pause = at("2026-03-04T09:00+08:00"), at("2026-03-04T09:20+08:00")
    open_pause: list[Pause] = [(pause, None)]
    assert calendar.elapsed(start, at("2026-03-04T09:10+08:00"), open_pause) == 10 * MINUTE
    assert calendar.elapsed(start, at("2026-03-04T11:00+08:00"), open_pause) == 20 * MINUTE
    assert calendar.elapsed(start, at("2026-03-04T09:30+08:00"), [(pause, at("2026-03-04T09:25+08:00"))]) == 25 * MINUTE


def test_an_open_pause_makes_a_deadline_unknowable_even_where_the_holidays_are_unknown() -> None:
    start = at("2027-12-31T17:00+08:00")
    assert CN_OFFICE.due(start, timedelta(days=9), [(start, None)]) is None
    assert CN_OFFICE.due(start, timedelta(minutes=30), [(at("2028-05-01T00:00+08:00"), None)]) == start + 30 * MINUTE


def test_elapsed_is_never_negative() -> None:
    assert CN_OFFICE.elapsed(at("2026-03-05T10:00+08:00"), at("2026-03-04T10:00+08:00")) == timedelta(0)


def test_windows_are_half_open() -> None:
    assert CN_OFFICE.is_open(at("2026-03-04T09:00+08:00"))
    assert CN_OFFICE.is_open(at("2026-03-04T11:59:59.999999+08:00"))
    assert not CN_OFFICE.is_open(at("2026-03-04T12:00+08:00"))
    assert not CN_OFFICE.is_open(at("2026-03-04T08:59:59.999999+08:00"))
    assert ALWAYS.is_open(at("2026-03-04T03:00+08:00"))


@pytest.mark.parametrize(
    ("calendar", "asked", "opens"),
    [
        ("cn_office", "2026-03-04T10:00+08:00", "2026-03-04T10:00+08:00"),
        ("cn_office", "2026-03-04T12:00+08:00", "2026-03-04T13:30+08:00"),
        ("cn_office", "2026-03-06T18:00+08:00", "2026-03-09T09:00+08:00"),
        ("cn_office", "2026-01-01T00:00+08:00", "2026-01-04T09:00+08:00"),
        ("cn_office", "2026-12-31T18:00+08:00", "2027-01-04T09:00+08:00"),
        ("ny_night", "2026-03-08T01:59-05:00", "2026-03-08T01:59-05:00"),
        ("24x7", "2026-03-08T01:59-05:00", "2026-03-08T01:59-05:00"),
    ],
)
def test_the_next_open_instant_is_now_or_the_next_opening(calendar: str, asked: str, opens: str) -> None:
    answer = CALENDARS[calendar].next_open(at(asked))
    assert answer == at(opens)
    assert answer.tzinfo is UTC


def test_local_time_is_the_wall_clock_of_the_zone() -> None:
    assert CN_OFFICE.local(at("2026-03-04T01:30+00:00")).isoformat() == "2026-03-04T09:30:00+08:00"
    assert (CN_OFFICE.name, CN_OFFICE.timezone, ALWAYS.name, ALWAYS.timezone) == ("cn_office", "Asia/Shanghai", "24x7", "UTC")


def special(**changes: object) -> Calendar:
    base: dict[str, object] = {"name": "special", "timezone": "Asia/Shanghai", "weekly": WEEKDAYS}
    return Calendar(CalendarSpec(**{**base, **changes}))  # type: ignore[arg-type]  # fields by name, as a table of cases needs


def span(start: str, end: str) -> tuple[datetime, datetime]:
    return at(f"2026-{start}+08:00"), at(f"2026-{end}+08:00")


def test_one_off_closures_take_hours_away() -> None:
    calendar = special(closed=(span("03-04T10:00", "03-04T11:00"), span("03-04T10:30", "03-04T14:00")))
    assert calendar.due(at("2026-03-04T09:30+08:00"), 60 * MINUTE) == at("2026-03-04T14:30+08:00")


def test_one_off_extra_hours_count_on_holidays_too() -> None:
    calendar = special(holidays={2026: CHINA_2026}, open=(span("10-01T20:00", "10-01T21:00"),))
    assert calendar.due(at("2026-10-01T09:00+08:00"), 30 * MINUTE) == at("2026-10-01T20:30+08:00")


def test_extra_hours_that_overlap_a_window_count_once() -> None:
    calendar = special(open=(span("03-04T11:00", "03-04T13:00"),))
    assert calendar.elapsed(*span("03-04T09:00", "03-04T18:00")) == 8.5 * 60 * MINUTE


def test_a_closure_has_the_last_word_over_extra_hours() -> None:
    calendar = special(open=(span("03-07T09:00", "03-07T18:00"),), closed=(span("03-07T12:00", "03-07T19:00"),))
    assert calendar.elapsed(*span("03-07T00:00", "03-08T00:00")) == 3 * 60 * MINUTE


def test_extra_hours_across_new_year_count_in_both_years() -> None:
    calendar = special(open=((at("2026-12-31T23:00+08:00"), at("2027-01-01T01:00+08:00")),))
    assert calendar.due(at("2026-12-31T18:00+08:00"), 90 * MINUTE) == at("2027-01-01T00:30+08:00")


def test_a_make_up_workday_uses_the_windows_of_monday() -> None:
    short_monday = {0: (Window(600, 660),), 5: (Window(0, 1440),)}
    assert special(weekly=short_monday, holidays={2026: CHINA_2026}).elapsed(*span("02-14T00:00", "02-15T00:00")) == timedelta(hours=1)


def test_a_make_up_workday_wins_over_a_day_off() -> None:
    both = HolidayYear(off=days(2026, "03-07"), workdays=days(2026, "03-07"), provisional=False)
    assert special(holidays={2026: both}).is_open(at("2026-03-07T10:00+08:00"))


def test_changing_the_spec_afterwards_does_not_change_the_calendar() -> None:
    weekly, holidays = dict(WEEKDAYS), {2026: CHINA_2026}
    calendar = special(weekly=weekly, holidays=holidays)
    weekly.clear()
    holidays.clear()
    assert calendar.is_open(at("2026-03-04T10:00+08:00"))
    with pytest.raises(AttributeError):
        calendar.name = "other"  # type: ignore[misc]  # exactly what must not work


@pytest.mark.parametrize(
    "ask",
    [
        lambda calendar: calendar.due(at("2025-06-01T10:00+08:00"), MINUTE),
        lambda calendar: calendar.due(at("2027-12-31T17:59+08:00"), 2 * MINUTE),
        lambda calendar: calendar.elapsed(at("2027-12-31T10:00+08:00"), at("2028-01-01T00:01+08:00")),
        lambda calendar: calendar.is_open(at("2028-01-01T00:00+08:00")),
        lambda calendar: calendar.next_open(at("2027-12-31T18:00+08:00")),
    ],
    ids=["due before", "due after", "elapsed", "is_open", "next_open"],
)
def test_a_year_without_holiday_data_is_an_error_that_says_how_to_mend_it(ask) -> None:
    with pytest.raises(CalendarUnknown, match=r"^calendar cn_office: no holiday data for 202[58]; add that year"):
        ask(CN_OFFICE)


def test_the_last_known_year_can_be_used_to_its_end() -> None:
    midnight = at("2028-01-01T00:00+08:00")
    assert CN_OFFICE.elapsed(at("2027-12-31T17:00+08:00"), midnight) == 60 * MINUTE
    assert CN_OFFICE.due(at("2027-12-31T17:00+08:00"), 60 * MINUTE) == at("2027-12-31T18:00+08:00")


def test_the_first_hours_of_a_year_are_unknown_where_the_evening_before_could_reach_into_them() -> None:
    night = special(weekly=DAILY_NIGHT, holidays={2026: CHINA_2026})
    with pytest.raises(CalendarUnknown, match="no holiday data for 2025"):
        night.is_open(at("2026-01-01T05:59+08:00"))
    assert not night.is_open(at("2026-01-01T06:00+08:00"))
    assert not CN_OFFICE.is_open(at("2026-01-01T00:00+08:00"))


@pytest.mark.parametrize(
    "ask", [lambda c: c.due(at("2026-03-04T10:00Z"), MINUTE), lambda c: c.next_open(at("2026-03-04T10:00Z"))], ids=["due", "next_open"]
)
def test_a_calendar_that_never_opens_is_an_error_not_a_loop(ask) -> None:
    with pytest.raises(CalendarUnknown, match="not enough open hours up to the end of 2076"):
        ask(special(weekly={}))
    assert not special(weekly={}).is_open(at("2026-03-04T10:00Z"))
    assert special(weekly={}).elapsed(at("2026-03-04T10:00Z"), at("2027-03-04T10:00Z")) == timedelta(0)


def test_a_budget_past_the_end_of_reckoning_is_an_error() -> None:
    with pytest.raises(CalendarUnknown, match="past the year 9999"):
        ALWAYS.due(at("2026-03-04T10:00Z"), timedelta(days=3_000_000))
    with pytest.raises(CalendarUnknown, match="outside the years"):
        NY_OFFICE.is_open(datetime(9999, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "ask",
    [
        lambda c, naive: c.due(naive, MINUTE),
        lambda c, naive: c.due(at("2026-03-04T10:00Z"), MINUTE, [(naive, None)]),
        lambda c, naive: c.due(at("2026-03-04T10:00Z"), MINUTE, [(at("2026-03-04T10:00Z"), naive)]),
        lambda c, naive: c.elapsed(naive, at("2026-03-04T10:00Z")),
        lambda c, naive: c.elapsed(at("2026-03-04T10:00Z"), naive),
        lambda c, naive: c.is_open(naive),
        lambda c, naive: c.next_open(naive),
        lambda c, naive: c.local(naive),
        lambda c, naive: special(closed=((naive, naive + MINUTE),)),
    ],
    ids=["due", "pause start", "pause end", "elapsed start", "elapsed at", "is_open", "next_open", "local", "closure"],
)
@pytest.mark.parametrize("calendar", [CN_OFFICE, ALWAYS], ids=lambda calendar: calendar.name)
def test_an_instant_without_a_zone_is_refused(calendar: Calendar, ask) -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        ask(calendar, at("2026-03-04T10:00"))


def test_impossible_arguments_are_refused() -> None:
    start = at("2026-03-04T10:00+08:00")
    with pytest.raises(ValueError, match="cannot be negative"):
        CN_OFFICE.due(start, -MINUTE)
    with pytest.raises(ValueError, match="cannot end before it starts"):
        CN_OFFICE.elapsed(start, start + MINUTE, [(start, start - MINUTE)])
    with pytest.raises(ValueError, match="does not end after its start"):
        special(open=((start, start),))
    with pytest.raises(ValueError, match="weekdays run from 0"):
        special(weekly={7: OFFICE_HOURS})


@pytest.mark.parametrize(("start", "end"), [(-1, 10), (10, 10), (20, 10), (1700, 1801)])
def test_a_window_outside_its_day_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="a window runs from 00:00 to 30:00"):
        Window(start, end)


@pytest.mark.parametrize("zone", ["Middle/Earth", "../etc/passwd", "America", ""])
def test_a_zone_that_does_not_exist_is_an_error_with_a_hint(zone: str) -> None:
    with pytest.raises(CalendarUnknown, match=r"calendar special: .* is not a time zone; use an IANA name"):
        special(timezone=zone)


def test_a_calendar_tells_which_arrangements_it_knows() -> None:
    assert CALENDARS["cn_office"].holidays[2026].off == CHINA_2026.off
    assert CALENDARS["ny_office"].holidays == {}
