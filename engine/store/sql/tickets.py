"""Tickets, their log and their contents."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from engine.core.events import Event
from engine.core.fields import NEEDS, OPEN_STATES
from engine.core.model import Ticket
from engine.errors import UsageError
from engine.store.codec import decode_event, decode_plain, decode_ticket, encode, record_facts, record_reasons, record_signal, signal_name
from engine.store.contract.store import Conflict
from engine.store.contract.tickets import HISTORY
from engine.store.rows import DecisionRecord, StoredDecision, StoredEvent, TicketQuery
from engine.store.sql.facts import FactWrites
from engine.store.sql.session import SET_FREE, Column, Room, instant, instant_or_none, micros, micros_or_none

_STATE = "SELECT state_json FROM ticket WHERE number = ?"

# Rows that refer to the ticket may still be added by others.
_HOLD = f"{_STATE} /*pg FOR NO KEY UPDATE*/"

# A query is made of the filters that are asked for, so that the database can choose the index. `open` and `own` follow from the states and
# the kind that are asked for, and say so in the words of an index: no planner can tell that from values. `own` is left out where something
# else narrows more down.
_QUERY = "SELECT state_json FROM ticket WHERE {filters} ORDER BY {order} LIMIT :limit"

_FILTERS = {
    "states": "state IN (SELECT value FROM json_each(:states))",
    "queue": "queue = :queue",
    "assignee": "assignee = :assignee",
    "kind": "kind = :kind",
    "tier": "tier = :tier",
    "customer": "customer = :customer",
    "parent": "parent = :parent",
    "after": "number > :after",
    "open": "closed_at IS NULL",
    "own": f"kind NOT IN {NEEDS}",
    "text": r"""(number LIKE :text ESCAPE '\' OR number IN (SELECT ticket FROM content WHERE body /*pg I*/LIKE :text ESCAPE '\'))""",
}

_OPEN_STATES = frozenset(OPEN_STATES)

# A ticket that was reopened may have ended for a while; only its log tells.
_OPENED_UNTIL = """
SELECT number FROM (
    SELECT number, opened_at FROM ticket WHERE closed_at IS NULL
    UNION ALL SELECT number, opened_at FROM ticket WHERE closed_at > ?
) AS standing WHERE opened_at <= ? ORDER BY opened_at, number
"""

_CLOSED = "SELECT state_json FROM ticket WHERE closed_at >= ? AND closed_at < ? ORDER BY number"

_OPEN_OF_CUSTOMER = """
SELECT state_json FROM ticket WHERE customer = ? AND closed_at IS NULL ORDER BY opened_at DESC, number DESC
"""

_OPEN_INCIDENT = """
SELECT state_json FROM ticket WHERE alike = ? AND kind IN ('incident', 'alert') AND customer IS NULL AND closed_at IS NULL
ORDER BY opened_at DESC LIMIT 1
"""

_SUSPECTS = """
SELECT number FROM ticket
WHERE alike = ? AND opened_at >= ? AND number > ? AND incident IS NULL AND customer IS NOT NULL AND closed_at IS NULL
ORDER BY number LIMIT ?
"""

_COUNT_ALIKE = "SELECT count(*) FROM ticket WHERE alike = ? AND customer IS NOT NULL AND opened_at > ? AND opened_at <= ?"

_MEMBERS = "SELECT number FROM ticket WHERE incident = ? AND number > ? ORDER BY number LIMIT ?"

_LAST_AGENT = """
SELECT assignee FROM ticket WHERE customer = ? AND assignee IS NOT NULL ORDER BY opened_at DESC, number DESC LIMIT 1
"""

_NEEDS_OF = """
SELECT opened_at FROM ticket
WHERE customer = ? AND opened_at >= ? AND number <> ? AND kind IN (SELECT value FROM json_each(?))
ORDER BY opened_at DESC LIMIT ?
"""

_LAST_CONTACT = """
SELECT max(event.at)
FROM (SELECT number FROM ticket WHERE customer = ? ORDER BY opened_at DESC LIMIT ?) AS own CROSS JOIN event
WHERE event.ticket = own.number AND CASE
    WHEN event.type IN ('ticket_opened', 'message_received') THEN event.event_json /*pg ::json*/ ->> 'by' = 'customer'
    WHEN event.type IN ('customer_contacted', 'progress_reported', 'result_reported', 'customer_confirmed', 'customer_objected')
        THEN event.event_json /*pg ::json*/ ->> 'by' <> 'system'
END
"""

_LOADS = """
SELECT assignee, count(*) FROM ticket WHERE closed_at IS NULL AND assignee IS NOT NULL GROUP BY assignee ORDER BY assignee
"""

_OPEN = """
INSERT INTO ticket (
    seq, kind, state, tier, queue, assignee, customer, channel, parent, incident, alike, opened_at, closed_at, next_due, state_json, number
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (number) DO NOTHING
"""

