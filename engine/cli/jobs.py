"""What the daemon's jobs by cron do: a backup (`jobs:` in engine.yaml), the reports that the policy wants, and what it keeps no longer."""

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.runtime.engine import Engine
from engine.runtime.project import Job
from engine.runtime.schedule import reports
from engine.runtime.worker import Services


def backup(engine: Engine, job: Job, slot: datetime, before: datetime) -> None:
    """Copy the database to `var/backups/`, while work goes on."""
    folder, at = engine.project.var / "backups", slot.astimezone(ZoneInfo(engine.world.policy.company.timezone))
    engine.store.backup(folder / f"engine-{at:%Y%m%d-%H%M}.db")
    for old in sorted(folder.glob("engine-*-*.db"))[: -job.keep]:
        old.unlink()


def retention(engine: Engine, job: Job, slot: datetime, before: datetime) -> None:
    """Do what retention.yaml says."""
    from engine.runtime.retention import carry_out

    carry_out(engine)


def report(engine: Engine, job: Job, slot: datetime, before: datetime) -> None:
    """Make a report of the policy, keep it in `var/reports/` and mail it."""
    from engine.analysis.reports.delivery import deliver

    wanted, _ = reports(engine.world.policy)[job.name]
    deliver(engine, wanted, job.name, slot)


def services(engine: Engine) -> Services:
    """Build the services that engine.yaml names."""
    from engine.services import build  # and with it every room: only where there is one

    return build(engine)


JOBS: Mapping[str, Callable[[Engine, Job, datetime, datetime], None]] = {"backup": backup, "retention": retention, "report": report}
