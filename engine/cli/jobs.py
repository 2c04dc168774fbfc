"""What the daemon's jobs by cron do: a backup of the database, a summary page of the time since the last one (`jobs:` in engine.yaml), the
reports that the policy wants, and what it keeps no longer.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.analysis.summary import summarise, summary_html
from engine.channels import write_atomically
from engine.runtime.engine import Engine
from engine.runtime.project import Job
from engine.runtime.schedule import reports
from engine.runtime.worker import Services


def backup(engine: Engine, job: Job, slot: datetime, before: datetime) -> None:
    """Copy the database to `var/backups/`, while work goes on."""
    folder = engine.project.var / "backups"
    engine.store.backup(folder / f"engine-{_stamp(engine, slot)}.db")
    _keep_latest(folder, "engine-*-*.db", job.keep)


def summary(engine: Engine, job: Job, slot: datetime, before: datetime) -> None:
    """Write the summary of what happened since the slot before to `var/reports/`, a page for each language of the company."""
    world, folder = engine.world, engine.project.var / "reports"
    with engine.store.read() as reader:
        counted = summarise(reader, world.policy, world.team, before, slot, world.policy.company.timezone)
    for language in world.policy.company.languages:
        write_atomically(folder / language / f"summary-{_stamp(engine, slot)}.html", summary_html(counted, language).encode())
        _keep_latest(folder / language, "summary-*.html", job.keep)


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


def _stamp(engine: Engine, slot: datetime) -> str:
    return slot.astimezone(ZoneInfo(engine.world.policy.company.timezone)).strftime("%Y%m%d-%H%M")


def _keep_latest(folder: Path, pattern: str, keep: int) -> None:
    for old in sorted(folder.glob(pattern))[:-keep]:
        old.unlink()


JOBS: Mapping[str, Callable[[Engine, Job, datetime, datetime], None]] = {
    "backup": backup,
    "summary": summary,
    "retention": retention,
    "report": report,
}
