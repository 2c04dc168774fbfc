"""How databases find what is asked: a decision, a turn or a page of the console costs the same when a million tickets have ended."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from types import ModuleType
from typing import Any

import psycopg
import pytest

from engine.core.fields import OPEN_STATES
from engine.store import Store, TicketQuery, open_store
from engine.store.postgresql.session import translated
from engine.store.sql import (
    accounts,
    archive,
    channels,
    facts,
    inbox,
    integrity,
    outbox,
    people,
    personal,
    session,
    tickets,
    timers,
    workers,
)
from engine.store.sqlite.session import SqliteSession
from tests.store.conftest import Backend

Values = tuple[Any, ...]

PLANS = {
    "claim of the inbox": (inbox._CLAIM, (0, 1), "inbox_pending"),
    "claim of timers": (timers._CLAIM, (0, 1), "timer_waiting"),
    "claim of messages": (outbox._READY, ("email", 0, 20), "outbox_queued"),
    "what was given up": (outbox._RECOVER, (0, 0, 0), "outbox_unsent"),
    "what went out together": (outbox._TOGETHER, ("a", "a"), "outbox_digest"),
    "item by source": (inbox._ITEM, ("email", "a"), "inbox_1|inbox_by_source"),
    "message by provider": (outbox._BY_PROVIDER, ("email", "a"), "outbox_by_provider"),
    "automatic messages": (outbox._RECENT, ('["a"]', 0), "outbox_automatic"),
    "open incident": (tickets._OPEN_INCIDENT, ("a",), "ticket_open_incident"),
    "suspects": (tickets._SUSPECTS, ("a", 0, "", 9), "ticket_suspect"),
    "members": (tickets._MEMBERS, ("a", "", 9), "ticket_by_incident"),
    "conversation": (outbox._CONVERSATION, ("a", "qian", "[]"), "outbox_by_address"),
    "customer by address": (people._FIND, ("email", "a"), "customer_address USING PRIMARY|customer_address_by_address"),
    "needs": (tickets._NEEDS_OF, ("C1", 0, "", "[]", 9), "ticket_by_customer"),
    "last contact": (tickets._LAST_CONTACT, ("C1", 9), "ticket_by_customer"),
    "loads": (tickets._LOADS, (), "ticket_open_by_assignee"),
    "ended": (tickets._CLOSED, (0, 1), "ticket_ended"),
}
"""What is asked, and the index that answers: SQLite's or PostgreSQL's name of it."""

LISTS = {
    "board": (TicketQuery(states=OPEN_STATES, limit=200), "ticket_open"),
    "board of a queue": (TicketQuery(states=OPEN_STATES, queue="front_desk"), "ticket_open"),
    "board of an agent": (TicketQuery(states=("new",), assignee="zhao"), "ticket_open_by_assignee"),
    "incidents": (TicketQuery(states=OPEN_STATES, kind="incident"), "ticket_open"),
    "reviews that are open": (TicketQuery(states=OPEN_STATES, kind="review"), "ticket_open"),
    "reviews": (TicketQuery(kind="review"), "ticket_of_house"),
    "a customer's": (TicketQuery(customer="C1"), "ticket_by_customer"),
    "what came of a ticket": (TicketQuery(parent="1", kind="task"), "ticket_by_parent"),
    "a page": (TicketQuery(after="2026"), "PRIMARY KEY"),
}

ROOMS = (accounts, archive, channels, facts, inbox, integrity, outbox, people, personal, session, tickets, timers, workers)

GROWING = frozenset(
    ("ticket", "event", "decision", "content", "timer", "inbox", "outbox", "fact", "customer", "customer_address", "trial", "audit")
)

WHOLE = {
    "outbox._COUNTS": "`engine status` and `backup` count messages by how they ended",
    "inbox._COUNTS": "`engine status` counts all items, on an index",
    "inbox._LIST": "`engine inbox list` of all, or of those that are done, from the last one backwards",
    "integrity._COUNT": "`engine check` looks at everything",
    "facts._ANEW": "a new version that derives figures otherwise derives them of all tickets",
    "personal._ABOUT": "the customer of a ticket may have been another before: an erasure reads all logs",
    "personal._WITHOUT_TICKET": "an erasure looks into what belongs to no ticket",
    "personal._ATTACHMENTS": "an erasure looks for others who sent the same file",
    "people._AUDITS": "`engine audit` reads from the last entry backwards",
}
"""What may read a whole table that grows, and why."""


def statements() -> Iterator[tuple[str, str]]:
    """Every statement of the rooms that is written out, by its name."""
    for room in ROOMS:
        for name, value in vars(room).items():
            for sql in value.values() if isinstance(value, dict) else (value,):
                if isinstance(sql, str) and re.match(r"\s*(SELECT|UPDATE|DELETE|WITH|INSERT)\b", sql) and "{" not in sql:
                    yield f"{_name(room)}.{name}", sql


def _name(room: ModuleType) -> str:
    return room.__name__.rpartition(".")[2]


def plan(connection: sqlite3.Connection, sql: str, values: Any) -> list[str]:
    return [step for _, _, _, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def read_whole(connection: sqlite3.Connection, steps: list[str]) -> list[str]:
    """The steps that read all of a table that grows; an index of a part of it is read as it is meant to be."""
    partial = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '% WHERE %'")}
    found = [(step, re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)) for step in steps]
    return [step for step, scan in found if scan and scan[1] in GROWING and scan[2] not in partial]


@pytest.fixture
def connection(file_backend: Backend) -> Iterator[sqlite3.Connection]:
    file_backend.open().close()
    with file_backend.by_hand() as opened:
        yield opened


@pytest.mark.parametrize(("sql", "values", "index"), PLANS.values(), ids=PLANS)
def test_what_every_decision_asks_is_found_by_index(connection: sqlite3.Connection, sql: str, values: Values, index: str) -> None:
    steps = plan(connection, sql, values)
    assert [step for step in steps if re.search(index, step)], steps
    assert not read_whole(connection, steps)


def test_no_statement_reads_a_whole_table_that_grows_but_those_that_must(connection: sqlite3.Connection) -> None:
    found = set[str]()
    for name, sql in statements():
        named = dict.fromkeys(re.findall(r"(?<!:):(\w+)", sql))
        if read_whole(connection, plan(connection, sql, named or (None,) * sql.count("?"))):
            found.add(name)
    assert found == WHOLE.keys()


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans of all that sessions carry out."""
    steps: list[str] = []
    original = SqliteSession._carry_out

    def carry_out(self: SqliteSession, used: sqlite3.Connection, sql: str, values: Any) -> tuple[list[Any], int]:
        steps.extend(plan(used, sql, values))
        return original(self, used, sql, values)

    monkeypatch.setattr(SqliteSession, "_carry_out", carry_out)
    return steps


