"""Jobs by cron: one run per (job, slot), the slot taken in the store first, so that restarts and twins never run it twice.

A slot is the instant at which an expression is due in its zone. Where the expression fixes the hour, its wall clock counts, and each
of its times comes once: one that is skipped when the clocks go forward comes at that moment, one that is repeated when they go back
comes the first time. Otherwise (every hour, every 15 minutes) real time counts: a repeated hour is two hours, a skipped one is none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import croniter

from engine.core.intervals import as_utc, utc_offsets
from engine.errors import ConfigurationError
from engine.policy.cron import refusal
from engine.runtime.project import Job
from engine.store.contract import Store

GRACE = timedelta(minutes=1)
"""A slot that is longer ago was missed: with `catch_up: skip` it is not run."""
MOST = 100
"""Slots that one look catches up with `catch_up: all`; the next look goes on."""

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_REACH = (timedelta(hours=1), 2 * _DAY, 62 * _DAY, 366 * _DAY, 8 * 366 * _DAY, 50 * 366 * _DAY)
"""How far apart slots may lie: hours, days, the 31st of a month, a year, 29 February around 2100, a fifth Monday of February."""


_KEPT = 4096
"""Slots that are remembered: what-if runs go through the same days again and again."""

_AROUND: dict[tuple[str, str], tuple[datetime, datetime]] = {}


def slots(expression: str, timezone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the slots after `after` and up to `until`, in UTC and in order. The expression is one that `refusal` lets pass."""
    after, until = as_utc(after), as_utc(until)
    fixed, covered = _fixes_the_hour(expression), None
    # Slots begin with a minute; the day before says which times of the wall clock were there already.
    first, last = (at.replace(second=0, microsecond=0) for at in (after - _DAY if fixed else after, until))
    for start, end, offset in utc_offsets(ZoneInfo(timezone), first, max(first, last + _MINUTE)):
        begin, stop = ((at + offset).replace(tzinfo=None) for at in (start, end))
        walls = croniter(expression, (covered or begin) - datetime.resolution)
        while (wall := walls.get_next(datetime)) < stop:
            slot = max(wall.replace(tzinfo=UTC) - offset, start)
            if slot > after:
                yield slot
                after = slot
        covered = max(covered or stop, stop) if fixed else None


def _fixes_the_hour(expression: str) -> bool:
    """Whether the field of hours names them; `*` and `*/2` do not, nor does `@hourly`, which has no fields."""
    hour = expression.split()[1:2]
    return croniter.expand(expression)[0][1] != ["*"] and not (hour and hour[0].startswith("*"))


def previous(expression: str, now: datetime, timezone: str) -> datetime:
    """Return the last slot up to `now`."""
    return _around(expression, now, timezone)[0]


def following(expression: str, after: datetime, timezone: str) -> datetime:
    """Return the first slot later than `after`."""
    return _around(expression, after, timezone)[1]


def _around(expression: str, at: datetime, timezone: str) -> tuple[datetime, datetime]:
    """The last slot up to an instant and the first later one, which are the same until that has come: every look asks for them."""
    found = _AROUND.get((expression, timezone))
    if found is not None and at >= found[1]:
        found = found[1], _after(expression, found[1], timezone)
    if found is None or not found[0] <= at < found[1]:
        found = _up_to(expression, at, timezone), _after(expression, at, timezone)
    _AROUND[expression, timezone] = found
    return found


@lru_cache(maxsize=_KEPT)
def _up_to(expression: str, at: datetime, timezone: str) -> datetime:
    found = (deque(slots(expression, timezone, at - span, at), maxlen=1) for span in _REACH)
    return next(latest[0] for latest in found if latest)


@lru_cache(maxsize=_KEPT)
def _after(expression: str, at: datetime, timezone: str) -> datetime:
    found = (next(slots(expression, timezone, at, at + span), None) for span in _REACH)
    return next(slot for slot in found if slot is not None)


def due_slots(expression: str, timezone: str, catch_up: str, before: datetime, now: datetime) -> list[datetime]:
    """Return the slots to run at `now`, the earliest first, when `before` was the last one taken.

    Of those missed while nobody ran, `catch_up` says which: `all`, the last one `once`, or none (`skip`).
    """
    latest = previous(expression, now, timezone)
    if latest <= before:
        return []
    if catch_up == "all":
        return list(islice(slots(expression, timezone, before, now), MOST))
    return [latest] if catch_up == "once" or as_utc(now) - latest <= GRACE else []


def check(jobs: Iterable[Job]) -> None:
    """Raise ConfigurationError for a job whose expression is refused."""
    for job in jobs:
        if (odd := refusal(job.cron)) is not None:
            raise ConfigurationError(f"engine.yaml: jobs.{job.name}.cron: {odd.message}; {odd.hint}")


def latest_slot(job: Job, now: datetime, timezone: str) -> datetime:
    """Return the last slot of a job up to `now`, in its own zone, else in `timezone`. Raises ConfigurationError."""
    check([job])
    return previous(job.cron, now, job.timezone or timezone)


def next_slot(job: Job, now: datetime, timezone: str) -> datetime:
    """Return the first slot of a job after `now`, in its own zone, else in `timezone`. The expression is a sound one."""
    return following(job.cron, now, job.timezone or timezone)


def run_due(
    store: Store, jobs: Iterable[Job], bodies: Mapping[str, Callable[[Job, datetime, datetime], None]], now: datetime, timezone: str
) -> list[str]:
    """Run every job whose slot has come and was not taken yet; slots missed while nobody ran are caught up. Return the jobs run.

    A job that never ran starts with its next slot, not with one before the installation existed.
    """
    ran = []
    for job in jobs:
        with store.read() as reader:
            before = reader.last_slot(job.name)
        zone = job.timezone or timezone
        for slot in [latest_slot(job, now, timezone)] if before is None else due_slots(job.cron, zone, job.catch_up, before, now):
            with store.write() as tx:
                taken = tx.take_slot(job.name, slot, now)
            if taken and before is not None:
                bodies[job.name](job, slot, before)
                ran.append(job.name)
                before = slot
    return ran
