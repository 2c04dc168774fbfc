"""A running `engine run` takes over what is saved in its policy directory, or put in force by another command."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.channels import write_atomically
from tests.cli.conftest import MAIL, Command

PATIENCE = 200


class Daemon:
    """A running `engine run`, and what it logs."""

    def __init__(self, command: Command, process: "subprocess.Popen[str]") -> None:
        self.command = command
        self._process = process
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=lambda: list(map(self._lines.put, process.stderr or ())), daemon=True)
        self._reader.start()

    def until(self, message: str) -> dict[str, Any]:
        """Wait for a line of the log; none before it may tell of a fault."""
        deadline = time.monotonic() + PATIENCE
        while True:
            line = json.loads(self._lines.get(timeout=max(0.1, deadline - time.monotonic())))
            assert line["message"] != "fault", line
            if line["message"] == message:
                return dict(line)

    def save(self, old: str, new: str) -> None:
        path = self.command.root / "policies" / "sla.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        write_atomically(path, text.replace(old, new, 1).encode())

    def stop(self) -> int:
        self._process.terminate()
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    Command(tmp_path)("init", "project")
    root = tmp_path / "project"
    arguments = [str(Path(sys.prefix) / "bin" / "engine"), "run"]
    with subprocess.Popen(arguments, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8") as process:
        daemon = Daemon(Command(root), process)
        try:
            yield daemon
        finally:
            if process.poll() is None:
                daemon.stop()


def test_a_daemon_works_by_what_is_saved_while_it_runs(daemon: Daemon) -> None:
    first = daemon.until("started")["policy"]
    daemon.save("response: 10m", "response: 7m")
    reloaded = daemon.until("policies reloaded")
    assert reloaded["before"] == first

    daemon.save("response: 7m", "response: soon")
    assert any("expected a duration" in line for line in daemon.until("policies refused: the ones in force stay")["diagnostics"])
    status = daemon.command.json("status")
    assert status["policy"]["active"].startswith(reloaded["policy"])
    assert any("the last good ones stay in force" in alarm for alarm in status["alarms"])

    daemon.save("response: soon", "response: 7m")
    daemon.until("policies mended")
    daemon.command("policy", "activate", first)
    assert daemon.until("policies reloaded")["policy"] == first

    mail = MAIL.format(id="outage", subject="help", text="系统宕机")
    write_atomically(daemon.command.root / "var" / "in" / "email" / "outage.eml", mail.encode())
    assert daemon.until("decision")["policy"] == first
    assert daemon.stop() == 0
