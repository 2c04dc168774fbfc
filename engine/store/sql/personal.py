"""Personal data: where they lie, as one table of statements that export, retention and erasure share."""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

from engine.store.codec import encode, without_personal
from engine.store.personal import HoldRow, OptOutRow, PersonalRow, Whose, files_of
from engine.store.rows import LinkRow
from engine.store.sql.session import Column, Room, instant, instant_or_none, micros

_TICKETS = "(SELECT value FROM json_each(:tickets))"
_NO_HOLD = "NOT EXISTS (SELECT 1 FROM hold WHERE subject IN (ticket.number, ticket.customer, ticket.parent))"
_UNSENT = "outbox.state IN ('queued', 'held', 'sending')"

# When a report went out, which is about no ticket: its words, or what was enclosed.
_MAILED = f"""(
    SELECT created_at FROM outbox
    WHERE outbox.id IN (content.id, replace(content.id, '.enclosed', '')) AND outbox.ticket IS NULL AND NOT ({_UNSENT})
)"""


def _only_key(row: PersonalRow) -> tuple[Column, ...]:
    return (next(iter(row.values())),)


class _Place(Struct, frozen=True):
    """`columns` of `tables`, the key first, hold something personal where `holds`; `clear` takes what `values` makes of a row.

    A row is a customer's where `mine`; its time is over where `outdated`, which lets alone what is still needed or on hold.
    """

    columns: str
    tables: str
    holds: str
    mine: str
    outdated: str
    clear: str
    values: Callable[[PersonalRow], tuple[Column, ...]] = _only_key

    def select(self, which: str) -> str:
        return f"SELECT {self.columns} FROM {self.tables} WHERE ({self.holds}) AND ({which}) ORDER BY 1"


def _contents(kinds: str) -> _Place:
    return _Place(
        "content.id, content.ticket, customer, content.kind, body",
        "content LEFT JOIN ticket ON number = content.ticket",
        f"content.kind {kinds}",
        f"content.ticket IN {_TICKETS}",
        f"""coalesce(closed_at, CASE WHEN content.ticket IS NULL THEN {_MAILED} END) <= :before AND {_NO_HOLD}
            AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.ticket = content.ticket AND content_id = content.id AND ({_UNSENT}))""",
        "DELETE FROM content WHERE id = ?",
    )


# An item that waited is done; neither it nor a message that was set aside can be tried again.
_PLACES = {
    "ticket.texts": _contents("NOT IN ('contact', 'attachment')"),
    "ticket.contact": _contents("= 'contact'"),
    "ticket.attachments": _contents("= 'attachment'"),
    "ticket.decisions": _Place(
        "decision.id, decision.ticket, customer, at, signal_type, signal_json, facts_json, reasons_json, refused",
        "decision LEFT JOIN ticket ON number = decision.ticket",
        "reasons_json <> 'null'",
        f"""decision.ticket IN {_TICKETS}
            OR decision.ticket IS NULL AND facts_json /*pg ::json*/ -> 'customer' ->> 'id' = :customer""",
        f"coalesce(closed_at, CASE WHEN number IS NULL THEN at END) <= :before AND {_NO_HOLD}",
        """UPDATE decision SET signal_json = ?, facts_json = ?, reasons_json = 'null', refused = substr(refused, 1, 0) WHERE id = ?""",
        lambda row: (*without_personal(str(row["signal_json"]), str(row["facts_json"])), row["id"]),
    ),
    "message.addresses": _Place(
        "outbox.id, outbox.ticket, customer, outbox.channel, party, address, subject, error, created_at",
        "outbox LEFT JOIN ticket ON number = outbox.ticket",
        "subject <> '' OR error IS NOT NULL OR provider_id IS NOT NULL OR address <> '' AND party = 'customer'",
        f"""outbox.ticket IN {_TICKETS}
            OR party = 'customer' AND address IN (SELECT address FROM customer_address WHERE customer_address.customer = :customer)""",
        f"closed_at <= :before AND NOT ({_UNSENT}) AND {_NO_HOLD}",
        """
UPDATE outbox SET address = CASE WHEN party = 'customer' THEN '' ELSE address END, subject = '', error = NULL, provider_id = NULL,
    dropped_at = CASE WHEN state = 'dead' THEN coalesce(dropped_at, next_attempt_at) END
WHERE id = ?
""",
    ),
    "inbox.items": _Place(
        "inbox.id, inbox.ticket, customer, inbox.channel, inbox.state, source_id, received_at, item_json, raw, error",
        "inbox LEFT JOIN ticket ON number = inbox.ticket",
        "item_json <> 'null'",
        f"inbox.ticket IN {_TICKETS} OR inbox.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:items))",
        f"received_at <= :before AND (inbox.state = 'done' OR dropped_at IS NOT NULL) AND {_NO_HOLD}",
        """
UPDATE inbox SET item_json = 'null', raw = ?, error = NULL, source_id = ?, state = CASE state WHEN 'pending' THEN 'done' ELSE state END,
    dropped_at = CASE WHEN state = 'dead' THEN coalesce(dropped_at, received_at) END
WHERE id = ?
""",
        lambda row: (b"", cleared(str(row["source_id"])), row["id"]),
    ),
    "errors": _Place(
        "id, kind, item, at, detail",
        "trial",
        "detail <> ''",
        f"""kind = 'outbox' AND item IN (SELECT id FROM outbox WHERE ticket IN {_TICKETS})
            OR kind = 'inbox' AND item IN (SELECT CAST(id AS TEXT) FROM inbox WHERE ticket IN {_TICKETS})
            OR kind = 'inbox' AND item IN (SELECT value FROM json_each(:items))
            OR kind = 'timer' AND substr(item, 1, length(item) - length(ltrim(item, '0123456789'))) IN {_TICKETS}""",
        "at <= :before",
        "UPDATE trial SET detail = '' WHERE id = ?",
    ),
    "feedback.texts": _Place(
        "id, day, source, body, customer",
        "feedback",
        "body <> '' OR customer IS NOT NULL",
        "customer = :customer",
        "entered_at <= :before AND NOT EXISTS (SELECT 1 FROM hold WHERE subject = customer)",
        "UPDATE feedback SET body = '', customer = NULL WHERE id = ?",
    ),
    "survey.suggestions": _Place(
        "id, survey, month, suggestion",
        "survey_answer",
        "suggestion <> ''",
        f"id IN (SELECT answer FROM follow_up_link WHERE customer = :customer OR ticket IN {_TICKETS})",
        "month < :month",
        "UPDATE survey_answer SET suggestion = '' WHERE id = ?",
    ),
    "audit": _Place("id, at, who, what, about, reason", "audit", "TRUE", "FALSE", "at <= :before", "DELETE FROM audit WHERE id = ?"),
}

