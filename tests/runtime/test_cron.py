"""Jobs by cron: which slots there are, also on the days when the clocks are moved, and which of them are run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigurationError
from engine.runtime import cron
from engine.runtime.project import Job
from tests.core.worlds import WEDNESDAY, House, at

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}Z")


def local(expression: str, zone: str, after: str, until: str) -> list[str]:
    """The slots as the wall clock of the zone reads them, with the offset."""
    found = cron.slots(expression, zone, utc(after), utc(until))
    return [slot.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z") for slot in found]


@pytest.mark.parametrize(
    ("expression", "now", "slot"),
    [
        ("0 3 * * *", "03-04 10:00", "03-04 03:00"),
        ("0 3 * * *", "03-04 03:00", "03-04 03:00"),
        ("0 3 * * *", "03-04 02:59", "03-03 03:00"),
        ("*/15 * * * *", "03-04 10:07", "03-04 10:00"),
        ("0 9 * * mon", "03-04 10:00", "03-02 09:00"),
        ("@daily", "03-04 10:00", "03-04 00:00"),
        ("@hourly", "03-04 10:07", "03-04 10:00"),
        ("0 3 31 * *", "03-04 10:00", "01-31 03:00"),
    ],
)
def test_a_job_is_due_at_its_latest_slot_in_the_companys_zone(expression: str, now: str, slot: str) -> None:
    assert cron.latest_slot(Job("j", expression, 7), at(now), "Asia/Shanghai") == at(slot)


def test_the_latest_slot_may_be_years_ago() -> None:
    assert cron.latest_slot(Job("j", "0 0 29 2 *", 7), utc("06-01T00:00"), "UTC") == datetime(2024, 2, 29, tzinfo=UTC)


def test_the_following_slot_is_the_next_one_and_never_the_same() -> None:
    assert cron.following("30 2 * * *", utc("03-28T12:00"), "Europe/Berlin") == utc("03-29T01:00")
    assert cron.following("0 3 * * *", at("03-04 03:00"), "Asia/Shanghai") == at("03-05 03:00")
    assert cron.following("0 0 29 2 *", utc("06-01T00:00"), "UTC") == datetime(2028, 2, 29, tzinfo=UTC)


def test_slots_may_lie_many_years_apart() -> None:
    fifth_monday = "0 0 * 2 mon#5"  # only in a leap year whose February begins with a Monday
    assert cron.previous(fifth_monday, utc("06-01T00:00"), "UTC") == datetime(2016, 2, 29, tzinfo=UTC)
    assert cron.following(fifth_monday, utc("06-01T00:00"), "UTC") == datetime(2044, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("expression", ["30 2 * * *", "*/15 * * * *", "0 9 * * 1"])
def test_what_was_asked_before_changes_no_answer(expression: str) -> None:
    def asked(at: datetime) -> tuple[datetime, datetime]:
        return cron.previous(expression, at, "Europe/Berlin"), cron.following(expression, at, "Europe/Berlin")

    start = utc("03-28T23:00")
    moments = [start + minutes * timedelta(minutes=1) for minutes in (0, 14, 15, 119, 120, 121, 60, 150, -3000, 11000, 11001, 120)]
    one_after_the_other = [asked(moment) for moment in moments]
    alone = []
    for moment in moments:
        cron._LAST_ASKED.clear()
        alone.append(asked(moment))
    assert one_after_the_other == alone


def test_a_slot_is_told_in_utc_in_the_jobs_own_zone_or_else_the_companys() -> None:
    night = utc("03-29T04:00")
    assert cron.latest_slot(Job("j", "30 3 * * *", 7), night, "Europe/Berlin") == utc("03-29T01:30")
    assert cron.latest_slot(Job("j", "30 3 * * *", 7, "Asia/Shanghai"), night, "Europe/Berlin") == utc("03-28T19:30")


@pytest.mark.parametrize("expression", ["often", "* * * *", "0 3 * * * 30", "R R * * *", "H 3 * * *", "0 25 * * *", "@reboot", ""])
def test_what_is_no_expression_of_five_fields_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match=r"jobs\.j\.cron: `.*` is no cron expression"):
        cron.latest_slot(Job("j", expression, 7), WEDNESDAY, "Asia/Shanghai")


@pytest.mark.parametrize("expression", ["0 3 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_day_that_never_comes_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="never comes; no month has that day"):
        cron.latest_slot(Job("j", expression, 7), WEDNESDAY, "Asia/Shanghai")


def test_steps_in_both_fields_of_days_are_refused_with_a_hint_and_in_one_of_them_are_not() -> None:
    with pytest.raises(ConfigurationError, match=r"steps of both .*; programs disagree"):
        cron.latest_slot(Job("j", "0 3 */2 * */2", 7), WEDNESDAY, "Asia/Shanghai")
    for expression in ("0 3 */2 * *", "0 3 * * */2", "0 3 1-15 * mon"):
        cron.latest_slot(Job("j", expression, 7), WEDNESDAY, "Asia/Shanghai")


# ── days on which the clocks are moved ──────────────────────────────────────────────────────────────────────────────

SPRING = [  # zone, the daily job in the hour that is skipped, window, the one slot of that day: the moment of the change
    ("Europe/Berlin", "30 2 * * *", "03-28T12:00", "03-29T12:00", "03-29 03:00 +0200"),
    ("America/New_York", "30 2 * * *", "03-07T12:00", "03-08T12:00", "03-08 03:00 -0400"),
    ("Australia/Lord_Howe", "15 2 * * *", "10-03T04:00", "10-04T04:00", "10-04 02:30 +1100"),
]
AUTUMN = [  # the daily job in the hour that comes twice: its first time
    ("Europe/Berlin", "30 2 * * *", "10-24T12:00", "10-25T12:00", "10-25 02:30 +0200"),
    ("America/New_York", "30 1 * * *", "10-31T12:00", "11-01T12:00", "11-01 01:30 -0400"),
    ("Australia/Lord_Howe", "45 1 * * *", "04-04T04:00", "04-05T04:00", "04-05 01:45 +1100"),
]


@pytest.mark.parametrize(("zone", "expression", "after", "until", "slot"), [*SPRING, *AUTUMN])
def test_a_daily_job_is_due_once_on_a_day_when_the_clocks_are_moved(zone: str, expression: str, after: str, until: str, slot: str) -> None:
    assert local(expression, zone, after, until) == [slot]


@pytest.mark.parametrize(("zone", "expression", "after", "until", "slot"), [*SPRING, *AUTUMN])
def test_it_is_run_once_however_often_the_daemon_looks(zone: str, expression: str, after: str, until: str, slot: str) -> None:
    house = House()
    ran: list[datetime] = []
    job = Job("j", expression, 7, zone)
    bodies: Mapping[str, object] = {"j": lambda job, slot, before: ran.append(slot)}
    now = utc(after)
    while now <= utc(until):
        cron.run_due(house.store, [job], bodies, now, "UTC")  # type: ignore[arg-type]  # the body is what it should be
        now += 10 * MINUTE
    assert [f"{one.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}" for one in ran] == [slot]


def test_a_job_begun_in_the_second_of_two_equal_hours_is_not_due_again_in_it() -> None:
    assert local("40 1 * * *", "America/New_York", "11-01T06:10", "11-01T07:00") == []
    assert local("40 1 * * *", "America/New_York", "11-01T05:10", "11-01T07:00") == ["11-01 01:40 -0400"]


@pytest.mark.parametrize(
    ("zone", "expression", "after", "until", "slots"),
    [
        ("America/New_York", "0 * * * *", "11-01T04:30", "11-01T07:30", ["11-01 01:00 -0400", "11-01 01:00 -0500", "11-01 02:00 -0500"]),
        ("America/New_York", "0 * * * *", "03-08T05:30", "03-08T08:30", ["03-08 01:00 -0500", "03-08 03:00 -0400", "03-08 04:00 -0400"]),
        ("Europe/Berlin", "*/30 * * * *", "10-25T00:15", "10-25T01:15", ["10-25 02:30 +0200", "10-25 02:00 +0100"]),
        ("Europe/Berlin", "0 */2 * * *", "03-28T23:30", "03-29T04:30", ["03-29 04:00 +0200", "03-29 06:00 +0200"]),
        ("Europe/Berlin", "@hourly", "03-29T00:30", "03-29T02:30", ["03-29 03:00 +0200", "03-29 04:00 +0200"]),
    ],
)
def test_a_job_of_every_hour_goes_by_real_time(zone: str, expression: str, after: str, until: str, slots: list[str]) -> None:
    assert local(expression, zone, after, until) == slots


def test_several_times_that_are_skipped_come_together_as_one() -> None:
    assert local("*/20 2 * * *", "Europe/Berlin", "03-28T12:00", "03-29T12:00") == ["03-29 03:00 +0200"]
    assert local("0 1-4 * * *", "Europe/Berlin", "03-28T12:00", "03-29T12:00") == [
        f"03-29 0{hour}:00 +0{(hour > 1) + 1}00" for hour in (1, 3, 4)
    ]


EXPRESSIONS = ["30 2 * * *", "0 1-4 * * *", "*/20 2 * * *", "0 * * * *", "*/30 * * * *", "0 */2 * * *", "15 0 * * sun", "@daily"]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"]
CHANGES = [utc(text) for text in ("03-29T01:00", "10-25T01:00", "03-08T07:00", "11-01T06:00", "04-04T15:00", "10-03T15:30")]
around = st.builds(lambda change, minutes: change + minutes * MINUTE, st.sampled_from(CHANGES), st.integers(-4000, 4000))


@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), around, st.integers(0, 3000), st.integers(0, 3000))
def test_slots_are_the_same_however_the_time_is_cut(expression: str, zone: str, after: datetime, first: int, second: int) -> None:
    middle, end = after + first * MINUTE, after + (first + second) * MINUTE
    whole = list(cron.slots(expression, zone, after, end))
    assert whole == [*cron.slots(expression, zone, after, middle), *cron.slots(expression, zone, middle, end)]
    assert whole == sorted(set(whole))
    assert all(after < slot <= end for slot in whole)


@given(st.sampled_from(["30 2 * * *", "30 1 * * *", "0 3 * * *"]), st.sampled_from(ZONES), st.sampled_from(CHANGES))
def test_a_daily_job_has_one_slot_a_day_whatever_the_clocks_do(expression: str, zone: str, change: datetime) -> None:
    days = [slot.astimezone(ZoneInfo(zone)).date() for slot in cron.slots(expression, zone, change - 3 * DAY, change + 3 * DAY)]
    assert len(days) == len(set(days))
    assert days == [days[0] + n * DAY for n in range(len(days))]


# ── what was missed ─────────────────────────────────────────────────────────────────────────────────────────────────


def run(catch_up: str, looks: tuple[str, ...], expression: str = "0 3 * * *") -> list[datetime]:
    house = House()
    ran: list[datetime] = []
    job = Job("backup", expression, 7, catch_up=catch_up)

    def body(job: Job, slot: datetime, before: datetime) -> None:
        assert before < slot
        ran.append(slot)

    bodies: Mapping[str, object] = {"backup": body}
    for now in looks:
        cron.run_due(house.store, [job], bodies, at(now), "Asia/Shanghai")  # type: ignore[arg-type]  # the body is what it should be
    return ran


LOOKS = ("03-04 10:00", "03-04 23:00", "03-05 03:00", "03-05 03:01", "03-09 12:00", "03-09 12:01", "03-10 03:01")


MISSED = {"once": ["03-05", "03-09", "03-10"], "skip": ["03-05", "03-10"], "all": [f"03-{day:02}" for day in range(5, 11)]}


@pytest.mark.parametrize(("catch_up", "days"), MISSED.items())
def test_a_slot_is_run_once_starting_with_the_next_and_what_was_missed_as_the_job_says(catch_up: str, days: list[str]) -> None:
    assert run(catch_up, LOOKS) == [at(f"{day} 03:00") for day in days]


def test_many_missed_slots_are_caught_up_in_several_looks_and_none_is_lost() -> None:
    looks = ("03-04 10:00", *["03-04 15:00"] * 4)
    ran = run("all", looks, "* * * * *")
    assert ran == [at("03-04 10:00") + n * MINUTE for n in range(1, 301)]
    assert len(ran) > 2 * cron.MOST


def test_a_clock_set_back_runs_nothing_again() -> None:
    assert run("all", ("03-04 10:00", "03-05 03:00", "03-04 10:00", "03-05 03:00")) == [at("03-05 03:00")]
