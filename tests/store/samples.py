"""Tickets, messages and records to fill a store with, and the two ways to look into one."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from engine.core import events as e
from engine.core.facts import Facts
from engine.core.lifecycle import evolve
from engine.core.model import Ticket
from engine.core.signals import AgentActed, MessageArrived, Signal
from engine.store import CustomerRow, DecisionRecord, OutboxRow, Store, Transaction

NOW = datetime(2024, 5, 12, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TAKEN, MISSING = "(?i)unique constraint", "(?i)foreign key"  # what SQLite and PostgreSQL say
T = TypeVar("T")

FACTS = Facts(number="", draw=0.5, manager="zhou", agents={}, channels={}, senders=())


def the(value: T | None) -> T:
    """The value that is surely there."""
    assert value is not None
    return value


def record(signal: Signal | None = None, at: datetime = NOW, **changes) -> DecisionRecord:
    what = signal or MessageArrived(None, "email", "宕机了", "help")
    return replace(DecisionRecord(at, what, FACTS, "digest-1"), **changes)


def folded(ticket: Ticket | None, events: list[e.Event], at: datetime = NOW) -> Ticket:
    for event in events:
        ticket = evolve(ticket, event, at)
    assert ticket is not None
    return ticket


def opening(number: str, due: datetime | None = None, **details) -> list[e.Event]:
    wanted = {"kind": "complaint", "channel": "email", "language": "zh", **details}
    clock = [e.DeadlineStarted("response", "response", "24x7", 10 * MINUTE, due)] if due else []
    return [e.TicketOpened(number, **wanted), *clock]


def open_ticket(tx: Transaction, number: str | None = None, *, at: datetime = NOW, due: datetime | None = None, **details) -> Ticket:
    """Open a ticket the way a decision does; its log has one event, two with a deadline."""
    events = opening(number or tx.next_number(NOW.date()), due, **details)
    ticket = folded(None, events, at)
    tx.append(0, ticket, events, record(at=at))
    return ticket


def happen(tx: Transaction, ticket: Ticket, *events: e.Event, at: datetime = NOW) -> Ticket:
    """Let more happen to a ticket."""
    after = folded(ticket, list(events), at)
    tx.append(ticket.seq, after, events, record(AgentActed(ticket.number, "note", "zhao"), at))
    return after


def message(id: str, ticket: str | None = None, **changes) -> OutboxRow:
    row = OutboxRow(id, ticket, "email", "customer", "wang@example.test", "Re", "c-1", "zh", True, "promise", NOW)
    return replace(row, **changes)


def customer(id: str, **changes) -> CustomerRow:
    return replace(CustomerRow(id, "王芳", "vip", "zh", NOW), **changes)


def problems(store: Store) -> list[str]:
    """What is wrong with what lies in the store; that its messages and timers are in no log is how these samples are."""
    with store.read() as view:
        return [one.text for one in view.integrity(evolve) if one.invariant in ("I4", "I5") or "its text" in one.text]
