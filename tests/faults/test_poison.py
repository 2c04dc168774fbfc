"""One in a hundred cannot be handled: all others are, and it is kept as it came, listed, and handled once the fault is gone."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.core.lifecycle import evolve
from engine.runtime.dead_letters import dead_letters, drop, requeue
from engine.runtime.engine import Engine
from engine.store import TicketQuery
from tests.acceptance.inputs import call, mail, text_message
from tests.faults.seam import PoisonedStore, deliver, opened
from tests.support.counts import scaled

POISON = "鸩酒"
SHARE = 100
INPUTS: dict[str, tuple[str, Callable[[int, str], bytes]]] = {
    "email": ("eml", mail),
    "sms": ("json", text_message),
    "phone_log": ("json", lambda n, text: call(n, text=text)),
}
ALL = 1_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database") if request.param == "postgresql" else None


def feed(engine: Engine, count: int, poisoned: set[int]) -> None:
    """Drop files in all folders, some of them poison, and work on what comes in, some 50 every ten minutes."""
    for n in range(count):
        channel = tuple(INPUTS)[n % len(INPUTS)]
        ending, make = INPUTS[channel]
        deliver(engine, channel, f"{n:06}.{ending}", make(n, f"发票抬头写错了 {POISON if n in poisoned else ''}"))
        if n % 50 == 0:
            take_in(engine)
            engine.clock.set(engine.clock.now() + timedelta(minutes=10))  # type: ignore[attr-defined]  # it is a virtual one
    take_in(engine)


def take_in(engine: Engine) -> None:
    """Take in and decide on all that lies there."""
    while sum(engine.receive(name, timeout=0.0) for name in engine.channels) + engine.work_inbox():
        pass


def until_nothing_waits(engine: Engine) -> None:
    """Let time pass until each item was handled or set aside."""
    while True:
        with engine.store.read() as reader:
            due = reader.next_inbox()
        if due is None:
            return
        engine.clock.set(due)  # type: ignore[attr-defined]  # it is a virtual one
        engine.work_inbox()


def test_poison_among_what_comes_in_stops_nothing_is_kept_raw_and_handled_when_the_fault_is_gone(
    tmp_path: Path, seed: int, backend: str | None
) -> None:
    count = scaled(10_000, least=500) if backend is None else scaled(2_000, least=200)
    poisoned = set(random.Random(seed).sample(range(count), count // SHARE))
    with opened(tmp_path / "desk", seed, backend) as engine:
        healthy = engine.store
        engine.store = store = PoisonedStore(healthy, POISON)
        feed(engine, count, poisoned)
        for place in ("email", "sms"):
            deliver(engine, place, "nonsense.eml" if place == "email" else "nonsense.json", b"\x00\xff nonsense")
        take_in(engine)
        with healthy.read() as reader:
            assert reader.inbox_counts()["done"] == count - len(poisoned), "no healthy one waits for a poisoned one"
            assert len(reader.tickets(TicketQuery(limit=ALL))) == count - len(poisoned)
        until_nothing_waits(engine)

        with healthy.read() as reader:
            dead = dead_letters(reader, "inbox", None, ALL)
            assert len(dead) == len(poisoned)
            assert {one.attempts for one in dead} == {engine.project.handling.attempts}
            assert {one.error for one in dead} == {"ValueError: a fault that this text brings out"}
            assert {one.channel for one in dead} == {tuple(INPUTS)[n % len(INPUTS)] for n in poisoned}
            rows = [reader.inbox_row(int(one.id)) for one in dead]
            for row in rows:
                assert row is not None
                assert row.raw
                assert [trial.what for trial in reader.trials("inbox", str(row.id))] == ["failed"] * row.attempts
        kept = [path.read_bytes() for path in (engine.project.var / "bad").rglob("*") if path.is_file() and path.suffix != ".txt"]
        assert kept == [b"\x00\xff nonsense"] * 2

        store.healed = True
        given_up, *wanted = dead
        with healthy.write() as tx:
            assert drop(tx, "inbox", given_up.id, engine.clock.now(), "zhao", "it was a test")
            assert all(requeue(tx, "inbox", one.id, engine.clock.now(), "zhao") for one in wanted)
        until_nothing_waits(engine)
        with healthy.read() as reader:
            assert reader.inbox_counts() == {"done": count - 1, "dropped": 1}
            assert len(reader.tickets(TicketQuery(limit=ALL))) == count - 1
            assert dead_letters(reader, None, None, ALL) == []
            assert reader.integrity(evolve) == []


def test_poisoned_timers_stop_no_other_and_fire_when_the_fault_is_gone(tmp_path: Path, seed: int, backend: str | None) -> None:
    count = scaled(2_000, least=100) if backend is None else scaled(400, least=40)
    with opened(tmp_path / "desk", seed, backend) as engine:
        healthy = engine.store
        feed(engine, count, set())
        began = engine.clock.now()
        with healthy.read() as reader:
            numbers = sorted(ticket.number for ticket in reader.tickets(TicketQuery(limit=ALL)))
            before = {number: len(reader.events(number)) for number in numbers}
        poisoned = set(random.Random(seed).sample(numbers, max(1, count // SHARE)))
        engine.store = store = PoisonedStore(healthy, POISON, poisoned)
        for minutes in (0, 60, 120, 270, 275, 280, 290, 300):
            fire(engine, began + timedelta(minutes=minutes))
        with healthy.read() as reader:
            dead = dead_letters(reader, "timer", None, ALL)
            assert {one.ticket for one in dead} == poisoned
            assert {one.attempts for one in dead} == {engine.project.handling.attempts}
            assert {row.ticket for row in reader.due_timers(engine.clock.now(), ALL)} <= poisoned
            changed = {number for number in numbers if len(reader.events(number)) > before[number]}
            assert changed
            assert not changed & poisoned
        store.healed = True
        with healthy.write() as tx:
            assert all(requeue(tx, "timer", one.id, engine.clock.now(), "zhao") for one in dead)
        fire(engine, engine.clock.now())
        with healthy.read() as reader:
            assert dead_letters(reader, None, None, ALL) == []
            assert reader.due_timers(engine.clock.now(), ALL) == []
            assert reader.integrity(evolve) == []


def fire(engine: Engine, at: datetime) -> None:
    """Fire all that is due then."""
    engine.clock.set(at)  # type: ignore[attr-defined]  # it is a virtual one
    while engine.work_timers():
        pass
