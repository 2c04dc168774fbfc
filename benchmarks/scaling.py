"""What any number of workers on one PostgreSQL would do, by simulation from constants that are measured first:
`python -P benchmarks/scaling.py [--cores 16] [--wal-mb 200] [--servers 1]`.

Measured in this run, on a server of its own: what a ticket costs a worker's processor, how many statements it asks, how long one goes to
and fro and occupies the server, how long a commit takes and how much it writes ahead. Simulated: every worker has a core of its own and
works off batches without pause; statements queue for the server's `--cores`, what is written ahead goes to the disk at `--wal-mb` MB/s,
and a commit waits for the flush that is under way and then shares the next one. What comes out is the most that such a house can do.
"""

import heapq
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import databases, folder, open_house, say
from benchmarks.intake import deliveries, take
from engine.store.postgresql.session import PostgresSession

BATCH = 32
WORKERS = (1, 2, 10, 30, 100, 1000)


@dataclass(frozen=True, slots=True)
class Constants:
    """What one ticket costs; times in seconds."""

    worker: float
    statements: float
    trip: float
    commit: float
    ahead: float
    stored: float


def measured(tickets: int) -> Constants:
    """Take in and decide on some mails, and return what one of them cost."""
    with folder() as place, databases("postgresql", place) as source:
        url = source.new()
        engine = open_house(place / "project", url)
        take(engine, deliveries(engine, range(BATCH)), BATCH)
        mails = deliveries(engine, range(BATCH, BATCH + tickets))
        count, original = [0], PostgresSession._carry_out

        def counting(self: PostgresSession, *arguments: object) -> object:
            count[0] += 1
            return original(self, *arguments)  # type: ignore[arg-type]  # handed on as they came

        PostgresSession._carry_out = counting  # type: ignore[method-assign,assignment]  # for this measurement
        with psycopg.connect(url, autocommit=True) as look:
            before = _written(look)
            worked = time.process_time()
            take(engine, mails, BATCH)
            worked = time.process_time() - worked
            PostgresSession._carry_out = original  # type: ignore[method-assign]  # as it was
            ahead, stored = (after - was for after, was in zip(_written(look), before, strict=True))
            look.execute("CREATE TABLE probe (n INTEGER)")
            trip = _each(look, "SELECT 1", 2000)
            commit = _each(look, "INSERT INTO probe VALUES (1)", 300) - trip
        engine.close()
    return Constants(worked / tickets, count[0] / tickets, trip, commit, ahead / tickets, stored / tickets)


def _written(look: psycopg.Connection) -> tuple[float, float]:
    """How many bytes were written ahead since the server was made, and how many the database has."""
    row = look.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, pg_database_size(current_database())").fetchone()
    assert row is not None  # noqa: S101  # it is one row
    return float(row[0]), float(row[1])


def _each(look: psycopg.Connection, sql: str, times: int) -> float:
    """How many seconds one of so many statements takes."""
    began = time.perf_counter()
    for _ in range(times):
        look.execute(sql.encode())
    return (time.perf_counter() - began) / times


def simulated(cost: Constants, workers: int, cores: int, wal: float, seconds: float = 20.0) -> float:
    """Return how many tickets a second so many workers come to."""
    chance = random.Random(workers)  # noqa: S311  # a simulation must repeat itself
    free = [0.0] * cores  # when each core of the server is free again
    heapq.heapify(free)
    waiting = [(chance.random() * cost.worker * BATCH, number) for number in range(workers)]  # when each worker begins its next batch
    heapq.heapify(waiting)
    flushed, done = 0.0, 0  # when the flush under way ends
    pending: list[tuple[float, int]] = []
    while True:
        now, number = heapq.heappop(waiting)
        if now > seconds:
            return done / seconds
        spread = chance.uniform(0.8, 1.2)
        begins = max(now + cost.worker * BATCH * spread, heapq.heappop(free))
        asked = begins + cost.trip * cost.statements * BATCH * spread
        heapq.heappush(free, asked)
        pending.append((asked, number))
        # Whoever is ready before the next flush begins goes with it.
        soonest = max(min(at for at, _ in pending), flushed)
        if not waiting or waiting[0][0] >= soonest:
            going = [one for one in pending if one[0] <= soonest]
            pending = [one for one in pending if one[0] > soonest]
            flushed = soonest + cost.commit + len(going) * cost.ahead * BATCH / wal
            done += len(going) * BATCH
            for _, finished in going:
                heapq.heappush(waiting, (flushed, finished))


@click.command()
@click.option("--tickets", default=320, show_default=True, help="How many are measured.")
@click.option("--cores", default=16, show_default=True, help="Cores of a server.")
@click.option("--wal-mb", default=200.0, show_default=True, help="MB a second that its disk takes of what is written ahead.")
@click.option("--servers", default=1, show_default=True, help="Servers among which the tickets are divided.")
def main(tickets: int, cores: int, wal_mb: float, servers: int) -> None:
    """Measure, then simulate."""
    cost = measured(tickets)
    say(f"a ticket: {cost.worker * 1000:.2f} ms of a worker's core, {cost.statements:.0f} statements of {cost.trip * 1000:.3f} ms,")
    say(f"  {cost.ahead / 1000:.1f} kB written ahead, {cost.stored / 1000:.1f} kB stored; a commit {cost.commit * 1000:.2f} ms")
    on_server = cost.statements * cost.trip
    say(f"ceilings of a server: {cores / on_server:,.0f} tickets/s by its {cores} cores, {wal_mb * 1e6 / cost.ahead:,.0f} by its disk")
    for workers in WORKERS:
        share = -(-workers // servers)
        rate = simulated(cost, share, cores, wal_mb * 1e6) * servers
        say(f"{workers:>5} workers, {servers} server{'s' * (servers > 1)}: {rate:8,.0f} tickets/s, {rate * 86400 / 1e6:6.1f} million a day")


if __name__ == "__main__":
    main()