# A customer's tickets, also those that are another's now; the work that came of them, and reviews of it. Measures of improvement
# are the house's own.
_ABOUT = """
WITH RECURSIVE about (number) AS (
    SELECT number FROM ticket WHERE customer = :customer
    UNION SELECT ticket FROM event
        WHERE type IN ('ticket_opened', 'customer_changed') AND event_json /*pg ::json*/ ->> 'customer' = :customer
    UNION SELECT follow_up FROM follow_up_link WHERE customer = :customer
    UNION SELECT ticket.number FROM ticket JOIN about ON ticket.parent = about.number WHERE ticket.kind <> 'improvement'
)
SELECT number FROM about
UNION SELECT number FROM ticket
    WHERE kind = 'review' AND state_json /*pg ::json*/ -> 'review' ->> 'ticket' IN (SELECT number FROM about)
ORDER BY 1
"""

_IDLE = """
SELECT id FROM customer
WHERE created_at <= :before AND id > :after
    AND (name <> '' OR EXISTS (SELECT 1 FROM customer_address WHERE customer_address.customer = customer.id))
    AND NOT EXISTS (SELECT 1 FROM ticket WHERE ticket.customer = customer.id AND (closed_at IS NULL OR closed_at > :before))
    AND NOT EXISTS (
        SELECT 1 FROM hold
        WHERE subject = customer.id OR subject IN (SELECT number FROM ticket WHERE ticket.customer = customer.id)
    )
ORDER BY id LIMIT :limit
"""

_WITHOUT_TICKET = "SELECT id, channel, item_json FROM inbox WHERE ticket IS NULL AND item_json <> 'null' ORDER BY id"

_ATTACHMENTS = "SELECT kind, body FROM content WHERE kind IN ('attachment', 'enclosed')"

_LINKS = "SELECT follow_up, answer, ticket, customer, contact FROM follow_up_link WHERE customer = ? ORDER BY follow_up"

_OPT_OUTS = """
SELECT channel, address, at FROM opt_out WHERE address IN (SELECT address FROM customer_address WHERE customer = ?)
ORDER BY channel, address
"""

_HOLDS = "SELECT subject, at, by, reason FROM hold WHERE subject IN (SELECT value FROM json_each(?)) ORDER BY subject"

_HOLD = "INSERT INTO hold (subject, at, by, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"

_KEEP_ERASURE = "INSERT INTO erasure (mark, customer, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

# A message that was set aside cannot be tried again without its words.
_GIVE_UP = """
UPDATE outbox SET dropped_at = coalesce(dropped_at, next_attempt_at) WHERE ticket = ? AND content_id = ? AND state = 'dead'
"""

_FORGET_OPT_OUTS = "DELETE FROM opt_out WHERE address IN (SELECT address FROM customer_address WHERE customer = :customer)"

