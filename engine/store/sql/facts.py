"""Facts about tickets and calls, which KPIs count."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from engine.store.rows import DecisionRecord, FactRow, FactSpan, FactSum
from engine.store.sql.session import Column, Room, instant, micros, micros_or_none

_MICROSECOND = timedelta(microseconds=1)

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

# The offset makes the local day and hour; it is the same all through a span.
_BY = {"day": "(at + :offset) / 86400000000", "hour": "(at + :offset) / 3600000000 % 24"}

# Seconds and what is left are summed apart: a few thousand instants in microseconds are more than 64 bits. Each sum that is not wanted is
# a twelfth of the time.
_VALUE = "sum(value / 1000000), sum(value % 1000000)"
_BUSINESS = "count(business), sum(business / 1000000), sum(business % 1000000)"
_WITHIN = "sum(CASE WHEN value <= :limit THEN 1 ELSE 0 END)"

_SUMS = """
SELECT subject, outcome{by}, {measures}
FROM fact WHERE name = :name AND at >= :since AND at < :until
GROUP BY subject, outcome{by}
"""

_REPEATS = """
SELECT subject, outcome{by}, {measures}, sum(CASE WHEN again_at <= at + :window OR EXISTS (
    SELECT 1 FROM fact AS other
    WHERE other.name = 'opened' AND other.customer = fact.customer AND other.kind = fact.kind
        AND other.at > fact.at AND other.at <= fact.at + :window AND other.ticket <> fact.ticket
) THEN 1 ELSE 0 END)
FROM fact WHERE name = :name AND at >= :since AND at < :until AND at + :window <= :end
GROUP BY subject, outcome{by}
"""

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

    def sum_facts(
        self, name: str, span: FactSpan, by: Sequence[str], limit: timedelta | None = None, of: Collection[str] = ("value", "business")
    ) -> list[FactSum]:
        """Facts by group."""
        sums = (_VALUE if "value" in of else "0, 0", _BUSINESS if "business" in of else "0, 0, 0", "0" if limit is None else _WITHIN)
        more: dict[str, Column] = {} if limit is None else {"limit": limit // _MICROSECOND}
        return list(self._sums(_SUMS, ", ".join(("count(*)", *sums)), name, span, by, more))

    def sum_repeats(self, name: str, span: FactSpan, by: Sequence[str], window: timedelta) -> list[FactSum]:
        """Facts by group, and whose matter came up again."""
        return list(
            self._sums(_REPEATS, "count(*), 0, 0, 0, 0, 0", name, span, by, {"window": window // _MICROSECOND, "end": micros(span.end)})
        )

    def _sums(self, sql: str, measures: str, name: str, span: FactSpan, by: Sequence[str], more: dict[str, Column]) -> Iterator[FactSum]:
        values = {"name": name, "since": micros(span.since), "until": micros(span.until), **more}
        if {"day", "hour"} & set(by):
            values["offset"] = span.offset // _MICROSECOND
        columns = "".join(f", {_BY.get(one, one)}" for one in by)
        for subject, outcome, *row in self._session.named(sql.format(by=columns, measures=measures), values):
            group, (count, seconds, rest, business_count, business, business_rest, within) = tuple(row[: len(by)]), row[len(by) :]
            value, worked = (int(whole or 0) * 1_000_000 + int(part or 0) for whole, part in ((seconds, rest), (business, business_rest)))
            yield FactSum(group, subject, outcome, count, value, business_count, worked, within)

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


def _columns(fact: FactRow) -> tuple[Column, ...]:
    value, business = (None if span is None else span // _MICROSECOND for span in (fact.value, fact.business))
    dimensions = (fact.kind, fact.tier, fact.channel, fact.queue, fact.agent, fact.segment, fact.subject, fact.outcome)
    return (fact.name, micros(fact.at), *dimensions, value, business, micros_or_none(fact.again_at), fact.customer)
