"""What many live boards cost the daemon while tickets flow in: `python -P benchmarks/boards.py [--boards 200] [--rate 100] [--seconds 60]`.

A real `engine run` on SQLite serves the web and decides, sends and fires timers at once. Mails are dropped into its folder at `--rate`,
or as quickly as it takes them in: no more than 100 wait. Of so many open tickets (`--open`) 20 timers a second come due. Every second
board shows all that one of the team sees (they take turns); the others, of the manager, are narrowed to suggestions, of which one a
second comes over the API. Lag is from the instant at which a timer was due to the line in the log that says what was decided; a board's
latency from such a line of a suggestion to its number on the board. The boards' readers share the machine's processors.
"""

import asyncio
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import fill, folder, mail, open_house, put_off, say
from benchmarks.intake import deliveries, take
from engine.runtime import accounts
from engine.runtime.clock import SystemClock
from tests.support.ports import LOOPBACK, free_port

RATE = 20
"""Timers that come due in a second."""

WAITING = 100
"""Mails that lie in the folder at most."""

ALONE = timedelta(seconds=20)
"""How long the daemon and the boards have to come up before the first timer is due."""

NUMBER = re.compile(rb'href="/console/tickets/(\d+)"')


@dataclass(slots=True)
class Watched:
    """What came to the boards: when each event of each board came, when each suggestion was first seen on each, and how many bytes.

    It counts between the samples `began` and `ended`.
    """

    began: "Sample"
    ended: "Sample"
    came: list[list[float]] = field(default_factory=list)
    seen: list[dict[str, float]] = field(default_factory=list)
    size: int = 0


def wall() -> float:
    """Seconds of the clock by which the log is written."""
    return SystemClock().now().timestamp()


async def watch(port: int, secret: str, query: str, watched: Watched) -> None:
    """Read a board until it is cancelled."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=4_000_000)
    head = f"GET /console/board/live{query} HTTP/1.1\r\nhost: {LOOPBACK}\r\ncookie: session={secret}\r\naccept-language: zh\r\n\r\n"
    writer.write(head.encode())
    status = await reader.readuntil(b"\r\n\r\n")
    if not status.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(status.decode())
    came, seen = list[float](), dict[str, float]()
    watched.came.append(came)
    watched.seen.append(seen)
    try:
        while True:
            event = await reader.readuntil(b"\n\n")
            came.append(wall())
            watched.size += len(event)
            for number in NUMBER.findall(event) if query else ():
                seen.setdefault(number.decode(), came[-1])
    finally:
        writer.close()


async def feed(incoming: Path, rate: int, until: float) -> int:
    """Drop mails into the folder; return how many."""
    began, count = time.monotonic(), 0
    while (now := time.monotonic()) < until:
        room = WAITING - len(os.listdir(incoming))
        for _ in range(min(room, int((now - began) * rate) - count)):
            partial = incoming / f".{count:06d}.part"
            partial.write_bytes(mail(count + 10))
            partial.rename(incoming / f"{count:06d}.eml")
            count += 1
        await asyncio.sleep(0.05)
    return count


async def suggest(port: int, token: str, until: float) -> None:
    """Send in a suggestion every second."""
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}/api/v1", trust_env=False, timeout=30) as client:
        for count in range(1_000_000):
            if time.monotonic() >= until:
                return
            need = {"from": f"guest{count}@example.com", "text": "建议增加夜间客服", "kind": "suggestion"}
            answer = await client.post(
                "/tickets", json=need, headers={"authorization": f"Bearer {token}", "idempotency-key": f"suggestion-{count}"}
            )
            answer.raise_for_status()
            await asyncio.sleep(1)


async def load(house: "House", daemon: int, incoming: Path, boards: int, rate: int, seconds: int) -> Watched:
    """Watch the boards while mails and suggestions come in."""
    watched = Watched(sample(daemon), sample(daemon))
    whole = [watch(house.port, house.secrets[nth % len(house.secrets)], "", watched) for nth in range(boards - boards // 2)]
    narrow = [watch(house.port, house.manager, "?kind=suggestion", watched) for _ in range(boards // 2)]
    watching = [asyncio.create_task(one) for one in (*whole, *narrow)]
    await asyncio.sleep(5)
    watched.size, watched.began, until = 0, sample(daemon), time.monotonic() + seconds
    await asyncio.gather(feed(incoming, rate, until), suggest(house.port, house.token, until))
    watched.ended = sample(daemon)
    for one in watching:
        if one.done():
            one.result()  # a board that ended says why
        one.cancel()
    return watched


@dataclass(frozen=True, slots=True)
class House:
    """A project that waits for its daemon: sessions of the team, the manager's session and token, and when which timer is due."""

    port: int
    secrets: list[str]
    manager: str
    token: str
    dues: dict[tuple[str, str], float]