_FORGET = (
    f"UPDATE timer SET error = NULL WHERE ticket IN {_TICKETS}",
    f"DELETE FROM follow_up_link WHERE customer = :customer OR ticket IN {_TICKETS}",
    _FORGET_OPT_OUTS,
    "DELETE FROM customer WHERE id = :customer",
)


def cleared(source_id: str) -> str:
    """Return what stands for a source's name of an item that was cleared: the same item is still known when it comes again."""
    return f"cleared {sha256(source_id.encode('utf-8', 'surrogatepass')).hexdigest()}"


class PersonalReads(Room):
    """Keeps the contract's `PersonalReader`."""

    def tickets_about(self, customer: str) -> list[str]:
        """Tickets about the customer."""
        return [number for (number,) in self._session.named(_ABOUT, {"customer": customer})]

    def personal(self, place: str, whose: Whose) -> list[PersonalRow]:
        """What is the customer's."""
        items = encode([str(item) for item in whose.items])
        values: dict[str, Column] = {"customer": whose.customer, "tickets": encode(list(whose.tickets)), "items": items}
        return self._found(place, _PLACES[place].select(_PLACES[place].mine), values)

    def outdated(self, place: str, before: datetime, limit: int) -> list[PersonalRow]:
        """What is too old."""
        values: dict[str, Column] = {"before": micros(before), "month": f"{before:%Y-%m}", "limit": limit}
        return self._found(place, f"{_PLACES[place].select(_PLACES[place].outdated)} LIMIT :limit", values)

    def idle_customers(self, before: datetime, after: str, limit: int) -> list[str]:
        """Customers nobody has heard of for long."""
        return [id for (id,) in self._session.named(_IDLE, {"before": micros(before), "after": after, "limit": limit})]

    def items_without_ticket(self) -> list[tuple[int, str, str]]:
        """Inbox items of no ticket."""
        return self._session.all(_WITHOUT_TICKET)

    def attachments(self) -> set[str]:
        """Files that are still needed."""
        return set[str]().union(*(files_of(kind, body) for kind, body in self._session.all(_ATTACHMENTS)))

    def links_of(self, customer: str) -> list[LinkRow]:
        """Follow-ups about the customer."""
        return [LinkRow(*row) for row in self._session.all(_LINKS, customer)]

    def opt_outs(self, customer: str) -> list[OptOutRow]:
        """What the customer does not want."""
        return [OptOutRow(channel, address, instant(at)) for channel, address, at in self._session.all(_OPT_OUTS, customer)]

    def holds(self, subjects: Sequence[str]) -> list[HoldRow]:
        """What is on hold."""
        return [HoldRow(subject, instant(at), by, reason) for subject, at, by, reason in self._session.all(_HOLDS, encode(list(subjects)))]

    def erasures(self) -> dict[str, str]:
        """Who was erased."""
        return dict(self._session.all("SELECT mark, customer FROM erasure"))

    def erased(self, customer: str) -> datetime | None:
        """When the customer was erased."""
        return instant_or_none(self._session.value("SELECT max(at) FROM erasure WHERE customer = ?", customer))

    def _found(self, place: str, sql: str, values: dict[str, Column]) -> list[PersonalRow]:
        names = [column.rpartition(".")[2] for column in _PLACES[place].columns.split(", ")]
        return [dict(zip(names, row, strict=True)) for row in self._session.named(sql, values)]


class PersonalWrites(PersonalReads):
    """Keeps the contract's `PersonalWriter`."""

    def clear(self, place: str, rows: Sequence[PersonalRow]) -> None:
        """Clear what was found."""
        if place == "ticket.texts":
            self._session.run_many(_GIVE_UP, ((row["ticket"], row["id"]) for row in rows))
        self._session.run_many(_PLACES[place].clear, map(_PLACES[place].values, rows))

    def erase_customer(self, whose: Whose) -> None:
        """Remove the customer and what leads to them."""
        for place in _PLACES:
            self.clear(place, self.personal(place, whose))
        for sql in _FORGET:
            self._session.named(sql, {"customer": whose.customer, "tickets": encode(list(whose.tickets))})

    def forget_identity(self, customer: str) -> None:
        """Remove who the customer is."""
        self._session.named(_FORGET_OPT_OUTS, {"customer": customer})
        self._session.run("DELETE FROM customer_address WHERE customer = ?", customer)
        self._session.run("UPDATE customer SET name = '' WHERE id = ?", customer)

    def hold(self, row: HoldRow) -> bool:
        """Put on hold."""
        return self._session.run(_HOLD, row.subject, micros(row.at), row.by, row.reason) == 1

    def release(self, subject: str) -> bool:
        """Let a hold go."""
        return self._session.run("DELETE FROM hold WHERE subject = ?", subject) == 1

    def keep_erasure(self, mark: str, customer: str, at: datetime) -> None:
        """Record an erasure."""
        self._session.run(_KEEP_ERASURE, mark, customer, micros(at))
