"""The engine of one project, put together: store, policy, people, channels. The daemon, the commands and the demo all drive this."""

import random
import secrets
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from engine.channels import AddressKind, Channel, ChannelContext, ChannelType, Delivery, Inbound, Receipt, Rejected
from engine.channels.manager import ChannelTypes
from engine.core.compiled import Policy
from engine.core.signals import Signal, TimerFired
from engine.errors import NotFound
from engine.policy import Compilation
from engine.policy.installed import installed
from engine.runtime import answers, inbox, quality, schedule, timers
from engine.runtime.addresses import normalise
from engine.runtime.carriers import RECEIVE
from engine.runtime.clock import Clock
from engine.runtime.gather import Origin, World
from engine.runtime.handle import Handled, Listener, Outcome, handle
from engine.runtime.masking import without_secrets
from engine.runtime.membership import Membership
from engine.runtime.outbox import Postman, Taken
from engine.runtime.policies import COMMAND, DAEMON, PolicyBroken, load_active, load_from_directory, load_people, sound
from engine.runtime.project import ChannelSettings, Project, resolve_secrets
from engine.runtime.seal import load_seal
from engine.runtime.sources import Source
from engine.runtime.tokens import Tokens
from engine.store import Conflict, OutboxRow, Store, StoreFailed, open_store

_KEY = "signing_key"


