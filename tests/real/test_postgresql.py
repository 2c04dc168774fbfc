"""The store on the server that Debian ships, an older one than the wheel that all other tests run on."""

import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from engine.store import open_store
from tests.store.samples import problems
from tests.store.test_integrity import fill
from tests.support.postgresql import OTHER, Server
from tests.support.repository import ROOT

SERVERS = Path("/usr/lib/postgresql")
QUICK = "postgresql and (test_tickets or test_timers or test_inbox or test_outbox or test_people) and not never_fire"


def newest_server() -> Path:
    return max(SERVERS.glob("*/bin"), key=lambda path: int(path.parent.name))


@pytest.mark.real("pg_ctlcluster")
def test_the_suite_of_the_store_holds_on_debians_server() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "-k", QUICK, "tests/store"],
        cwd=ROOT,
        env=os.environ | {OTHER: str(newest_server())},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-10_000:]
    assert " passed" in done.stdout


@pytest.mark.real("pg_ctlcluster")
def test_a_damaged_index_is_found_with_the_servers_own_means(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel has no amcheck, Debian's server has."""
    monkeypatch.setenv(OTHER, str(newest_server()))
    with tempfile.TemporaryDirectory(prefix="closedloop-pg-") as directory:
        look_into_a_damaged_index(Server(Path(directory)))


def look_into_a_damaged_index(server: Server) -> None:
    try:
        name = server.new_database()
        with closing(open_store(server.url(name))) as store, server.connection(name) as owner:
            fill(store)
            assert problems(store) == []
            owner.execute("CREATE EXTENSION amcheck")
            assert problems(store) == []
            path = owner.execute("SELECT current_setting('data_directory') || '/' || pg_relation_filepath('ticket_by_customer')").fetchone()
            owner.execute("CHECKPOINT")
            assert path is not None
        server.stop()
        with open(path[0], "r+b") as index:
            index.seek(8192)  # the first page after the index's own
            page = bytearray(index.read(8192))
            lower = int.from_bytes(page[12:14], "little")
            page[24:lower] = bytes(lower - 24)  # where its entries lie is forgotten
            index.seek(8192)
            index.write(page)
        server.start()
        with closing(open_store(server.url(name))) as store:
            assert any(line.startswith("index ticket_by_customer: ") for line in problems(store)), problems(store)
    finally:
        server.stop("immediate")
