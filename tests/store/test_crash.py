"""Whatever moment a process is killed at, the store holds whole decisions, and every one that was acknowledged."""

import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from engine.core.lifecycle import evolve
from engine.errors import Refused
from engine.store import Store, TicketQuery, open_store
from tests.support.counts import scaled
from tests.support.repository import ROOT
from tests.support.waiting import wait_until


def start(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.store.child", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kill(child: subprocess.Popen) -> str:
    """Kill the child; return what it had said that nobody had read."""
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate(timeout=60)
    return rest


def alone(store: Store) -> bool:
    try:
        store.lock_for_writing("test", alone=True)
    except Refused:
        return False
    return True


def test_a_killed_writer_leaves_whole_decisions_and_all_it_acknowledged(durable_backend, seed: int) -> None:
    draw, acknowledged = random.Random(seed), []
    for _ in range(scaled(40, least=4)):
        child = start("write", durable_backend.url, "100000")
        assert child.stdout
        acknowledged += [child.stdout.readline().strip() for _ in range(draw.randint(0, 25))]
        acknowledged += kill(child).split()
        store = durable_backend.open()
        wait_until(partial(alone, store), "the server to see that the process has died, and to end the commit that was on its way", 60)
        with store.read() as view:
            numbers = sorted(ticket.number for ticket in view.tickets(TicketQuery(limit=100_000)))
            assert [one for one in view.integrity(evolve) if one.invariant in ("I4", "I5")] == []
            assert set(acknowledged) <= set(numbers)
            for number in numbers[-30:]:
                parts = (view.content_of(number), view.timers(number), view.messages(ticket=number))
                assert [len(part) for part in parts] == [5, 5, 5]
        store.close()
        # At most the one decision that was committed and not yet said.
        assert len(numbers) - len(acknowledged) <= 1
        acknowledged = numbers
    assert numbers == [f"20240512{n:04d}" for n in range(1, len(numbers) + 1)]


def test_a_second_process_is_refused_and_told_which_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    child = start("hold", f"sqlite:///{path}")
    assert child.stdout
    assert child.stdout.readline() == "held\n"
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(Refused, match=rf"store\.db is in use by process {child.pid} \(engine run\)"):
        store.lock_for_writing("engine run")
    with store.write() as tx:  # single writes of other commands still find their turn
        tx.set_meta("a", "1")
    kill(child)
    store.lock_for_writing("engine run")
    store.lock_for_writing("engine run")
    other = open_store(f"sqlite:///{path}")
    with pytest.raises(Refused, match="process "):
        other.lock_for_writing("engine run")
    store.close()
    other.lock_for_writing("engine run")
    other.close()
