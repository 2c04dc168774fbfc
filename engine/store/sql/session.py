"""One transaction on one connection, and how values become columns. Instants are INTEGER microseconds since 1970, UTC.

Statements are written once, in what SQLite and PostgreSQL both take. What stands between `/*pg` and `*/` is a comment for SQLite, which
has one writer, and is carried out by PostgreSQL, which has many.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

from engine.errors import UsageError
from engine.store.rows import Vitals

Column: TypeAlias = str | int | float | bytes | None
Values: TypeAlias = tuple[Column, ...] | Mapping[str, Column] | list[tuple[Column, ...]]
"""By position, by name, or a list: for each row, by position."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1_000)
def micros(at: datetime) -> int:
    """The column value of an instant. Raises UsageError for a naive one."""
    if at.utcoffset() is None:
        raise UsageError(f"an instant needs a time zone to be stored: {at.isoformat()}")
    return (at - _EPOCH) // MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    """The column value of an instant that may be missing."""
    return None if at is None else micros(at)


def instant(value: int) -> datetime:
    """The instant in a column."""
    return _EPOCH + value * MICROSECOND


def instant_or_none(value: int | None) -> datetime | None:
    """The instant in a column that may be empty."""
    return None if value is None else instant(value)


COUNT = """
INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value RETURNING value
"""

FREE = """
DELETE FROM free_number WHERE series = ? AND value = (
    SELECT value FROM free_number WHERE series = ? ORDER BY value LIMIT 1 /*pg FOR UPDATE SKIP LOCKED*/
) RETURNING value
"""


SET_FREE = "INSERT INTO free_number (series, value) VALUES (?, ?)"

BATCH = 2_000
"""How many rows of a whole table are in memory at once."""


def quoted(name: str) -> str:
    """The name of a table or column as it may stand in any statement."""
    return f'"{name}"'


class Session(ABC):
    """Runs statements inside one transaction; `end` makes every later use an error, so that nothing is written outside of it.

    What the schema says of itself comes by statements: `tables` gives each table with one that it refers to (or NULL), `columns` those
    of one table, `numbers` the last number of each series that `unused` or the database counts, `identities` the tables and columns whose
    numbers the database gives whatever stands in them.
    """

    tables: ClassVar[str]
    columns: ClassVar[str]
    numbers: ClassVar[str]
    identities: ClassVar[str]

    def __init__(self, connection: Any) -> None:
        self._connection: Any | None = connection
        self._depth = 0
        self.memory: dict[str, Any] = {}

    @abstractmethod
    def damage(self) -> list[str]:
        """Return what the database itself finds wrong with its pages and references, in words."""

    @abstractmethod
    def vitals(self, thorough: bool) -> Vitals:
        """Return how the database itself is."""

    @abstractmethod
    def stream(self, sql: str) -> Iterator[list[Any]]:
        """Yield all rows in batches of `BATCH`."""

    @abstractmethod
    def continue_after(self, series: str, number: int) -> None:
        """Let the series, one of `numbers`, go on behind that number, one or more."""

    @abstractmethod
    def _carry_out(self, connection: Any, sql: str, values: Values) -> tuple[list[Any], int]:
        """Execute to the end, so that no statement stays open and every error comes up here; return all rows, and how many changed.

        Raises StoreFailed or Conflict.
        """

    def end(self) -> None:
        """The transaction is over."""
        self._connection = None

    def run(self, sql: str, *values: Column) -> int:
        """Execute one statement; return how many rows it changed."""
        return self._execute(sql, values)[1]

    def run_many(self, sql: str, rows: Iterable[tuple[Column, ...]]) -> None:
        """Execute one statement for every row, without waiting for each."""
        if values := list(rows):
            self._execute(sql, values)

    def all(self, sql: str, *values: Column) -> list[Any]:
        """Return all rows, each a tuple of columns."""
        return self._execute(sql, values)[0]

    def named(self, sql: str, values: Mapping[str, Column]) -> list[Any]:
        """Return all rows of a statement with named values."""
        return self._execute(sql, values)[0]

    def one(self, sql: str, *values: Column) -> Any:
        """Return the first row or None."""
        return next(iter(self._execute(sql, values)[0]), None)

    def value(self, sql: str, *values: Column) -> Any:
        """Return the first column of the first row, None if there is no row."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    def now(self, at: datetime) -> int:
        """The column value of the present instant by the clock that all who share the store go by; `at` is this machine's."""
        return micros(at)

    def count(self, series: str) -> int:
        """Return the lowest number of the series, from 1 on, that nobody has. What is undone is given again."""
        free: int | None = self.value(FREE, series, series)
        number: int = self.value(COUNT, series, 1) if free is None else free
        return number

    def unused(self, series: str) -> int:
        """Return a number that the series never gave before."""
        number: int = self.value(COUNT, series, 1)
        return number

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what happens inside when that raises."""
        name = f"savepoint_{self._depth}"  # few names, so that the driver knows the statements
        self.run(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
        except BaseException:
            self.memory.clear()
            self.run(f"ROLLBACK TO {name}")
            raise
        finally:
            self._depth -= 1
            self.run(f"RELEASE {name}")

    def _execute(self, sql: str, values: Values) -> tuple[list[Any], int]:
        if self._connection is None:
            raise UsageError("This transaction is over; open another with write() or read().")
        try:
            return self._carry_out(self._connection, sql, values)
        except (UnicodeEncodeError, OverflowError) as error:
            # The text itself stays out of the message: it may be personal.
            raise UsageError(f"A value cannot be stored: {type(error).__name__}; mend the text or number.") from None


class Room:
    """The base of every group of tables: statements run in the session of the transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
