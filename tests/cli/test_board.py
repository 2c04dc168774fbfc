"""`engine board`: open promises, the nearest first, now, at any moment, and live on a terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.clock import SystemClock
from tests.cli.conftest import Command

SCREEN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def numbers(engine: Command) -> list[str]:
    """An urgent ticket, an ordinary one, and one that waits for its customer."""
    opened = [
        engine.mail("down", "系统宕机,全公司无法使用", "系统故障"),
        engine.mail("ask", "How do I change my address?", "a question"),
        engine.mail("fault", "登录报错", "报错"),
    ]
    engine("ticket", "contact", opened[2], "--as", "qian", "--text", "asked for details")
    engine("ticket", "hold", opened[2], "--as", "qian", "--text", "a screenshot is needed", "--for-customer")
    return opened


def board(engine: Command, *arguments: str) -> list[dict[str, Any]]:
    return list(engine.json("board", *arguments)["promises"])


def test_the_nearest_deadline_comes_first_and_what_is_paused_last(engine: Command, numbers: list[str]) -> None:
    rows = board(engine)
    assert (rows[0]["number"], rows[0]["deadline"], rows[0]["tier"]) == (numbers[0], "response", "urgent")
    dues = [row["due"] for row in rows if row["due"]]
    assert dues == sorted(dues)
    assert {row["stage"] for row in rows[: len(dues)]} <= {"calm", "warned", "alarming", "overdue"}
    assert [(row["number"], row["stage"], row["left"]) for row in rows[len(dues) :]] == [(numbers[2], "paused", None)] * 3
    assert 0 <= rows[0]["used"] < 0.5


def test_the_filters_keep_what_fits_and_refuse_what_there_is_not(engine: Command, numbers: list[str]) -> None:
    assert {row["number"] for row in board(engine, "--tier", "urgent")} == {numbers[0]}
    assert {row["queue"] for row in board(engine, "--queue", "front_desk")} == {"front_desk"}
    holder = board(engine)[0]["assignee"]
    assert {row["assignee"] for row in board(engine, "--agent", holder)} == {holder}
    assert {row["kind"] for row in board(engine, "--kind", "inquiry")} <= {"inquiry"}
    assert len(board(engine, "--limit", "1")) == 1
    assert "there is no queue 'nowhere'; there are front_desk" in engine("board", "--queue", "nowhere", code=2).stderr


def test_a_moment_ahead_shows_what_becomes_of_the_promises_if_nothing_else_happens(engine: Command, numbers: list[str]) -> None:
    ahead = (SystemClock().now() + timedelta(minutes=6)).isoformat()
    stage = {(row["number"], row["deadline"]): row["stage"] for row in board(engine, "--at", ahead)}
    assert stage[numbers[0], "response"] == "warned"
    ahead = (SystemClock().now() + timedelta(minutes=11)).isoformat()
    rows = board(engine, "--at", ahead)
    assert (rows[0]["number"], rows[0]["deadline"], rows[0]["stage"]) == (numbers[0], "response", "overdue")
    assert rows[0]["left"] < 0
    assert "1 of them overdue" in engine("board", "--at", ahead).stdout


def test_a_moment_past_is_replayed_from_the_logs(engine: Command, numbers: list[str]) -> None:
    page = engine.json("ticket", "show", numbers[2])
    contacted = next(entry for entry in page["timeline"] if entry["event"] == "customer_contacted")
    before = (datetime.fromisoformat(contacted["at"]) - timedelta(milliseconds=1)).isoformat()
    assert (numbers[2], "response", "calm") in {(row["number"], row["deadline"], row["stage"]) for row in board(engine, "--at", before)}
    assert (numbers[2], "response") not in {(row["number"], row["deadline"]) for row in board(engine)}
    assert board(engine, "--at", "2020-01-01 00:00", "--queue", "front_desk") == []
    assert "There is nothing to show." in engine("board", "--at", "2020-01-01 00:00").stdout
    assert "is no date" in engine("board", "--at", "soon", code=2).stderr


@pytest.mark.parametrize(("columns", "language", "shown"), [(60, "en", "clock"), (84, "zh", "等级"), (140, "zh", "到期")])
def test_on_a_terminal_the_board_is_live_fits_and_ends_with_ctrl_c(
    engine: Command, numbers: list[str], columns: int, language: str, shown: str
) -> None:
    drawn, code = watched(engine.root, columns, ["board", "--lang", language], until=numbers[1])
    assert code == 0, drawn
    lines = [line.rstrip() for line in SCREEN.sub("", drawn).replace("\r", "").split("\n")]
    assert any(shown in line for line in lines), drawn
    assert max(sum(2 if ord(sign) > 0x2E80 else 1 for sign in line) for line in lines) <= columns


@pytest.mark.parametrize("columns", [60, 80])
def test_on_a_narrow_terminal_a_list_keeps_numbers_whole(engine: Command, numbers: list[str], columns: int) -> None:
    drawn, _ = watched(engine.root, columns, ["ticket", "list", "--lang", "zh"], until="nothing")
    lines = [line.split() for line in SCREEN.sub("", drawn).replace("\r", "").split("\n")]
    assert set(numbers) <= {words[0] for words in lines if words}, drawn


def watched(root: Path, columns: int, arguments: list[str], until: str) -> tuple[str, int]:
    """Run the command on a terminal of so many columns; press Ctrl-C once it has drawn `until` twice; return what it drew and its code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGINE_", "LC_", "LANG", "COLUMNS", "LINES"))}
    command = [str(Path(sys.prefix) / "bin" / "engine"), *arguments]
    environment = kept | {"LANG": "C.UTF-8", "TERM": "xterm-256color"}
    process = subprocess.Popen(command, cwd=root, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    drawn, patience, pressed = b"", time.monotonic() + 120, False
    while (more := _read(ours)) is not None and time.monotonic() < patience:
        drawn += more
        if not pressed and drawn.count(until.encode()) >= 2:
            process.send_signal(signal.SIGINT)
            pressed = True
    if not pressed:
        process.kill()
    os.close(ours)
    return drawn.decode(), process.wait(60)


def _read(end: int) -> bytes | None:
    """What was drawn since, None once nobody can draw any more."""
    ready, _, _ = select.select([end], [], [], 0.2)
    try:
        return os.read(end, 65536) if ready else b""
    except OSError:  # Linux says EIO once the other end is closed
        return None
