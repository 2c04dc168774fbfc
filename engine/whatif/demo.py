"""The demo: a business day of raw input files and timed actions, played through the runtime of `engine run` with a virtual clock.

Nothing here says what comes of it: the day holds what people send and do, the policies decide the rest. `day/day.yaml` is a list of
steps, each `at` an instant with one of
- `drop: [FILE, …]` into `channel`: the files arrive as if their carrier had brought them;
- `act: {agent, action, …}` on `ticket`: what somebody does at the terminal; a ticket is named by the file that opened it;
- `reply: TEXT` on `ticket`, by the customer, or by `agent`: an answer to the last message they got there, on its channel.
The agent `assignee` is whoever holds the ticket then; `child: task` or `child: follow_up` means what came of the ticket.
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from engine.channels import write_atomically
from engine.core.model import CUSTOMER
from engine.core.signals import AgentActed, StepDraft
from engine.errors import EngineError
from engine.runtime import schedule
from engine.runtime.answers import next_look
from engine.runtime.clock import VirtualClock
from engine.runtime.customers import import_customers
from engine.runtime.engine import Engine, open_engine
from engine.runtime.handle import Handled
from engine.runtime.project import load_project
from engine.store.rows import OutboxRow, TicketQuery
from engine.whatif.replies import answer_to
from engine.whatif.timeline import Line, lines

SECOND = timedelta(seconds=1)


class DemoFailed(EngineError):
    """The day asks for something that did not come about: a ticket that was not opened, an action that was refused."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the day came to: how many tickets and decisions there were from `since` to `until`."""

    tickets: int
    decisions: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that people do. `ticket` is the name of the file that opened it."""

    at: datetime
    data: Mapping[str, Any]


@dataclass(slots=True)
class _Play:
    engine: Engine
    clock: VirtualClock
    day: Path
    numbers: dict[str, str] = field(default_factory=dict)
    decisions: int = 0


def run_demo(directory: Path, seed: int, echo: Callable[[Line], None] | None = None, day: Path | None = None) -> tuple[DemoResult, Engine]:
    """Play the day in the project at `directory` (made by `engine init`, outbound live, folder transports).

    The same seed gives the same decisions, numbers and messages. `echo` gets each line of the timeline as it happens. The engine is
    handed back open, for whoever wants to show more. Raises DemoFailed.
    """
    day = day or Path(str(resources.files("engine.whatif") / "day"))
    chance = random.Random(seed)  # noqa: S311  # a demo must repeat itself; nothing secret comes of it
    project = load_project(directory)
    script = yaml.safe_load((day / "day.yaml").read_text(encoding="utf-8"))
    clock = VirtualClock(datetime.fromisoformat(script["start"]))
    key = hashlib.sha256(f"demo {seed}".encode()).digest()
    engine = open_engine(project, clock, chance, reload=True, key=key)
    play = _Play(engine, clock, day)
    zone = engine.world.policy.company.timezone

    def listen(handled: Handled) -> None:
        play.decisions += 1
        if echo is not None:
            for line in lines(handled, zone):
                echo(line)

    engine.listeners.append(listen)
    import_customers(engine, (day / "customers.csv").read_text(encoding="utf-8"))
    for step in sorted(_steps(script["steps"], zone, chance), key=lambda step: step.at):
        _live_until(play, step.at)
        _do(play, step.data)
        _settle(play)
    since, until = (datetime.fromisoformat(script[name]) for name in ("start", "until"))
    _live_until(play, until)
    with engine.store.read() as reader:
        tickets = reader.tickets(TicketQuery(limit=100_000))
    return DemoResult(len(tickets), play.decisions, since, until), engine


def _steps(written: list[dict[str, Any]], timezone: str, chance: random.Random) -> Iterator[Step]:
    """Yield the steps with their instants; what customers send arrives up to a minute later than written, by chance."""
    zone = ZoneInfo(timezone)
    for data in written:
        at = datetime.fromisoformat(data["at"]).replace(tzinfo=zone)
        late = timedelta(seconds=chance.randrange(60)) if "drop" in data else timedelta(0)
        yield Step(at + late, data)


def _live_until(play: _Play, instant: datetime) -> None:
    """Let time pass: at every due timer and every message to be tried again, do what is to be done."""
    while True:
        with play.engine.store.read() as reader:
            times = [at for at in (reader.next_timer(), reader.next_message(), reader.next_inbox(), next_look(reader)) if at is not None]
        times += schedule.upcoming(play.engine.world.policy, play.clock.now()).values()
        upcoming = min(times, default=None)
        if upcoming is None or upcoming > instant:
            break
        play.clock.set(upcoming)
        _settle(play)
    play.clock.set(instant)


def _settle(play: _Play) -> None:
    """Do all the work there is at this instant, as the daemon's loops would."""
    engine = play.engine
    busy = True
    while busy:
        taken = [engine.receive(name, timeout=0.0) for name in engine.channels]
        done = engine.work_inbox() + engine.work_timers() + engine.work_answers() + engine.work_rules()
        sent = [engine.work_outbox(name) for name in engine.world.senders]
        busy = bool(sum(taken) + done + sum(sent))


