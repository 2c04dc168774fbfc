"""How the carriers of channels are, and what became of what could not be handled at once."""

from typing import Any

from engine.store.rows import ChannelRow, TrialRow
from engine.store.sql.session import Room, instant, instant_or_none, micros, micros_or_none

_COLUMNS = "channel, side, failures, opened_at, retry_at, error, paced_until"

_ONE = f"SELECT {_COLUMNS} FROM channel_state WHERE channel = ? AND side = ?"

_HELD = f"{_ONE} /*pg FOR UPDATE*/"

_ALL = f"SELECT {_COLUMNS} FROM channel_state ORDER BY channel, side"

_KEEP = f"""
INSERT INTO channel_state ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (channel, side) DO UPDATE SET failures = excluded.failures, opened_at = excluded.opened_at, retry_at = excluded.retry_at,
    error = excluded.error, paced_until = excluded.paced_until
"""

_TRIED = "at, kind, item, what, detail, who"

_TRIALS = f"SELECT {_TRIED} FROM trial WHERE kind = ? AND item = ? ORDER BY id"

_DROPPED = f"SELECT {_TRIED} FROM trial WHERE what = 'dropped' ORDER BY id DESC LIMIT ?"

_KEEP_TRIAL = f"INSERT INTO trial ({_TRIED}) VALUES (?, ?, ?, ?, ?, ?)"


class ChannelReads(Room):
    """Keeps the contract's `ChannelReader`."""

    def channel_state(self, channel: str, side: str) -> ChannelRow:
        """How the carrier is."""
        return _state(self._session.one(_ONE, channel, side) or (channel, side, 0, None, None, None, None))

    def channel_states(self) -> list[ChannelRow]:
        """How all carriers are."""
        return [_state(row) for row in self._session.all(_ALL)]

    def trials(self, kind: str, item: str) -> list[TrialRow]:
        """What became of something."""
        return [TrialRow(instant(at), *rest) for at, *rest in self._session.all(_TRIALS, kind, item)]

    def dropped(self, limit: int) -> list[TrialRow]:
        """What was dropped."""
        return [TrialRow(instant(at), *rest) for at, *rest in self._session.all(_DROPPED, limit)]


class ChannelWrites(ChannelReads):
    """Keeps the contract's `ChannelWriter`."""

    def channel_state(self, channel: str, side: str) -> ChannelRow:
        """How the carrier is, changed by nobody else."""
        return _state(self._session.one(_HELD, channel, side) or (channel, side, 0, None, None, None, None))

    def keep_channel_state(self, row: ChannelRow) -> None:
        """Keep how the carrier is."""
        times = (micros_or_none(row.opened_at), micros_or_none(row.retry_at))
        self._session.run(_KEEP, row.channel, row.side, row.failures, *times, row.error, micros_or_none(row.paced_until))

    def keep_trial(self, row: TrialRow) -> None:
        """Keep what became of something."""
        self._session.run(_KEEP_TRIAL, micros(row.at), row.kind, row.item, row.what, row.detail, row.who)


def _state(row: tuple[Any, ...]) -> ChannelRow:
    channel, side, failures, opened_at, retry_at, error, paced_until = row
    return ChannelRow(channel, side, failures, instant_or_none(opened_at), instant_or_none(retry_at), error, instant_or_none(paced_until))