# The last condition is the optimistic lock: nobody has changed the ticket since it was read.
ADVANCE = """
UPDATE ticket SET seq = ?, kind = ?, state = ?, tier = ?, queue = ?, assignee = ?, customer = ?, channel = ?, parent = ?,
    incident = ?, alike = ?, opened_at = ?, closed_at = ?, next_due = ?, state_json = ?
WHERE number = ? AND seq = ?
"""

_DECIDED = """
INSERT INTO decision (ticket, at, signal_type, signal_json, facts_json, policy_digest, reasons_json, refused, inbox, first_seq, last_seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""

_HAPPENED = "INSERT INTO event (ticket, seq, at, type, event_json, decision_id) VALUES (?, ?, ?, ?, ?, ?)"

_EVENTS = "SELECT seq, at, type, event_json, decision_id FROM event WHERE ticket = ? ORDER BY seq"

_DECISIONS = """
SELECT id, at, signal_type, signal_json, facts_json, policy_digest, reasons_json, refused, first_seq, last_seq, inbox
FROM decision WHERE ticket = ? ORDER BY id
"""

_KEEP = "INSERT INTO content (id, ticket, kind, body) VALUES (?, ?, ?, ?)"

_CONTENTS = "SELECT id, body FROM content WHERE id IN (SELECT value FROM json_each(?))"

_CONTENT_OF = "SELECT id, kind, body FROM content WHERE ticket = ? ORDER BY id"


class TicketReads(Room):
    """Keeps the contract's `TicketReader`."""

    def ticket(self, number: str) -> Ticket | None:
        """The ticket's state."""
        text = self._session.value(_STATE, number)
        return None if text is None else decode_ticket(text)

    def tickets(self, query: TicketQuery) -> list[Ticket]:
        """The tickets that fit."""
        is_open = bool(query.states) and _OPEN_STATES.issuperset(query.states)
        values: dict[str, Column] = {
            "states": encode(query.states) if query.states else None,
            "queue": query.queue,
            "assignee": query.assignee,
            "kind": query.kind,
            "tier": query.tier,
            "customer": query.customer,
            "parent": query.parent,
            "text": None if query.text is None else _containing(query.text),
            "open": is_open or None,
            "own": not (is_open or query.parent or query.customer or query.kind is None or query.kind in NEEDS) or None,
            "limit": query.limit,
            "after": query.after,
        }
        filters = " AND ".join(sql for name, sql in _FILTERS.items() if values[name] is not None)
        order = "next_due NULLS LAST, number" if query.after is None else "number"
        rows = self._session.named(_QUERY.format(filters=filters or "TRUE", order=order), values)
        return [decode_ticket(text) for (text,) in rows]

    def opened_until(self, at: datetime) -> list[str]:
        """The tickets that may have been open at that instant."""
        return [number for (number,) in self._session.all(_OPENED_UNTIL, micros(at), micros(at))]

    def closed(self, since: datetime, until: datetime) -> list[Ticket]:
        """The tickets that ended in that time."""
        return [decode_ticket(text) for (text,) in self._session.all(_CLOSED, micros(since), micros(until))]

    def open_tickets_of(self, customer: str) -> list[Ticket]:
        """The customer's tickets that have not ended."""
        return [decode_ticket(text) for (text,) in self._session.all(_OPEN_OF_CUSTOMER, customer)]

    def open_incident(self, alike: str) -> Ticket | None:
        """The incident that takes in such tickets."""
        text = self._session.value(_OPEN_INCIDENT, alike)
        return None if text is None else decode_ticket(text)

    def count_alike(self, alike: str, since: datetime, until: datetime) -> int:
        """How many tickets of customers are alike, opened in that time."""
        count: int = self._session.value(_COUNT_ALIKE, alike, micros(since), micros(until))
        return count

    def suspects(self, alike: str, since: datetime, after: str, limit: int) -> list[str]:
        """Tickets that are alike and belong to no incident."""
        return [number for (number,) in self._session.all(_SUSPECTS, alike, micros(since), after, limit)]

    def members(self, incident: str, after: str, limit: int) -> list[str]:
        """The tickets of an incident."""
        return [number for (number,) in self._session.all(_MEMBERS, incident, after, limit)]

    def last_agent(self, customer: str) -> str | None:
        """Who served the customer last."""
        agent: str | None = self._session.value(_LAST_AGENT, customer)
        return agent

    def needs_of(self, customer: str, since: datetime, limit: int, without: str = "") -> list[datetime]:
        """When the customer's needs were opened."""
        rows = self._session.all(_NEEDS_OF, customer, micros(since), without, encode(NEEDS), limit)
        return [instant(at) for (at,) in rows]

    def last_contact(self, customer: str) -> datetime | None:
        """When there last was contact."""
        return instant_or_none(self._session.value(_LAST_CONTACT, customer, HISTORY))

    def loads(self) -> dict[str, int]:
        """Open tickets by agent."""
        return dict(self._session.all(_LOADS))

    def events(self, number: str) -> list[StoredEvent]:
        """The ticket's log."""
        return [
            StoredEvent(seq, instant(at), decode_event(type_name, text), decision)
            for seq, at, type_name, text, decision in self._session.all(_EVENTS, number)
        ]

    def decisions(self, number: str) -> list[StoredDecision]:
        """The decisions about the ticket."""
        return [_decision(row) for row in self._session.all(_DECISIONS, number)]

    def contents(self, ids: Iterable[str]) -> dict[str, str]:
        """Bodies by content id."""
        return dict(self._session.all(_CONTENTS, encode(wanted))) if (wanted := list(ids)) else {}

    def content_of(self, ticket: str) -> list[tuple[str, str, str]]:
        """The ticket's contents."""
        return self._session.all(_CONTENT_OF, ticket)


