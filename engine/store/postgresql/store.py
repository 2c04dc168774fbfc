"""The store in one PostgreSQL database, which any number of processes may share.

Each transaction has a connection of its own. What a transaction claims is locked for it, and passed over by the others; a process that
dies or is cut off loses its transaction, and with it all that it had claimed.
"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from engine.errors import ConfigurationError, Refused, UsageError
from engine.store.contract import StoreFailed
from engine.store.copying import copy
from engine.store.postgresql.session import AnyTextLoader, PostgresSession, TextDumper, failed
from engine.store.sql import schema
from engine.store.sql.transaction import Pool, SqlReader, SqlTransaction, reading
from engine.store.sqlite.store import SqliteStore, whole_file

MIGRATIONS = schema.MIGRATIONS / "postgresql"

_OLDEST = 13
_DEFAULTS = {"connect_timeout": 10, "application_name": "closedloop"}

# A commit waits for the server's disk, and a statement for whoever holds its rows, but not for ever.
_SETTINGS: LiteralString = "SET synchronous_commit = on; SET lock_timeout = '10s'"

# Who does nothing for so long inside a transaction was stopped or cut off.
_WRITE: LiteralString = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '30s'"

_PATIENCE: LiteralString = "SET LOCAL lock_timeout = "
_MILLISECOND = timedelta(milliseconds=1)

# The first look fixes the moment that a reader sees.
_READ: LiteralString = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"

# Whoever calls themselves as we do.
_OTHERS: LiteralString = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()
"""

_TABLES: LiteralString = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"