@dataclass(slots=True)
class Engine:
    """Everything one process needs to do the project's work. Made by `open_engine`, ended by `close`.

    `by_clock` is what is done by cron beside the rules, by rooms that the runtime does not know.
    """

    project: Project
    store: Store
    world: World
    clock: Clock
    tokens: Tokens
    types: Mapping[str, ChannelType]
    channels: dict[str, Channel]
    builders: Mapping[str, Callable[[], Channel]]
    alarms: tuple[str, ...] = ()
    stopping: threading.Event = field(default_factory=threading.Event)
    listeners: list[Listener] = field(default_factory=list)
    by_clock: list[schedule.ByClock] = field(default_factory=list)
    in_flight: dict[str, list[OutboxRow]] = field(default_factory=dict)
    taken: dict[str, deque[Taken]] = field(default_factory=lambda: defaultdict(deque))
    membership: Membership | None = None
    _opened: set[str] = field(default_factory=set)
    _opening: threading.Lock = field(default_factory=threading.Lock)

    @property
    def desk(self) -> inbox.Desk:
        """What the inbox works with."""
        project = self.project
        return inbox.Desk(self.store, self.tokens, project.phone_region, project.var, project.hold)

    def handle(self, signal: Signal, origin: Origin | None = None) -> Outcome:
        """Let one signal through the door, in a transaction of its own."""
        with self.store.write() as tx:
            outcome = handle(tx, self.world, signal, self.clock.now(), origin, hold=self.project.hold)
        self.tell([outcome])
        return outcome

    def foresee(self, signal: Signal, at_once: bool = False) -> Outcome:
        """Decide on a signal as `handle` would now, `at_once` also on the timers of its ticket that are due then; keep nothing of it."""
        now, hold = self.clock.now(), self.project.hold
        try:
            with self.store.write() as tx:
                outcome = handle(tx, self.world, signal, now, hold=hold)
                due = [one for one in tx.timers(outcome.ticket or "") if one.due <= now and not one.dead] if at_once else []
                fired = [handle(tx, self.world, TimerFired(one.ticket, one.key, one.due), now, hold=hold) for one in due]
                raise _Foreseen(Outcome(sum((one.handled for one in fired), outcome.handled)))
        except _Foreseen as seen:
            return seen.outcome

    def receive(self, name: str, timeout: float) -> int:
        """Take in what waits on a channel, if its circuit is not open; return how many items were new.

        Raises TemporaryFailure when the carrier is away.
        """
        circuit = self.project.circuit
        with self.store.read() as reader:
            state = reader.channel_state(name, RECEIVE)
        if not circuit.admits(state, self.clock.now()):
            return 0
        try:
            fresh = inbox.accept(self.desk, name, self.channel(name).receive(timeout), self.clock.now())
        except (StoreFailed, Conflict):
            raise
        except Exception as error:
            with self.store.write() as tx:
                circuit.failed(tx, name, RECEIVE, without_secrets(str(error)), self.clock.now(), getattr(error, "retry_after", None))
            raise
        if state.failures:
            with self.store.write() as tx:
                circuit.worked(tx, name, RECEIVE)
        return fresh

    def ingest(self, name: str, raw: bytes, file_name: str) -> tuple[int, list[str]]:
        """Take in raw input handed over by a person; return how many items were new, and why some were not understood."""
        items = list(self.channel(name, opened=False).parse(raw, file_name))
        good = [item for item in items if isinstance(item, Inbound | Receipt)]
        deliveries = [Delivery(item, _nothing, raw) for item in good]
        reasons = [item.reason for item in items if isinstance(item, Rejected)]
        return inbox.accept(self.desk, name, deliveries, self.clock.now()), reasons

    def work_inbox(self, limit: int = 100) -> int:
        """Handle what waits in the inbox; return how many items were handled."""
        return self.tell(inbox.process(self.desk, self.world, self.clock.now(), limit))

    def work_timers(self, limit: int = 100) -> int:
        """Fire the timers that are due; return how many fired."""
        return self.tell(timers.fire(self.store, self.world, self.clock.now(), self.project.hold, limit))

    def work_rules(self) -> int:
        """Do what has come due by cron: rules, draws for review, and what other rooms do; return how many signals were decided on."""
        store, world, hold = self.store, self.world, self.project.hold
        return sum(self.tell(run(store, world, self.clock.now(), hold)) for run in (schedule.run_due, quality.run_due, *self.by_clock))

    def work_answers(self) -> int:
        """Put survey answers into storage that have waited long enough; return how many follow-ups that opened."""
        return self.tell(answers.settle(self.store, self.world, self.clock.now(), self.project.hold))

    def work_outbox(self, name: str, limit: int = 20) -> int:
        """Send what is due on a channel; return how many attempts had an outcome."""
        return self.tell(self._postman(name).dispatch(self.channel(name), self.world, self.clock.now, limit))

    def replace_hanging(self, name: str) -> None:
        """Leave a channel that does not come back from sending to itself; what it was sending is tried again."""
        self.tell(self._postman(name).interrupt(self.world, self.clock.now()))
        self.rebuild(name)

    def channel(self, name: str, opened: bool = True) -> Channel:
        """Return a channel, opened on first use. Raises NotFound, and what opening it raises."""
        if name not in self.channels:
            raise NotFound(f"there is no channel {name!r} in engine.yaml; there are {', '.join(self.channels) or 'none'}")
        channel = self.channels[name]
        with self._opening:
            if opened and name not in self._opened:
                channel.open()
                self._opened.add(name)
        return channel

    def rebuild(self, name: str) -> None:
        """Leave a channel that hangs to itself and put a fresh one in its place."""
        fresh = self.builders[name]()
        with self._opening:
            self.channels[name] = fresh
            self._opened.discard(name)

    def normalise(self, name: str, address: str) -> str:
        """Return an address of a channel in the form in which it is stored."""
        return normalise(self.world.channels[name], address, self.project.phone_region)

    def close(self) -> None:
        """Let go of channels and store."""
        for name in self._opened:
            self.channels[name].close()
        self._opened.clear()
        self.store.close()

    def tell(self, outcomes: Iterable[Outcome]) -> int:
        """Let the listeners know of what was kept; return how many signals that were."""
        count = 0
        for outcome in outcomes:
            count += 1
            for one in (one for one in outcome.handled if not one.decision.idle):
                for listener in self.listeners:
                    listener(one)
        return count

    def _postman(self, name: str) -> Postman:
        project = self.project
        postman = Postman(
            store=self.store,
            tokens=self.tokens,
            channel=name,
            delivery=project.delivery,
            redirect=self._redirect(name),
            hold=project.hold,
            lease=project.lease,
            in_flight=self.in_flight,
            taken=self.taken,
            circuit=project.circuit,
            rate=next(one.rate for one in project.channels if one.name == name),
            attachments=project.var / "attachments",
        )
        if member := self.membership:
            worker = member.id
            postman = replace(postman, worker=worker, alive=lambda: member.alive() and member.id == worker)
        return postman

    def _redirect(self, name: str) -> Callable[[str], str | None]:
        """Where messages of a channel truly go: nowhere while held, to the redirect's address where its kind fits."""
        if self.project.redirect is None:
            return (lambda address: None) if self.project.hold else (lambda address: address)
        target = self.project.redirect
        fits = self.world.channels[name] == (AddressKind.EMAIL if "@" in target else AddressKind.PHONE)
        return lambda address: target if fits else None


