"""What many outstanding timers cost: `python -P benchmarks/timers.py [--timers 1000000,5000000] [--due 100000]`.

A real ticket of the shipped policies is copied until that many timers are outstanding. Then the daemon's own loop runs on the machine's
clock while `--lag-timers` of them come due one after the other, and each tells how long after its instant its decision was committed
(fire lag); then `--due` of them are due at once and are drained on one core, each with its decision. Memory is what this process holds.
"""

import statistics
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import Databases, databases, fill, folder, memory, open_house, put_off, say
from benchmarks.intake import deliveries, take
from engine.core.signals import TimerFired
from engine.runtime.clock import SystemClock
from engine.runtime.engine import Engine
from engine.runtime.handle import Handled
from engine.runtime.worker import Worker

FAR = timedelta(days=30)
BREACH = "deadline/response/breach"
"""The timers that come due at once: the promise was broken, and those who must know are told."""


def lag(engine: Engine, count: int) -> list[float]:
    """Let the daemon's loop run until so many timers have fired; return how late each decision was, in seconds."""
    late: list[float] = []
    all_fired = threading.Event()

    def listen(handled: Handled) -> None:
        if isinstance(handled.signal, TimerFired):
            late.append((engine.clock.now() - handled.signal.due).total_seconds())
            if len(late) >= count:
                all_fired.set()

    engine.listeners.append(listen)
    worker = Worker(engine, {}, frozenset({"timers"}))
    thread = threading.Thread(target=worker.run)
    thread.start()
    all_fired.wait(600)
    worker.end()
    thread.join()
    engine.listeners.remove(listen)
    return late


def drain(engine: Engine, count: int) -> tuple[float, float]:
    """Fire what is due, up to `count`; return the seconds of the wall clock and of the processor."""
    began, worked, done = time.perf_counter(), time.process_time(), 0
    while done < count and (now := engine.work_timers(32)):
        done += now
    assert done >= count, done  # noqa: S101  # what did not fire must not count as quick
    return time.perf_counter() - began, time.process_time() - worked


def measure(source: Databases, root: Path, timers: int, due: int, few: int, rate: int) -> None:
    """Fill a database, then measure lag, drain and memory."""
    url, clock = source.new(), SystemClock()
    engine = open_house(root, url, clock)
    take(engine, deliveries(engine, range(2, 3)), 1)
    with engine.store.read() as reader:
        waiting = {row.key: row.due for row in reader.due_timers(clock.now() + FAR * 12, 100)}
    engine.close()
    due_at, first = waiting[BREACH], next(key for key in waiting if "/warn/" in key)
    tickets = -(-timers // len(waiting))
    began = time.perf_counter()
    far = clock.now() + FAR
    fill(url, tickets, lambda copy, key: due_at if key == BREACH and few <= copy < few + due else far + timedelta(seconds=copy))
    say(f"{source.name}: {tickets * len(waiting):,} timers of {tickets:,} tickets, filled in {time.perf_counter() - began:.0f} s")
    engine = open_house(root, url, clock)
    before = memory()
    put_off(url, first, (clock.now() + timedelta(seconds=2 + copy / rate) for copy in range(few)))
    late = sorted(lag(engine, few))
    centiles = statistics.quantiles(late, n=100)
    say(f"  fire lag of {len(late):,} timers, {rate} a second: median {centiles[49] * 1000:.0f} ms, p99 {centiles[98] * 1000:.0f} ms")
    engine.clock = _Later(clock, due_at - clock.now() + timedelta(seconds=1))
    wall, busy = drain(engine, due)
    say(f"  {due:,} due at once: {wall:.1f} s, {busy:.1f} s of processor, {due / wall:,.0f} a second")
    say(f"  memory {before:.0f} MiB before, {memory():.0f} MiB after")
    engine.close()


class _Later:
    """A clock that is ahead of another."""

    def __init__(self, clock: SystemClock, by: timedelta) -> None:
        self._clock, self._by = clock, by

    def now(self) -> datetime:
        return self._clock.now() + self._by


@click.command()
@click.option("--timers", default="1000000,5000000", show_default=True)
@click.option("--due", default=100_000, show_default=True, help="How many are due at once.")
@click.option("--lag-timers", "few", default=1000, show_default=True)
@click.option("--rate", default=20, show_default=True, help="How many of those come due in a second.")
@click.option("--databases", "kinds", default="sqlite,postgresql", show_default=True)
def main(timers: str, due: int, few: int, rate: int, kinds: str) -> None:
    """Measure each kind of database with each number of timers."""
    for kind in kinds.split(","):
        for count in map(int, timers.split(",")):
            with folder() as place, databases(kind, place) as source:
                measure(source, place / "project", count, due, few, rate)


if __name__ == "__main__":
    main()
