"""What the house's ordinary work costs as it ages: `python -P benchmarks/age.py [--ended 0,100000,1000000] [--open 200] [--agents 9]`.

A project with the shipped policies on SQLite has `--open` tickets of customers and so many that ended a year ago, each with its item in
the inbox and two messages that went out. Then more mails become tickets, messages are sent, timers fire, and what boards, lists and
metrics ask is asked. The team is the shipped one, with others of its queues where it has more `--agents`. Milliseconds of processor are
the best of three rounds; the last column is the worst of all ages by the first.
"""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import click
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import MORNING, Files, end, fill, folder, open_house, say
from benchmarks.intake import deliveries, take
from engine.channels import Delivery
from engine.cli.init import lay_out
from engine.core.fields import OPEN_STATES, REVIEW
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine
from engine.store import Reader, TicketQuery

MANY = 40
"""How many mails, messages or timers are worked off in a round."""

ASKED: dict[str, Callable[[Reader], object]] = {
    "board of a queue": lambda reader: reader.tickets(TicketQuery(states=OPEN_STATES, queue="front_desk", limit=200)),
    "board of an agent": lambda reader: reader.tickets(TicketQuery(states=OPEN_STATES, assignee="zhao", limit=200)),
    "reviews of quality": lambda reader: reader.tickets(TicketQuery(kind=REVIEW)),
    "what was set aside": lambda reader: reader.messages(state="dead"),
    "what ended today": lambda reader: reader.closed(MORNING, MORNING + timedelta(days=1)),
    "metrics": lambda reader: reader.backlog(),
}


def best(work: Callable[[], int], rounds: int = 3) -> float:
    """The least milliseconds of processor for each of those that it says it has worked off."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        done = work()
        assert done > MANY // 2, done  # noqa: S101  # what was not done must not count as quick
        spent.append((time.process_time() - began) * 1000 / done)
    return min(spent)


def staff(project: Path, agents: int) -> None:
    """Let the team have so many agents."""
    lay_out(project, "live")
    file = project / "policies" / "team.yaml"
    text, queues = file.read_text(encoding="utf-8"), ("front_desk", "tech_support", "after_sales", "finance")
    more = agents - len(yaml.safe_load(text)["agents"])
    rows = (f"  a{n}: {{name: Agent {n}, queues: [{queues[n % 4]}], email: a{n}@example.test, shift: day}}\n" for n in range(more))
    file.write_text(text.replace("agents:\n", "agents:\n" + "".join(rows), 1), encoding="utf-8")


def measure(root: Path, ended: int, standing: int, agents: int) -> dict[str, float]:
    """Milliseconds of processor by what is done, in a house in which so many tickets ended."""
    url = Files(root).new()
    clock = VirtualClock(MORNING)
    staff(root / "project", agents)
    engine = open_house(root / "project", url, clock)
    take(engine, deliveries(engine, range(standing)), 32)
    engine.close()
    fill(url, ended)
    end(url)
    engine = open_house(root / "project", url, clock)
    try:
        return dict(_spent(engine, standing, clock))
    finally:
        engine.close()


def _spent(engine: Engine, standing: int, clock: VirtualClock) -> Iterator[tuple[str, float]]:
    mails = iter([deliveries(engine, range(first, first + MANY)) for first in range(standing, standing + 3 * MANY, MANY)])
    yield "a mail becomes a ticket", best(lambda: _take(engine, next(mails)))
    yield "a message is sent", best(lambda: engine.work_outbox("email", MANY))
    clock.set(MORNING + timedelta(hours=1))
    yield "a timer fires", best(lambda: engine.work_timers(MANY))
    with engine.store.read() as reader:
        for name, ask in ASKED.items():
            yield name, best(partial(_asked, reader, ask)) * MANY


def _take(engine: Engine, mails: list[Delivery]) -> int:
    take(engine, mails, MANY)
    return len(mails)


def _asked(reader: Reader, ask: Callable[[Reader], object]) -> int:
    ask(reader)
    return MANY


@click.command()
@click.option("--ended", default="0,100000,1000000", show_default=True)
@click.option("--open", "standing", default=200, show_default=True)
@click.option("--agents", default=9, show_default=True)
def main(ended: str, standing: int, agents: int) -> None:
    """Measure the house at each age."""
    ages = [int(one) for one in ended.split(",")]
    columns = []
    for age in ages:
        with folder() as place:
            columns.append(measure(place, age, standing, agents))
    say(f"{'milliseconds of processor':28}" + "".join(f"{age:>12,} ended" for age in ages) + "    worst by the first")
    for name, first in columns[0].items():
        times = [column[name] for column in columns]
        say(f"{name:28}" + "".join(f"{one:18.2f}" for one in times) + f"{max(times) / max(first, 0.01):20.1f} ×")


if __name__ == "__main__":
    main()
