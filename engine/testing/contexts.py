"""What the engine would give a plugin, for tests: directories below a temporary path and a clock that moves only when told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.channels import ChannelContext

START = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)


class SettableClock:
    """A clock that stands still: call it for the instant (aware UTC), `set` or `advance` it."""

    def __init__(self, start: datetime = START) -> None:
        """Stand at `start`, an aware instant."""
        self._now = start.astimezone(UTC)

    def __call__(self) -> datetime:
        """Return the instant it stands at."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Stand at `instant` (aware)."""
        self._now = instant.astimezone(UTC)

    def advance(self, span: timedelta) -> None:
        """Move on by `span`."""
        self._now += span


def context(
    tmp_path: Path, clock: Callable[[], datetime] | None = None, name: str = "channel", timezone: str = "Asia/Shanghai"
) -> ChannelContext:
    """Build a ChannelContext below `tmp_path` with its directories made; without `clock` it gets a SettableClock of its own."""
    incoming, outgoing, state = (tmp_path / part / name for part in ("in", "out", "state"))
    for directory in (incoming, outgoing, state):
        directory.mkdir(parents=True, exist_ok=True)
    return ChannelContext(name, incoming, outgoing, state, timezone, clock or SettableClock())
