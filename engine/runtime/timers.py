"""Timers: each that is due becomes a signal, in the transaction that takes it; one that fails is set aside, not retried for ever."""

from datetime import datetime
from functools import partial

from engine.core.signals import TimerFired
from engine.runtime import log
from engine.runtime.claims import Work
from engine.runtime.gather import World
from engine.runtime.handle import Outcome, handle
from engine.store.contract import Store, Transaction
from engine.store.rows import TimerRow


def fire(store: Store, world: World, now: datetime, hold: bool, limit: int = 100) -> list[Outcome]:
    """Fire up to `limit` timers due at `now`, the longest due first; return what they led to."""

    def do(tx: Transaction, row: TimerRow) -> Outcome | None:
        if not tx.take_timer(row):
            return None
        return handle(tx, world, TimerFired(row.ticket, row.key, row.due), now, hold=hold)

    return Work(store, now, partial(_claim, now=now), do, _failed).off(limit)


def _claim(tx: Transaction, limit: int, now: datetime) -> list[TimerRow]:
    """Timers that are due, one of each ticket: what fires may cancel those that follow, or set one that comes before them."""
    return list({row.ticket: row for row in reversed(tx.due_timers(now, limit))}.values())[::-1]


def _failed(tx: Transaction, row: TimerRow, error: Exception, retry_at: datetime | None) -> None:
    tx.fail_timer(row, f"{type(error).__name__}: {error}", retry_at)
    log.failed("timer", retry_at, error, ticket=row.ticket, timer=row.key)
