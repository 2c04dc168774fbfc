"""One transaction on one connection to SQLite."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from engine.store.contract.store import StoreFailed
from engine.store.rows import Vitals
from engine.store.sql.session import BATCH, Session, Values

_SIZE = "SELECT sqlite_version(), page_count * page_size FROM pragma_page_count(), pragma_page_size()"


def failed(doing: str, error: sqlite3.Error) -> StoreFailed:
    """The driver's error as the contract's; `doing` says what was tried."""
    return StoreFailed(f"The database could not {doing}: {error}.")


_NEXT_ID = "UPDATE sqlite_sequence SET seq = ? WHERE name = ?"

_FIRST_ID = "INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)"

_SERIES = "INSERT INTO counter (value, name) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


class SqliteSession(Session):
    """Runs statements on SQLite."""

    tables = """
SELECT own.name, other."table" FROM sqlite_schema AS own LEFT JOIN pragma_foreign_key_list(own.name) AS other
WHERE own.type = 'table' AND own.name NOT LIKE 'sqlite%' AND own.name NOT LIKE '%yoyo%' ORDER BY 1, 2
"""
    columns = "SELECT name FROM pragma_table_info(?)"
    numbers = """
SELECT name, seq FROM sqlite_sequence WHERE name NOT LIKE '%yoyo%'
UNION ALL SELECT name || '_number', value FROM counter WHERE name = 'customer'
"""
    identities = "SELECT '', '' WHERE FALSE"

    def stream(self, sql: str) -> Iterator[list[Any]]:
        """Yield all rows in batches."""
        assert self._connection is not None  # noqa: S101  # only inside a transaction
        try:
            cursor = self._connection.execute(sql)
            while rows := cursor.fetchmany(BATCH):
                yield rows
        except sqlite3.Error as error:
            raise failed("read a table", error) from error

    def continue_after(self, series: str, number: int) -> None:
        """A series of numbers is a row of `counter`, the ids of a table one of SQLite's own."""
        if series.endswith("_number"):
            self.run(_SERIES, number, series.removesuffix("_number"))
        elif not self.run(_NEXT_ID, number, series):
            self.run(_FIRST_ID, number, series)

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
            cursor = connection.executemany(sql, values) if isinstance(values, list) else connection.execute(sql, values)
            return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise failed("carry out a statement", error) from error
