"""A database of any older version becomes the newest schema with everything in it, or stays exactly as it was."""

import lzma
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from yoyo import read_migrations

from engine.core import events as e
from engine.core.lifecycle import evolve
from engine.errors import ConfigurationError, Refused
from engine.store import ActivationRow, TicketQuery, open_store
from engine.store.sqlite import schema
from engine.store.sqlite.lock import ProcessLock
from engine.store.sqlite.migrations import Backend
from tests.store.golden import GOLDEN, LOGS
from tests.store.samples import NOW, customer, problems

SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '%yoyo%' AND name NOT LIKE 'sqlite_%' ORDER BY name"
STATES = "SELECT number, seq, state, tier, queue, assignee, customer FROM ticket"
GOLDEN_FILES = sorted(GOLDEN.glob("*.sql"))
GOLDEN_LOGS = sorted(LOGS.glob("*.sql.xz"))
LEFT = {"0001", "0002", "0003", "0004", "0005", "0015"}
"""The newest schema of each state of the project that was handed out; those between were steps on the way."""


def schema_of(path: Path) -> list[tuple]:
    connection = sqlite3.connect(path)
    rows = connection.execute(SCHEMA).fetchall()
    connection.close()
    return rows


def restored(golden: Path, path: Path) -> Path:
    connection = sqlite3.connect(path)
    data = golden.read_bytes()
    connection.executescript((lzma.decompress(data) if golden.suffix == ".xz" else data).decode())
    connection.close()
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return restored(GOLDEN_FILES[-1], tmp_path / "store.db")


