"""Whatever happens to the machine's clock, no timer fires early by the clock that the store records, twice, after it was cancelled, or
never; a jump by more than a minute holds what is sent and what fires for a minute and raises the alarm.
"""

import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from engine.channels import Delivery, Inbound
from engine.cli.init import lay_out
from engine.core.lifecycle import ENDED, evolve
from engine.core.model import Ticket
from engine.core.signals import AgentActed
from engine.runtime import inbox
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from engine.runtime.worker import PARTS, Worker
from engine.store.rows import TicketQuery
from tests.faults import journal
from tests.faults.machine_clock import MachineClock
from tests.support.counts import scaled
from tests.support.postgresql import Server

START = datetime(2026, 3, 4, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
JUMPS = {
    "an hour forward": (HOUR,),
    "an hour back": (-HOUR,),
    "a day forward": (DAY,),
    "a day back": (-DAY,),
    "suspended for eight hours": (8 * HOUR,),
    "forward and soon back": (HOUR, -HOUR),
    "back and soon forward": (-DAY, DAY),
}
HELD = "the wall clock jumped: messages are held for a minute"


class Desk:
    """One `engine run` on a machine whose clock may be set, driven step by step, with so many `timers` waiting when it is."""

    def __init__(self, root: Path, database: str | None, clock: MachineClock, draw: random.Random, timers: int) -> None:
        root.mkdir()
        lay_out(root)
        self.clock = clock
        self.draw = draw
        self.timers = timers
        project = replace(load_project(root), outbound="live", database=database or "sqlite:///var/engine.db")
        self.engine: Engine = open_engine(project, self.clock, chance=random.Random(1), reload=True, owner="engine run")
        journal.begin(self.engine.store)
        self.mails = 0
        self.start()

    def start(self) -> None:
        """What a new process begins with; it knows nothing of how the clock was set meanwhile."""
        self.worker = Worker(self.engine, {"backup": lambda *_: None}, PARTS)
        self.worker._recover()

    def mail(self) -> None:
        """Take in a mail of somebody new; whether it is decided on is another matter."""
        self.mails += 1
        text = self.draw.choice(("系统宕机", "总是报错", "请问几点开门"))
        item = Inbound(f"m{self.mails}", f"c{self.mails}@customer.example", self.clock.now(), text, full_text=text)
        assert inbox.accept(self.engine.desk, "email", [Delivery(item, lambda: None, b"raw")], self.clock.now()) == 1

    def work(self) -> None:
        """Let every loop have its turns until none finds anything to do."""
        self.worker._member.seen(self.engine.world.policy.digest, self.clock.now())
        while self.worker._decide() + sum(self.worker._sending(name)() for name in self.engine.world.senders):
            pass

    def go_on(self, seconds: float) -> None:
        """Let time pass; the loops look just before a timer is due, just then, or a while later, as it happens."""
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            with self.engine.store.read() as reader:
                due = reader.next_timer()
            until_due = (due - self.clock.now()).total_seconds() if due else left
            self.clock.go_on(min(left, max(0.1, until_due + self.draw.choice((-0.05, 0.0, 0.0, 1.0, 600.0)))))
            self.work()

    def tickets(self) -> list[Ticket]:
        with self.engine.store.read() as reader:
            return sorted(reader.tickets(TicketQuery(limit=10_000)), key=lambda ticket: ticket.number)

    def waiting(self) -> int:
        """How many timers wait."""
        with self.engine.store.read() as reader:
            return sum(len(reader.timers(ticket.number)) for ticket in self.tickets())

    def act(self) -> None:
        """Somebody does something that sets and cancels timers."""
        open_ones = [ticket for ticket in self.tickets() if ticket.state not in ENDED and ticket.kind == "inquiry"]
        if open_ones:
            action, to = self.draw.choice((("contact", None), ("resolve", None), ("hold", "waiting_customer"), ("tier", "urgent")))
            self.engine.handle(AgentActed(self.draw.choice(open_ones).number, action, "zhao", "已联系客户", to))

    def waits_for_the_clock(self) -> int:
        """How many messages were decided to be sent later."""
        with self.engine.store.read() as reader:
            queued = reader.messages(state="queued")
        return sum(row.next_attempt_at is not None and row.next_attempt_at > max(self.clock.now(), row.created_at) for row in queued)

    def check(self) -> None:
        """Hold the timers to their rule, and the database against its own log."""
        assert self.fired() > self.timers / 4
        assert journal.findings(self.engine.store, self.clock.now()) == []
        with self.engine.store.read() as reader:
            assert reader.integrity(evolve) == []

    def sent(self) -> int:
        """How many messages have left."""
        with self.engine.store.read() as reader:
            return reader.message_counts().get("sent", 0)

    def fired(self) -> int:
        """How many timers have fired."""
        [(count,)] = journal.asked(self.engine.store, "SELECT count(*) FROM decision WHERE signal_type = 'timer_fired'")
        return int(count)


@contextmanager
def opened(root: Path, database: str | None, draw: random.Random, timers: int) -> Iterator[Desk]:
    with ExitStack() as stack:
        stack.enter_context(journal.kept())
        clock = MachineClock(START)
        for module in ("clock", "membership", "worker"):
            stack.enter_context(patch(f"engine.runtime.{module}.time", clock))
        desk = Desk(root, database, clock, draw, timers)
        stack.callback(desk.engine.close)
        yield desk


def live_through(desk: Desk, jumps: tuple[float, ...], caplog: pytest.LogCaptureFixture) -> None:
    """Some tickets, a while, the jumps, and days afterwards."""
    while desk.waiting() < desk.timers:
        desk.mail()
        desk.work()
    for _ in range(3):
        desk.act()
        desk.go_on(desk.draw.uniform(0, 20 * MINUTE))
    desk.mail()  # came in, and the clock is set before anybody looks at it
    before = desk.fired(), desk.sent()
    for seconds in jumps:
        caplog.clear()
        desk.clock.set_by(seconds)
        desk.work()
        assert [line.message for line in caplog.records if line.levelno >= logging.ERROR] == [HELD]
        desk.go_on(40)
        desk.mail()
        assert (desk.fired(), desk.sent()) == before
    desk.go_on(25)
    for _ in range(5):
        desk.act()  # also on tickets that know of an hour the clock shows once more
    desk.work()
    with desk.engine.store.read() as reader:
        assert reader.inbox_counts() == {"done": desk.mails}, "all that came in has had its turn"
        assert reader.message_counts().get("queued", 0) == desk.waits_for_the_clock(), "all that was to be said at once was said"
    for _ in range(3):
        desk.act()
        desk.go_on(desk.draw.uniform(0, HOUR))
    desk.go_on(max(0.0, -sum(jumps)) + HOUR)  # what was set before the clock went back is due so much later


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
def test_a_jump_is_held_and_then_each_timer_fires_once(
    jumps: tuple[float, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    with opened(tmp_path / "desk", None, random.Random(seed), timers=scaled(1000, least=200)) as desk:
        live_through(desk, jumps, caplog)
        desk.check()


def test_it_is_so_on_postgresql(tmp_path: Path, postgresql: Server, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    draw = random.Random(seed)
    for name in draw.sample(sorted(JUMPS), scaled(len(JUMPS), least=1)):
        with opened(tmp_path / name, postgresql.url(postgresql.new_database()), draw, timers=scaled(1000, least=50)) as desk:
            live_through(desk, JUMPS[name], caplog)
            desk.check()


def test_of_timers_that_leave_no_decision_only_an_offer_that_was_made_again_is_excused() -> None:
    rows = [(1, "assign", 10), (2, "assign", 20), (3, "remind", 5)]
    lines = [(what, generation, "T", key, due) for what in ("set", "taken") for generation, key, due in rows]
    assert journal._in_vain(lines) == {("T", "assign", 10): 1}
