"""How long KPIs of many tickets take, and how much memory, on both databases: `python benchmarks/analysis.py [TICKETS]` (a million).

The facts are made up with a fixed seed, a year of them, in the shape in which `engine.analysis.kpi.facts` keeps them: eleven a ticket.
"""

import random
import resource
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TypeAlias

import psycopg

from engine.analysis.kpi import measure, splittable
from engine.core.compiled import Policy
from engine.policy import compile_policy
from engine.resources import shipped_policies
from engine.store import Store, open_store
from tests.support.postgresql import Server

SEED = 20260304
START = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
COLUMNS = "name, at, ticket, n, kind, tier, channel, queue, agent, segment, subject, outcome, value, business, customer"
ASKED: dict[str, tuple[tuple[str, ...], timedelta]] = {
    "all KPIs of the year": ((), YEAR),
    "all KPIs of the year by month and tier": (("month", "tier"), YEAR),
    "all KPIs of the year by agent": (("agent",), YEAR),
    "all KPIs of a month by kind and queue": (("kind", "queue"), timedelta(days=30)),
}
Row: TypeAlias = tuple[str | int | None, ...]


def facts(tickets: int) -> Iterator[Row]:
    """The facts of so many tickets, and of a call for every third."""
    chance = random.Random(SEED)  # noqa: S311  # made-up tickets, the same every time
    begin, span = int(START.timestamp()), int(YEAR.total_seconds())
    for index in range(tickets):
        at, ticket = begin + chance.randrange(span), f"T{index:08}"
        about: Row = (
            chance.choice(("inquiry", "complaint", "after_sales", "suggestion")),
            chance.choice(("urgent", "important", "general")),
            chance.choice(("email", "sms", "phone_log", "web")),
            chance.choice(("front_desk", "tech_support", "after_sales", "product")),
            f"agent{chance.randrange(60)}",
            chance.choice(("vip", "new", None)),
        )
        customer = f"C{chance.randrange(max(1, tickets // 3)):06}"
        first, done, closed = (at + seconds for seconds in sorted(chance.randrange(60, 200_000) for _ in range(3)))
        told: list[tuple[str, int, str | None, str | None, int | None, str | None]] = [
            ("opened", at, None, None, None, customer),
            ("response", first, None, None, first - at, None),
            *(
                ("deadline", first, kind, "met" if chance.random() < 0.9 else "breached", None, None)
                for kind in ("response", "plan", "resolution")
            ),
            ("resolved", done, None, chance.choice(("first_contact", "later")), done - at, customer),
            ("closed", closed, None, chance.choice(("confirmed", "objected", "unconfirmed", "unsolved")), closed - at, customer),
            ("stay", first, "new", None, first - at, None),
            ("stay", done, "in_progress", None, done - first, None),
            ("load", at, None, "in", at, None),
            ("load", closed, None, "out", at, None),
        ]
        for n, (name, when, subject, outcome, value, whose) in enumerate(told):
            seconds = None if value is None else value * 1_000_000
            yield (name, when * 1_000_000, ticket, n, *about, subject, outcome, seconds, seconds, whose)
        if index % 3 == 0:
            yield (
                "call",
                at * 1_000_000,
                ticket,
                99,
                *about,
                "inbound",
                chance.choice(("answered", "abandoned")),
                20_000_000,
                90_000_000,
                None,
            )


def fill_sqlite(path: Path, rows: Iterator[Row]) -> None:
    """Put facts into a database file past the store, which keeps them a ticket at a time."""
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(f"INSERT INTO fact ({COLUMNS}) VALUES ({', '.join('?' * 15)})", rows)  # noqa: S608  # constants
    connection.close()


def fill_postgresql(url: str, rows: Iterator[Row]) -> None:
    """The same on a server."""
    with psycopg.connect(url) as connection, connection.cursor().copy(f"COPY fact ({COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE fact")


def report(name: str, store: Store, policy: Policy) -> None:
    """Print how long each question took, and the most memory that this process has held so far."""
    for what, (by, span) in ASKED.items():
        names = [kpi for kpi in splittable(by) if kpi != "nps"]
        started, worked = perf_counter(), process_time()
        with store.read() as reader:
            figures = measure(reader, policy, names, by, START + YEAR - span, START + YEAR)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        times = f"{perf_counter() - started:6.1f} s ({process_time() - worked:5.1f} s of this process)"
        sys.stdout.write(f"{name:<11} {what:<40} {times}, {len(figures):>6} figures, at most {memory:4.0f} MiB\n")
        sys.stdout.flush()


def main() -> None:
    """Fill each database that there is, and ask."""
    tickets = int(next(islice(sys.argv, 1, None), 1_000_000))
    policy = compile_policy(shipped_policies()).policy
    assert policy is not None  # noqa: S101  # the shipped policy is sound
    with TemporaryDirectory() as directory:
        path = Path(directory) / "store.db"
        store = open_store(f"sqlite:///{path}")
        started = perf_counter()
        fill_sqlite(path, facts(tickets))
        sys.stdout.write(f"{tickets:,} tickets, {path.stat().st_size / 2**20:.0f} MiB, filled in {perf_counter() - started:.0f} s\n")
        report("SQLite", store, policy)
        store.close()
    with TemporaryDirectory(prefix="closedloop-pg-") as directory:
        server = Server(Path(directory))
        try:
            url = server.url(server.new_database())
            store = open_store(url)
            fill_postgresql(url, facts(tickets))
            report("PostgreSQL", store, policy)
            store.close()
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    main()
