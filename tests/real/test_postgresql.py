"""The store on the server that Debian ships, an older one than the wheel that all other tests run on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgresql import OTHER
from tests.support.repository import ROOT

SERVERS = Path("/usr/lib/postgresql")
QUICK = "postgresql and not killed and not never_fire and not 9999"


@pytest.mark.real("pg_ctlcluster")
def test_the_suite_of_the_store_holds_on_debians_server() -> None:
    newest = max(SERVERS.glob("*/bin"), key=lambda path: int(path.parent.name))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "-k", QUICK, "tests/store"],
        cwd=ROOT,
        env=os.environ | {OTHER: str(newest)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-10_000:]
    assert " passed" in done.stdout
