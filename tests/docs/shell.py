"""Runs the commands of one document one after another, as a reader would in one terminal, with another one for what runs all the time."""

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.docs.markdown import Block

DEADLINE = 200.0
MARK = re.compile(r"run(?P<background> in the background)?(?:, exit code (?P<code>\d+))?(?: until it prints: (?P<printed>.+))?")
_TICKET = re.compile(r"^(\w+=)\d{12}\b", re.MULTILINE)
_NEWEST = "engine ticket list --state all --format json"


class Shell:
    """Where a block goes, and the variables and functions it sets, are there for the next one.

    `NAME=202603040001` in a block stands for the number of the newest ticket, which a reader sees and a test cannot foresee.
    """

    def __init__(self, directory: Path, programs: Path, environment: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._state = directory / ".shell-state"
        self._environment = {
            "PATH": f"{programs}{os.pathsep}{os.defpath}",
            "HOME": str(directory),
            "LANG": "en_US.UTF-8",
            "ENGINE_DEBUG": "1",
            **(environment or {}),
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def follow(self, block: Block) -> None:
        """Do what the comment before the block says. Raises AssertionError with what was printed."""
        mark = MARK.fullmatch(block.comment)
        assert mark is not None, f"{block}: {block.comment!r} is no way to run a block"
        script = _TICKET.sub(lambda found: found[1] + self._newest_ticket(), block.script)
        assert script.strip(), f"{block}: there is nothing to run"
        if mark["background"]:
            self._start(script)
            return
        deadline = time.monotonic() + DEADLINE
        while True:
            done = self._run(script)
            told = f"{block}\n{done.stdout}"
            right = done.returncode == int(mark["code"] or 0) and re.search(mark["printed"] or "", done.stdout)
            if right:
                return
            more = mark["printed"] is not None and time.monotonic() < deadline
            assert more, f"exit code {done.returncode} at {told}"
            time.sleep(0.3)  # as a reader looks again

    def close(self) -> None:
        """Stop what runs, as an operator would; it must end well."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(timeout=20) for process in self._running]
        log = self._log.read_text(encoding="utf-8") if self._running else ""
        assert not any(codes), f"exit codes {codes}\n{log}"
        # The walk breaks a policy on purpose; a daemon that sees it twice before it is mended says so, and rightly.
        assert [line for line in log.splitlines() if '"level": "error"' in line and "policies refused" not in line] == [], log

    @property
    def _log(self) -> Path:
        return self._directory / ".background-log"

    def _start(self, script: str) -> None:
        with open(self._log, "ab") as log:
            command = ["bash", "-c", f"{self._recall}\nexec {script.strip()}"]
            self._running.append(
                subprocess.Popen(command, cwd=self._directory, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        remember = f'{{ declare -f; export -p; echo cd "$(printf %q "$PWD")"; }} > {shlex.quote(str(self._state))}'
        told = f"{self._recall}\nset -aeu -o pipefail\ntrap {shlex.quote(f'code=$?; {remember}; exit $code')} EXIT\n{script}"
        return subprocess.run(
            ["bash", "-c", told],
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
        )

    @property
    def _recall(self) -> str:
        return f". {shlex.quote(str(self._state))}" if self._state.exists() else ":"

    def _newest_ticket(self) -> str:
        listed = self._run(_NEWEST).stdout
        return max(re.findall(r'"number": "(\d+)"', listed))