class _Foreseen(Exception):  # undoes a transaction, never leaves this module
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def open_engine(
    project: Project,
    clock: Clock,
    chance: random.Random | None = None,
    reload: bool = False,
    key: bytes | None = None,
    owner: str | None = None,
) -> Engine:
    """Open a project. `reload` compiles the policy directory and puts it in force; else the active policy decides.

    A broken directory falls back to the last good policy and says so in `alarms`. `chance` and `key` are given only where a run must
    repeat itself. With `owner` this process becomes the one that works on the store. Raises ConfigurationError, PolicyBroken, Refused.
    """
    for part in ("in", "out", "bad", "attachments", "state"):
        (project.var / part).mkdir(parents=True, exist_ok=True)
    store = open_store(resolve_secrets(project.database, project.root), project.root)
    try:
        if owner is not None:
            store.lock_for_writing(owner)
        compilation, alarms = _compilation(project, store, clock.now(), reload)
        policy = sound(compilation)
        team, warnings = load_people(project.policies, compilation)
        discovered = ChannelTypes.discover()
        types = {one.name: discovered.named(one.type) for one in project.channels}
        stopping = threading.Event()
        builders = {one.name: _builder(project, one, discovered, policy, clock, stopping) for one in project.channels}
        channels = {name: build() for name, build in builders.items()}
        world = World(
            policy=policy,
            team=team,
            channels={name: channel_type.address_kind.value for name, channel_type in types.items()},
            senders=tuple(name for name, channel_type in types.items() if channel_type.can_send),
            chance=chance or random.SystemRandom(),
            sources={name: Source(source) for name, source in installed().sources.items()},
            retries=project.handling,
            seal=load_seal(project.var, store, key),
            links=bool(project.public_address),
        )
        tokens = Tokens(key or _signing_key(store), team.agents, project.public_address)
    except BaseException:
        store.close()
        raise
    notices = (*alarms, *discovered.problems, *installed().problems, *(f"{w.file}:{w.line}: {w.message}" for w in warnings))
    return Engine(project, store, world, clock, tokens, types, channels, builders, notices, stopping)


def _compilation(project: Project, store: Store, now: datetime, reload: bool) -> tuple[Compilation, tuple[str, ...]]:
    active = None if reload else load_active(store)
    if active is not None:
        return active, ()
    try:
        return load_from_directory(project.policies, store, now, DAEMON if reload else COMMAND), ()
    except PolicyBroken as broken:
        last = load_active(store)
        if last is None:
            raise
        return last, (f"the policy directory has errors; the last good policy stays in force:\n{broken}",)


def _builder(
    project: Project, one: ChannelSettings, discovered: ChannelTypes, policy: Policy, clock: Clock, stopping: threading.Event
) -> Callable[[], Channel]:
    settings = resolve_secrets(one.settings, project.root)
    context = _context(project, one.name, policy, clock, stopping)
    return lambda: discovered.build(one.name, one.type, settings, context)


def _context(project: Project, name: str, policy: Policy, clock: Clock, stopping: threading.Event) -> ChannelContext:
    places = {part: project.var / part / name for part in ("in", "out", "state")}
    for path in places.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    return ChannelContext(name, places["in"], places["out"], places["state"], policy.company.timezone, clock.now, stopping)


def _signing_key(store: Store) -> bytes:
    """Return the installation's key, made on first use: tokens stay valid over restarts and moves of the database."""
    with store.write() as tx:
        return bytes.fromhex(tx.first_meta(_KEY, secrets.token_hex(32)))


def _nothing() -> None:
    """A person's hand needs no acknowledgement."""


__all__ = ["Engine", "Handled", "open_engine"]
