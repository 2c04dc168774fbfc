"""The clocks of a machine that a test may set: one on the wall, which people and NTP move, and one that only ever runs."""

from datetime import UTC, datetime


class MachineClock:
    """Stands in for the module `time` where the engine asks it, and for the engine's `Clock`. Both stand still until they are moved."""

    def __init__(self, start: datetime) -> None:
        self._wall = start.timestamp()
        self._running = 1000.0

    def time(self) -> float:
        """Seconds since 1970 on the wall clock."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds on the clock that nobody can set; it stands still while the machine is suspended."""
        return self._running

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.fromtimestamp(self._wall, UTC)

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self._wall += seconds
        self._running += seconds

    def set_by(self, seconds: float) -> None:
        """Set the wall clock forward or back: by hand, by NTP, or because the machine was suspended so long."""
        self._wall += seconds
