"""Holidays out of iCalendar files: what is read, what is left out and why, and that a hostile file is bounded."""

import re
from datetime import date
from time import process_time

import pytest

from engine.policy.icalendar_file import MOST_BYTES, MOST_EVENTS, MOST_RECURRING, NotHolidays, as_yaml, read_holidays
from tests.policy.support import overlaid, shipped_policy


def event(start: str, summary: str = "休", *lines: str) -> str:
    value = ";VALUE=DATE" if len(start) == 8 else ""
    return "\r\n".join(("BEGIN:VEVENT", "UID:1", f"DTSTART{value}:{start}", f"SUMMARY:{summary}", *lines, "END:VEVENT"))


def file(*events: str, head: str = "") -> bytes:
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *filter(None, [head]), *events, "END:VCALENDAR", "")).encode()


def days(*texts: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts)


def test_days_off_and_make_up_workdays_are_told_apart_and_an_end_does_not_belong_to_it() -> None:
    found = read_holidays(
        file(
            event("20260215", "春节 休", "DTEND;VALUE=DATE:20260218"),
            event("20260214", "春节 班"),
            event("20260228", "working day, made up"),
            head="X-WR-CALNAME:中国\r\n 节假日",
        )
    )
    assert found.off == days("2026-02-15", "2026-02-16", "2026-02-17")
    assert found.workdays == days("2026-02-14", "2026-02-28")
    assert (found.title, found.left_out) == ("中国节假日", ())


def test_what_apples_calendars_say_of_a_day_counts_before_its_summary() -> None:
    found = read_holidays(
        file(
            event("20260214", "补", "X-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY"),
            event("20260215", "班师回朝节", "X-APPLE-SPECIAL-DAY:WORK-HOLIDAY"),
        )
    )
    assert (found.off, found.workdays) == (days("2026-02-15"), days("2026-02-14"))


def test_the_words_of_workdays_can_be_chosen() -> None:
    found = read_holidays(file(event("20260214", "Brückentag"), event("20260215", "班")), words=["brücke"])
    assert (found.off, found.workdays) == (days("2026-02-15"), days("2026-02-14"))


def test_a_yearly_day_comes_in_each_year_that_is_wanted_but_for_its_exceptions() -> None:
    yearly = file(
        event("20200101", "New Year", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20270101"),
        event("20201126", "Thanksgiving", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20270101T000000Z"),
    )
    found = read_holidays(yearly, [2026, 2027, 2028])
    assert found.off == days("2026-01-01", "2028-01-01", "2026-11-26")
    with pytest.raises(NotHolidays, match="it recurs, and no year is asked for"):
        read_holidays(yearly)


def test_a_holiday_over_new_year_does_not_begin_a_year_of_which_nothing_else_is_known() -> None:
    long = event("20261230", "休", "DTEND;VALUE=DATE:20270103")
    assert read_holidays(file(long)).off == days("2026-12-30", "2026-12-31")
    assert read_holidays(file(long), [2027]).off == days("2027-01-01", "2027-01-02")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (event("20261231T130000Z", "年会"), "年会: it is no whole day"),
        (event("20261332", "damaged"), "damaged: .*20261332"),
        (event("20260101", "a\x1b[31mb", "STATUS:CANCELLED"), r"a\[31mb: it is cancelled"),
        (event("20260101", "bomb", "RRULE:FREQ=SECONDLY"), "bomb: holidays recur yearly"),
        (event("20260101", "hours", "RRULE:FREQ=YEARLY;BYHOUR=1,2,3"), "hours: holidays recur yearly"),
        (event("20260101", "ever", "RRULE:FREQ=YEARLY;INTERVAL=0"), "ever: its rule counts from 0"),
        (event("20260101", "every", "RRULE:FREQ=YEARLY;BYMONTHDAY=0"), "every: its rule counts from 0"),
        (event("20260101", "back", "RRULE:FREQ=YEARLY;INTERVAL=-1"), "back: "),
        (event("20260101", "sixty", "RRULE:FREQ=YEARLY;BYDAY=60MO"), "sixty: "),
        (event("20260101", "odd", "RRULE:FREQ=YEARLY;UNTIL=nonsense"), "odd: "),
        (event("20260101", "two", "RRULE:FREQ=YEARLY", "RRULE:FREQ=YEARLY"), "two: holidays recur yearly"),
        (event("20260101", "ever", "DTEND;VALUE=DATE:20990101"), "ever: it lasts from 2026-01-01 to 2099-01-01"),
        (event("00010101", "old"), "old: it lasts from"),
        ("BEGIN:VEVENT\r\nSUMMARY:\r\nEND:VEVENT", "an event without a summary: "),
        (event("20260105", "back", "DTEND;VALUE=DATE:20260101"), "back: "),
    ],
)
def test_what_is_no_holiday_is_left_out_and_named_and_the_others_are_read(bad: str, why: str) -> None:
    found = read_holidays(file(bad, event("20260301")))
    assert found.off == days("2026-03-01")
    [told] = found.left_out
    assert re.match(why, told), told
    with pytest.raises(NotHolidays, match=r"there are no holidays in the file \(1 left out: "):
        read_holidays(file(bad))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"BEGIN:VCALENDAR\r\n", b"BEGIN:X\r\n" * 20_000, b"x" * 1_000_000, b"DTSTART:2026"])
