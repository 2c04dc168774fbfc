"""What may be wrong with a database, found and said in words, by the invariant that it breaks.

Every row is looked at, and never many at once: tickets come by pages, and what SQL alone can tell gives only what is wrong.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.core.model import Ticket
from engine.core.signals import Signal, TimerFired
from engine.core.waits import awaits, owed
from engine.errors import EngineError
from engine.store.codec import decode_event, decode_signal, decode_ticket
from engine.store.contract.store import Evolve, Finding
from engine.store.sql.session import instant, micros
from engine.store.sql.tickets import ADVANCE, TicketReads, projection

_PAGE = 500

_RULE = re.compile(r"^-- (I\d): (.*)\n((?s:.*?));$", re.MULTILINE)

_COUNT = "SELECT count(*) FROM ticket"

_TICKETS = """
SELECT seq, kind, state, tier, queue, assignee, customer, channel, parent, incident, alike, opened_at, closed_at, next_due, state_json,
    number
FROM ticket WHERE number > ? ORDER BY number LIMIT ?
"""

# What belongs to the tickets of a page; behind the last page, to tickets that do not exist. The last column is the ticket.
_OF_PAGE: Mapping[str, str] = {
    "event": "SELECT seq, at, type, event_json, decision_id, ticket FROM event WHERE {page} ORDER BY ticket, seq",
    "decision": """
SELECT id, at, first_seq, last_seq, CASE WHEN signal_type = 'timer_fired' THEN signal_json END, ticket
FROM decision WHERE {page} ORDER BY ticket, id
""",
    "timer": "SELECT key, due, ticket FROM timer WHERE {page} ORDER BY ticket, key",
}

_Rows = Mapping[str, Sequence[Any]]


class IntegrityReads(TicketReads):
    """Keeps the contract's `integrity`."""

    def integrity(
        self, evolve: Evolve, drained_at: datetime | None = None, step: Callable[[int], None] = lambda total: None
    ) -> list[Finding]:
        """What is wrong."""
        found = [Finding("I5", text) for text in self._session.damage()]
        now = None if drained_at is None else micros(drained_at)
        for invariant, words, sql in _RULE.findall(Path(__file__).with_name("invariants.sql").read_text("utf-8")):
            found += [Finding(invariant, words.format(*row)) for row in self._session.named(sql, {"now": now})]
        total: int = self._session.value(_COUNT)
        for row, belongings in self._histories():
            found += _judged(row, belongings, evolve)
            step(total)
        return found

    def _histories(self) -> Iterator[tuple[Any, _Rows]]:
        """Each ticket's row with what belongs to it by table, in order; the row is None where a ticket does not exist."""
        last = ""
        while True:
            page = self._session.all(_TICKETS, last, _PAGE)
            first, last = last, page[-1][-1] if page else ""
            bounds = "ticket > :first AND ticket <= :last" if page else "ticket > :first"
            belongings: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
            for table, sql in _OF_PAGE.items():
                for *columns, ticket in self._session.named(sql.format(page=bounds), {"first": first, "last": last}):
                    belongings[ticket][table].append(columns)
            for row in page:
                yield row, belongings[row[-1]]
                del belongings[row[-1]]
            for number, rest in belongings.items():
                yield (*[None] * 13, number), rest
            if not page:
                return


class Refolding(IntegrityReads):
    """Makes states anew after a change of the schema, which may come with a change of what events lead to."""

    def fold_anew(self, evolve: Evolve) -> None:
        """Let every state be the replay of its log; what cannot be replayed stays, for a check to find."""
        for row, _ in self._histories():
            try:
                stored, replayed = row[-2] and decode_ticket(row[-2]), None
                for entry in self.events(row[-1]):
                    replayed = evolve(replayed, entry.event, entry.at)
            except (EngineError, LookupError):
                continue
            if stored and replayed and stored != replayed:
                self._session.run(ADVANCE, *projection(replayed), stored.seq)


def _judged(row: Any, belongings: _Rows, evolve: Evolve) -> Iterator[Finding]:
    """Compare a ticket with the replay of its log, and its timers with both."""
    number = row[-1]
    fired: set[tuple[str, datetime]] = set()
    try:
        replayed = yield from _replayed(number, belongings, evolve, fired)
        stored = None if row[-2] is None else decode_ticket(row[-2])
    except (EngineError, LookupError) as error:
        why = error if isinstance(error, EngineError) else f"an event speaks of {error}, which was not there"
        yield Finding("I4", f"ticket {number}: the log cannot be replayed: {why}")
        return
    if stored is None or replayed != stored:
        yield Finding("I4", f"ticket {number}: its state is not what the replay of its log gives")
        return
    if projection(stored)[:-2] != tuple(row[:-2]):
        yield Finding("I4", f"ticket {number}: the columns that lists ask by are not what its state says")
    timers = {key: instant(due) for key, due in belongings["timer"]}
    for key, due in timers.items():
        if not awaits(stored, key, due):
            yield Finding("I6", f"ticket {number}: timer {key} is set, but nothing waits for it")
    for key, due in owed(stored):
        if timers.get(key) != due and (key, due) not in fired:
            yield Finding("I6", f"ticket {number}: timer {key}, due {due.isoformat()}, neither waits nor has fired")


def _replayed(number: str, belongings: _Rows, evolve: Evolve, fired: set[tuple[str, datetime]]) -> Generator[Finding, None, Ticket | None]:
    """Fold the log, decision by decision; `fired` gets the timers that did, by key and due instant. Raises EngineError."""
    ticket: Ticket | None = None
    events = {seq: entry for seq, *entry in belongings["event"]}
    for id, at, first, last, signal in belongings["decision"]:
        if signal is not None:
            yield from _firing(number, decode_signal("timer_fired", signal), instant(at), ticket, fired)
        for seq in range(first, last + 1) if first else ():
            if seq not in events:
                raise EngineError(f"event {seq} is missing")
            happened_at, type_name, text, decision = events.pop(seq)
            if (happened_at, decision) != (at, id):
                yield Finding("I4", f"ticket {number}: event {seq} is not as decision {id} recorded it")
            ticket = evolve(ticket, decode_event(type_name, text), instant(happened_at))
    if events:
        raise EngineError(f"event {min(events)} came of no decision")
    return ticket


def _firing(number: str, signal: Signal, at: datetime, ticket: Ticket | None, fired: set[tuple[str, datetime]]) -> Iterator[Finding]:
    """What is wrong with a timer's having fired at that instant, at which the ticket stood so."""
    assert isinstance(signal, TimerFired)  # noqa: S101  # by its name in the store
    once = (signal.key, signal.due)
    if at < signal.due:
        yield Finding("I6", f"ticket {number}: timer {signal.key}, due {signal.due.isoformat()}, fired early, at {at.isoformat()}")
    if once in fired:
        yield Finding("I6", f"ticket {number}: timer {signal.key}, due {signal.due.isoformat()}, fired twice")
    elif ticket is None or not awaits(ticket, *once):
        yield Finding("I6", f"ticket {number}: timer {signal.key}, due {signal.due.isoformat()}, fired though it was cancelled")
    fired.add(once)
