"""One transaction on one connection to SQLite."""

import sqlite3
from typing import Any

from engine.store.contract.store import StoreFailed
from engine.store.sql.session import Session, Values


def failed(doing: str, error: sqlite3.Error) -> StoreFailed:
    """The driver's error as the contract's; `doing` says what was tried."""
    return StoreFailed(f"The database could not {doing}: {error}.")


class SqliteSession(Session):
    """Runs statements on SQLite."""

    def damage(self) -> list[str]:
        """Damaged pages, and rows that refer to nothing."""
        pages = [line for (line,) in self.all("PRAGMA integrity_check") if line != "ok"]
        return pages + [
            f"a row of {table} refers to a row of {parent} that does not exist"
            for table, _, parent, _ in self.all("PRAGMA foreign_key_check")
        ]

    def _carry_out(self, connection: sqlite3.Connection, sql: str, values: Values) -> tuple[list[Any], int]:
        try:
            cursor = connection.executemany(sql, values) if isinstance(values, list) else connection.execute(sql, values)
            return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise failed("carry out a statement", error) from error
