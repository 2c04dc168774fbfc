"""How long KPIs of many tickets take, and how much memory, on both databases: `python -P benchmarks/analysis.py [TICKETS]` (a million).

The facts are made up by the databases themselves, the same ones every time: a year of them, in the shape in which
`engine.analysis.kpi.facts` keeps them, eleven a ticket and a call for every third.
"""

import resource
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import psycopg

from engine.analysis.kpi import measure, splittable
from engine.core.compiled import Policy
from engine.policy import compile_policy
from engine.resources import shipped_policies
from engine.store import Store, open_store
from tests.support.postgresql import Server

START = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
ASKED: dict[str, tuple[tuple[str, ...], timedelta]] = {
    "all KPIs of the year": ((), YEAR),
    "all KPIs of the year by tier": (("tier",), YEAR),
    "all KPIs of the year by queue": (("queue",), YEAR),
    "all KPIs of the year by week": (("week",), YEAR),
    "all KPIs of the year by agent": (("agent",), YEAR),
    "all KPIs of the year by month and tier": (("month", "tier"), YEAR),
    "all KPIs of a month by kind and queue": (("kind", "queue"), timedelta(days=30)),
}
ABOUT = "kind, tier, channel, queue, agent, segment"


def drawn(prime: int, of: int) -> str:
    """A number below `of`, by chance as far as anybody can tell: the index of a ticket, stirred."""
    return f"(i * {prime} % 2147483647 / 7 % {of})"


def one_of(prime: int, *names: str | None) -> str:
    """One of these names."""
    cases = " ".join(f"WHEN {place} THEN {'NULL' if name is None else repr(name)}" for place, name in enumerate(names))
    return f"CASE {drawn(prime, len(names))} {cases} END"


def made_up(tickets: int) -> Iterator[str]:
    """Yield the statements that make up the facts; both databases know all of it."""
    begin, step = int(START.timestamp()) * 1_000_000, YEAR // timedelta(microseconds=1) // tickets
    customer = drawn(16807, max(1, tickets // 3))
    yield f"""
CREATE TEMPORARY TABLE made AS
WITH RECURSIVE series(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM series WHERE i < {tickets})
SELECT i, 'T' || (10000000 + i) AS ticket, {begin} + i * {step} AS at, 'C' || {customer} AS customer,
    {one_of(1664525, "inquiry", "complaint", "after_sales", "suggestion")} AS kind,
    {one_of(22695477, "urgent", "important", "general")} AS tier,
    {one_of(69069, "email", "sms", "phone_log", "web")} AS channel,
    {one_of(1103515245, "front_desk", "tech_support", "after_sales", "product")} AS queue,
    'agent' || {drawn(214013, 60)} AS agent, {one_of(134775813, "vip", "new", None)} AS segment,
    1000000 * (60 + {drawn(48271, 60000)}) AS first, 1000000 * (60060 + {drawn(69621, 60000)}) AS done,
    1000000 * (130000 + {drawn(39373, 60000)}) AS ended
FROM series"""  # noqa: S608  # constants
    kept = {prime: f"CASE {drawn(prime, 10)} WHEN 0 THEN 'breached' ELSE 'met' END" for prime in (742938285, 950706376, 1226874159)}
    solved, end = one_of(1343714438, "first_contact", "later"), one_of(62089911, "confirmed", "objected", "unconfirmed", "unsolved")
    for n, (name, at, subject, outcome, value, whose) in enumerate(
        (
            ("opened", "at", "NULL", "NULL", "NULL", "customer"),
            ("response", "at + first", "NULL", "NULL", "first", "NULL"),
            *(("deadline", "at + first", f"'{kind}'", kept[prime], "NULL", "NULL") for kind, prime in zip(DEADLINES, kept, strict=True)),
            ("resolved", "at + done", "NULL", solved, "done", "customer"),
            ("closed", "at + ended", "NULL", end, "ended", "customer"),
            ("stay", "at + first", "'new'", "NULL", "first", "NULL"),
            ("stay", "at + done", "'in_progress'", "NULL", "done - first", "NULL"),
            ("load", "at", "NULL", "'in'", "at", "NULL"),
            ("load", "at + ended", "NULL", "'out'", "at", "NULL"),
            ("call", "at", "'inbound'", one_of(1343714438, "answered", "abandoned"), "20000000", "NULL"),
        )
    ):
        yield f"""
INSERT INTO fact (name, at, ticket, n, {ABOUT}, subject, outcome, value, business, customer)
SELECT '{name}', {at}, ticket, {n}, {ABOUT}, {subject}, {outcome}, CAST({value} AS BIGINT), CAST({value} AS BIGINT), {whose}
FROM made WHERE {"i % 3 = 0" if name == "call" else "TRUE"} ORDER BY 2"""  # noqa: S608  # constants


DEADLINES = ("response", "plan", "resolution")


def fill_sqlite(path: Path, tickets: int) -> None:
    """Make up facts in a database file past the store, which keeps them a ticket at a time."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA cache_size = -262144")
    with connection:
        for statement in made_up(tickets):
            connection.execute(statement)
    connection.close()


def fill_postgresql(url: str, tickets: int) -> None:
    """The same on a server."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in made_up(tickets):
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE fact")


def report(name: str, store: Store, policy: Policy) -> None:
    """Print how long each question took, and the most memory that this process has held so far."""
    for what, (by, span) in ASKED.items():
        names = [kpi for kpi in splittable(by) if kpi != "nps"]
        started, worked = perf_counter(), process_time()
        with store.read() as reader:
            figures = measure(reader, policy, names, by, START + YEAR - span, START + YEAR, store)
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
        fill_sqlite(path, tickets)
        sys.stdout.write(f"{tickets:,} tickets, {path.stat().st_size / 2**20:.0f} MiB, filled in {perf_counter() - started:.0f} s\n")
        report("SQLite", store, policy)
        store.close()
    with TemporaryDirectory(prefix="closedloop-pg-") as directory:
        server = Server(Path(directory))
        try:
            url = server.url(server.new_database())
            store = open_store(url)
            fill_postgresql(url, tickets)
            report("PostgreSQL", store, policy)
            store.close()
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    main()
