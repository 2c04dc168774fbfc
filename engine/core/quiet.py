"""Hours in which nobody is to be disturbed, as times of day that may reach past midnight."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

Hours = tuple[time, time]
"""Start and end, local times of day; the end is no quiet time any more."""


def end_of_quiet(at: datetime, hours: Hours, timezone: str) -> datetime | None:
    """Return when the quiet hours end that `at` lies in, None where it lies in none."""
    start, end = hours
    local = at.astimezone(ZoneInfo(timezone))
    now = local.time()
    if not (start <= now < end if start <= end else now >= start or now < end):
        return None
    morning = local.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return (morning if morning >= local else morning + timedelta(days=1)).astimezone(at.tzinfo)
