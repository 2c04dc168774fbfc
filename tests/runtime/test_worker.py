"""The daemon's turns: what waits in one place holds up nothing elsewhere, and what floods in is left with its carrier."""

import random
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.channels import Inbound
from engine.cli.init import lay_out
from engine.runtime import worker as worker_room
from engine.runtime.claims import BATCH
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.inbox import pack
from engine.runtime.project import load_project
from engine.runtime.worker import PARTS, Worker
from tests.acceptance import inputs
from tests.core.worlds import WEDNESDAY
from tests.store.samples import open_ticket
from tests.support.waiting import wait_until

FLOOD = 10_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    lay_out(tmp_path)
    project = replace(load_project(tmp_path), waiting_limit=30)
    opened = open_engine(project, VirtualClock(WEDNESDAY), chance=random.Random(1), reload=True, owner="engine run")
    yield opened
    opened.close()


def flood(engine: Engine, count: int) -> None:
    with engine.store.write() as tx:
        for n in range(count):
            item = Inbound(str(n), f"c{n}@customer.example", WEDNESDAY, "打印机故障")
            tx.accept("email", str(n), WEDNESDAY, pack(item), b"")


def pending(engine: Engine) -> int:
    with engine.store.read() as reader:
        return reader.inbox_counts().get("pending", 0)


def test_a_flood_of_mails_does_not_hold_up_the_timers(engine: Engine) -> None:
    flood(engine, FLOOD)
    with engine.store.write() as tx:
        numbers = [open_ticket(tx, at=WEDNESDAY).number for _ in range(3)]
        for number in numbers:
            tx.start_timer(number, "calendars", WEDNESDAY)
    assert Worker(engine, {}, PARTS)._decide() >= BATCH
    assert pending(engine) == FLOOD - BATCH
    with engine.store.read() as reader:
        assert [reader.timers(number) for number in numbers] == [[], [], []], "all fired in the first turn"


def test_who_writes_again_and_again_lets_in_who_waits(engine: Engine) -> None:
    """A sender books what it has sent between two batches of decisions, however many wait."""
    order: list[str] = []

    def book() -> None:
        with engine.store.write():
            order.append("sender")

    sender, pause = threading.Thread(target=book), threading.Event()
    with engine.store.write():
        sender.start()
        while not engine.store._turn.locked():  # type: ignore[attr-defined]  # nothing else tells that it waits
            pause.wait(0.01)
    with engine.store.write():
        order.append("decider")
    sender.join(10)
    assert order == ["sender", "decider"]


def test_a_flood_is_left_with_its_carrier_until_enough_was_handled(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    worker = Worker(engine, {}, PARTS)
    receive = worker._receiving("email")
    flood(engine, 30)
    mail = engine.project.var / "in" / "email" / "new.eml"
    mail.write_bytes(inputs.mail(99))
    assert receive() == 0
    assert mail.exists(), "its carrier has it still"
    engine.work_inbox(2)
    assert receive() == 0, "a little room is not yet enough"
    engine.work_inbox(2)
    assert receive() == 1
    assert not mail.exists()
    said = [record.getMessage() for record in caplog.records]
    assert [one for one in said if "take" in one or "intake" in one] == ["too much waits: nothing is taken in", "intake goes on"]


def test_a_policy_that_another_process_put_in_force_decides_from_the_next_turn_on(engine: Engine, tmp_path: Path) -> None:
    worker = Worker(engine, {}, PARTS)
    worker._decide()
    before = engine.world.policy.digest
    (tmp_path / "other").mkdir()
    lay_out(tmp_path / "other")
    sla = tmp_path / "other" / "policies" / "sla.yaml"
    sla.write_text(sla.read_text(encoding="utf-8").replace("response: 10m", "response: 9m"), encoding="utf-8")
    (tmp_path / "other" / "var").mkdir(exist_ok=True)
    shutil.copy(engine.project.var / "answers.key", tmp_path / "other" / "var")
    other = replace(load_project(tmp_path / "other"), database=f"sqlite:///{engine.project.var / 'engine.db'}")
    second = open_engine(other, VirtualClock(WEDNESDAY + timedelta(minutes=1)), reload=True)
    second.close()
    assert engine.world.policy.digest == before
    flood(engine, 1)
    worker._decide()
    assert engine.world.policy.digest == second.world.policy.digest != before
    with engine.store.read() as reader:
        row = reader.inbox_row(1)
        assert row is not None
        assert row.ticket is not None
        assert {one.policy_digest for one in reader.decisions(row.ticket)} == {engine.world.policy.digest}


def test_asked_to_stop_it_does_not_wait_for_what_may_come_in(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_room, "RECEIVE_WAIT", 60.0)
    monkeypatch.setattr(worker_room, "STOP_WITHIN", 50.0)
    worker = Worker(engine, {}, frozenset({"intake"}))
    running = threading.Thread(target=worker.run, daemon=True)
    running.start()
    wait_until(lambda: engine._opened == set(engine.channels), "all wait for something to come in")
    worker.end()
    running.join(20)
    assert not running.is_alive()