def asked(explained: list[str], question: Callable[[], object]) -> list[str]:
    """The steps that one question takes."""
    explained.clear()
    question()
    assert explained
    return explained


@pytest.mark.parametrize(("query", "index"), LISTS.values(), ids=LISTS)
def test_a_list_is_found_by_index(
    file_backend: Backend, connection: sqlite3.Connection, explained: list[str], query: TicketQuery, index: str
) -> None:
    with closing(file_backend.open()) as store, store.read() as reader:
        steps = asked(explained, lambda: reader.tickets(query))
    assert [step for step in steps if f" {index} " in f"{step} "], steps
    assert not read_whole(connection, steps)


@pytest.mark.parametrize("state", ["queued", "held", "sending", "dead"])
def test_messages_that_wait_or_were_set_aside_are_found_by_index(
    file_backend: Backend, connection: sqlite3.Connection, explained: list[str], state: str
) -> None:
    with closing(file_backend.open()) as store, store.read() as reader:
        steps = asked(explained, lambda: reader.messages(state=state))
    assert not read_whole(connection, steps)


# ── PostgreSQL, whose planner goes by what a table holds ────────────────────────────────────────────────────────────


@pytest.fixture
def served(database: str) -> Iterator[Store]:
    with closing(open_store(database)) as store:
        yield store


_FILL = """
SELECT coalesce((
    SELECT string_agg('ALTER TABLE ' || t.name || ' DROP CONSTRAINT ' || conname, ';')
    FROM pg_constraint WHERE conrelid = t.id AND contype = 'c'
), '') || ';INSERT INTO ' || t.name || '(' || string_agg(column_name, ',' ORDER BY ordinal_position) || ') SELECT ' || string_agg(
    CASE data_type WHEN 'text' THEN $$'x' || n$$ WHEN 'bytea' THEN $$''::bytea$$ ELSE 'n + 9' END, ',' ORDER BY ordinal_position
) || ' FROM generate_series(1, 3000) n'
FROM (SELECT indrelid AS id, indrelid::regclass::text AS name FROM pg_index WHERE indexrelid = %s::regclass) t
JOIN information_schema.columns ON table_name = t.name AND (is_nullable = 'NO' OR column_name = 'alike') AND is_identity = 'NO'
GROUP BY t.id, t.name
"""
"""Rows of the table that an index belongs to, none like another, whatever the table says a row must be; tickets are like others."""


@pytest.mark.parametrize(("sql", "values", "index"), PLANS.values(), ids=PLANS)
def test_a_server_finds_it_by_index_too(served: Store, database: str, sql: str, values: Values, index: str) -> None:
    index = index.rpartition("|")[2]
    with psycopg.connect(database) as connection:
        fill, *_ = connection.execute(_FILL, (index,)).fetchone() or ()
        connection.execute("SET LOCAL session_replication_role = replica")  # rows that belong to none of another table
        connection.execute(fill)
        connection.execute("ANALYZE")
        steps = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {translated(sql)}", values))
        connection.rollback()
    assert index in steps, steps
