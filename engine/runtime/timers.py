"""Timers: each that is due becomes a signal, in the transaction that takes it; one that fails is set aside, not retried for ever."""

from datetime import datetime, timedelta

from engine.core.signals import TimerFired
from engine.runtime import log
from engine.runtime.gather import World
from engine.runtime.handle import Outcome, handle
from engine.store.contract import Store

ATTEMPTS = 5


def fire(store: Store, world: World, now: datetime, hold: bool, limit: int = 100) -> list[Outcome]:
    """Fire up to `limit` timers due at `now`, the longest due first; return what they led to."""
    with store.read() as reader:
        rows = reader.due_timers(now, limit)
    outcomes = []
    for row in rows:
        try:
            with store.write() as tx:
                if tx.take_timer(row):
                    outcomes.append(handle(tx, world, TimerFired(row.ticket, row.key, row.due), now, hold=hold))
        except Exception as error:  # noqa: BLE001  # one poisoned timer must not stop the rest; it is kept with its error
            with store.write() as tx:
                retry = now + timedelta(seconds=30 * 2**row.attempts) if row.attempts + 1 < ATTEMPTS else None
                tx.fail_timer(row, f"{type(error).__name__}: {error}", retry)
            log.failed("timer", retry, error, ticket=row.ticket, timer=row.key)
    return outcomes
