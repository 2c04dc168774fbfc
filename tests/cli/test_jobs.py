"""The daemon's jobs by cron, on a project of its own."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.analysis.kpi import catch_up
from engine.analysis.kpi.watch import run_due
from engine.cli.init import lay_out
from engine.cli.jobs import JOBS
from engine.runtime import cron
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import Job, load_project
from engine.runtime.schedule import looks
from engine.runtime.worker import Worker
from engine.store import FactRow, TicketQuery, open_store
from tests.analysis.counted import put

ZONE = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2026, 3, 4, 20, tzinfo=ZONE)


@pytest.fixture
def engine(tmp_path: Path):
    lay_out(tmp_path)
    opened = open_engine(load_project(tmp_path), VirtualClock(EVENING), reload=True)
    yield opened
    opened.close()


def look(engine: Engine, now: datetime) -> list[str]:
    """What the daemon does by cron at that moment."""
    assert isinstance(engine.clock, VirtualClock)
    engine.clock.set(now)
    with engine.store.read() as reader:
        before = {name: reader.last_slot(name) for name in names(engine)}
    Worker(engine, JOBS, frozenset({"cron"}))._cron()
    run_due(engine.store, engine.world, now, True)
    with engine.store.read() as reader:
        return [name for name, slot in before.items() if slot is not None and reader.last_slot(name) != slot]


def names(engine: Engine) -> list[str]:
    """The jobs of the project and those of the policy."""
    return [job.name for job in (*engine.project.jobs, *(job for _, job in looks(engine.world.policy)))]


def test_the_daemon_looks_at_what_the_policy_watches(engine: Engine) -> None:
    monday = datetime(2026, 3, 9, 9, tzinfo=ZONE)
    assert look(engine, monday - timedelta(hours=10)) == []  # the first slots are only taken
    catch_up(engine.store, engine.world.policy)
    put(engine.store, [FactRow("deadline", EVENING, kind="complaint", queue="finance", outcome="breached", subject="plan")] * 20)
    assert look(engine, monday) == [
        "backup",
        "watch through-the-day 0 9-18 * * * Asia/Shanghai",
        "watch weekly-weak-spots 0 9 * * mon Asia/Shanghai",
        "verification 0 7 * * * Asia/Shanghai",
    ]
    with engine.store.read() as reader:
        (alert,) = reader.tickets(TicketQuery(kind="alert"))
    assert alert.alike == "kpi:weekly-weak-spots/sla_attainment/kind=complaint/tier=/queue=finance"
    assert look(engine, monday + timedelta(minutes=1)) == []


def run_jobs(engine: Engine, now: datetime) -> list[str]:
    bodies = {name: lambda job, slot, before, body=body: body(engine, job, slot, before) for name, body in JOBS.items()}
    return cron.run_due(engine.store, engine.project.jobs, bodies, now, "Asia/Shanghai")


def test_a_new_installation_ships_the_backup_and_starts_it_with_its_next_slot(engine: Engine) -> None:
    assert {job.name for job in engine.project.jobs} == set(JOBS) - {"retention", "report"}  # which the policy wants
    assert run_jobs(engine, EVENING) == []
    assert run_jobs(engine, EVENING + timedelta(hours=8)) == ["backup"]
    assert run_jobs(engine, EVENING + timedelta(hours=9)) == []


def test_a_slot_missed_while_nobody_ran_is_caught_up_once(engine: Engine) -> None:
    run_jobs(engine, EVENING)
    assert run_jobs(engine, EVENING + timedelta(days=5)) == ["backup"]
    assert run_jobs(engine, EVENING + timedelta(days=5, minutes=1)) == []


def test_backups_open_as_databases_and_only_the_latest_are_kept(engine: Engine) -> None:
    job = Job("backup", "0 3 * * *", keep=2)
    for day in range(4):
        JOBS["backup"](engine, job, EVENING + timedelta(days=day), EVENING)
    kept = sorted((engine.project.var / "backups").iterdir())
    assert [path.name for path in kept] == ["engine-20260306-2000.db", "engine-20260307-2000.db"]
    copy = open_store(f"sqlite:///{kept[-1]}")
    with copy.read() as reader:
        assert reader.active_policy() == engine.world.policy.digest
    copy.close()
