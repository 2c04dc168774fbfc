"""Brings a database to the schema this version works on."""

import sqlite3
from functools import lru_cache
from pathlib import Path

from engine.store.sql import schema
from engine.store.sqlite.lock import ProcessLock
from engine.store.sqlite.session import SqliteSession

MIGRATIONS = schema.MIGRATIONS / "sqlite"

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def prepare(connection: sqlite3.Connection, path: Path | None, directory: Path = MIGRATIONS) -> Path | None:
    """Apply the migrations in `directory` that are pending; return the backup that was made before, None if none was.

    `path` is the database's file, None in memory. A database that holds data is first copied to a file beside it, and only while no
    other process works on it. Foreign keys must be off: a migration may rebuild a table that others refer to.

    Raises ConfigurationError for a database of a newer version or of another program, Refused while it is in use.
    """
    tables = {name for (name,) in connection.execute(_TABLES)}
    applied = {name for (name,) in connection.execute(schema.APPLIED)} if "_yoyo_migration" in tables else set()
    pending = schema.pending(directory, tables, applied, path)
    if not pending:
        return None
    if path is None:
        _new(directory).backup(connection)
        return None
    if not applied:
        _apply(connection, directory)
        return None
    lock = ProcessLock(path, "migration")
    try:
        backup = _back_up(connection, path, pending[0])
        _apply(connection, directory)
    finally:
        lock.release()
    return backup


@lru_cache(8)
def _new(directory: Path) -> sqlite3.Connection:
    """An empty database of the schema, to be copied: each test of a policy and each simulation works on one of its own."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _apply(connection, directory)
    return connection


def _back_up(connection: sqlite3.Connection, path: Path, before: str) -> Path:
    """Copy the whole database, its write-ahead log included; an older copy for the same migration is never overwritten."""
    number = before.partition(".")[0]
    backup = path.with_name(f"{path.name}.before-{number}")
    again = 1
    while backup.exists():
        again += 1
        backup = path.with_name(f"{path.name}.before-{number}-{again}")
    backup.touch(mode=0o600)
    target = sqlite3.connect(backup)
    try:
        connection.backup(target)
    finally:
        target.close()
    return backup


def _apply(connection: sqlite3.Connection, directory: Path) -> None:
    from engine.store.sql.migrations import apply
    from engine.store.sqlite.migrations import Backend

    apply(Backend(connection), directory, SqliteSession(connection))
