"""Instants and time spans in the words people use, in Chinese and English; any other language gets the English form."""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NEAR_ZH = {-1: "昨天", 0: "今天", 1: "明天"}
_NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}
_WEEK = range(2, 7)


@lru_cache(maxsize=1_000)
def clock(instant: datetime, now: datetime, timezone: str, language: str) -> str:
    """Return an aware instant as people in that zone say it at `now`: `今天17:00`, `tomorrow 09:30`, `周五(3月6日)10:00`, `12 Mar 10:00`.

    Seconds are cut off, so that "before 17:00" never promises later than the instant.
    """
    local, today = _local(instant, timezone), _local(now, timezone)
    time, away = f"{local.hour:02}:{local.minute:02}", (local.date() - today.date()).days
    chinese = is_chinese(language)
    if away in _NEAR:
        return f"{_NEAR_ZH[away]}{time}" if chinese else f"{_NEAR[away]} {time}"
    day = date(instant, now, timezone, language)
    if away in _WEEK:
        weekday = local.weekday()
        return f"周{_WEEKDAYS_ZH[weekday]}({day}){time}" if chinese else f"{_WEEKDAYS[weekday]} {day} {time}"
    return f"{day}{time}" if chinese else f"{day} {time}"


def date(instant: datetime, now: datetime, timezone: str, language: str) -> str:
    """Return the day of an aware instant in that zone: `3月6日`, `6 Mar`; with the year when it is not this year's."""
    local = _local(instant, timezone)
    same_year = local.year == _local(now, timezone).year
    if is_chinese(language):
        return f"{'' if same_year else f'{local.year}年'}{local.month}月{local.day}日"
    return f"{local.day} {_MONTHS[local.month - 1]}{'' if same_year else f' {local.year}'}"


def duration(span: timedelta, language: str) -> str:
    """Return a time span to the minute, without its sign: `2小时30分钟`, `1 d 4 h`; below one minute `不到1分钟`, `less than 1 min`."""
    minutes = int(abs(span).total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    chinese = is_chinese(language)
    units = ("天", "小时", "分钟") if chinese else (" d", " h", " min")
    parts = [f"{count}{unit}" for count, unit in zip((days, hours, minutes), units, strict=True) if count]
    if not parts:
        return "不到1分钟" if chinese else "less than 1 min"
    return ("" if chinese else " ").join(parts)


@lru_cache(maxsize=1_000)
def _local(instant: datetime, timezone: str) -> datetime:
    return instant.astimezone(ZoneInfo(timezone))


def is_chinese(language: str) -> bool:
    """Return whether a language is said in the Chinese forms."""
    return language == "zh" or language.startswith("zh-")
