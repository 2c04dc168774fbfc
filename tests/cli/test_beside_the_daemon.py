"""The commands while `engine run` works on the same project."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import MAIL, Command

PATIENCE = 60.0


def logged(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def wait_for(message: str, path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(line["message"] == message for line in logged(path)):
        assert process.poll() is None, path.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, f"no {message!r} within {PATIENCE:g} s"
        time.sleep(0.05)


@pytest.fixture
def daemon(engine: Command) -> Iterator[Path]:
    """A running `engine run`; gives its log."""
    log = engine.root / "daemon.log"
    with log.open("wb") as stream:
        command = [str(Path(sys.prefix) / "bin" / "engine"), "run"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGINE_")}
        process = subprocess.Popen(command, cwd=engine.root, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=kept)
    try:
        wait_for("started", log, process)
        yield log
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_what_is_taken_in_beside_the_daemon_is_handled_exactly_once(engine: Command, daemon: Path) -> None:
    paths = []
    for number in range(5):
        path = engine.root / f"{number}.eml"
        path.write_text(MAIL.format(id=f"beside-{number}", subject="x", text=f"question {number}"), encoding="utf-8")
        paths.append(str(path))
    led = engine.json("ingest", "email", *paths)
    assert {one["result"] for one in led} == {"ticket"}
    assert len({one["ticket"] for one in led}) == 5
    assert len(engine.json("ticket", "list")) == 5


def test_a_second_daemon_is_refused_and_names_the_first(engine: Command, daemon: Path) -> None:
    assert "engine run" in engine("run", code=1).stderr
