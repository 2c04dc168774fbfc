"""Whether a team would keep the promises of a policy: needs come as they came, as often as is asked, and people work them off by the clock.

Each agent works on one need at a time: of those that they hold the one whose deadline is nearest. They contact the customer when they
begin, and report the result, which the customer confirms, when they end. How long a need takes is drawn from an exponential distribution,
as in the queues of Erlang (A. K. Erlang, 1917) and in Kendall's M/M/c (1953); it passes in the hours of their shifts only.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from engine.core.compiled import Policy
from engine.core.fields import NEEDS, OPEN_STATES
from engine.core.model import Ticket
from engine.core.signals import AgentActed
from engine.core.team import Team
from engine.policy.cases import Channels
from engine.runtime.gather import Origin
from engine.whatif.lab import Lab, unwatched
from engine.whatif.recorded import Deed, Record
from engine.whatif.stories import Chronicle, Story

_WORKED = (*NEEDS, "call_back", "task")
_LOOKS = timedelta(minutes=5)
"""How often an agent who has nothing to do looks whether there is something."""

_SPREAD = timedelta(minutes=30)
"""How far a need that comes more often than it came lies from the one that it is like."""


class Effort(Struct, frozen=True):
    """How much is to be done: each need of the record comes `volume` times on average, and takes somebody `handling` on average, or what
    its kind does.
    """

    volume: float
    handling: timedelta
    by_kind: Mapping[str, timedelta]
    seed: int = 1


class Simulated(Struct, frozen=True):
    """What a policy and a team make of it: the story of each need that came, how many tickets the house opened for itself, by kind, which
    share of their shifts agents were at work, and how many needs at most waited in each queue for somebody to begin.
    """

    stories: dict[str, Story]
    opened: Counter[str]
    busy: dict[str, float]
    longest: dict[str, int]


def arrivals(record: Record, effort: Effort) -> list[Deed]:
    """Return what comes in, in order: what opened a need, as often as is asked, each time from somebody else."""
    chance, found = random.Random(effort.seed), list[Deed]()  # noqa: S311  # a simulation must repeat itself; nothing secret comes of it
    for deed in record.deeds:
        if deed.signal.ticket is not None or deed.origin is None:
            continue
        for copy in range(int(effort.volume) + (chance.random() < effort.volume % 1)):
            late = _SPREAD * chance.uniform(-1, 1) if copy else timedelta(0)
            origin = replace(deed.origin, address=f"{deed.origin.address}#{copy}" if copy else deed.origin.address)
            found.append(replace(deed, at=max(deed.at + late, record.deeds[0].at), origin=origin))
    return sorted(found, key=lambda deed: (deed.at, deed.id))


def simulate(
    deeds: Iterable[Deed], policy: Policy, team: Team, channels: Channels, span: tuple[datetime, datetime], effort: Effort
) -> Simulated:
    """Let the needs come, and the team work on them from the beginning of the span to its end."""
    lab = Lab(unwatched(policy), team, span[0], channels)
    try:
        floor = _Floor(lab, team, policy, effort)
        for deed in deeds:
            floor.work_until(deed.at)
            floor.take(deed)
        floor.work_until(span[1])
        return floor.result(span)
    finally:
        lab.close()


@dataclass(slots=True)
class _Worker:
    """An agent at work: on which ticket, until when, and how long they worked in all."""

    id: str
    ticket: str | None = None
    until: datetime | None = None
    worked: timedelta = timedelta(0)


@dataclass(slots=True)
class _Floor:
    """The people at their desks. `held` are the tickets to be worked on, `begun` those that somebody has seen to."""

    lab: Lab
    team: Team
    policy: Policy
    effort: Effort
    workers: dict[str, _Worker] = field(init=False)
    chronicle: Chronicle = field(init=False)
    chance: random.Random = field(init=False)
    held: dict[str, Ticket] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    numbers: list[str] = field(default_factory=list)
    longest: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.workers = {id: _Worker(id) for id in self.team.agents}
        self.chronicle, self.chance = Chronicle(self.lab), random.Random(self.effort.seed)  # noqa: S311  # as above

    def take(self, deed: Deed) -> None:
        """Let a need come in."""
        origin, lab = deed.origin, self.lab
        assert origin is not None  # noqa: S101  # only such are taken
        if deed.segment is not None:
            _know(lab, origin, deed.segment)
        outcome = lab.handle(deed.signal, origin)
        if outcome.ticket is not None and outcome.first.refused is None:
            self.numbers.append(outcome.ticket)
        self._look()

    def work_until(self, instant: datetime) -> None:
        """Let people work until then."""
        while (now := min(self._next(), instant)) < instant:
            self.lab.advance(now)
            self._look()
        self.lab.advance(instant)
        self._look()

    def _next(self) -> datetime:
        """When somebody is done, or looks again."""
        return min([self.lab.clock.now() + _LOOKS, *(one.until for one in self.workers.values() if one.until is not None)])

    def _look(self) -> None:
        """Let everybody end what is done by now, and begin what is next."""
        now = self.lab.clock.now()
        self._hear()
        for worker in self.workers.values():
            if worker.until is not None and worker.until <= now:
                self._end(worker)
        self._hear()
        for worker in self.workers.values():
            if worker.until is None and self._has(worker) and self.team.available(worker.id, now, self.policy.calendars):
                self._begin(worker, now)
        waiting = Counter(ticket.queue for ticket in self.held.values() if ticket.queue and ticket.number not in self.begun)
        for queue, count in waiting.items():
            self.longest[queue] = max(self.longest[queue], count)

    def _hear(self) -> None:
        for ticket in self.chronicle.listen():
            if ticket.kind in _WORKED and not ticket.is_incident and ticket.state in OPEN_STATES and ticket.state != "resolved":
                self.held[ticket.number] = ticket
            else:
                self.held.pop(ticket.number, None)

    def _has(self, worker: _Worker) -> list[Ticket]:
        return [one for one in self.held.values() if one.assignee == worker.id and one.number not in self.begun]

    def _begin(self, worker: _Worker, now: datetime) -> None:
        ticket = min(self._has(worker), key=lambda one: (min(_dues(one), default=datetime.max.replace(tzinfo=now.tzinfo)), one.number))
        self.begun.add(ticket.number)
        if ticket.kind != "task":
            self.lab.handle(AgentActed(ticket.number, "contact", worker.id, "…"))
        mean = self.effort.by_kind.get(ticket.kind, self.effort.handling)
        spent = timedelta(seconds=round(self.chance.expovariate(1 / mean.total_seconds())))
        calendar = self.team.calendar(worker.id, self.policy.calendars)
        worker.ticket, worker.until, worker.worked = ticket.number, calendar.due(now, spent), worker.worked + spent

    def _end(self, worker: _Worker) -> None:
        number, worker.ticket, worker.until = worker.ticket, None, None
        assert number is not None  # noqa: S101  # who works until some time works on something
        self.lab.handle(AgentActed(number, "resolve", worker.id, "…"))
        if number in self.numbers:
            self.lab.handle(AgentActed(number, "confirm", worker.id))

    def result(self, span: tuple[datetime, datetime]) -> Simulated:
        """Say what came of it all."""
        pairs = ((number, self.chronicle.story(number)) for number in self.numbers)
        busy = {}
        for worker in self.workers.values():
            calendar = self.team.calendar(worker.id, self.policy.calendars)
            ahead = calendar.elapsed(span[1], worker.until) if worker.until else timedelta(0)
            there = calendar.elapsed(*span)
            busy[worker.id] = (worker.worked - ahead) / there if there else 0.0
        stories = {number: story for number, story in pairs if story is not None}
        return Simulated(stories, self.chronicle.opened(self.numbers), busy, dict(self.longest))


def _dues(ticket: Ticket) -> Iterator[datetime]:
    return (clock.due for clock in ticket.deadlines.values() if clock.running and clock.due is not None)


def _know(lab: Lab, origin: Origin, segment: str) -> None:
    """Let the archive know of which segment whoever comes is."""
    kind = lab.world.channels[origin.channel]
    with lab.store.read() as reader:
        known = reader.find_customer(kind, origin.address)
    if known is None:
        lab.know(origin.name, segment, None, {kind: origin.address})
