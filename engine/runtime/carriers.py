"""How the carriers of channels are spared: circuits that open when one is away, rates that are kept. The state is a row of the store."""

import logging
import math
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from engine.runtime import log
from engine.runtime.retries import doubled
from engine.store.contract import Transaction
from engine.store.rows import ChannelRow

SEND, RECEIVE = "send", "receive"


class Circuit(Struct, frozen=True):
    """When a carrier is left alone: after so many `failures` in a row it is `open` for `pause`, and then one try tells whether it is back.

    The pause doubles with each try that fails, never over `longest`. While it is open, attempts do not count against messages that
    are younger than `patience`.
    """

    failures: int = 5
    pause: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=10)
    patience: timedelta = timedelta(days=3)

    def admits(self, row: ChannelRow, at: datetime) -> bool:
        """Whether the carrier may be tried. A time further off than the longest pause is one of a clock that was set back."""
        return row.retry_at is None or not at < row.retry_at <= at + self.longest

    def failed(self, tx: Transaction, channel: str, side: str, error: str, at: datetime, retry_after: float | None = None) -> ChannelRow:
        """Keep that the carrier failed; return how it was before."""
        before = tx.channel_state(channel, side)
        failures, until = before.failures + 1, None
        if failures >= self.failures:
            pause = doubled(self.pause, failures - self.failures + 1, self.longest)
            until = at + min(max(pause, timedelta(seconds=min(retry_after or 0.0, self.longest.total_seconds()))), self.longest)
        if until is not None and before.opened_at is None:
            log.say("the circuit is open", logging.ERROR, channel=channel, side=side, failures=failures, until=until.isoformat())
        opened = before.opened_at or (at if until else None)
        tx.keep_channel_state(replace(before, failures=failures, opened_at=opened, retry_at=until, error=error))
        return before

    def worked(self, tx: Transaction, channel: str, side: str) -> None:
        """Keep that the carrier does what it is for."""
        before = tx.channel_state(channel, side)
        if before.failures:
            tx.keep_channel_state(replace(before, failures=0, opened_at=None, retry_at=None, error=None))
        if before.opened_at is not None:
            log.say("the circuit is closed", channel=channel, side=side)

    def probing(self, tx: Transaction, row: ChannelRow, at: datetime, within: timedelta) -> None:
        """Keep that the carrier is tried now, so that nobody else does before the outcome is known or the time for it is over."""
        tx.keep_channel_state(replace(row, retry_at=at + min(within, self.longest)))


class Rate(Struct, frozen=True):
    """How many messages a carrier may be given: `limit` in each span `per`, evenly, up to `burst` at once after a quiet time.

    A token bucket, kept as the instant at which it is full again (the generic cell rate algorithm, GCRA).
    """

    limit: int
    per: timedelta
    burst: int = 1

    def room(self, paced_until: datetime | None, at: datetime) -> int:
        """Return how many may go out now."""
        return math.floor((at - self._start(paced_until, at)) / self._each) + self.burst

    def after(self, paced_until: datetime | None, at: datetime, count: int) -> datetime:
        """Return until when the rate is used up, once `count` more went out."""
        return self._start(paced_until, at) + count * self._each

    @property
    def _each(self) -> timedelta:
        return self.per / self.limit

    def _start(self, paced_until: datetime | None, at: datetime) -> datetime:
        """From when on more counts. No honest bucket lies further ahead than it is deep: then the clock was set back."""
        return paced_until if paced_until is not None and at < paced_until <= at + self.burst * self._each else at
