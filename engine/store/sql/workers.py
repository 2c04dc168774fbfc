"""The processes that work on the store."""

from datetime import datetime, timedelta

from engine.store.codec import decode_plain, encode
from engine.store.rows import WorkerRow
from engine.store.sql.session import MICROSECOND, Room, instant

_LIST = "SELECT id, host, pid, parts, policy, started_at, seen_at FROM worker ORDER BY started_at, id"

_SEEN = """
INSERT INTO worker (id, host, pid, parts, policy, started_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET policy = excluded.policy, seen_at = excluded.seen_at
"""

_GONE = "DELETE FROM worker WHERE id = ?"

_FORGET = "DELETE FROM worker WHERE seen_at <= ?"


class WorkerReads(Room):
    """Keeps the contract's `WorkerReader`."""

    def workers(self, now: datetime) -> list[WorkerRow]:
        """Who works."""
        at = self._session.now(now)
        return [
            WorkerRow(id, host, pid, tuple(decode_plain(parts)), policy, instant(started), instant(seen), max(at - seen, 0) * MICROSECOND)
            for id, host, pid, parts, policy, started, seen in self._session.all(_LIST)
        ]


class WorkerWrites(WorkerReads):
    """Keeps the contract's `WorkerWriter`."""

    def worker_seen(self, row: WorkerRow, now: datetime) -> None:
        """It is alive."""
        at = self._session.now(now)
        self._session.run(_SEEN, row.id, row.host, row.pid, encode(list(row.parts)), row.policy, at, at)

    def worker_gone(self, id: str) -> None:
        """It ended."""
        self._session.run(_GONE, id)

    def forget_workers(self, now: datetime, silent: timedelta) -> None:
        """Strike out the dead."""
        self._session.run(_FORGET, self._session.now(now) - silent // MICROSECOND)
