"""One transaction on one connection to PostgreSQL."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, LiteralString, cast

import psycopg
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown, TextLoader

from engine.errors import EngineError
from engine.store.contract import Conflict, StoreFailed
from engine.store.rows import Vitals
from engine.store.sql.session import BATCH, COUNT, FREE, Session, Values

_OWN = re.compile(r"/\*pg (.*?)\*/")
_NAMED = re.compile(r"(?<!:):([a-z_]+)")

_INSERTS = re.compile(r"(.* VALUES )(\([^()]*\))\s*", re.DOTALL)

_ROWS = 100
"""How many rows one statement inserts at most."""

_NUMBERS = 200
"""How many numbers are set free at once: each time costs a commit."""

_ANY_FREE = "SELECT 1 FROM free_number WHERE series = ? LIMIT 1 FOR UPDATE SKIP LOCKED"

_MORE = "INSERT INTO free_number (series, value) SELECT ?, generate_series(?::bigint, ?::bigint)"

# Of series long past; the last one may still be in use where a day has just ended.
_LEFT_OVER = """
DELETE FROM free_number WHERE (series, value) IN (
    SELECT series, value FROM free_number WHERE series < (SELECT max(series) FROM free_number WHERE series < ?) FOR UPDATE SKIP LOCKED
)
"""

# All references of this schema are of one column to one column.
_REFERENCES = """
SELECT conrelid::regclass::text, own.attname, confrelid::regclass::text, other.attname
FROM pg_constraint
JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = conkey[1]
JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = confkey[1]
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 3, 2
"""

_ORPHANS = "SELECT 1 FROM {0} AS own WHERE {1} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {2} AS other WHERE other.{3} = own.{1})"

_VITALS = """
SELECT current_setting('server_version'), pg_database_size(current_database()), clock_timestamp(), current_setting('fsync')
"""


# Each sequence as `own`; `owner` is the table whose ids it gives, if it does that.
_SEQUENCES = """
FROM pg_class AS own
LEFT JOIN pg_depend ON objid = own.oid AND deptype = 'i'
LEFT JOIN pg_class AS owner ON owner.oid = refobjid
WHERE own.relkind = 'S' AND own.relnamespace = current_schema()::regnamespace
"""

# Where somebody has put the extension amcheck there, and we may use it.
_MAY_CHECK = "SELECT has_function_privilege(oid, 'execute') FROM pg_proc WHERE proname = 'bt_index_check' AND pronargs = 1"

_INDEXES = """
SELECT pg_class.oid, relname FROM pg_class JOIN pg_am ON pg_am.oid = relam AND amname = 'btree'
WHERE relkind = 'i' AND relnamespace = current_schema()::regnamespace ORDER BY relname
"""


def failed(doing: str, error: psycopg.Error) -> EngineError:
    """The driver's error as the contract's; `doing` says what was tried.

    The server's detail stays out of it: it quotes values, which may be personal.
    """
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure | errors.LockNotAvailable):
        return Conflict("Somebody else changed the same in the database meanwhile: try again.")
    said = error.diag.message_primary or (" ".join(str(error).split()) if isinstance(error, psycopg.OperationalError) else "")
    return StoreFailed(f"The database could not {doing}: {said or type(error).__name__}.")


class PostgresSession(Session):
    """Runs statements on PostgreSQL. `set_free` sets more numbers of a series free in a transaction of its own, for which nobody waits."""

    def __init__(self, connection: psycopg.Connection, set_free: Callable[[str], None] = lambda series: None) -> None:
        super().__init__(connection)
        self._set_free = set_free

    def now(self, at: datetime) -> int:
        """The server's clock."""
        now: int = self.value("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
        return now

    def count(self, series: str) -> int:
        """The lowest free number that no other transaction is taking, so that nobody waits."""
        number: int | None = self.value(FREE, series, series)
        while number is None:  # somebody may take all that were just set free
            self._set_free(series)
            number = self.value(FREE, series, series)
        return number

    tables = """
SELECT relname, confrelid::regclass::text FROM pg_class LEFT JOIN pg_constraint ON conrelid = pg_class.oid AND contype = 'f'
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname NOT LIKE '%yoyo%' ORDER BY 1, 2
"""
    columns = """
SELECT attname FROM pg_attribute WHERE attrelid = CAST(? AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
    numbers = f"SELECT coalesce(owner.relname, own.relname), pg_sequence_last_value(own.oid) {_SEQUENCES}"
    identities = """
SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE attidentity <> '' AND relnamespace = current_schema()::regnamespace
"""

    def stream(self, sql: str) -> Iterator[list[Any]]:
        """Yield all rows in batches, for which the server keeps its place."""
        self.run(f"DECLARE batches NO SCROLL CURSOR FOR {sql}")
        while rows := self.all(f"FETCH {BATCH} FROM batches"):
            yield rows
        self.run("CLOSE batches")

    def continue_after(self, series: str, number: int) -> None:
        """Every series is a sequence, one of its own or of a table."""
        self.run(f"SELECT setval(own.oid::regclass, ?) {_SEQUENCES} AND coalesce(owner.relname, own.relname) = ?", number, series)

    def set_free(self, series: str) -> None:
        """Set more numbers of the series free, if none is."""
        last = self.value(COUNT, series, 0)  # waits for whoever does the same, so that it is done once
        if self.one(_ANY_FREE, series) is None:
            self.run(_LEFT_OVER, series)
            self.run(_MORE, series, last + 1, self.value(COUNT, series, _NUMBERS))

    def unused(self, series: str) -> int:
        """A number of a sequence, for which nobody waits; what is undone leaves a gap."""
        number: int = self.value("SELECT nextval(?)", f"{series}_number")
        return number

    def damage(self) -> list[str]:
        """Damaged indexes, and rows that refer to nothing, which only who went around the server's own checks can have made."""
        damaged = []
        for oid, name in self.all(_INDEXES) if self.value(_MAY_CHECK) else ():
            try:
                with self.savepoint():
                    self.run("SELECT bt_index_check(?)", oid)
            except StoreFailed as error:
                damaged.append(f"index {name}: {error}")
        return damaged + [
            f"a row of {table} refers to a row of {parent} that does not exist"
            for table, column, parent, key in self.all(_REFERENCES)
            for _ in self.all(_ORPHANS.format(table, column, parent, key))
        ]

    def vitals(self, thorough: bool) -> Vitals:
        """How the server is."""
        version, size, now, durable = self.one(_VITALS)
        unsound = ("fsync is off: a power failure may lose what was committed",) if durable == "off" else ()
        return Vitals(f"PostgreSQL {version}", size, now, unsound)

    def _carry_out(self, connection: psycopg.Connection, sql: str, values: Values) -> tuple[list[Any], int]:
        try:
            cursor = connection.cursor()
            for statement, given in _statements(sql, values) if isinstance(values, list) else ((sql, values),):
                cursor.execute(translated(statement), given)
            return cursor.fetchall() if cursor.description else [], cursor.rowcount
        except psycopg.Error as error:
            raise failed("carry out a statement", error) from error


def _statements(sql: str, rows: list[Any]) -> Iterator[tuple[str, Values]]:
    """Yield the statements that do for all rows what `sql` does for one: as many rows as one may insert, else each for itself.

    The driver's `executemany` ends with a Flush, after which the server counts no idle time: a process that was stopped behind it would
    keep what it had locked until it goes on.
    """
    inserts = _INSERTS.fullmatch(sql)
    for start in range(0, len(rows), _ROWS if inserts else 1):
        some = rows[start : start + _ROWS] if inserts else [rows[start]]
        yield f"{inserts[1]}{', '.join([inserts[2]] * len(some))}" if inserts else sql, tuple(chain.from_iterable(some))


@lru_cache(1024)
def translated(sql: str) -> LiteralString:
    """Return the statement as PostgreSQL and its driver take it."""
    own = _OWN.sub(r"\1", sql.replace("%", "%%")).replace("json_each(", "json_array_elements_text(")
    return _NAMED.sub(r"%(\1)s", own.replace("?", "%s"))


# PostgreSQL keeps no NUL in text. A code point that is never anybody's (a Unicode noncharacter) stands before "0" for it, and before
# itself.
_ESCAPE = "\ufdd0"
_ESCAPED = re.compile(f"{_ESCAPE}(.)", re.DOTALL)


class TextDumper(StrDumperUnknown):
    """Text as PostgreSQL can keep it."""

    def dump(self, obj: str) -> Buffer | None:
        """Escape NUL."""
        if "\0" in obj or _ESCAPE in obj:
            obj = obj.replace(_ESCAPE, _ESCAPE * 2).replace("\0", f"{_ESCAPE}0")
        return super().dump(obj)


class AnyTextLoader(TextLoader):
    """Text as it was before."""

    def load(self, data: Buffer) -> str:
        """Restore NUL."""
        text = cast("str", super().load(data))
        return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else found[1], text) if _ESCAPE in text else text
