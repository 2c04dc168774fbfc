"""The demo: a business day of raw input files and timed actions, played through the runtime of `engine run` with a virtual clock.

Nothing here says what comes of it: the day holds what people send and do, the policies decide the rest. `day/day.yaml` is a list of
steps, each `at` an instant with one of
- `drop: [FILE, …]` into `channel`: the files arrive as if their carrier had brought them;
- `act: {agent, action, …}` on `ticket`: what somebody does at the terminal; a ticket is named by the file that opened it;
- `reply: TEXT` on `ticket`, by the customer, or by `agent`: an answer to the last message they got there, on its channel.
The agent `assignee` is whoever holds the ticket then; `child: task` or `child: follow_up` means what came of the ticket.

Before the day come weeks of history, whose people react to what they see (`month`).
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from engine.analysis.kpi import watch
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
from engine.whatif.month import Month
from engine.whatif.replies import answer_to
from engine.whatif.timeline import Line, lines

HOUR = timedelta(hours=1)


class DemoFailed(EngineError):
    """The day asks for something that did not come about: a ticket that was not opened, an action that was refused."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was played: how many tickets and decisions there were from `began` on; the day is from `since` to `until`."""

    tickets: int
    decisions: int
    began: datetime
    since: datetime
    until: datetime


@dataclass(slots=True)
class _Play:
    """What is played. `plans` are what people will do, in order; `dropped` says that a carrier has something for us."""

    engine: Engine
    clock: VirtualClock
    day: Path
    numbers: dict[str, str] = field(default_factory=dict)
    decisions: int = 0
    plans: list[tuple[datetime, int, Callable[[], object]]] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=count)
    next_slot: datetime | None = None
    dropped: bool = False

    def plan(self, at: datetime, do: Callable[[], object]) -> None:
        """Let it be done then, after what is planned for that instant already."""
        heappush(self.plans, (at, next(self.ids), do))

    def drop(self, at: datetime, channel: str, name: str, raw: bytes) -> None:
        """Hand a file to the carrier of a channel then."""
        self.plan(at, lambda: _put(self, channel, name, raw))

    def act(self, at: datetime, number: str, action: str, text: str = "", actor: str | None = None, **details: Any) -> None:
        """Let `actor`, else whoever holds the ticket then, do something with it, if it can be done then."""

        def do() -> None:
            by = actor or _holder(self, number) or self.engine.world.team.manager
            self.engine.handle(AgentActed(number, action, by, text, **details))

        self.plan(at, do)

    def reply(self, at: datetime, message: str, text: str) -> None:
        """Let the customer answer a message then, if it has come."""
        self.plan(at, lambda: _answer(self, message, text))


def run_demo(
    directory: Path, seed: int, tickets: int, echo: Callable[[Line], None] | None = None, step: Callable[[int, int], None] | None = None
) -> tuple[DemoResult, Engine]:
    """Play weeks of about so many tickets, none with 0, and then the day in the project at `directory` (made by `engine init`, outbound
    live, folder transports).

    The same seed gives the same decisions, numbers and messages. `echo` gets each line of the day's timeline as it happens, `step` how many
    more hours of the weeks are over, and of how many. The engine is handed back open, for whoever wants to show more. Raises DemoFailed.
    """
    day = Path(str(resources.files("engine.whatif") / "day"))
    chance = random.Random(seed)  # noqa: S311  # a demo must repeat itself; nothing secret comes of it
    project = load_project(directory)
    script, told = (yaml.safe_load((day / name).read_text(encoding="utf-8")) for name in ("day.yaml", "month.yaml"))
    since, until = (datetime.fromisoformat(script[name]) for name in ("start", "until"))
    began = datetime.fromisoformat(told["start"]) if tickets else since
    clock = VirtualClock(began)
    key = hashlib.sha256(f"demo {seed}".encode()).digest()
    engine = open_engine(project, clock, chance, reload=True, key=key)
    engine.by_clock.append(watch.run_due)
    play = _Play(engine, clock, day, next_slot=began)
    zone = engine.world.policy.company.timezone
    month = Month(told, since, engine.world.policy.calendars[told["calendar"]], ZoneInfo(zone), random.Random(seed), play)  # noqa: S311  # as above

    def listen(handled: Handled) -> None:
        play.decisions += 1
        month.see(handled)
        if echo is not None and handled.at >= since:
            for line in lines(handled, zone):
                echo(line)

    engine.listeners.append(listen)
    import_customers(engine, (day / "customers.csv").read_text(encoding="utf-8"))
    for at, data in _steps(script["steps"], zone, chance):
        play.plan(at, partial(_do, play, data))
    month.write(tickets)
    _play_until(play, since, step)
    _play_until(play, until)
    with engine.store.read() as reader:
        opened = len(reader.tickets(TicketQuery(limit=100_000)))
    return DemoResult(opened, play.decisions, began, since, until), engine


