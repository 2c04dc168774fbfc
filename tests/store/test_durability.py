"""SIGKILL keeps the page cache, so it cannot show that a commit waits for the disk. The system calls can."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.parts import find_program
from tests.support.repository import ROOT

COMMITS = 5
CALL = re.compile(r"(?P<name>pwrite64|write|fdatasync|fsync)\((?P<descriptor>\d+)(?:<(?P<file>[^>]*)>)?(?P<rest>.*)$")


def traced_calls(path: Path) -> list[tuple[str, str, str, str]]:
    """The writing system calls of a child that commits, in order: (name, descriptor, file, what follows)."""
    log = path.with_suffix(".strace")
    strace = find_program("strace")
    assert strace
    watched = [strace, "-f", "-y", "-o", str(log), "-e", "trace=fdatasync,fsync,write,pwrite64"]
    child = [sys.executable, "-m", "tests.store.child", "write", f"sqlite:///{path}", str(COMMITS)]
    subprocess.run([*watched, *child], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=120)
    calls = [found for line in log.read_text(errors="replace").splitlines() if (found := CALL.search(line))]
    return [(call["name"], call["descriptor"], call["file"] or "", call["rest"]) for call in calls]


@pytest.mark.real("strace")
def test_the_log_is_on_the_disk_before_a_commit_is_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    acknowledged, written, synced = 0, 0, 0
    for name, descriptor, file, rest in traced_calls(path):
        if file.endswith("store.db-wal") and name == "pwrite64":
            written, synced = written + 1, 0
        elif file.endswith("store.db-wal") and name in ("fdatasync", "fsync"):
            assert rest.endswith("= 0"), rest
            synced += 1
        elif name == "write" and descriptor == "1":
            acknowledged += 1
            assert written, f"acknowledgement {acknowledged} came without a write to the log"
            assert synced, f"acknowledgement {acknowledged} came before the log was on the disk"
            written, synced = 0, 0
    assert acknowledged == COMMITS
