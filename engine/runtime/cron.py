"""Jobs by cron: one run per (job, slot), the slot taken in the store first, so that restarts and twins never run it twice.

A slot is the instant at which an expression is due in its zone. Where the expression fixes the hour, its wall clock counts, and each
of its times comes once: one that is skipped when the clocks go forward comes at that moment, one that is repeated when they go back
comes the first time. Otherwise (every hour, every 15 minutes) real time counts: a repeated hour is two hours, a skipped one is none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from threading import Lock
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


_AHEAD = 62 * _DAY
"""How far slots are followed one by one; a clock that jumps further is looked up anew."""


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
            if after < slot <= until:  # the moment to which the clocks go forward may lie behind it
                yield slot
                after = slot
        covered = max(covered or stop, stop) if fixed else None


@cache
def _fixes_the_hour(expression: str) -> bool:
    """Whether the field of hours names them; `*` and `*/2` do not, nor does `@hourly`, which has no fields."""
    hour = expression.split()[1:2]
    return croniter.expand(expression)[0][1] != ["*"] and not (hour and hour[0].startswith("*"))


def previous(expression: str, now: datetime, timezone: str) -> datetime:
    """Return the last slot up to `now`."""
    return _around(expression, as_utc(now), timezone)[0]


def following(expression: str, after: datetime, timezone: str) -> datetime:
    """Return the first slot later than `after`."""
    return _around(expression, as_utc(after), timezone)[1]


_LAST_ASKED: dict[tuple[str, str], tuple[datetime, datetime, Iterator[datetime]]] = {}
"""By expression and zone the slots around the last instant asked about, and those after them: who asks follows a clock."""

_ASKING = Lock()


def _around(expression: str, at: datetime, timezone: str) -> tuple[datetime, datetime]:
    """Return the last slot up to `at` and the first one later."""
    with _ASKING:
        last, first, ahead = _LAST_ASKED.get((expression, timezone), (at, at, iter(())))
        if first <= at < first + _AHEAD:
            for later in ahead:
                last, first = first, later
                if at < first:
                    break
        if not last <= at < first:
            before = (deque(slots(expression, timezone, at - span, at), maxlen=1) for span in _REACH)
            last = next(latest[0] for latest in before if latest)
            after = (next(slots(expression, timezone, at, at + span), None) for span in _REACH)
            first = next(slot for slot in after if slot is not None)
            ahead = slots(expression, timezone, first, first + _AHEAD)
        _LAST_ASKED[expression, timezone] = last, first, ahead
        return last, first


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
    store: Store,
    jobs: Iterable[Job],
    bodies: Mapping[str, Callable[[Job, datetime, datetime], None]],
    now: datetime,
    timezone: str,
    *,
    take: bool = True,
) -> list[str]:
    """Run every job whose slot has come and was not taken yet; slots missed while nobody ran are caught up. Return the jobs run.

    A job that never ran starts with its next slot, not with one before the installation existed. Without `take` a body takes its slot
    itself, in the transaction that keeps what it did: until then it is run again.
    """
    ran = []
    for job in jobs:
        with store.read() as reader:
            before = reader.last_slot(job.name)
        zone = job.timezone or timezone
        for slot in [latest_slot(job, now, timezone)] if before is None else due_slots(job.cron, zone, job.catch_up, before, now):
            if taken := take or before is None:
                with store.write() as tx:
                    taken = tx.take_slot(job.name, slot, now)
            if (taken or not take) and before is not None:
                bodies[job.name](job, slot, before)
                ran.append(job.name)
                before = slot
    return ran