@pytest.fixture
def connection(old: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(old, isolation_level=None)
    yield opened
    opened.close()


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The migrations of a version to come, with two more steps."""
    directory = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, directory)
    (directory / "9001.add_a_column.sql").write_text("ALTER TABLE customer ADD COLUMN note TEXT;")
    (directory / "9001.add_a_column.rollback.sql").write_text("ALTER TABLE customer DROP COLUMN note;")
    (directory / "9002.fill_it.sql").write_text("UPDATE customer SET note = 'seen';\nCREATE INDEX by_note ON customer (note);")
    (directory / "9002.fill_it.rollback.sql").write_text("DROP INDEX by_note;")
    return directory


def test_every_schema_that_a_database_was_left_with_has_its_golden_database_and_log() -> None:
    steps = [file.name.partition(".")[0] for file in sorted(schema.MIGRATIONS.glob("*[!k].sql"))]
    golden = [file.stem for file in GOLDEN_FILES]
    assert golden == [file.name.partition(".")[0] for file in GOLDEN_LOGS]
    assert golden == [*(step for step in steps if step in LEFT), *({steps[-1]} - LEFT)]


@pytest.mark.parametrize("log", GOLDEN_LOGS, ids=lambda file: file.name)
def test_an_old_log_replays_to_the_state_of_its_tickets_and_breaks_no_invariant(log: Path, tmp_path: Path) -> None:
    path = restored(log, tmp_path / "store.db")
    with closing(sqlite3.connect(path)) as connection:
        before = {number: values for number, *values in connection.execute(STATES)}
    store = open_store(f"sqlite:///{path}")
    with store.read() as view:
        assert view.integrity(evolve) == []
        tickets = view.tickets(TicketQuery(limit=1000))
        after = {one.number: [one.seq, one.state, one.tier, one.queue, one.assignee, one.customer] for one in tickets}
        promised = [one.promised for one in tickets if one.promised]
    store.close()
    assert len(before) >= 30
    assert after == before
    assert promised


def test_a_state_that_this_version_makes_otherwise_of_the_same_log_is_made_anew_with_the_migration(tmp_path: Path) -> None:
    path = restored(next(log for log in GOLDEN_LOGS if log.name.startswith("0003")), tmp_path / "store.db")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM ticket WHERE state_json LIKE '%\"warned\"%'").fetchone() == (0,)
    store = open_store(f"sqlite:///{path}")
    with store.read() as view:
        tickets = view.tickets(TicketQuery(limit=1000))
        warned = {one.number for one in tickets for clock in one.deadlines.values() if clock.warned}
        logged = {one.number for one in tickets if any(isinstance(entry.event, e.DeadlineWarned) for entry in view.events(one.number))}
        assert warned
        assert warned <= logged
    store.close()


@pytest.mark.parametrize("golden", GOLDEN_FILES, ids=lambda file: file.stem)
def test_an_older_database_becomes_the_newest_schema_and_loses_nothing(golden: Path, tmp_path: Path) -> None:
    path = restored(golden, tmp_path / "store.db")
    store = open_store(f"sqlite:///{path}")
    with store.read() as view:
        (ticket,) = view.tickets(TicketQuery())
        assert (ticket.number, ticket.seq, ticket.tier, ticket.assignee) == ("202405120001", 5, "important", "zhao")
        assert view.contents(["c-1"]) == {"c-1": "路由器异常"}
        assert view.find_customer("email", "wang@example.test") == customer("C000001")
        assert [len(rows) for rows in (view.timers(ticket.number), view.messages(), view.inbox("done", 9))] == [1, 1, 1]
        assert [len(rows) for rows in (view.decisions(ticket.number), view.answers(), view.audits())] == [2, 1, 1]
        assert (view.active_policy(), view.last_slot("weekly"), view.meta("outbound")) == ("digest-1", NOW, "hold")
        assert view.activations() == [ActivationRow("digest-1", NOW, None if golden.stem == "0001" else "zhao")]
    with store.write() as tx:
        assert (tx.next_number(NOW.date()), tx.new_customer_id()) == ("202405120002", "C000002")
    assert problems(store) == []
    store.close()
    open_store("sqlite:///new.db", tmp_path).close()
    assert schema_of(path) == schema_of(tmp_path / "new.db")


def test_steps_are_applied_in_order_after_a_backup(old: Path, newer: Path, connection: sqlite3.Connection) -> None:
    before = schema_of(old)
    backup = schema.prepare(connection, old, newer)
    assert connection.execute("SELECT note FROM customer").fetchall() == [("seen",)]
    assert backup == old.with_name("store.db.before-9001")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert schema_of(backup) == before
    assert schema.prepare(connection, old, newer) is None


def test_a_backup_never_overwrites_another(old: Path, newer: Path, connection: sqlite3.Connection) -> None:
    for name in ("store.db.before-9001", "store.db.before-9001-2"):
        old.with_name(name).write_text("the one from before")
    assert schema.prepare(connection, old, newer) == old.with_name("store.db.before-9001-3")
    assert old.with_name("store.db.before-9001").read_text() == "the one from before"


def test_a_step_that_fails_leaves_everything_as_it_was(old: Path, newer: Path, connection: sqlite3.Connection) -> None:
    before = schema_of(old)
    (newer / "9002.fill_it.sql").write_text("UPDATE customer SET note = 'seen';\nUPDATE nowhere SET x = 1;")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        schema.prepare(connection, old, newer)
    assert schema_of(old) == before
    open_store(f"sqlite:///{old}").close()


def test_a_newer_database_is_refused_and_named(old: Path, newer: Path, connection: sqlite3.Connection) -> None:
    schema.prepare(connection, old, newer)
    with pytest.raises(ConfigurationError, match=r"newer version.*9001\.add_a_column, 9002\.fill_it"):
        open_store(f"sqlite:///{old}")


def test_a_database_in_use_is_not_migrated(old: Path, newer: Path, connection: sqlite3.Connection) -> None:
    before = schema_of(old)
    lock = ProcessLock(old, "engine run")
    with pytest.raises(Refused, match="engine run"):
        schema.prepare(connection, old, newer)
    assert schema_of(old) == before
    lock.release()
    assert schema.prepare(connection, old, newer) is not None


def test_every_step_can_be_taken_back(newer: Path) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.prepare(connection, None, newer)
    assert len(connection.execute(SCHEMA).fetchall()) > 20
    backend = Backend(connection)
    with backend.transaction():
        backend.rollback_migrations(backend.to_rollback(read_migrations(str(newer))))
    assert connection.execute(SCHEMA).fetchall() == []
    schema.prepare(connection, None, newer)
    assert connection.execute("SELECT count(note) FROM customer").fetchone() == (0,)
    connection.close()


def test_no_migration_keeps_who_ran_it_where(old: Path, newer: Path, connection: sqlite3.Connection) -> None:
    schema.prepare(connection, old, newer)
    rows = connection.execute("SELECT DISTINCT username, hostname FROM _yoyo_log").fetchall()
    assert rows == [("", "")]
