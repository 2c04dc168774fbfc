"""This process among those that work on one store: seen again and again, and taken for dead when it was not."""

import os
import random
import socket
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.store.contract import Store
from engine.store.contract.workers import DEAD_AFTER
from engine.store.rows import WorkerRow

_BEAT = DEAD_AFTER / 3
_REMEMBERED = timedelta(days=1)
"""How long the dead are listed."""


@dataclass(slots=True)
class Membership:
    """What others know of this process: an `id` from `draw`, and another one when it comes back after it was taken for dead, so that
    nothing of what it had claimed before is its own any more.
    """

    store: Store
    parts: tuple[str, ...]
    draw: random.Random
    id: str = ""
    _beaten: float = field(default_factory=time.monotonic)

    def alive(self) -> bool:
        """Whether nobody can have taken this process for dead."""
        return bool(self.id) and time.monotonic() - self._beaten < DEAD_AFTER.total_seconds()

    def seen(self, policy: str, now: datetime) -> None:
        """Say that this process is alive and decides by `policy`, where that was not said lately."""
        began = time.monotonic()
        if self.id and began - self._beaten < _BEAT.total_seconds():
            return
        with self.store.write() as tx:
            if not self.alive():
                tx.worker_gone(self.id)
                tx.forget_workers(now, _REMEMBERED if self.store.shared else timedelta(0))
                self.id = f"{self.draw.getrandbits(48):012x}"
            tx.worker_seen(WorkerRow(self.id, socket.gethostname(), os.getpid(), self.parts, policy, now, now), now)
        self._beaten = began

    def leave(self) -> None:
        """Say that this process ends."""
        with self.store.write() as tx:
            tx.worker_gone(self.id)