class PostgresStore:
    """Keeps the contract's `Store` on the database a `postgresql://` URL names, in the first schema of its search path.

    Raises ConfigurationError where there is no usable database.
    """

    shared = True

    def __init__(self, url: str) -> None:
        self._parameters = _parameters(url)
        self._thread = threading.local()
        self._connections = Pool(self._connect)
        self._prepare()

    @contextmanager
    def write(self, patience: timedelta | None = None) -> Iterator[SqlTransaction]:
        """A transaction that is durable when its block ends."""
        if getattr(self._thread, "writing", False):
            raise UsageError("write() cannot be nested; use savepoint() of the transaction that is open.")
        connection = self._begin(_WRITE if patience is None else f"{_WRITE}; {_PATIENCE}{patience // _MILLISECOND}".encode())
        session = PostgresSession(connection, self._set_free)
        self._thread.writing = True
        try:
            yield SqlTransaction(session)
            self._commit(connection)
        finally:
            self._thread.writing = False
            session.end()
            self._end(connection)

    @contextmanager
    def read(self) -> Iterator[SqlReader]:
        """A view of what is durable."""
        connection = self._begin(_READ)
        try:
            yield from reading(PostgresSession(connection))
        finally:
            self._end(connection)

    def lock_for_writing(self, owner: str, alone: bool = False) -> None:
        """Nothing to do, for any number of processes may work on it, unless one wants to be `alone`."""
        if alone:
            connection = self._begin(_READ)
            (others,) = connection.execute(_OTHERS).fetchone() or (0,)
            self._end(connection)
            if others:
                raise Refused(f"{self._name()} is in use by the engine ({others} more connections); stop every `engine run` first.")

    def backup(self, target: Path) -> None:
        """Write all that is durable to the new SQLite file `target`."""
        with whole_file(target) as partial, closing(SqliteStore(partial)) as kept, self.read() as reader, kept.write() as tx:
            copy(reader, tx)

    def scrub(self, whole: bool = False) -> None:
        """Nothing to do: the server keeps its journal, and recycles it by itself."""

    def close(self) -> None:
        """Release everything."""
        self._connections.close()

    def _set_free(self, series: str) -> None:
        connection = self._begin(_WRITE)
        try:
            PostgresSession(connection).set_free(series)
            self._commit(connection)
        finally:
            self._end(connection)

    def _connect(self) -> psycopg.Connection:
        try:
            connection = psycopg.connect(**self._parameters, autocommit=True)
        except psycopg.Error as error:
            said = " ".join(str(error).split())
            if password := self._parameters.get("password"):
                said = said.replace(password, "…")
            raise StoreFailed(f"The database {self._name()} cannot be reached: {said}.") from None
        connection.adapters.register_dumper(str, TextDumper)
        connection.adapters.register_loader("text", AnyTextLoader)
        _execute(connection, _SETTINGS)
        return connection

    def _name(self) -> str:
        shown = {"user": "", "host": "", "dbname": ""} | self._parameters
        return f"{shown['dbname']} of {shown['user']} at {shown['host'] or 'the local socket'}"

    def _prepare(self) -> None:
        """Bring the database to this version's schema."""
        try:
            connection = self._connect()
        except StoreFailed as error:
            raise ConfigurationError(str(error)) from None
        try:
            self._check(connection)
            migrate(connection, self._name())
        except psycopg.Error as error:
            connection.close()
            raise ConfigurationError(str(failed(f"be prepared ({self._name()})", error))) from error
        except BaseException:
            connection.close()
            raise
        self._connections.give_back(connection)

    def _check(self, connection: psycopg.Connection) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if connection.info.server_version < _OLDEST * 10_000:
            raise ConfigurationError(
                f"The database {self._name()} is on PostgreSQL {connection.info.server_version // 10_000}: this needs {_OLDEST} or newer."
            )
        if encoding != "UTF8":
            raise ConfigurationError(
                f"The database {self._name()} is encoded as {encoding}; make it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
            )

    def _begin(self, command: LiteralString | bytes) -> psycopg.Connection:
        """Return a connection in a transaction. A server that was restarted since costs nothing but a new connection."""
        connection = self._connections.borrow()
        try:
            connection.execute(command)
        except psycopg.OperationalError:
            connection.close()
            self._connections.empty()
            connection = self._connect()
            _execute(connection, command)
        return connection

    def _commit(self, connection: psycopg.Connection) -> None:
        if connection.info.transaction_status == TransactionStatus.INERROR:  # a COMMIT would undo it without a word
            raise StoreFailed("The database could not COMMIT: a statement had failed before, so nothing was kept.")
        _execute(connection, "COMMIT")

    def _end(self, connection: psycopg.Connection) -> None:
        """Undo what was not committed; a connection that is lost is not used again."""
        try:
            if connection.info.transaction_status != TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
            self._connections.give_back(connection)
        except psycopg.Error:
            connection.close()


def migrate(connection: psycopg.Connection, name: str, directory: Path = MIGRATIONS) -> None:
    """Apply the migrations in `directory` that are pending, in one transaction. Raises ConfigurationError, or psycopg.Error."""
    tables = {table for (table,) in connection.execute(_TABLES)}
    applied = {step for (step,) in connection.execute(schema.APPLIED)} if "_yoyo_migration" in tables else set()
    if schema.pending(directory, tables, applied, name):
        from engine.store.postgresql.migrations import Backend
        from engine.store.sql.migrations import apply

        apply(Backend(connection), directory, PostgresSession(connection))


def _parameters(url: str) -> dict[str, Any]:
    """The connection's parameters by name. The URL itself is never shown: it may hold a password."""
    wrong = ConfigurationError(
        "This database URL (postgresql:…) cannot be used. Write postgresql://user:password@host:5432/database, "
        "with %40 for @, %2F for / and %3A for : in a password."
    )
    try:
        found: dict[str, Any] = _DEFAULTS | conninfo_to_dict(url)
    except psycopg.Error:
        raise wrong from None
    if "@" in "".join(str(found.get(name, "")) for name in ("host", "port", "dbname")):  # then part of a password is taken for these
        raise wrong
    return found


def _execute(connection: psycopg.Connection, command: LiteralString | bytes) -> None:
    try:
        connection.execute(command)
    except psycopg.Error as error:
        connection.close()
        raise failed(command if isinstance(command, str) else "BEGIN", error) from error
