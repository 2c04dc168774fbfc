from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy import phrases

NOW = datetime(2026, 3, 4, 2, 30, tzinfo=UTC)  # Wednesday, 10:30 in Shanghai
ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("after", "zh", "en"),
    [
        (timedelta(hours=6, minutes=30, seconds=59), "今天17:00", "today 17:00"),
        (timedelta(hours=13, minutes=29), "今天23:59", "today 23:59"),
        (timedelta(hours=13, minutes=30), "明天00:00", "tomorrow 00:00"),
        (timedelta(hours=23), "明天09:30", "tomorrow 09:30"),
        (timedelta(days=-1), "昨天10:30", "yesterday 10:30"),
        (timedelta(days=2), "周五(3月6日)10:30", "Fri 6 Mar 10:30"),
        (timedelta(days=4), "周日(3月8日)10:30", "Sun 8 Mar 10:30"),
        (timedelta(days=6), "周二(3月10日)10:30", "Tue 10 Mar 10:30"),
        (timedelta(days=7), "3月11日10:30", "11 Mar 10:30"),
        (timedelta(days=-3), "3月1日10:30", "1 Mar 10:30"),
        (timedelta(days=365), "2027年3月4日10:30", "4 Mar 2027 10:30"),
    ],
)
def test_an_instant_is_said_as_people_say_it(after: timedelta, zh: str, en: str) -> None:
    said = [phrases.clock(NOW + after, NOW, ZONE, language) for language in ("zh", "zh-TW", "en", "de")]
    assert said == [zh, zh, en, en]


@pytest.mark.parametrize(
    ("span", "zh", "en"),
    [
        (timedelta(hours=2, minutes=30), "2小时30分钟", "2 h 30 min"),
        (timedelta(days=1, hours=4), "1天4小时", "1 d 4 h"),
        (timedelta(minutes=11, seconds=59), "11分钟", "11 min"),
        (timedelta(seconds=59), "不到1分钟", "less than 1 min"),
        (-timedelta(minutes=5), "5分钟", "5 min"),
    ],
)
def test_a_time_span_is_said_to_the_minute(span: timedelta, zh: str, en: str) -> None:
    assert (phrases.duration(span, "zh"), phrases.duration(span, "en")) == (zh, en)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_a_promise_in_clock_time_is_never_later_than_the_instant(instant: datetime) -> None:
    said = phrases.clock(instant, instant, ZONE, "zh").removeprefix("今天")
    local = phrases._local(instant, ZONE)
    assert said == f"{local:%H:%M}"
