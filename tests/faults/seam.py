"""Faults at the seams between the engine, its store and its channels: rows that cannot be handled, commits that lie, carriers that fail."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from engine.channels import Channel, Outbound, Sent, TemporaryFailure
from engine.cli.init import lay_out
from engine.errors import EngineError
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from engine.store import Store, StoreFailed

NOW = datetime(2026, 3, 4, 1, tzinfo=UTC)


@contextmanager
def opened(root: Path, seed: int, database: str | None = None, **settings: Any) -> Iterator[Engine]:
    """An engine that sends, in a project of its own, at 09:00 of a Wednesday that passes as the test says."""
    lay_out(root, "live")
    project = replace(load_project(root), **settings)
    project = replace(project, database=database) if database else project
    engine = open_engine(project, VirtualClock(NOW), random.Random(seed), reload=True, owner="engine run")
    try:
        yield engine
    finally:
        engine.close()


class Wrapped:
    """What it wraps, but for what a subclass does otherwise."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class PoisonedStore(Wrapped):
    """A store in which texts that hold `poison`, and tickets in `tickets`, bring down whoever works with them, until it is `healed`."""

    def __init__(self, inner: Store, poison: str, tickets: set[str] | None = None) -> None:
        super().__init__(inner)
        self.poison = poison
        self.tickets = tickets or set()
        self.healed = False

    @contextmanager
    def write(self, *patience: Any) -> Iterator[Any]:
        with self._inner.write(*patience) as tx:
            yield tx if self.healed else _PoisonedTransaction(tx, self)


class _PoisonedTransaction(Wrapped):
    def __init__(self, inner: Any, store: PoisonedStore) -> None:
        super().__init__(inner)
        self._store = store

    def keep_contents(self, ticket: str | None, contents: Iterable[tuple[str, str, str]]) -> None:
        kept = list(contents)
        if any(self._store.poison in body for _, _, body in kept):
            raise ValueError("a fault that this text brings out")
        self._inner.keep_contents(ticket, kept)

    def take_timer(self, row: Any) -> bool:
        if row.ticket in self._store.tickets:
            raise ValueError("a fault that this ticket brings out")
        return bool(self._inner.take_timer(row))


class LyingStore(Wrapped):
    """A store of which a `share` of all commits succeeds and says that it failed, as when the answer of a server is lost."""

    def __init__(self, inner: Store, share: float, chance: random.Random) -> None:
        super().__init__(inner)
        self._share = share
        self._chance = chance
        self.lies = 0

    @contextmanager
    def write(self, *patience: Any) -> Iterator[Any]:
        with self._inner.write(*patience) as tx:
            yield tx
        if self._chance.random() < self._share:
            self.lies += 1
            raise StoreFailed("The database could not commit: the connection was lost.")


@dataclass
class World:
    """The carriers of all channels: what they took, by message id, and how often they may have taken it without the engine's knowing."""

    chance: random.Random
    share: float = 0.0
    taken: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    contents: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)

    def take(self, message: Outbound) -> None:
        self.taken[message.message_id] += 1
        self.contents.setdefault(message.message_id, set()).add((message.to, message.text))


class Flaky(Wrapped):
    """A channel whose carrier fails a share of what it is given: too busy, out of order, deaf, or gone before or after it took it."""

    def __init__(self, inner: Channel, world: World, hang: Callable[[], None]) -> None:
        super().__init__(inner)
        self._world = world
        self._hang = hang

    def send(self, message: Outbound) -> Sent:
        world = self._world
        fault = world.chance.choice(("429", "5xx", "reset", "reset after", "hang")) if world.chance.random() < world.share else ""
        world.faults[fault] += 1
        match fault:
            case "429":
                raise TemporaryFailure("429 Too Many Requests", retry_after=world.chance.choice([1.0, 30.0, 600.0]))
            case "5xx":
                raise TemporaryFailure("503 Service Unavailable")
            case "reset":
                raise ConnectionResetError("Connection reset by peer")
            case "reset after":
                world.take(message)
                world.doubtful[message.message_id] += 1
                raise TemporaryFailure("the connection was lost before the answer")
            case "hang":
                self._hang()  # its watcher has had enough; then the answer comes after all
                world.doubtful[message.message_id] += 1
        world.take(message)
        return Sent(f"<{message.message_id}@carrier>")


def make_flaky(engine: Engine, world: World) -> None:
    """Put the carriers of `world` behind every channel of the engine that sends."""
    for name in engine.world.senders:
        flaky: Any = Flaky(engine.channels[name], world, partial(engine.replace_hanging, name))
        engine.channels[name] = flaky
        engine.builders = {**engine.builders, name: partial(_same, flaky)}


def _same(channel: Any) -> Any:
    return channel


def work(engine: Engine) -> int:
    """One turn of everything a daemon does but for what goes by the clock; what fails is tried again in a later turn, as its loops do."""
    done = 0
    steps: list[Callable[[], int]] = [partial(engine.receive, name, timeout=0.0) for name in engine.channels]
    steps += [engine.work_inbox, *(partial(engine.work_outbox, name) for name in engine.world.senders)]
    for step in steps:
        with suppress(EngineError):
            done += step()
    return done


def until_quiet(engine: Engine, step: timedelta = timedelta(minutes=1), turns: int = 20_000) -> None:
    """Let time pass until nothing waits: no input to be handled, no message to be sent. Timers stand still."""
    for _ in range(turns):
        if work(engine):
            continue
        with engine.store.read() as reader:
            waits = [reader.next_inbox(), reader.next_message()]
            sending = reader.message_counts().get("sending", 0)
        if not any(waits) and not sending:
            return
        engine.clock.set(engine.clock.now() + step)  # type: ignore[attr-defined]  # it is a virtual one
    raise AssertionError("it never becomes quiet")


def deliver(engine: Engine, channel: str, name: str, raw: bytes) -> None:
    """Put a file where its channel takes it in."""
    (engine.project.var / "in" / channel / name).write_bytes(raw)
