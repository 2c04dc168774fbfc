"""Timers: each that is due becomes a signal, in the transaction that takes it; one that fails is set aside, not retried for ever."""

from datetime import datetime
from functools import partial

from engine.core.signals import TimerFired
from engine.runtime import log
from engine.runtime.claims import Work
from engine.runtime.gather import World
from engine.runtime.handle import Outcome, handle
from engine.runtime.masking import without_secrets
from engine.store.contract import Store, Transaction
from engine.store.rows import TimerRow, TrialRow


def fire(store: Store, world: World, now: datetime, hold: bool, limit: int = 100) -> list[Outcome]:
    """Fire up to `limit` timers due at `now`, the longest due first; return what they led to."""

    def do(tx: Transaction, row: TimerRow) -> Outcome | None:
        if not tx.take_timer(row):
            return None
        return handle(tx, world, TimerFired(row.ticket, row.key, row.due), now, hold=hold)

    def failed(tx: Transaction, row: TimerRow, error: Exception, retry_at: datetime | None) -> None:
        said = without_secrets(f"{type(error).__name__}: {error}")
        if tx.fail_timer(row, said, retry_at):
            tx.keep_trial(TrialRow(now, "timer", f"{row.ticket}/{row.key}", "failed", said))
        log.failed("timer", retry_at, error, ticket=row.ticket, timer=row.key)

    return Work(store, now, world.retries, partial(_claim, now=now), do, failed).off(limit)


def _claim(tx: Transaction, limit: int, now: datetime) -> list[TimerRow]:
    """Timers that are due, one of each ticket: what fires may cancel those that follow, or set one that comes before them."""
    return list({row.ticket: row for row in reversed(tx.due_timers(now, limit))}.values())[::-1]
