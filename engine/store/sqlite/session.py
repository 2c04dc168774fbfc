"""One transaction on one connection, and how values become columns. Instants are INTEGER microseconds since 1970, UTC."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeAlias

from engine.errors import UsageError
from engine.store.contract.store import StoreFailed

Column: TypeAlias = str | int | float | bytes | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """The column value of an instant. Raises UsageError for a naive one."""
    if at.utcoffset() is None:
        raise UsageError(f"an instant needs a time zone to be stored: {at.isoformat()}")
    return (at - _EPOCH) // _MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    """The column value of an instant that may be missing."""
    return None if at is None else micros(at)


def instant(value: int) -> datetime:
    """The instant in a column."""
    return _EPOCH + value * _MICROSECOND


def instant_or_none(value: int | None) -> datetime | None:
    """The instant in a column that may be empty."""
    return None if value is None else instant(value)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the driver's errors into StoreFailed; `doing` says what was tried."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreFailed(f"The database could not {doing}: {error}.") from error


class Session:
    """Runs statements inside one transaction; `end` makes every later use an error, so that nothing is written outside of it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._savepoints = count(1)

    def end(self) -> None:
        """The transaction is over."""
        self._connection = None

    def run(self, sql: str, *values: Column) -> int:
        """Execute one statement; return how many rows it changed."""
        return self._execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[tuple[Column, ...]]) -> None:
        """Execute one statement for every row."""
        for values in rows:
            self._execute(sql, values)

    def insert(self, sql: str, *values: Column) -> int:
        """Execute one INSERT; return the row's number."""
        cursor = self._execute(sql, values)
        if cursor.lastrowid is None:
            raise UsageError("insert() is for tables that number their rows")
        return cursor.lastrowid

    def all(self, sql: str, *values: Column) -> list[Any]:
        """Return all rows, each a tuple of columns."""
        with translated("read"):
            return self._execute(sql, values).fetchall()

    def named(self, sql: str, values: Mapping[str, Column]) -> list[Any]:
        """Return all rows of a statement with named values."""
        with translated("read"):
            return self._execute(sql, values).fetchall()

    def one(self, sql: str, *values: Column) -> Any:
        """Return the first row or None."""
        with translated("read"):
            return self._execute(sql, values).fetchone()

    def value(self, sql: str, *values: Column) -> Any:
        """Return the first column of the first row, None if there is no row."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what happens inside when that raises."""
        name = f"savepoint_{next(self._savepoints)}"
        self.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self.run(f"ROLLBACK TO {name}")
            self.run(f"RELEASE {name}")
            raise
        self.run(f"RELEASE {name}")

    def _execute(self, sql: str, values: tuple[Column, ...] | Mapping[str, Column]) -> sqlite3.Cursor:
        if self._connection is None:
            raise UsageError("This transaction is over; open another with write() or read().")
        with translated("carry out a statement"):
            try:
                return self._connection.execute(sql, values)
            except (UnicodeEncodeError, OverflowError) as error:
                # The text itself stays out of the message: it may be personal.
                raise UsageError(
                    f"A value cannot be stored: {error.__class__.__name__}; mend the text or number."
                ) from None


class Room:
    """The base of every group of tables: statements run in the session of the transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