def test_what_is_no_icalendar_file_is_refused(data: bytes) -> None:
    with pytest.raises(NotHolidays, match="no iCalendar file"):
        read_holidays(data)


def test_a_file_without_holidays_is_refused() -> None:
    with pytest.raises(NotHolidays, match="there are no holidays in the file; --year says"):
        read_holidays(file(event("20260101")), [2030])


def test_a_day_that_is_both_off_and_worked_is_refused() -> None:
    with pytest.raises(NotHolidays, match="2026-01-01 is both off and a workday"):
        read_holidays(file(event("20260101"), event("20260101", "班")))


def test_size_and_number_of_events_are_bounded() -> None:
    with pytest.raises(NotHolidays, match="more than 2,000,000 bytes"):
        read_holidays(b" " * (MOST_BYTES + 1))
    with pytest.raises(NotHolidays, match="more than 5,000 events"):
        read_holidays(file(*["BEGIN:VEVENT\r\nEND:VEVENT"] * (MOST_EVENTS + 1)))


def test_recurrences_and_time_zones_that_would_never_end_do_not_hold_it_up() -> None:
    zone = "BEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nRRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+0800"
    zone += "\r\nTZOFFSETTO:+0800\r\nEND:STANDARD\r\nEND:VTIME\r\n ZONE"
    never = event("20260101", "never", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    some, others = 3, [event("20260102", "once", "RRULE:FREQ=YEARLY;COUNT=1")] * (MOST_RECURRING + 2)
    began = process_time()
    found = read_holidays(file(*[never] * some, *others, event("20260301"), head=zone))
    assert process_time() - began < 60 * some / MOST_RECURRING, "a minute for as many as are taken"
    assert found.left_out == ("5 events: more than 20 recur",)


def test_the_arrangement_in_yaml_compiles_to_the_days_that_were_read() -> None:
    china = shipped_policy().calendars["cn_office"].holidays[2026]
    events = [event(f"{day:%Y%m%d}", "班" if day in china.workdays else "休") for day in china.off | china.workdays]
    read = read_holidays(file(*events, event("20270101"), head='X-WR-CALNAME:odd " \\\\ # : {title}'))
    text = as_yaml(read, "imported", "cn.ics")
    assert '"10-01/10-07"' in text
    calendar = "calendars:\n  theirs: {timezone: Asia/Shanghai, weekly: {mon-fri: ['09:00-17:00']}, holidays: imported}\n"
    compilation = overlaid({"calendars/imported.yaml": text, "calendars/theirs.yaml": f"version: 1\n{calendar}"})
    assert compilation.policy is not None, compilation.diagnostics
    years = compilation.policy.calendars["theirs"].holidays
    assert (years[2026].off, years[2026].workdays) == (china.off, china.workdays)
    assert years[2027].off == days("2027-01-01")
    assert years[2026].source == 'odd " \\\\ # : {title}, cn.ics'
