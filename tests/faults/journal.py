"""A journal of timers, kept in the database itself: what sets, cancels and takes a timer writes a line in the same transaction, so that it
tells what was committed and nothing else. From it follows whether a timer fired early, twice, after a committed cancel, or never (I6).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from engine.core.routing import ASSIGN_TIMER
from engine.store import Store
from engine.store.rows import TimerRow
from engine.store.sql.session import micros
from engine.store.sql.timers import TimerWrites

_TABLE = "CREATE TABLE IF NOT EXISTS timer_journal (what TEXT, generation BIGINT, ticket TEXT, key TEXT, due BIGINT)"
_NOTE = "INSERT INTO timer_journal VALUES (?, ?, ?, ?, ?)"


@contextmanager
def kept() -> Iterator[None]:
    """Keep the journal of every store in which `begin` made the table, in this process, until the end of the block."""
    start, cancel, take = TimerWrites.start_timer, TimerWrites.cancel_timers, TimerWrites.take_timer
    start_many = TimerWrites.start_timers

    def watched(self: TimerWrites, what: str, ticket: str, do: Callable[[], Any]) -> Any:
        before = {row.generation: row for row in self.timers(ticket)}
        result = do()
        after = {row.generation: row for row in self.timers(ticket)}
        for name, rows in ((what, before.keys() - after.keys()), ("set", after.keys() - before.keys())):
            for generation in rows:
                row = (before | after)[generation]
                self._session.run(_NOTE, name, generation, row.ticket, row.key, micros(row.due))
        return result

    def start_timer(self: TimerWrites, ticket: str, key: str, due: datetime) -> Any:
        return watched(self, "cancelled", ticket, lambda: start(self, ticket, key, due))

    def start_timers(self: TimerWrites, ticket: str, timers: Mapping[str, datetime], **how: bool) -> Any:
        return watched(self, "cancelled", ticket, lambda: start_many(self, ticket, timers, **how))

    def cancel_timers(self: TimerWrites, ticket: str, prefix: str) -> Any:
        return watched(self, "cancelled", ticket, lambda: cancel(self, ticket, prefix))

    def take_timer(self: TimerWrites, row: TimerRow) -> Any:
        return watched(self, "taken", row.ticket, lambda: take(self, row))

    doing: dict[str, Any] = {
        "start_timer": start_timer,
        "start_timers": start_timers,
        "cancel_timers": cancel_timers,
        "take_timer": take_timer,
    }
    with patch.multiple(TimerWrites, **doing):
        yield


def begin(store: Store) -> None:
    """Make the table in a store that has no timers yet."""
    asked(store, _TABLE)


def asked(store: Store, sql: str) -> list[Any]:
    """The rows that a statement of the test's own gives."""
    with store.write() as tx:
        rows: list[Any] = tx._session.all(sql)  # type: ignore[attr-defined]  # the contract speaks no SQL
    return rows


def findings(store: Store, now: datetime) -> list[str]:
    """What broke the rule, when everything due at `now` has had its turn. A ticket that is at odds with its own clock is not found here."""
    found = []
    lines = asked(store, "SELECT what, generation, ticket, key, due FROM timer_journal")
    with store.read() as reader:
        fired = [
            (number, decision.signal["key"], decision.signal["due"], decision.at)
            for (number,) in asked(store, "SELECT number FROM ticket")
            for decision in reader.decisions(number)
            if decision.signal_type == "timer_fired"
        ]
        overdue = reader.due_timers(now, 10)
        dead = reader.dead_timers(10)
    was_set = {generation: (ticket, key, due) for what, generation, ticket, key, due in lines if what == "set"}
    ends = Counter(generation for what, generation, *_ in lines if what != "set")
    taken = Counter((ticket, key, due) for what, _, ticket, key, due in lines if what == "taken")
    decided = Counter((ticket, key, micros(datetime.fromisoformat(due))) for ticket, key, due, _ in fired)
    found += [f"never set, yet ended: {generation}" for generation in ends.keys() - was_set.keys()]
    found += [f"ended {times} times: {was_set[generation]}" for generation, times in ends.items() if times > 1]
    kept = decided | _in_vain(lines)
    found += [f"fired {kept[timer]} times, taken {taken[timer]} times: {timer}" for timer in kept | taken if kept[timer] != taken[timer]]
    found += [f"fired early, at {at}: {ticket} {key} {due}" for ticket, key, due, at in fired if at < datetime.fromisoformat(due)]
    found += [f"never fired: {row}" for row in overdue]
    found += [f"set aside: {row}" for row in dead]
    return found


def _in_vain(lines: list[Any]) -> Counter[Any]:
    """The timers that leave no decision: a ticket was offered and nobody was free, so it was to be offered again, and was."""
    offers = {generation: (ticket, key, due) for what, generation, ticket, key, due in lines if what == "set" and key == ASSIGN_TIMER}
    last = {offers[generation][0]: generation for generation in sorted(offers)}
    taken = [generation for what, generation, *_ in lines if what == "taken" and generation in offers]
    return Counter(offers[generation] for generation in taken if generation < last[offers[generation][0]])
