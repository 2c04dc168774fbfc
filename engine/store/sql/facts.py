"""Facts about tickets and calls, which KPIs count."""

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.core.kpis import Term
from engine.store.rows import DecisionRecord, FactRow, FactSpan, FactSums
from engine.store.sql.session import MICROSECOND, Column, Room, instant, micros, micros_or_none

# The first decision about a ticket opened it; its record outlives the customer.
_WITHOUT_FACTS = """
SELECT number, (
    SELECT facts_json /*pg ::json*/ -> 'customer' ->> 'segment' FROM decision WHERE ticket = ticket.number ORDER BY id LIMIT 1
)
FROM ticket WHERE facts_seq <> seq ORDER BY number LIMIT ?
"""

# Holds the ticket, so that two who derive its facts at once do it one after the other.
_DERIVED = "UPDATE ticket SET facts_seq = seq WHERE number = ? AND seq = ?"

_ANEW = "UPDATE ticket SET facts_seq = 0"

_FORGET = "DELETE FROM fact WHERE ticket = ? AND name <> 'call'"

_KEEP = """
INSERT INTO fact
    (ticket, n, name, at, kind, tier, channel, queue, agent, segment, subject, outcome, value, business, again_at, customer)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

# The offset makes the local hour; it is the same all through a span.
_HOUR = "(at + ?) / 3600000000 % 24"

# Seconds and what is left are summed apart: a few thousand instants in microseconds are more than 64 bits.
_SUMMED = {"value": ("value / 1000000", "value % 1000000"), "business": ("business / 1000000", "business % 1000000")}
_SUMMED["business_count"] = ("0", "CASE WHEN business IS NULL THEN 0 ELSE 1 END")

_AGAIN = """(again_at IS NOT NULL AND again_at <= at + ? OR EXISTS (
    SELECT 1 FROM fact AS other
    WHERE other.name = 'opened' AND other.customer = fact.customer AND other.kind = fact.kind
        AND other.at > fact.at AND other.at <= fact.at + ? AND other.ticket <> fact.ticket
))"""

# One pass for everything that is asked of a fact. SQLite sorts what it groups, which is most of the time, so outcomes are no groups.
_SUMS = "SELECT {columns} FROM fact WHERE name = ? AND at >= ? AND at < ?{apart}{groups}"

_CALLS = """
SELECT fact.n, coalesce(inbox.source_id, ''), fact.at, fact.channel, fact.queue, fact.agent
FROM fact LEFT JOIN decision ON decision.id = fact.n LEFT JOIN inbox ON inbox.id = decision.inbox
WHERE fact.name = 'call' AND fact.at >= ? AND fact.at < ? AND fact.ticket = '' AND fact.outcome = 'answered'
ORDER BY fact.at, fact.n
"""


class FactReads(Room):
    """Keeps the contract's `FactReader`."""

    def without_facts(self, limit: int) -> list[tuple[str, str | None]]:
        """Tickets about which something happened since."""
        return self._session.all(_WITHOUT_FACTS, limit)

    def sum_facts(self, terms: Sequence[Term], span: FactSpan, by: Sequence[str] = (), apart: Collection[str] = ()) -> list[FactSums]:
        """Facts by group."""
        columns: list[str] = [_HOUR if one == "hour" else one for one in by]
        values: list[Column] = [span.offset // MICROSECOND for one in by if one == "hour"]
        for term in terms:
            condition, wanted = _condition(term, span)
            for summed in _SUMMED.get(term.of, ("0", "1")):
                columns.append(summed if summed == "0" else f"sum({summed}){condition}")
                values += () if summed == "0" else wanted
        without = f" AND subject NOT IN ({_marks(apart)})" if apart else ""
        groups = f" GROUP BY {', '.join(str(place) for place in range(1, len(by) + 1))}" if by else ""
        sql = _SUMS.format(columns=", ".join(columns), apart=without, groups=groups)
        found = self._session.all(sql, *values, terms[0].fact, micros(span.since), micros(span.until), *apart)
        return [FactSums(row[: len(by)], tuple(map(_whole, row[len(by) :: 2], row[len(by) + 1 :: 2]))) for row in found]

    def calls_without_ticket(self, since: datetime, until: datetime) -> list[tuple[int, str, FactRow]]:
        """Calls of no ticket."""
        found = self._session.all(_CALLS, micros(since), micros(until))
        return [(id, name, FactRow("call", instant(at), None, None, *about)) for id, name, at, *about in found]


class FactWrites(FactReads):
    """Keeps the contract's `FactWriter`."""

    def keep_facts(self, ticket: str, seq: int, facts: Sequence[FactRow]) -> bool:
        """Keep facts instead of earlier ones."""
        if not self._session.run(_DERIVED, ticket, seq):
            return False
        self._session.run(_FORGET, ticket)
        self._session.run_many(_KEEP, ((ticket, n, *_columns(fact)) for n, fact in enumerate(facts)))
        return True

    def derive_anew(self) -> None:
        """Let all facts be derived anew."""
        self._session.run(_ANEW)

    def _keep_call(self, ticket: str | None, decision: int, record: DecisionRecord) -> None:
        """Keep a call as a fact: calls that open no ticket stand in no log."""
        call = record.facts.call
        if call is not None:
            channel, agent = (getattr(record.signal, name, None) for name in ("channel", "agent"))
            fact = FactRow(
                "call", record.at, None, None, channel, call.queue or None, agent, None, call.direction, call.outcome, call.wait, call.talk
            )
            self._session.run(_KEEP, ticket or "", decision, *_columns(fact))


def _condition(term: Term, span: FactSpan) -> tuple[str, list[Column]]:
    """Which facts a term counts, with the values of it."""
    conditions, values = list[str](), list[Column](term.outcomes)
    if term.outcomes:
        conditions.append(f"outcome IN ({_marks(term.outcomes)})")
    if term.span is not None:
        wide = term.span // MICROSECOND
        if term.of == "within":
            conditions.append("value <= ?")
            values.append(wide)
        else:
            conditions.append("at <= ?")
            values.append(micros(span.end) - wide)
        if term.of in ("repeated", "once"):
            conditions.append(_AGAIN if term.of == "repeated" else f"NOT {_AGAIN}")
            values += (wide, wide)
    return f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else "", values


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def _whole(seconds: int | None, rest: int | None) -> int | None:
    return None if rest is None else int(seconds or 0) * 1_000_000 + int(rest)


def _columns(fact: FactRow) -> tuple[Column, ...]:
    value, business = (None if span is None else span // MICROSECOND for span in (fact.value, fact.business))
    dimensions = (fact.kind, fact.tier, fact.channel, fact.queue, fact.agent, fact.segment, fact.subject, fact.outcome)
    return (fact.name, micros(fact.at), *dimensions, value, business, micros_or_none(fact.again_at), fact.customer)
