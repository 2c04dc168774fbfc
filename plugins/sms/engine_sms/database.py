"""The SQLite file in which the SMS channel keeps what it must remember."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime) -> int:
    """Return an aware instant as microseconds since 1970 UTC, as the file keeps it."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    """Return the instant that is kept as `micros`, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


class Database:
    """One SQLite connection shared by the channel's threads; every use is one transaction, durable when it ends."""

    def __init__(self, path: Path, schema: str) -> None:
        """The file is made at first use, so that building a channel touches nothing."""
        self._path = path
        self._schema = schema
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for one transaction: committed at the end, rolled back on an exception."""
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(self._schema)
        return connection

    def close(self) -> None:
        """Let the file go; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
