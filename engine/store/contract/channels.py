"""How the carriers of channels are, and what became of what could not be handled at once."""

from typing import Protocol

from engine.store.rows import ChannelRow, TrialRow


class ChannelReader(Protocol):
    """Asks about carriers and failures."""

    def channel_state(self, channel: str, side: str) -> ChannelRow:
        """Return how the carrier is; one of which nothing is kept is well. In a transaction nobody else changes it until that ends."""

    def channel_states(self) -> list[ChannelRow]:
        """Return all that is kept, by channel and side."""

    def trials(self, kind: str, item: str) -> list[TrialRow]:
        """Return what became of one item, message or timer, in order."""

    def dropped(self, limit: int) -> list[TrialRow]:
        """Return what was dropped, the latest first."""


class ChannelWriter(Protocol):
    """Changes them."""

    def keep_channel_state(self, row: ChannelRow) -> None:
        """Keep how the carrier is."""

    def keep_trial(self, row: TrialRow) -> None:
        """Keep what became of something."""
