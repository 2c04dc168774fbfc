"""One transaction on one connection to SQLite."""

import sqlite3
from typing import Any

from engine.store.contract.store import StoreFailed
from engine.store.rows import Vitals
from engine.store.sql.session import Session, Values

_SIZE = "SELECT sqlite_version(), page_count * page_size FROM pragma_page_count(), pragma_page_size()"


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

    def vitals(self, thorough: bool) -> Vitals:
        """How the file is: its pages, and whether it has the write-ahead log that lets readers go on beside the writer."""
        version, size = self.one(_SIZE)
        (mode,), pages = self.one("PRAGMA journal_mode"), self.all("PRAGMA quick_check") if thorough else []
        unsound = [f"journal_mode is {mode}, not wal"] if mode not in ("wal", "memory") else []
        return Vitals(f"SQLite {version}", size, None, (*unsound, *(line for (line,) in pages if line != "ok")))

    def _carry_out(self, connection: sqlite3.Connection, sql: str, values: Values) -> tuple[list[Any], int]:
        try:
            cursor = connection.execute(sql, values)
            return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise failed("carry out a statement", error) from error