def house(root: Path, tickets: int, due: int) -> House:
    """Make a project with so many open tickets, of which some have a timer that comes due."""
    url, port = f"sqlite:///{root / 'var/engine.db'}", free_port()
    engine = open_house(root, url, SystemClock())
    take(engine, deliveries(engine, range(2, 3)), 1)
    with engine.store.read() as reader:
        first = next(row.key for row in reader.due_timers(engine.clock.now() + timedelta(days=365), 100) if "/warn/" in row.key)
    team, now = engine.world.team, engine.clock.now()
    with engine.store.write() as tx:

        def let_in(kind: str, agent: str) -> str:
            return accounts.let_in(tx, random.SystemRandom(), kind, agent, kind, now, timedelta(days=1))

        secrets = [let_in("session", agent) for agent in team.agents]
        manager, token = let_in("session", team.manager), let_in("token", team.manager)
    engine.close()
    far = now + timedelta(days=30)
    fill(url, tickets, lambda copy, key: far)
    dues = [now + ALONE + timedelta(seconds=nth / RATE) for nth in range(due)]
    put_off(url, first, dues)
    settings = (root / "engine.yaml").read_text("utf-8").replace("\nchannels:\n", "\nchannels:\n  web: {}\n  web_phone: {}\n")
    served = f"services: {{web: {{listen: '{LOOPBACK}:{port}', requests: 100000}}}}"
    (root / "engine.yaml").write_text(f"{settings}\n{served}\n", "utf-8")
    return House(port, secrets, manager, token, {(f"20200101{nth:07d}", first): at.timestamp() for nth, at in enumerate(dues)})


def decisions(log: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield what the daemon decided, and when it said so."""
    for line in log.read_text("utf-8").splitlines():
        told = json.loads(line)
        if told["message"] == "decision":
            yield datetime.fromisoformat(told["at"]).timestamp(), told
        elif told["level"] != "info":
            say(f"  the log says: {line[:400]}")


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at an instant `at`: the seconds that its threads `worked`, and `waited` for a processor that others had; its MiB."""

    at: float
    worked: float
    waited: float
    memory: float


def sample(pid: int) -> Sample:
    """Look at a process (proc(5), schedstat)."""
    threads = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    worked, waited = (sum(int(one[place]) for one in threads) / 1e9 for place in (0, 1))
    return Sample(wall(), worked, waited, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def told(name: str, values: Iterable[float]) -> str:
    """Median, p99 and the largest of some seconds."""
    found = sorted(values)
    if len(found) < 2:
        return f"{name}: {len(found)} seen"
    p99 = statistics.quantiles(found, n=100, method="inclusive")[98]
    return (
        f"{name}: {len(found):,}, median {statistics.median(found) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {found[-1] * 1000:.0f} ms"
    )


def report(log: Path, dues: dict[tuple[str, str], float], watched: Watched) -> None:
    """Say what came of it."""
    before, after = watched.began, watched.ended
    began, ended, span = before.at, after.at, after.at - before.at
    during = [(at, one) for at, one in decisions(log) if began <= at <= ended]
    opened = {one["ticket"]: at for at, one in during if "ticket_opened" in one["events"]}
    events = sum(len(one["events"]) for _, one in during)
    say(f"  {len(opened) / span:.1f} tickets, {len(during) / span:.0f} decisions and {events / span:.0f} events a second for {span:.0f} s")
    worked, waited = (after.worked - before.worked) / span, (after.waited - before.waited) / span
    say(f"  the daemon used {worked:.0%} of a core and waited for one {waited:.0%} of the time, its threads added up")
    say(f"  memory {before.memory:.0f} MiB before, {after.memory:.0f} MiB after")
    late = [at - dues[timer] for at, one in during if (timer := (one["ticket"], one.get("timer", ""))) in dues]
    say(f"  {told('timers that fired, lag', late)}; {sum(began <= at < ended - 1 for at in dues.values()):,} were due")
    waits = [at - opened[number] for seen in watched.seen for number, at in seen.items() if number in opened]
    say(f"  {told('suggestions on boards, latency', waits)}")
    gaps = [later - one for came in watched.came for one, later in pairwise(came) if began <= one <= ended]
    say(f"  {told('events of boards, pause between two', gaps)}; {watched.size / span / 2**20:.1f} MiB a second")


def measure(root: Path, boards: int, rate: int, seconds: int, tickets: int) -> None:
    """Run the daemon under load, and report."""
    log, due = root / "log", (seconds + 5) * RATE
    (root / "var").mkdir(parents=True)
    waiting = house(root, max(tickets, due), due)
    with log.open("wb") as out, subprocess.Popen([Path(sys.prefix, "bin", "engine"), "run"], cwd=root, stderr=out) as daemon:
        try:
            while b"serves the web" not in log.read_bytes() and daemon.poll() is None:
                time.sleep(0.2)
            time.sleep(max(0.0, min(waiting.dues.values()) - wall() - 5))
            watched = asyncio.run(load(waiting, daemon.pid, root / "var/in/email", boards, rate, seconds))
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(20)
        finally:
            daemon.kill()
    say(f"{boards} boards, {max(tickets, due):,} open tickets, {rate} mails a second wanted:")
    report(log, waiting.dues, watched)


@click.command()
@click.option("--boards", default=200, show_default=True)
@click.option("--rate", default=100, show_default=True, help="Mails that come in a second.")
@click.option("--seconds", default=60, show_default=True)
@click.option("--open", "tickets", default=2000, show_default=True, help="Tickets that are open when it begins.")
def main(boards: int, rate: int, seconds: int, tickets: int) -> None:
    """Measure once."""
    with folder() as place:
        measure(place / "project", boards, rate, seconds, tickets)


if __name__ == "__main__":
    main()