def _do(play: _Play, data: Mapping[str, Any]) -> None:
    if "drop" in data:
        _drop(play, data)
    elif "reply" in data:
        _reply(play, data)
    else:
        _act(play, data)


def _drop(play: _Play, data: Mapping[str, Any]) -> None:
    """Put files where their carrier would; the tickets they open are named after the first file, `#2` and on behind it."""
    before = _inbox_tickets(play)
    for name in data["drop"]:
        target = play.engine.project.var / "in" / data["channel"] / Path(name).name
        write_atomically(target, (play.day / name).read_bytes())
    _settle(play)
    name = Path(data["drop"][0]).name
    fresh = [number for id, number in _inbox_tickets(play).items() if id not in before]
    for position, number in enumerate(fresh, 1):
        play.numbers[name if position == 1 else f"{name}#{position}"] = number


def _inbox_tickets(play: _Play) -> dict[int, str]:
    with play.engine.store.read() as reader:
        return {row.id: row.ticket for row in reversed(reader.inbox(None, 100_000)) if row.ticket}


def _number(play: _Play, data: Mapping[str, Any]) -> str:
    name = data["ticket"]
    if name not in play.numbers:
        raise DemoFailed(f"day.yaml, {data['at']}: {name} opened no ticket; opened: {', '.join(play.numbers)}")
    number = play.numbers[name]
    child = data.get("child")
    if child is None:
        return number
    with play.engine.store.read() as reader:
        return _child(reader, number, child, data)


def _child(reader: Any, number: str, kind: str, data: Mapping[str, Any]) -> str:
    """The task or follow-up that came of a ticket. Whom a follow-up is about stands in its sealed link only."""
    for ticket in reader.tickets(TicketQuery(kind=kind, limit=1000)):
        link = reader.link(ticket.number)
        if ticket.parent == number or (link is not None and link.ticket == number):
            return str(ticket.number)
    raise DemoFailed(f"day.yaml, {data['at']}: ticket {number} has no {kind}")


def _agent(play: _Play, number: str, name: str) -> str:
    if name != "assignee":
        return name
    with play.engine.store.read() as reader:
        ticket = reader.ticket(number)
    if ticket is None or ticket.assignee is None:
        raise DemoFailed(f"nobody holds ticket {number}")
    return ticket.assignee


def _act(play: _Play, data: Mapping[str, Any]) -> None:
    zone = ZoneInfo(play.engine.world.policy.company.timezone)
    act = dict(data["act"])
    steps = tuple(
        StepDraft(step["what"], step["who"], datetime.fromisoformat(step["due"]).replace(tzinfo=zone)) for step in act.pop("steps", [])
    )
    due = act.pop("due", None)
    number = _number(play, data)
    signal = AgentActed(
        ticket=number,
        action=act.pop("action"),
        actor=_agent(play, number, act.pop("agent")),
        steps=steps,
        due=datetime.fromisoformat(due).replace(tzinfo=zone) if due else None,
        **act,
    )
    outcome = play.engine.handle(signal)
    if outcome.first.refused is not None:
        raise DemoFailed(f"day.yaml, {data['at']}: {signal.action} on {data['ticket']}: {outcome.first.refused}")


def _reply(play: _Play, data: Mapping[str, Any]) -> None:
    """Answer the last message the customer (or the agent) got about the ticket, as their mail program or phone would."""
    number = _number(play, data)
    party = _agent(play, number, data["agent"]) if "agent" in data else CUSTOMER
    with play.engine.store.read() as reader:
        got = [row for row in reader.messages(ticket=number) if row.party == party and row.state in ("sent", "delivered")]
    if not got:
        raise DemoFailed(f"day.yaml, {data['at']}: {party} got no message about {data['ticket']} to answer")
    last = got[-1]
    name, raw = answer_to(_sent_file(play, last), last, data["reply"], play.clock.now())
    write_atomically(play.engine.project.var / "in" / last.channel / name, raw)


def _sent_file(play: _Play, row: OutboxRow) -> Path:
    """The file the channel wrote for a message: what the other side has in hand."""
    places = play.engine.project.var / "out" / row.channel
    found = [path for path in places.iterdir() if row.id in path.name or _names(path, row.id)]
    if len(found) != 1:
        raise DemoFailed(f"message {row.id} is to be found once under {places}, not {len(found)} times")
    return found[0]


def _names(path: Path, message: str) -> bool:
    return path.suffix == ".json" and json.loads(path.read_text(encoding="utf-8")).get("id") == message
