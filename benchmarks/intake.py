"""How many customers' mails a second become tickets, committed with their timers and messages, and how that compares with nothing but
writing the same rows: `python -P benchmarks/intake.py [--tickets 1000] [--sizes 32,1] [--databases sqlite,postgresql] [--commit-ms 1]`.

A mail is taken in (one commit for each group of `size`) and decided on by the shipped policies (one more): graded, put on its clocks,
promised, routed, assigned. What that wrote is recorded in a run of its own and written once more, statement by statement in the same
transactions, by the bare driver on a copy of the same database: the raw limit, measured in turns with the engine. With `--commit-ms` the
disk is one that takes so long for each commit: the database is in memory, and every commit sleeps.
"""

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import Databases, databases, folder, mail, open_house, say
from engine.channels import Delivery, Inbound
from engine.runtime import inbox
from engine.runtime.engine import Engine
from engine.store.postgresql.session import PostgresSession, translated
from engine.store.postgresql.store import PostgresStore
from engine.store.sql.session import Session
from engine.store.sqlite.session import SqliteSession
from engine.store.sqlite.store import SqliteStore

Statements = list[tuple[str, Any]]
Commit = Callable[[], None]
WARM = 20
"""Mails before the first that counts: what is made at the first question is made by then."""


def deliveries(engine: Engine, numbers: range) -> list[Delivery]:
    """The mails of some customers, read by the channel."""
    raw = [mail(number) for number in numbers]
    items = [next(iter(engine.channel("email", opened=False).parse(one, "mail.eml"))) for one in raw]
    return [Delivery(item, lambda: None, one) for item, one in zip(items, raw, strict=True) if isinstance(item, Inbound)]


def take(engine: Engine, mails: list[Delivery], size: int) -> None:
    """Take in and decide on mails, `size` at a time."""
    for first in range(0, len(mails), size):
        left = inbox.accept(engine.desk, "email", mails[first : first + size], engine.clock.now())
        while left > 0:
            done = engine.work_inbox(size)
            assert done, left  # noqa: S101  # what was not decided on must not count as quick
            left -= done


@contextmanager
def recorded() -> Iterator[list[Statements]]:
    """Every statement that writes, by transaction, while the block runs."""
    transactions: dict[int, tuple[Session, Statements]] = {}
    originals: dict[Any, Any] = {kind: kind._carry_out for kind in (SqliteSession, PostgresSession)}

    def recording(kind: Any) -> Callable[..., Any]:
        def carry_out(self: Session, connection: Any, sql: str, values: Any) -> Any:
            if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
                transactions.setdefault(id(self), (self, []))[1].append((sql, values))
            return originals[kind](self, connection, sql, values)

        return carry_out

    found: list[Statements] = []
    try:
        for kind in originals:
            kind._carry_out = recording(kind)
        yield found
    finally:
        for kind, original in originals.items():
            kind._carry_out = original
    found += [statements for _, statements in transactions.values()]


def write_raw(url: str, transactions: list[Statements], commit: Commit) -> tuple[float, float]:
    """Write what was recorded with the bare driver; return the seconds by the wall clock and of the processor."""
    if url.startswith("sqlite"):
        connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, cached_statements=256)
        for pragma in ("synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
    else:
        connection = psycopg.connect(url, autocommit=True)
        transactions = [[(translated(sql), values) for sql, values in one] for one in transactions]
    took, worked = time.perf_counter(), time.process_time()
    for statements in transactions:
        connection.execute("BEGIN" if url.startswith("postgresql") else "BEGIN IMMEDIATE")
        cursor = connection.cursor()
        for sql, values in statements:
            (cursor.executemany if isinstance(values, list) else cursor.execute)(sql, values)
            if "RETURNING" in sql:
                cursor.fetchall()
        connection.execute("COMMIT")
        commit()
    spent = time.perf_counter() - took, time.process_time() - worked
    connection.close()
    return spent


@contextmanager
def slow_commits(commit: Commit) -> Iterator[None]:
    """Let every commit of a store be followed by `commit`."""
    originals: dict[Any, Any] = {kind: kind.write for kind in (SqliteStore, PostgresStore)}

    def slow(original: Any) -> Any:
        @contextmanager
        def write(*arguments: Any, **named: Any) -> Iterator[Any]:
            with original(*arguments, **named) as tx:
                yield tx
            commit()

        return write

    try:
        for kind, original in originals.items():
            kind.write = slow(original)
        yield
    finally:
        for kind, original in originals.items():
            kind.write = original


def measure(source: Databases, root: Path, tickets: int, size: int, rounds: int, commit: Commit) -> None:
    """Print how quick the engine is with `size` mails at a time, the bare driver, and the one by the other."""
    first = source.new()
    engine = open_house(root, first)
    take(engine, deliveries(engine, range(WARM)), WARM)
    engine.close()

    def run(url: str) -> tuple[float, float]:
        engine = open_house(root, url, chance=2)
        try:
            mails = deliveries(engine, range(WARM, WARM + tickets))
            took, worked = time.perf_counter(), time.process_time()
            take(engine, mails, size)
            return time.perf_counter() - took, time.process_time() - worked
        finally:
            engine.close()

    with recorded() as transactions:
        run(source.copy(first))
    ours, raws = [], []
    with slow_commits(commit):
        for _ in range(rounds):
            ours.append(run(source.copy(first)))
            raws.append(write_raw(source.copy(first), transactions, commit))
    (took, worked), (raw_took, raw_worked) = (tuple(map(min, zip(*spent, strict=True))) for spent in (ours, raws))
    rows = sum(len(values) if isinstance(values, list) else 1 for one in transactions for _, values in one)
    say(
        f"{source.name:<10} {size:>3} at a time: {tickets / took:7,.0f} tickets/s, raw {tickets / raw_took:7,.0f}, "
        f"ratio {raw_took / took:5.1%}; processor {worked / tickets * 1000:.2f} ms, raw {raw_worked / tickets * 1000:.2f} ms; "
        f"{rows / tickets:.0f} rows in {len(transactions) / tickets:.2f} commits a ticket"
    )


@click.command()
@click.option("--tickets", default=1000, show_default=True)
@click.option("--sizes", default="32,1", show_default=True)
@click.option("--databases", "kinds", default="sqlite,postgresql", show_default=True)
@click.option("--commit-ms", default=0.0, help="A disk in memory, and so long for every commit.")
@click.option("--rounds", default=3, show_default=True, help="The best of so many.")
def main(tickets: int, sizes: str, kinds: str, commit_ms: float, rounds: int) -> None:
    """Measure each kind of database with each size of a batch."""

    def commit() -> None:
        if commit_ms:
            time.sleep(commit_ms / 1000)

    for kind in kinds.split(","):
        with folder(memory=bool(commit_ms)) as place, databases(kind, place) as source:
            for size in map(int, sizes.split(",")):
                measure(source, place / "project", tickets, size, rounds, commit)


if __name__ == "__main__":
    main()
