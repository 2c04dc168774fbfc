"""yoyo on a connection to SQLite, so that a database in memory goes the same way as a file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from yoyo.backends.core.sqlite3 import SQLiteBackend

from engine.store.sql.migrations import OnGivenConnection


class Backend(OnGivenConnection, SQLiteBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo's SQLite backend inside one transaction that locks the database from its begin."""

    _in_transaction: bool

    def begin(self) -> None:
        """Lock the database from the begin."""
        self._in_transaction = True
        self.execute("BEGIN IMMEDIATE")

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """Run one statement, datetimes as ISO 8601 text."""
        # sqlite3's own way to store a datetime is deprecated since Python 3.12.
        values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in (params or {}).items()}
        return super().execute(sql, values)
