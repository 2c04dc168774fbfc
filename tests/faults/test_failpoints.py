"""`engine run` dies at every place that matters, on either side of it: what makes a step durable, and what makes it known to others."""

import random
import signal
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from engine.core.lifecycle import evolve
from engine.policy import compile_policy
from engine.runtime import schedule
from engine.runtime.policies import sound
from engine.store import open_store
from tests.faults.conftest import NewHouse, Tell
from tests.faults.failpoints import COMMITS, SIDES, STEPS, VARIABLE
from tests.faults.house import Feed, House, check_account, check_kept, drain
from tests.support.counts import scaled
from tests.support.postgresql import Server
from tests.support.repository import ROOT

FULL, LEAST = 10, {"sqlite": 3, "postgresql": 2}
"""How often at each place on each database; most of the steps are the same on both."""
PATIENCE = 60.0
COUNTS = {"timer": 2, "claim": 3, "send": 3, "sent": 3}
"""Of how many passes it may be the last; one where it is not named."""
WHOLE = 5
"""After how many deaths every log is replayed; the inbox is looked at after each."""
SWEEP = """
version: 1
rules:
  - id: sweep
    every: {cron: "* * * * *", catch_up: once}
    for: tickets
    when: {not: {field: ticket.tags, has: swept}}
    do: [{webhook: crm}, {add_tag: swept}]
"""
BACKUP = {"backup": {"cron": "* * * * *", "keep": 1000}}


def make_slots_due(house: House) -> None:
    """Let the last slot of every job be long ago."""
    long_ago = int((datetime.now(UTC) - timedelta(hours=1)).timestamp()) // 60 * 60 * 1_000_000
    policy = sound(compile_policy(house.root / "policies"))
    jobs = ["backup", *(schedule.job_name(rule) for rule in policy.timed_rules)]
    rows = ", ".join(f"('{job}', {long_ago}, {long_ago})" for job in jobs)
    statements = ("DELETE FROM cron_slot", f"INSERT INTO cron_slot (job, slot, at) VALUES {rows}")
    with sqlite3.connect(house.file) if house.database.startswith("sqlite:") else psycopg.connect(house.database) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def save_another_policy(house: House) -> None:
    """Save a policy that was not in force before."""
    path = house.root / "policies" / "sla.yaml"
    path.write_text(f"{path.read_text(encoding='utf-8')}# once more\n", encoding="utf-8")


PREPARE: dict[str, Callable[[House], None]] = {"slot": make_slots_due, "backup": make_slots_due, "activation": save_another_policy}
"""What lets a step come that does not come with every input."""


def die_everywhere(house: House, places: list[tuple[str, str]], draw: random.Random) -> dict[str, int]:
    """Die `scaled` times at each place, in any order; account for everything. Return the figures."""
    (house.root / "policies" / "rules-sweep.yaml").write_text(SWEEP, encoding="utf-8")
    trials = places * scaled(FULL, least=LEAST[house.database.partition(":")[0]])
    draw.shuffle(trials)
    feed = Feed(house)
    feed.drop()
    daemon = house.fork()
    daemon.wait_for_line("started")  # which puts the first policy in force, and makes the tables
    daemon.kill()
    for number, (side, step) in enumerate(trials):
        feed.drop()
        PREPARE.get(step, lambda house: None)(house)
        daemon = house.fork(f"{side} {step} {draw.randint(1, COUNTS.get(step, 1))}")
        assert daemon.process.wait(PATIENCE) == -signal.SIGKILL, daemon.text
        with house.remains() as reader:
            check_kept(reader, feed, feed.count, whole=number % WHOLE == 0)
    daemon = house.fork()
    drain(feed)
    daemon.kill()
    return {"deaths": len(trials)} | check_account(feed, len(trials))


def test_dying_at_any_place_on_sqlite_loses_nothing_and_does_nothing_twice(new_house: NewHouse, tell: Tell, seed: int) -> None:
    house = new_house()
    house.configure(jobs=BACKUP)
    places = [(side, step) for step in [*STEPS, *COMMITS.values()] for side in SIDES]
    tell(places=len(places), **die_everywhere(house, places, random.Random(seed)))
    for path in (house.root / "var" / "backups").glob("*.db"):
        check_backup(path)


def test_dying_at_any_place_on_postgresql_loses_nothing_and_does_nothing_twice(
    new_house: NewHouse, tell: Tell, postgresql: Server, seed: int
) -> None:
    house = new_house(postgresql.url(postgresql.new_database()))
    places = [(side, step) for step in [*STEPS, *COMMITS.values()] for side in SIDES if step != "backup"]
    tell(places=len(places), **die_everywhere(house, places, random.Random(seed)))


def check_backup(path: Path) -> None:
    """What bears a backup's name is a whole one."""
    store = open_store(f"sqlite:///{path}")
    with store.read() as reader:
        assert reader.integrity(evolve) == [], path
    store.close()


def test_the_engine_itself_knows_no_failpoint() -> None:
    sources = [*(ROOT / "engine").rglob("*.py"), *(ROOT / "plugins").glob("*/engine_*/*.py")]
    assert len(sources) > 100
    assert [path for path in sources if VARIABLE in path.read_text(encoding="utf-8")] == []
