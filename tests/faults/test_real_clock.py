"""`engine run` as a process of its own while its machine's clock is set."""

import os
import random
import signal
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from engine.store import Reader, TicketQuery
from tests.acceptance import inputs
from tests.acceptance.desk import Daemon, Desk
from tests.support.counts import scaled
from tests.support.waiting import wait_until
from tests.support.wall_clock import Wall

pytestmark = pytest.mark.real("faketime")

HOUR, DAY = 3600, 86400
JUMPS = (HOUR, -HOUR, DAY, -DAY)
JUMPED = "the wall clock jumped: messages are held for a minute"
TIMERS = scaled(1000, least=100)


class Watched:
    """A desk, the daemon that works on it now, and how many mails it was sent."""

    def __init__(self, desk: Desk, wall: Wall) -> None:
        self.desk = desk
        self.wall = wall
        self.mails = 0
        self.start()

    def start(self) -> None:
        self.daemon: Daemon = self.desk.start("env", *(f"{name}={value}" for name, value in self.wall.environment.items()))

    def mail(self, count: int = 1) -> None:
        """Drop mails, and wait until they were decided on."""
        for _ in range(count):
            self.mails += 1
            self.desk.drop("email", f"{self.mails}.eml", inputs.mail(self.mails))
        wait_until(lambda: self.desk.look(lambda reader: reader.inbox_counts()) == {"done": self.mails}, "the mail to be handled")

    def said(self, message: str) -> int:
        return sum(line["message"] == message for line in self.daemon.lines)

    def fired(self) -> Counter[tuple[str, str, str]]:
        """How often each timer fired; none may have before it was due."""
        found: Counter[tuple[str, str, str]] = Counter()
        with self.desk.reader() as reader:
            for ticket in reader.tickets(TicketQuery(limit=10_000)):
                for decision in reader.decisions(ticket.number):
                    if decision.signal_type == "timer_fired":
                        assert decision.at >= datetime.fromisoformat(decision.signal["due"])
                        found[ticket.number, decision.signal["key"], decision.signal["due"]] += 1
        return found

    def sent(self) -> int:
        return int(self.desk.look(lambda reader: reader.message_counts()).get("sent", 0))

    def jump(self, seconds: int) -> None:
        """Set the clock; it must be noticed, mail must be taken in and decided on all the same, but nothing may fire or be sent."""
        alarms, before = self.said(JUMPED), (self.fired(), self.sent())
        self.wall.set(seconds)
        wait_until(lambda: self.said(JUMPED) == alarms + 1, "the alarm")
        self.mail()
        assert (self.fired(), self.sent()) == before

    def rest(self) -> None:
        """Wait until everything due has had its turn."""

        def resting(reader: Reader) -> bool:
            queued = [row for row in reader.messages(state="queued") if row.next_attempt_at and row.next_attempt_at <= self.wall.now()]
            sending = reader.messages(state="sending")
            return not queued and not sending and not reader.due_timers(self.wall.now(), 1) and set(reader.inbox_counts()) == {"done"}

        wait_until(lambda: self.desk.look(resting), "everything due to have its turn", patience=120)


@pytest.fixture
def watched(engine_command: Path, tmp_path: Path) -> Watched:
    desk = Desk(engine_command, tmp_path / "desk")
    desk.always_at_work()
    desk.edit("incidents.yaml", (r"minimum: 20\b", "minimum: 10000"))  # else so many mails alike are one incident
    desk.edit("reports.yaml", (r"(?s)\nreports:.*", "\n"))  # nothing but timers goes by the clock
    desk.configure(outbound="live", jobs={})
    return Watched(desk, Wall(tmp_path))


def timers(reader: Reader) -> int:
    return sum(len(reader.timers(ticket.number)) for ticket in reader.tickets(TicketQuery(limit=10_000)))


def test_a_clock_that_is_set_while_the_daemon_runs_and_while_it_does_not(watched: Watched, seed: int) -> None:
    try:
        while watched.desk.look(timers) < TIMERS:
            watched.mail(20)
        watched.rest()
        for seconds in random.Random(seed).sample(JUMPS, scaled(len(JUMPS), least=2)):
            watched.jump(seconds)
            watched.jump(0)
        assert not watched.fired(), "the clock was always set right within the minute"

        os.kill(watched.daemon.pid, signal.SIGSTOP)  # a machine that sleeps: on waking, the hour is another
        watched.wall.set(8 * HOUR)
        os.kill(watched.daemon.pid, signal.SIGCONT)
        alarms = watched.said(JUMPED)
        wait_until(lambda: watched.said(JUMPED) == alarms + 1, "the alarm")
        assert not watched.fired()

        for seconds in (9 * HOUR, 9 * HOUR - DAY, 9 * HOUR)[: scaled(3, least=0)]:  # a minute each
            watched.jump(seconds)
            wait_until(lambda: watched.said(JUMPED) and watched.sent(), "the clock to be believed", patience=90)
            watched.rest()

        watched.daemon.stop()
        for seconds in (DAY, -DAY):  # set while nothing runs: whoever starts believes the clock
            watched.wall.set(seconds)
            watched.start()
            watched.mail()
            watched.rest()
            watched.daemon.stop()
        fired = watched.fired()
        assert fired.total() > TIMERS / 2
        assert set(fired.values()) == {1}
        watched.desk.sound()
        assert {line["message"] for line in watched.daemon.lines if line["level"] == "error"} == set()
    finally:
        watched.daemon.kill()