class TicketWrites(TicketReads, FactWrites):
    """Keeps the contract's `TicketWriter`, and what of it is counted."""

    def hold_ticket(self, number: str) -> Ticket | None:
        """The ticket's state, which nobody else changes now."""
        text = self._session.value(_HOLD, number)
        return None if text is None else decode_ticket(text)

    def append(self, before_seq: int, ticket: Ticket, events: Sequence[Event], record: DecisionRecord) -> int:
        """Keep a decision with its events and the state they led to."""
        if not 0 < ticket.seq == before_seq + len(events):
            raise UsageError(f"ticket {ticket.number} is at seq {ticket.seq}, but {len(events)} events after {before_seq} were given")
        row = projection(ticket)
        changed = self._session.run(ADVANCE, *row, before_seq) if before_seq else self._session.run(_OPEN, *row)
        if changed != 1:
            raise Conflict(f"Ticket {ticket.number} is not at seq {before_seq} any more: read it again and decide again.")
        decision = self._record(ticket.number, record, (before_seq + 1, ticket.seq) if events else (None, None))
        at = micros(record.at)
        self._session.run_many(
            _HAPPENED, ((ticket.number, seq, at, event.type, encode(event), decision) for seq, event in enumerate(events, before_seq + 1))
        )
        return decision

    def record_refusal(self, number: str | None, record: DecisionRecord) -> int:
        """Keep a decision without events."""
        return self._record(number, record, (None, None))

    def next_number(self, day: date) -> str:
        """The next ticket number of the day."""
        stamp = day.isoformat().replace("-", "")
        return f"{stamp}{self._session.count(f'ticket {stamp}'):04d}"

    def give_back_number(self, number: str) -> None:
        """Nobody has the number."""
        self._session.run(SET_FREE, f"ticket {number[:8]}", int(number[8:]))

    def keep_content(self, id: str, ticket: str | None, kind: str, body: str) -> None:
        """Keep a text."""
        self.keep_contents(ticket, [(id, kind, body)])

    def keep_contents(self, ticket: str | None, contents: Iterable[tuple[str, str, str]]) -> None:
        """Keep texts."""
        self._session.run_many(_KEEP, ((id, ticket, kind, body) for id, kind, body in contents))

    def _record(self, number: str | None, record: DecisionRecord, span: tuple[int | None, int | None]) -> int:
        id: int = self._session.value(
            _DECIDED,
            number,
            micros(record.at),
            signal_name(record.signal),
            encode(record_signal(record.signal)),
            encode(record_facts(record.facts, record.signal)),
            record.policy_digest,
            encode(record_reasons(record.reasons)),
            record.refused,
            record.inbox,
            *span,
        )
        self._keep_call(number, id, record)
        return id


def projection(ticket: Ticket) -> tuple[Column, ...]:
    """The columns of a ticket in the order of _OPEN and ADVANCE."""
    dues = [clock.due for clock in ticket.deadlines.values() if clock.running and clock.due is not None]
    return (
        ticket.seq,
        ticket.kind,
        ticket.state,
        ticket.tier,
        ticket.queue,
        ticket.assignee,
        ticket.customer,
        ticket.channel,
        ticket.parent,
        ticket.incident,
        ticket.alike,
        micros(ticket.opened_at),
        micros_or_none(ticket.closed_at),
        micros_or_none(min(dues, default=None)),
        encode(ticket),
        ticket.number,
    )


def _decision(row: tuple[Any, ...]) -> StoredDecision:
    id, at, signal_type, signal, facts, digest, reasons, *rest = row
    because = decode_plain(reasons) or []
    return StoredDecision(id, instant(at), signal_type, decode_plain(signal), decode_plain(facts), digest, because, *rest)


def _containing(text: str) -> str:
    """The LIKE pattern of everything that has `text` in it, its wildcards taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
