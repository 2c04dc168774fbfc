"""Eight workers on one PostgreSQL that is restarted again and again, some of them killed, some stopped for longer than anybody waits."""

import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from engine.store.contract.workers import DEAD_AFTER
from tests.faults.conftest import NewHouse, Tell
from tests.faults.house import DELIVERY, Feed, House, check_account, drain
from tests.support.counts import scaled
from tests.support.postgresql import Server

FULL, LEAST = 1_200, 45
"""Seconds."""
WORKERS = 8
STOPPED = 3 * DEAD_AFTER.total_seconds()


@dataclass
class Crew:
    """The workers, each on a machine of its own; `befell` counts what happened to them."""

    houses: list[House]
    draw: random.Random
    befell: Counter[str] = field(default_factory=Counter)
    asleep: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.daemons = [house.fork() for house in self.houses]

    def befall(self) -> None:
        """Kill somebody, or stop them until they are long given up; wake who was."""
        number = self.draw.randrange(len(self.daemons))
        if number not in self.asleep:
            if self.draw.random() < 0.6:
                self.daemons[number].kill()
                self.befell["kills"] += 1
            else:
                os.kill(self.daemons[number].pid, signal.SIGSTOP)
                self.asleep[number] = time.monotonic() + STOPPED
                self.befell["stalls"] += 1
        self.see_to()

    def see_to(self, everybody: bool = False) -> None:
        """Wake who slept long enough, and start whoever ended: a server that is away at their start ends them too."""
        for number in [one for one, until in self.asleep.items() if everybody or time.monotonic() >= until]:
            os.kill(self.daemons[number].pid, signal.SIGCONT)
            del self.asleep[number]
        for number, daemon in enumerate(self.daemons):
            if daemon.process.poll() is not None:
                self.daemons[number] = self.houses[number].fork()

    @property
    def crashes(self) -> int:
        """After how many crashes a message may have been sent again; who only lost the server knows what was sent."""
        return self.befell["kills"] + self.befell["stalls"]

    def kill(self) -> None:
        for daemon in self.daemons:
            daemon.kill()


def test_eight_workers_that_die_and_stall_on_a_server_that_restarts_lose_nothing(
    new_house: NewHouse, tell: Tell, postgresql: Server, seed: int
) -> None:
    draw, url = random.Random(seed), postgresql.url(postgresql.new_database())
    houses = [new_house(url) for _ in range(WORKERS)]
    for house in houses:
        house.configure(delivery=DELIVERY | {"deadline": "10s"})  # eight workers on a small machine take their time
    first = houses[0].fork()  # alone, for the tables are made only once
    first.wait_for_line("started")
    first.kill()
    crew, end = Crew(houses, draw), time.monotonic() + scaled(FULL, least=LEAST)
    try:
        with Feed(*houses, pause=0.15, waiting=60) as feed:
            restart = time.monotonic() + draw.uniform(5, 40)
            while (now := time.monotonic()) < end:
                if now >= restart:
                    postgresql.stop(draw.choice(["fast", "immediate"]))
                    threading.Event().wait(draw.uniform(0, 2))
                    postgresql.start()
                    crew.befell["restarts"] += 1
                    restart = now + draw.uniform(5, 40)
                crew.befall()
                threading.Event().wait(draw.uniform(0.5, 2))  # the moments are what is tried out
        crew.see_to(everybody=True)
        drain(feed, meanwhile=crew.see_to)
    finally:
        crew.kill()
    tell(seconds=scaled(FULL, least=LEAST), **crew.befell, **check_account(feed, crew.crashes, alone=False))
