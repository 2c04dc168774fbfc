"""Jobs by cron around the hours when clocks are moved, on a machine whose own clock is set too: each slot is run once, and none is lost.

Which slots there are is told minute by minute here, by what the wall clock shows, and not as the engine reckons them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime import cron
from engine.runtime.project import Job
from tests.core.worlds import House
from tests.support.counts import scaled

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHANGES = {  # the instants in 2026 at which the clocks of each zone are moved, forward and back; half an hour at Lord Howe
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T15:30Z", "2026-04-04T15:00Z"),
    "Australia/Adelaide": ("2026-10-03T16:30Z", "2026-04-04T16:30Z"),
    "America/St_Johns": ("2026-03-08T05:30Z", "2026-11-01T04:30Z"),
    "Africa/Casablanca": ("2026-03-22T02:00Z", "2026-02-15T02:00Z"),
    "Asia/Shanghai": ("2026-03-04T02:00Z",),
}
PLACES = [(zone, datetime.fromisoformat(change)) for zone, changes in CHANGES.items() for change in changes]
JOBS = ("30 2 * * *", "45 1 * * *", "15 2 * * *", "0 1-4 * * *", "*/20 2 * * *", "0 * * * *", "*/30 * * * *", "0 */2 * * *", "15 0 * * sun")
LOOKS = st.lists(st.tuples(st.integers(1, 300), st.sampled_from((0, 0, 0, 60, -60, 1440, -1440))), min_size=3, max_size=15)


def shown(expression: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Each instant at which the wall clock shows a time of the job; where the hour is fixed, a time that is skipped counts at the change,
    and one that comes twice counts the first time.
    """
    minutes, hours, _, _, days = croniter.expand(expression)[0]
    fixed = hours != ["*"] and not expression.split()[1].startswith("*")
    before = (after.replace(second=0, microsecond=0)).astimezone(ZoneInfo(zone))
    while (now := (before.astimezone(UTC) + MINUTE).astimezone(ZoneInfo(zone))) <= until:
        walls = [now.replace(tzinfo=None)]
        gap = walls[0] - before.replace(tzinfo=None) - MINUTE
        if fixed:
            walls = [] if now.fold else walls + [walls[0] - MINUTE * (n + 1) for n in range(gap // MINUTE)]
        if any(
            wall.minute in minutes and (hours == ["*"] or wall.hour in hours) and (days == ["*"] or wall.isoweekday() % 7 in days)
            for wall in walls
        ):
            yield now.astimezone(UTC)
        before = now


@settings(max_examples=scaled(400, least=20))
@given(st.sampled_from(PLACES), st.integers(-1500, -240), LOOKS, st.sampled_from(("all", "once", "skip")))
def test_each_slot_is_run_once_and_none_is_lost_however_the_clocks_are_moved(
    place: tuple[str, datetime], start: int, looks: list[tuple[int, int]], catch_up: str
) -> None:
    zone, change = place
    house = House()
    jobs = [Job(expression, expression, 7, zone, catch_up) for expression in JOBS]
    ran: dict[str, list[datetime]] = {expression: [] for expression in JOBS}
    bodies = {name: partial(lambda slots, job, slot, before: slots.append(slot), slots) for name, slots in ran.items()}
    now = first = latest = change + start * MINUTE
    for minutes, jump in ((0, 0), *looks, (-start + 240, 0)):  # at the end the change is over
        now += (minutes + jump) * MINUTE
        latest = max(latest, now)
        while cron.run_due(house.store, jobs, bodies, now, "UTC"):
            pass
    house.close()
    for expression, those in ran.items():
        slots = list(shown(expression, zone, first, latest))
        assert those == (slots if catch_up == "all" else [slot for slot in slots if slot in those])
