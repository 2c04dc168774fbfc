"""The processes that work on the store."""

from datetime import datetime, timedelta
from typing import Protocol

from engine.store.rows import WorkerRow

DEAD_AFTER = timedelta(seconds=15)
"""A worker that was not seen for so long is taken for dead: what it was sending is anybody's."""


class WorkerReader(Protocol):
    """Asks who works."""

    def workers(self, now: datetime) -> list[WorkerRow]:
        """Return the workers that did not end, the one that started first first. A store that is shared goes by its own clock."""


class WorkerWriter(Protocol):
    """Says who works."""

    def worker_seen(self, row: WorkerRow, now: datetime) -> None:
        """The worker is alive; the first time, it starts."""

    def worker_gone(self, id: str) -> None:
        """The worker ended, or is taken for dead."""

    def forget_workers(self, now: datetime, silent: timedelta) -> None:
        """Strike out those that were not seen for so long."""
