"""The store in one SQLite file, or in memory."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from engine.errors import ConfigurationError, UsageError
from engine.store.contract import StoreFailed
from engine.store.sql.transaction import Pool, SqlReader, SqlTransaction, reading
from engine.store.sqlite import schema
from engine.store.sqlite.lock import ProcessLock
from engine.store.sqlite.session import SqliteSession, failed

_OLDEST = (3, 37, 0)
_PATIENCE = 10.0
"""Seconds to wait for another process that writes."""

# FULL makes a commit wait for the disk; secure_delete overwrites what is erased.
_PRAGMAS = ("PRAGMA synchronous = FULL", "PRAGMA secure_delete = ON", "PRAGMA foreign_keys = ON")


# 64 MiB: what KPIs look up at random of a million tickets.
_ROOM = "PRAGMA cache_size = -65536"


_LOOK = "SELECT 1 FROM sqlite_schema LIMIT 1"
"""BEGIN alone does not fix the moment that a reader sees; the first look does."""


class SqliteStore:
    """Keeps the contract's `Store` on the file `path`, in memory for None.

    Raises ConfigurationError where there is no usable database, Refused if it must be migrated while another process works on it.
    """

    shared = False

    def __init__(self, path: Path | None) -> None:
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old: this needs {'.'.join(map(str, _OLDEST))} or newer.")
        self._path = path
        # Re-entrant so that in memory a thread that writes can also read; `write` itself refuses to be nested.
        self._guard = threading.RLock()
        self._turn = threading.Lock()
        self._writing: int | None = None
        self._lock: ProcessLock | None = None
        self._readers = Pool(self._open_reader)
        self._writer = self._open()

    @contextmanager
    def write(self, patience: timedelta | None = None) -> Iterator[SqlTransaction]:
        """A transaction that is durable when its block ends."""
        if self._writing == threading.get_ident():
            raise UsageError("write() cannot be nested; use savepoint() of the transaction that is open.")
        with self._turn:  # a thread that writes again and again stands behind those that wait
            self._guard.acquire()
        try:
            self._readers.check_open()
            self._writing = threading.get_ident()
            yield from self._transaction()
        finally:
            self._writing = None
            self._guard.release()

    @contextmanager
    def read(self) -> Iterator[SqlReader]:
        """A view of what is durable."""
        if self._path is None:
            with self._guard:
                self._readers.check_open()
                yield from reading(SqliteSession(self._writer))
            return
        connection = self._readers.borrow()
        try:
            _execute(connection, "BEGIN")
            _execute(connection, _LOOK)
            try:
                yield from reading(SqliteSession(connection))
            finally:
                connection.rollback()
        finally:
            self._readers.give_back(connection)

    def lock_for_writing(self, owner: str, alone: bool = False) -> None:
        """Be the one process that works on this file."""
        if self._path is not None and self._lock is None:
            self._lock = ProcessLock(self._path, owner)

    def backup(self, target: Path) -> None:
        """Write all that is durable to the new file `target`."""
        self._readers.check_open()
        with whole_file(target) as partial:
            self._copy_to(partial)

    def _copy_to(self, path: Path) -> None:
        source = self._writer if self._path is None else self._readers.borrow()
        copy = sqlite3.connect(path)
        try:
            source.backup(copy)
        finally:
            copy.close()
            if source is not self._writer:
                self._readers.give_back(source)

    def scrub(self, whole: bool = False) -> None:
        """Empty the write-ahead log into the file, which is written anew where it is the `whole`."""
        with self._guard:
            self._readers.check_open()
            if whole:  # secure_delete overwrites a row where it lies, not what is left of it on a page that it was moved from
                _execute(self._writer, "VACUUM")
            _execute(self._writer, "PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Release everything."""
        with self._guard:
            self._readers.close()
            self._writer.close()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _transaction(self) -> Iterator[SqlTransaction]:
        session = SqliteSession(self._writer)
        _execute(self._writer, "BEGIN IMMEDIATE")
        try:
            yield SqlTransaction(session)
            _execute(self._writer, "COMMIT")
        finally:
            session.end()
            # After a failed statement SQLite may have undone the transaction by itself.
            if self._writer.in_transaction:
                self._writer.rollback()

    def _open(self) -> sqlite3.Connection:
        try:
            if self._path is None:
                return self._prepared(_connect(":memory:"))
            # Made here so that only its owner can read it; SQLite gives its other files the same mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return self._prepared(_connect(_uri(self._path, "rw")))
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"The database {self._path or 'in memory'} cannot be used: {error}.") from error

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            schema.prepare(connection, self._path)
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_reader(self) -> sqlite3.Connection:
        try:
            connection = _connect(_uri(self._path or Path(), "ro"))
            connection.execute(_ROOM)
        except sqlite3.Error as error:
            raise failed("be opened for reading", error) from error
        return connection


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a database that is being written another name until its block ends well. Raises StoreFailed, and leaves no half file."""
    partial = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        yield partial
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise StoreFailed(f"The database cannot be backed up to {target}: {said}.") from error
    finally:
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                partial.with_name(f"{partial.name}{suffix}").unlink()


def _execute(connection: sqlite3.Connection, command: str) -> None:
    try:
        connection.execute(command).fetchall()
    except sqlite3.Error as error:
        raise failed(command, error) from error


def _connect(database: str) -> sqlite3.Connection:
    return sqlite3.connect(
        database, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=256, uri=database.startswith("file:")
    )


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
