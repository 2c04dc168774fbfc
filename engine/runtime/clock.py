"""The only room that asks what time it is."""

import time
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
    """Notices when the wall clock and the monotonic clock part ways by more than `tolerance` seconds (a clock set by hand)."""

    def __init__(self, tolerance: float = 60.0) -> None:
        self._tolerance = tolerance
        self._offset = time.time() - time.monotonic()

    def jump(self) -> float:
        """Return by how many seconds the wall clock has jumped since the last call, 0.0 when within tolerance."""
        offset = time.time() - time.monotonic()
        moved = offset - self._offset
        self._offset = offset
        return moved if abs(moved) > self._tolerance else 0.0
