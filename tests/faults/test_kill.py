"""`engine run` is killed at random moments while mails, calls, text messages and timers flow, its start included."""

import random
import threading

import pytest

from tests.faults.conftest import NewHouse, Tell
from tests.faults.house import Feed, check_account, check_kept, drain
from tests.support.counts import scaled
from tests.support.postgresql import Server

FULL, LEAST = 2_000, 100
WORKING = 0.8
"""The share that is killed after its start."""
WHOLE = 5
"""After how many kills every log is replayed; the inbox is looked at after each."""
A_ROUND = 50
"""Kills on one database, whose replay takes longer with each."""


def new_database(request: pytest.FixtureRequest) -> str:
    server: Server = request.getfixturevalue("postgresql")
    return server.url(server.new_database())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_at_any_moment_it_loses_nothing_and_does_nothing_twice(
    kind: str, new_house: NewHouse, request: pytest.FixtureRequest, tell: Tell, seed: int
) -> None:
    draw, left = random.Random(seed), scaled(FULL // 2, least=LEAST // 2)
    while left > 0:
        kills = min(left, A_ROUND)
        left -= kills
        house = new_house(new_database(request) if kind == "postgresql" else "")
        with Feed(house) as feed:
            for number in range(kills):
                daemon = house.fork()
                if draw.random() < WORKING:
                    daemon.wait_for_line("started")
                threading.Event().wait(draw.uniform(0, 0.4))  # the moment is what is tried out; nothing is waited for
                daemon.kill()
                count = feed.count
                with house.remains() as reader:
                    check_kept(reader, feed, count, whole=number % WHOLE == 0)
        daemon = house.fork()
        daemon.wait_for_line("started")
        drain(feed)
        daemon.kill()
        tell(kills=kills, **check_account(feed, kills))
