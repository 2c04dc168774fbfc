"""Timers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.store.codec import encode
from engine.store.rows import TimerRow
from engine.store.sql.session import Room, instant, instant_or_none, micros

_COLUMNS = "ticket, key, due, generation, attempts, next_attempt_at, dead, error"

_DUE = f"""
SELECT {_COLUMNS} FROM timer WHERE dead = 0 AND next_attempt_at <= ? ORDER BY next_attempt_at, generation LIMIT ?
"""

# Whoever holds a ticket alone changes its timers, so the ticket is what is claimed.
_CLAIM = f"""
SELECT {_COLUMNS} FROM timer /*pg JOIN ticket ON ticket.number = timer.ticket*/ WHERE dead = 0 AND next_attempt_at <= ?
ORDER BY next_attempt_at, generation LIMIT ? /*pg FOR NO KEY UPDATE OF ticket SKIP LOCKED*/
"""

_NEXT = "SELECT min(next_attempt_at) FROM timer WHERE dead = 0"

_OF_TICKET = f"SELECT {_COLUMNS} FROM timer WHERE ticket = ? ORDER BY key"

_DEAD = f"SELECT {_COLUMNS} FROM timer WHERE dead = 1 ORDER BY generation LIMIT ?"

_START = "INSERT INTO timer (ticket, key, due, next_attempt_at) VALUES (?, ?, ?, ?)"

_STOP = "DELETE FROM timer WHERE ticket = ? AND key IN (SELECT value FROM json_each(?))"

# '0' is the character after '/': the range holds exactly the keys that begin with the prefix and a slash.
_CANCEL = "DELETE FROM timer WHERE ticket = ? AND (key = ? OR (key >= ? || '/' AND key < ? || '0'))"

# Only the timer that was read: not set anew (generation), not put off (attempts), not set aside since.
_SAME = "generation = ? AND attempts = ? AND dead = 0"

_TAKE = f"DELETE FROM timer WHERE {_SAME}"

_PUT_OFF = f"UPDATE timer SET attempts = attempts + 1, next_attempt_at = ?, error = ? WHERE {_SAME}"

_SET_ASIDE = f"UPDATE timer SET attempts = attempts + 1, dead = 1, error = ? WHERE {_SAME}"

_REQUEUE = "UPDATE timer SET dead = 0, attempts = 0, next_attempt_at = ? WHERE ticket = ? AND key = ? AND dead = 1"

_DROP = "DELETE FROM timer WHERE ticket = ? AND key = ? AND dead = 1"


class TimerReads(Room):
    """Keeps the contract's `TimerReader`."""

    def due_timers(self, now: datetime, limit: int) -> list[TimerRow]:
        """Timers whose time has come."""
        return [_timer(row) for row in self._session.all(_DUE, micros(now), limit)]

    def next_timer(self) -> datetime | None:
        """When the next timer is to be tried."""
        return instant_or_none(self._session.value(_NEXT))

    def timers(self, ticket: str) -> list[TimerRow]:
        """The ticket's timers."""
        return [_timer(row) for row in self._session.all(_OF_TICKET, ticket)]

    def dead_timers(self, limit: int) -> list[TimerRow]:
        """Timers that were set aside."""
        return [_timer(row) for row in self._session.all(_DEAD, limit)]


class TimerWrites(TimerReads):
    """Keeps the contract's `TimerWriter`."""

    def due_timers(self, now: datetime, limit: int) -> list[TimerRow]:
        """Timers whose time has come, fired by nobody else."""
        return [_timer(row) for row in self._session.all(_CLAIM, micros(now), limit)]

    def start_timer(self, ticket: str, key: str, due: datetime) -> int:
        """Set a timer, anew if there is one."""
        self._session.run(_STOP, ticket, encode([key]))
        generation: int = self._session.value(f"{_START} RETURNING generation", ticket, key, micros(due), micros(due))
        return generation

    def start_timers(self, ticket: str, timers: Mapping[str, datetime], *, fresh: bool = False) -> None:
        """Set all of them, anew where there are such."""
        if not fresh:
            self._session.run(_STOP, ticket, encode(list(timers)))
        self._session.run_many(_START, ((ticket, key, micros(due), micros(due)) for key, due in timers.items()))

    def cancel_timers(self, ticket: str, prefix: str) -> int:
        """Cancel the timers of a prefix."""
        return self._session.run(_CANCEL, ticket, prefix, prefix, prefix)

    def take_timer(self, row: TimerRow) -> bool:
        """Remove the timer because it fires."""
        return self._session.run(_TAKE, row.generation, row.attempts) == 1

    def fail_timer(self, row: TimerRow, error: str, retry_at: datetime | None) -> bool:
        """Put the timer off or set it aside."""
        if retry_at is None:
            return self._session.run(_SET_ASIDE, error, row.generation, row.attempts) == 1
        return self._session.run(_PUT_OFF, micros(retry_at), error, row.generation, row.attempts) == 1

    def requeue_timer(self, ticket: str, key: str, at: datetime) -> bool:
        """Try a timer that was set aside again."""
        return self._session.run(_REQUEUE, micros(at), ticket, key) == 1

    def drop_timer(self, ticket: str, key: str) -> bool:
        """Give a timer up that was set aside."""
        return self._session.run(_DROP, ticket, key) == 1


def _timer(row: tuple[Any, ...]) -> TimerRow:
    ticket, key, due, generation, attempts, next_attempt_at, dead, error = row
    return TimerRow(ticket, key, instant(due), generation, attempts, instant(next_attempt_at), bool(dead), error)
