"""Another process holds SQLite's write lock for longer than anybody waits for it: work stands still, nothing is lost, and it goes on."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.faults.conftest import NewHouse, Tell
from tests.faults.house import DELIVERY, Feed, House, check_account, drain
from tests.support.counts import scaled
from tests.support.repository import ROOT

FULL, LEAST = 50, 3
AT_ONCE = 10
SECONDS = 30.0
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


def lock_out(house: House) -> dict[str, int]:
    house.configure(delivery=DELIVERY | {"deadline": "30s"})  # longer than a write waits, or the channel is taken to hang
    with Feed(house) as feed, house.running() as daemon:
        daemon.wait_for_line("decision")
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(house.file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        before = len(house.look(lambda reader: reader.inbox(None, 1_000_000)))
        threading.Event().wait(SECONDS)  # the length is what is tried out
        assert len(house.look(lambda reader: reader.inbox(None, 1_000_000))) == before, "nothing can be kept"
        assert daemon.process.poll() is None
        holder.communicate("")
        feed.end()
        drain(feed)
        said = {line["message"] for line in daemon.lines if line["level"] != "info"}
        # A channel that is replaced gives back what it had in hand.
        assert said <= {"cannot work", "the channel hangs: it is replaced", "not sent, tried again later"}, daemon.text
        assert said, "thirty seconds are longer than anybody waits"
    return {"locks": 1} | check_account(feed, 0)


def test_a_foreign_write_lock_of_half_a_minute_loses_nothing(new_house: NewHouse, tell: Tell) -> None:
    houses = [new_house() for _ in range(scaled(FULL, least=LEAST))]
    with ThreadPoolExecutor(AT_ONCE) as pool:  # nearly all of a trial is waiting
        for run in [pool.submit(lock_out, house) for house in houses]:
            tell(**run.result())