def _steps(written: list[dict[str, Any]], timezone: str, chance: random.Random) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield the steps with their instants; what customers send arrives up to a minute later than written, by chance."""
    zone = ZoneInfo(timezone)
    for data in written:
        at = datetime.fromisoformat(data["at"]).replace(tzinfo=zone)
        late = timedelta(seconds=chance.randrange(60)) if "drop" in data else timedelta(0)
        yield at + late, data


def _play_until(play: _Play, until: datetime, step: Callable[[int, int], None] | None = None) -> None:
    """Let people do what they plan, and time pass in between."""
    hours = left = (until - play.clock.now()) // HOUR
    while play.clock.now() < until or (play.plans and play.plans[0][0] <= until):
        _live_until(play, min(until, play.plans[0][0]) if play.plans else until)
        if play.plans and play.plans[0][0] <= play.clock.now():
            _, _, do = heappop(play.plans)
            do()
            _settle(play)
        if step is not None and (now_left := (until - play.clock.now()) // HOUR) < left:
            step(left - now_left, hours)
            left = now_left


def _live_until(play: _Play, instant: datetime) -> None:
    """Let time pass: whenever something is due, do what is to be done; stop where people plan to act before."""
    while not (play.plans and play.plans[0][0] < instant):
        upcoming = min((at for at in _waits(play) if at is not None), default=None)
        if upcoming is None or upcoming > instant:
            play.clock.set(instant)
            return
        play.clock.set(upcoming)
        _settle(play)


def _waits(play: _Play) -> tuple[datetime | None, ...]:
    """When the inbox, timers, answers, cron and messages are due next."""
    with play.engine.store.read() as reader:
        return reader.next_inbox(), reader.next_timer(), next_look(reader), play.next_slot, reader.next_message()


def _settle(play: _Play) -> None:
    """Do all the work there is at this instant, as the daemon's loops would."""
    engine, now, busy = play.engine, play.clock.now(), 1
    while busy:
        busy = sum(engine.receive(name, timeout=0.0) for name in engine.channels) if play.dropped else 0
        play.dropped = busy > 0
        inbox, timers, answers, cron, messages = (at is not None and at <= now for at in _waits(play))
        busy += engine.work_inbox() if inbox else 0
        busy += engine.work_timers() if timers else 0
        busy += engine.work_answers() if answers else 0
        if cron:
            busy += engine.work_rules() + 1
            play.next_slot = min(schedule.upcoming(engine.world.policy, now).values(), default=None)
        busy += sum(engine.work_outbox(name) for name in engine.world.senders) if messages else 0


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
        _put(play, data["channel"], Path(name).name, (play.day / name).read_bytes())
    _settle(play)
    name = Path(data["drop"][0]).name
    fresh = [number for id, number in _inbox_tickets(play).items() if id not in before]
    for position, number in enumerate(fresh, 1):
        play.numbers[name if position == 1 else f"{name}#{position}"] = number


def _put(play: _Play, channel: str, name: str, raw: bytes) -> None:
    write_atomically(play.engine.project.var / "in" / channel / name, raw)
    play.dropped = True


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
    if (holder := _holder(play, number)) is None:
        raise DemoFailed(f"nobody holds ticket {number}")
    return holder


def _holder(play: _Play, number: str) -> str | None:
    with play.engine.store.read() as reader:
        ticket = reader.ticket(number)
    return ticket.assignee if ticket else None


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
    _answer(play, got[-1].id, data["reply"])


def _answer(play: _Play, message: str, text: str) -> None:
    """Answer a message, where it has come, as a mail program or a phone does."""
    with play.engine.store.read() as reader:
        row = reader.message(message)
    if row is not None and row.state in ("sent", "delivered"):
        _put(play, row.channel, *answer_to(_sent_file(play, row), row, text, play.clock.now()))


def _sent_file(play: _Play, row: OutboxRow) -> Path:
    """The file the channel wrote for a message: what the other side has in hand."""
    places = play.engine.project.var / "out" / row.channel
    found = next(places.glob(f"{row.id}.*"), None)
    if found is None:
        raise DemoFailed(f"message {row.id} is not to be found under {places}")
    return found
