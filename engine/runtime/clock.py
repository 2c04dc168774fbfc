"""The only room that asks what time it is."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

JUMPED = "clock_jump"
"""Under which the store keeps when the wall clock last jumped, by its new time, and by how many seconds."""


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is set; what-if runs and the demo live in it."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant it was set to."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Go to `instant`; time never runs backwards."""
        self._now = max(self._now, instant.astimezone(UTC))


class JumpGuard:
    """Notices when the wall clock and the monotonic clock part ways by more than `tolerance` seconds: the clock was set, or the machine
    was suspended. From then on it holds for `hold` seconds, so that a person can set the clock right. Any thread may ask.
    """

    def __init__(self, jumped: Callable[[float], None], tolerance: float = 60.0, hold: float = 60.0) -> None:
        """`jumped` is told of each jump, by how many seconds it was."""
        self._jumped, self._tolerance, self._hold = jumped, tolerance, hold
        self._offset = time.time() - time.monotonic()
        self._until = 0.0
        self._lock = threading.Lock()

    def holds(self) -> bool:
        """Look at both clocks; return whether the wall clock is not to be believed yet."""
        with self._lock:
            before, self._offset = self._offset, time.time() - time.monotonic()
            if abs(self._offset - before) > self._tolerance:
                self._until = time.monotonic() + self._hold
                self._jumped(self._offset - before)
            return time.monotonic() < self._until
