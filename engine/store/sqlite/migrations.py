"""Applies migration files with yoyo on a connection of ours, so that a database in memory goes the same way as a file.

Imported only when there is something to apply: yoyo takes longer to import than a command may take to start.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from yoyo import internalmigrations, read_migrations
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import parse_uri
from yoyo.migrations import default_migration_table


def apply(connection: sqlite3.Connection, directory: Path) -> None:
    """Apply what is pending from `directory`, all of it in one transaction. Raises sqlite3.Error with nothing applied."""
    backend = Backend(connection)
    with backend.transaction():
        backend.apply_migrations(backend.to_apply(read_migrations(str(directory))))


class Backend(SQLiteBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo's SQLite backend on one given connection, inside one transaction that locks the database from its begin."""

    _in_transaction: bool
    _internal_schema_updated: bool = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._given = connection
        super().__init__(parse_uri("sqlite:///"), default_migration_table)

    def connect(self, dburi: object) -> sqlite3.Connection:
        """The given connection."""
        return self._given

    def copy(self) -> Any:
        """The same connection again: a second one would wait for the first for ever."""
        return nullcontext(self)

    def begin(self) -> None:
        """Lock the database from the begin."""
        self._in_transaction = True
        self.execute("BEGIN IMMEDIATE")

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """Run one statement, datetimes as ISO 8601 text."""
        # sqlite3's own way to store a datetime is deprecated since Python 3.12.
        values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in (params or {}).items()}
        return super().execute(sql, values)

    def ensure_internal_schema_updated(self) -> None:
        """Make or update yoyo's own tables, in the same transaction."""
        if not self._internal_schema_updated:
            if internalmigrations.needs_upgrading(self):
                internalmigrations.upgrade(self)
            self._internal_schema_updated = True

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """The entry for yoyo's log, without who ran it where: not ours to keep, and finding out may ask a name server."""
        migration_id, migration_hash = (migration.id, migration.hash) if migration else (None, None)
        return {
            "id": f"{operation} {migration_id} {self._log_entries()}",
            "migration_id": migration_id,
            "migration_hash": migration_hash,
            "username": "",
            "hostname": "",
            "created_at_utc": None,
            "operation": operation,
        }

    def _log_entries(self) -> int:
        count: int = self.execute(f"SELECT count(*) FROM {self.log_table_quoted}").fetchone()[0]
        return count
