"""What the daemon's jobs by cron do (`jobs:` in engine.yaml): a backup of the database, a summary page of the time since the last one."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.runtime.engine import Engine
from engine.runtime.project import Job


def backup(engine: Engine, job: Job, slot: datetime, before: datetime) -> None:
    """Copy the database to `var/backups/`, while work goes on."""
    folder = engine.project.var / "backups"
    engine.store.backup(folder / f"engine-{_stamp(engine, slot)}.db")
    _keep_latest(folder, "engine-*-*.db", job.keep)


def summary(engine: Engine, job: Job, slot: datetime, before: datetime) -> None:
    """Write the summary of what happened since the slot before to `var/reports/`, a page for each language of the company."""
    from engine.analysis.summary import summarise, summary_html
    from engine.channels import write_atomically

    world, folder = engine.world, engine.project.var / "reports"
    with engine.store.read() as reader:
        counted = summarise(reader, world.policy, world.team, before, slot, world.policy.company.timezone)
    for language in world.policy.company.languages:
        write_atomically(folder / language / f"summary-{_stamp(engine, slot)}.html", summary_html(counted, language).encode())
        _keep_latest(folder / language, "summary-*.html", job.keep)


def _stamp(engine: Engine, slot: datetime) -> str:
    return slot.astimezone(ZoneInfo(engine.world.policy.company.timezone)).strftime("%Y%m%d-%H%M")


def _keep_latest(folder: Path, pattern: str, keep: int) -> None:
    for old in sorted(folder.glob(pattern))[:-keep]:
        old.unlink()


JOBS: Mapping[str, Callable[[Engine, Job, datetime, datetime], None]] = {"backup": backup, "summary": summary}
