"""Jobs by cron: one run per (job, slot), the slot taken in the store first, so that restarts and twins never run it twice."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from engine.errors import ConfigurationError
from engine.runtime.project import Job
from engine.store.contract import Store


def latest_slot(job: Job, now: datetime, timezone: str) -> datetime:
    """Return the last instant up to `now` at which the job is due, in the company's zone. Raises ConfigurationError."""
    if not croniter.is_valid(job.cron):
        raise ConfigurationError(f"engine.yaml: jobs.{job.name}.cron: {job.cron!r} is no cron expression such as '0 3 * * *'")
    return previous(job.cron, now, timezone)


def previous(cron: str, now: datetime, timezone: str) -> datetime:
    """Return the last slot of a cron expression up to `now`."""
    local = now.astimezone(ZoneInfo(timezone))
    iterator = croniter(cron, local + timedelta(microseconds=1), ret_type=datetime)  # which looks back exclusively
    slot: datetime = iterator.get_prev(datetime)
    return slot.astimezone(now.tzinfo)


def following(cron: str, after: datetime, timezone: str) -> datetime:
    """Return the first slot of a cron expression later than `after`."""
    slot: datetime = croniter(cron, after.astimezone(ZoneInfo(timezone)), ret_type=datetime).get_next(datetime)
    return slot.astimezone(after.tzinfo)


def next_slot(job: Job, now: datetime, timezone: str) -> datetime:
    """Return the first instant after `now` at which the job is due. The expression is a sound one."""
    following: datetime = croniter(job.cron, now.astimezone(ZoneInfo(timezone)), ret_type=datetime).get_next(datetime)
    return following.astimezone(now.tzinfo)


def run_due(
    store: Store, jobs: Iterable[Job], bodies: Mapping[str, Callable[[Job, datetime, datetime], None]], now: datetime, timezone: str
) -> list[str]:
    """Run every job whose latest slot was not taken yet; slots missed while nobody ran are caught up once. Return the jobs run.

    A job that never ran starts with its next slot, not with one before the installation existed.
    """
    ran = []
    for job in jobs:
        slot = latest_slot(job, now, timezone)
        with store.write() as tx:
            before = tx.last_slot(job.name)
            taken = tx.take_slot(job.name, slot, now)
        if taken and before is not None:
            bodies[job.name](job, slot, before)
            ran.append(job.name)
    return ran
