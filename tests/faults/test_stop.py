"""`engine run` is asked to stop, once or twice, at random moments while input flows: it ends in time, well, and goes on where it was."""

import contextlib
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.desk import STOPS_WITHIN, Daemon
from tests.faults.conftest import NewHouse, Tell
from tests.faults.house import Feed, House, check_account, drain
from tests.support.counts import scaled

FULL, LEAST = 200, 10
HOUSES = 5


def stop(daemon: Daemon, draw: random.Random, times: int) -> None:
    """Ask it `times` times within half a second; it must end as if it had been asked once."""
    started = time.monotonic()
    os.kill(daemon.pid, signal.SIGTERM)
    for _ in range(times - 1):
        threading.Event().wait(draw.uniform(0, 0.5))
        if daemon.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it is gone, and nobody has said so yet
                os.kill(daemon.pid, signal.SIGTERM)
    code = daemon.process.wait(STOPS_WITHIN + 1)
    assert code == 0, f"asked {times} times it ended with {code}: {daemon.text}"
    assert time.monotonic() - started <= STOPS_WITHIN
    assert daemon.lines[-1]["message"] == "stopped", daemon.text
    assert daemon.lines[-1]["unfinished"] == [], daemon.text
    assert {line["level"] for line in daemon.lines} == {"info"}, daemon.text


def stop_again_and_again(house: House, trials: int, draw: random.Random) -> dict[str, int]:
    with Feed(house, pause=0.2) as feed:
        for trial in range(trials):
            daemon = house.fork()
            daemon.wait_for_line("started")
            threading.Event().wait(draw.uniform(0, 0.5))  # the moment is what is tried out
            stop(daemon, draw, 1 + trial % 2)
            house.sound()
    with house.running():
        drain(feed)
    return {"stops": trials} | check_account(feed, 0)


def test_asked_to_stop_once_or_twice_it_ends_well_and_goes_on_where_it_was(new_house: NewHouse, tell: Tell, seed: int) -> None:
    trials = scaled(FULL, least=LEAST)
    houses = [new_house() for _ in range(HOUSES)]
    with ThreadPoolExecutor(HOUSES) as pool:  # most of a trial is waiting
        runs = [
            pool.submit(stop_again_and_again, house, len(range(number, trials, HOUSES)), random.Random(seed + number))
            for number, house in enumerate(houses)
        ]
        for run in runs:
            tell(**run.result())
