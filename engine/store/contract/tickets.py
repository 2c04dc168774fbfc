"""Tickets with their log and contents, and timers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from engine.core.events import Event
from engine.core.model import Ticket
from engine.store.rows import DecisionRecord, StoredDecision, StoredEvent, TicketQuery, TimerRow

HISTORY = 1_000
"""How many of a customer's tickets count as their history."""


class TicketReader(Protocol):
    """Asks about tickets."""

    def ticket(self, number: str) -> Ticket | None:
        """Return the ticket's state, None if there is no such ticket."""

    def tickets(self, query: TicketQuery) -> list[Ticket]:
        """Return the tickets that fit, the next one due first, those without a running deadline last, then by number."""

    def opened_until(self, at: datetime) -> list[str]:
        """Return the numbers of the tickets that were opened up to `at` and had not ended for good by then, oldest first."""

    def closed(self, since: datetime, until: datetime) -> list[Ticket]:
        """Return the tickets that ended from `since` to before `until` and have not been reopened, by number."""

    def open_tickets_of(self, customer: str) -> list[Ticket]:
        """Return the customer's tickets that have not ended, the latest first."""

    def open_incident(self, alike: str) -> Ticket | None:
        """Return the incident that takes in such tickets and has not ended, the latest one."""

    def count_alike(self, alike: str, since: datetime, until: datetime) -> int:
        """Count the tickets of customers that are alike and were opened after `since`, up to `until`."""

    def suspects(self, alike: str, since: datetime, after: str, limit: int) -> list[str]:
        """Return the open tickets that are alike, were opened since then and belong to no incident: the first behind `after` by number."""

    def members(self, incident: str, after: str, limit: int) -> list[str]:
        """Return the tickets that belong to an incident: the first behind `after` by number."""

    def last_agent(self, customer: str) -> str | None:
        """Return who holds the latest ticket of the customer that anybody holds."""

    def needs_of(self, customer: str, since: datetime, limit: int, without: str = "") -> list[datetime]:
        """Return when the customer's needs (no work of the house) since then were opened, newest first; never that of `without`."""

    def last_contact(self, customer: str) -> datetime | None:
        """Return when the customer last wrote, called or answered, or an agent last contacted, updated or answered them.

        Their newest `HISTORY` tickets are looked at. What the engine sends by itself is no contact.
        """

    def loads(self) -> dict[str, int]:
        """Return how many tickets that have not ended each agent holds; agents without any are left out."""

    def events(self, number: str) -> list[StoredEvent]:
        """Return the ticket's log in order."""

    def decisions(self, number: str) -> list[StoredDecision]:
        """Return the decisions about the ticket in order, refusals included."""

    def contents(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the bodies by id; what was erased, or never was, is left out."""

    def content_of(self, ticket: str) -> list[tuple[str, str, str]]:
        """Return the ticket's contents as (id, kind, body), by id."""


class TicketWriter(Protocol):
    """Changes tickets."""

    def hold_ticket(self, number: str) -> Ticket | None:
        """Return the ticket's state, None if there is no such ticket; nobody else changes it before this transaction ends."""

    def append(self, before_seq: int, ticket: Ticket, events: Sequence[Event], record: DecisionRecord) -> int:
        """Keep a decision, its events as `before_seq` + 1 and on, and the state they led to; return the decision's id.

        Come here before the ticket's contents, timers and messages, which refer to it. `before_seq` 0 opens the ticket.
        Raises Conflict unless the stored ticket is at `before_seq`, UsageError unless `ticket.seq` counts the events.
        """

    def record_refusal(self, number: str | None, record: DecisionRecord) -> int:
        """Keep a decision that led to no events; return its id. `number` is None where there is no ticket."""

    def next_number(self, day: date) -> str:
        """Return the lowest ticket number of that day that nobody has, `YYYYMMDDNNNN`, a digit longer past 9999.

        Undone with the transaction, and then given again.
        """

    def give_back_number(self, number: str) -> None:
        """Let a number of `next_number` be given again; no row may have it."""

    def keep_content(self, id: str, ticket: str | None, kind: str, body: str) -> None:
        """Keep a text beside the log. Raises StoreFailed if the id is taken."""

    def keep_contents(self, ticket: str | None, contents: Iterable[tuple[str, str, str]]) -> None:
        """Keep texts as `keep_content` does: id, kind and body of each."""


class TimerReader(Protocol):
    """Asks about timers."""

    def due_timers(self, now: datetime, limit: int) -> list[TimerRow]:
        """Return timers whose time has come, the longest due first; never one that was set aside.

        A transaction that asks holds their tickets, and is given none whose ticket another one holds.
        """

    def next_timer(self) -> datetime | None:
        """Return when the next timer is to be tried, None if none waits."""

    def timers(self, ticket: str) -> list[TimerRow]:
        """Return the ticket's timers by key, those set aside included."""

    def dead_timers(self, limit: int) -> list[TimerRow]:
        """Return the timers that were set aside, oldest first."""


class TimerWriter(Protocol):
    """Changes timers."""

    def start_timer(self, ticket: str, key: str, due: datetime) -> int:
        """Fire `key` at `due`, instead of any timer of that key; return its generation, higher than every one before."""

    def start_timers(self, ticket: str, timers: Mapping[str, datetime], *, fresh: bool = False) -> None:
        """Start all of them as `start_timer` does, in their order; a ticket that is `fresh` has none that they replace."""

    def cancel_timers(self, ticket: str, prefix: str) -> int:
        """Cancel every timer whose key is `prefix` or begins with `prefix` and a slash; return how many."""

    def take_timer(self, row: TimerRow) -> bool:
        """Remove the timer because it fires now. False: it was cancelled, set anew, put off or set aside since `row` was read."""

    def fail_timer(self, row: TimerRow, error: str, retry_at: datetime | None) -> bool:
        """Put the timer off, or set it aside with None. False as for `take_timer`."""

    def requeue_timer(self, ticket: str, key: str, at: datetime) -> bool:
        """Try a timer that was set aside again at `at`, from its first attempt. False if there is none."""

    def drop_timer(self, ticket: str, key: str) -> bool:
        """Give up a timer that was set aside. False if there is none."""
