"""The disk under the database is full, or says that it could not keep what was written: nothing that was acknowledged is lost, and work
goes on as soon as the disk does.
"""

import contextlib
import random
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.desk import Daemon
from tests.faults.conftest import NewHouse, Tell
from tests.faults.house import Feed, House, check_account, drain
from tests.support.counts import scaled
from tests.support.waiting import PATIENCE, wait_until

FULL, LEAST = 200, 10
HOUSES = 3
MEGABYTES = 24


@contextlib.contextmanager
def disk(at: Path) -> Iterator[Path]:
    """A small disk of its own."""
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=700", "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def fill(ballast: Path) -> None:
    """Leave no block free."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))


def wait_for_more(count: Callable[[], int], more: int, what: str) -> None:
    wanted = count() + more
    wait_until(lambda: count() >= wanted, f"{more} more {what}", PATIENCE)


def complaints(daemon: Daemon) -> int:
    return sum(line["message"] == "cannot work" for line in daemon.lines)


def fill_again_and_again(house: House, trials: int, draw: random.Random) -> dict[str, int]:
    with disk(house.root / "disk") as small:
        house.database = f"sqlite:///{small / 'engine.db'}"
        house.configure(database=house.database)
        with house.running() as daemon, Feed(house, pause=0.1) as feed:
            for _ in range(trials):
                wait_for_more(lambda: len(daemon.decisions()), draw.randint(1, 20), "decisions, for the disk has room")
                fill(small / "ballast")
                wait_for_more(lambda: complaints(daemon), 1, "complaint, for the disk is full")
                (small / "ballast").unlink()
            feed.end()
            drain(feed)
            check_log(daemon)
        return {"filled": trials} | check_account(feed, trials)


def check_log(daemon: Daemon) -> None:
    """What is said is expected: no traceback, and nothing was set aside for good."""
    assert daemon.process.poll() is None
    faults = [line for line in daemon.lines if line["message"] == "fault"]
    assert faults == []


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(new_house: NewHouse, tell: Tell, seed: int) -> None:
    side_by_side(fill_again_and_again, new_house, tell, seed)


@pytest.mark.real("strace")
def test_a_disk_that_cannot_keep_what_was_written_loses_nothing(new_house: NewHouse, tell: Tell, seed: int) -> None:
    side_by_side(fail_again_and_again, new_house, tell, seed)


def side_by_side(run: Callable[[House, int, random.Random], dict[str, int]], new_house: NewHouse, tell: Tell, seed: int) -> None:
    """Make the trials in several houses at once: most of each is waiting."""
    trials = scaled(FULL, least=LEAST)
    houses = [new_house() for _ in range(HOUSES)]
    with ThreadPoolExecutor(HOUSES) as pool:
        runs = [
            pool.submit(run, house, len(range(number, trials, HOUSES)), random.Random(seed + number)) for number, house in enumerate(houses)
        ]
        for one in runs:
            tell(**one.result())


def fail_again_and_again(house: House, trials: int, draw: random.Random) -> dict[str, int]:
    first = house.fork()
    first.wait_for_line("started")
    first.kill()  # the tables are there: who cannot make them does not start
    trace = house.root / "trace"
    inject = ("-e", "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={draw.randint(10, 20)}+{draw.randint(15, 30)}")
    with house.running("strace", "-f", "-qq", "--seccomp-bpf", "-o", str(trace), *inject) as daemon, Feed(house) as feed:
        wait_until(lambda: failed(trace) >= trials, lambda: f"{trials} failures; there were {failed(trace)}", PATIENCE + 2 * trials)
        feed.end()
        drain(feed)
        check_log(daemon)
    return {"failures": failed(trace)} | check_account(feed, failed(trace))


def failed(trace: Path) -> int:
    """How many calls were made to fail."""
    return trace.read_text(encoding="utf-8", errors="replace").count("(INJECTED)")
