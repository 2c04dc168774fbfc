"""How long `engine check` takes, and how much memory, for one and ten times as many tickets; and moving them to another file.

python benchmarks/check.py [TICKETS]
"""

import resource
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import click

from engine.core import events as e
from engine.core.facts import Facts
from engine.core.lifecycle import evolve
from engine.core.signals import AgentActed
from engine.store import DecisionRecord, open_store
from engine.store.copying import copy

TICKETS = 10_000
START = datetime(2026, 3, 4, 2, tzinfo=UTC)
FACTS = Facts(number="", draw=0.5, manager="zhou", agents={}, channels={}, senders=())


def fill(path: Path, count: int) -> None:
    """Give each ticket a life of four decisions and ten events."""
    with closing(open_store(f"sqlite:///{path}")) as store:
        for first in range(0, count, 1000):
            with store.write() as tx:
                for number in range(first, min(first + 1000, count)):
                    name, at, due = f"20260304{number:07}", START + timedelta(seconds=number), START + timedelta(days=9)
                    clock = e.DeadlineStarted("response", "response", "24x7", timedelta(minutes=30), due)
                    opened = [e.TicketOpened(name, "complaint", "email", "zh"), e.TierAssigned("important"), e.Routed("front_desk"), clock]
                    steps: list[list[e.Event]] = [
                        [*opened, e.PromiseTold({"response": due})],
                        [e.Assigned("zhao")],
                        [e.CustomerContacted("c", "zhao"), e.DeadlineStopped("response")],
                        [e.ResultReported("r", "zhao"), e.TicketClosed("closed", "zhao")],
                    ]
                    ticket = None
                    for events in steps:
                        before = ticket.seq if ticket else 0
                        for event in events:
                            ticket = evolve(ticket, event, at)
                        if ticket is not None:
                            tx.append(before, ticket, events, DecisionRecord(at, AgentActed(name, "note", "zhao"), FACTS, "digest"))


def look(path: Path) -> None:
    """Check, in a process of its own: the most memory it ever had is what counts."""
    started = perf_counter()
    with closing(open_store(f"sqlite:///{path}")) as store, store.read() as reader:
        found = reader.integrity(evolve)
    took = perf_counter() - started
    click.echo(f"{took:8.1f} s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MiB, {len(found)} findings")


def move(path: Path, target: Path) -> None:
    """Copy into an empty file, contents compared."""
    started = perf_counter()
    with closing(open_store(f"sqlite:///{path}")) as old, closing(open_store(f"sqlite:///{target}")) as new:
        with old.read() as reader, new.write() as tx:
            rows = sum(copy(reader, tx).values())
        took = perf_counter() - started
    click.echo(f"{took:8.1f} s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MiB, {rows / took:,.0f} rows/s")


def main() -> None:
    """Fill, check and move, for two sizes."""
    if len(sys.argv) > 2:
        look(Path(sys.argv[2])) if sys.argv[1] == "look" else move(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS
    with TemporaryDirectory() as directory:
        for size in (count, 10 * count):
            path = Path(directory) / f"{size}.db"
            fill(path, size)
            click.echo(f"{size:,} tickets, {path.stat().st_size / 1e6:,.0f} MB")
            for what in (["look", path], ["move", path, path.with_suffix(".copy")]):
                click.echo(f"  {what[0]}", nl=False)
                subprocess.run([sys.executable, "-P", __file__, *map(str, what)], check=True)


if __name__ == "__main__":
    main()
