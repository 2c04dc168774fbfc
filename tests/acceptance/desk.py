"""A project driven as its users drive it: by the `engine` command, each time a process of its own, and by files in its folders."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from engine.core.lifecycle import evolve
from engine.store import Reader, open_store
from tests.support.waiting import wait_until

PATIENCE = 120.0
STOPS_WITHIN = 10.0


def clean_environment() -> dict[str, str]:
    """The environment of a user who knows nothing of this test run."""
    strange = ("PYTHON", "ENGINE_", "CLOSEDLOOP_", "COVERAGE", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(strange)}


class Desk:
    """A project in `root`, laid out by `engine init`; `command` is the `engine` to drive."""

    def __init__(self, command: Path, root: Path) -> None:
        self.command = command
        self.root = root
        self.database = "sqlite:///var/engine.db"
        self._runs = 0
        self.init_said = self.engine("init", str(root), cwd=root.parent)

    def engine(self, *arguments: str, code: int = 0, stdin: str = "", cwd: Path | None = None) -> str:
        """Run a verb in the project; return all it printed. Fails unless it ends with `code`."""
        done = subprocess.run(
            [str(self.command), *arguments],
            cwd=cwd or self.root,
            env=clean_environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, f"engine {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def data(self, *arguments: str, code: int = 0) -> Any:
        """Run a verb with `--format json`; return what it printed."""
        return json.loads(self.engine(*arguments, "--format", "json", code=code))

    def configure(self, **settings: Any) -> None:
        """Set top-level keys of engine.yaml."""
        path = self.root / "engine.yaml"
        plain = yaml.safe_load(path.read_text(encoding="utf-8")) | settings
        path.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")

    def keep_on(self, url: str) -> None:
        """Keep everything in the database of this URL, which the engine takes from its environment as it does any secret."""
        self.database = os.environ["DESK_DATABASE"] = url
        self.configure(database="${env:DESK_DATABASE}", jobs={})

    def edit(self, name: str, *changes: tuple[str, str], times: int = 1) -> None:
        """Edit a policy file as a person does: each pattern is found `times` times and replaced."""
        path = self.root / "policies" / name
        text = path.read_text(encoding="utf-8")
        for pattern, instead in changes:
            text, count = re.subn(pattern, instead, text)
            assert count == times, f"{name}: {pattern!r} was found {count} times"
        path.write_text(text, encoding="utf-8")

    def always_at_work(self) -> None:
        """Let everybody be there at any hour and in any year, so that the test does not depend on when it runs."""
        team = self.root / "policies" / "team.yaml"
        team.write_text(team.read_text(encoding="utf-8").replace("shift: day", "shift: any"), encoding="utf-8")
        self.edit("sla.yaml", (r"calendar: cn_office +# nobody wants", "calendar: 24x7 # nobody wants"))

    def survey_after(self, duration: str) -> None:
        """Ask customers so soon after their confirmation, at any hour."""
        once = (r"\n *quiet: .*# not at night.*", ""), (r"within: 4h", "within: 1s"), (r"together: 5 +#.*", "together: 1")
        self.edit("survey.yaml", (r"after: 1h\b", f"after: {duration}"), *once)

    def drop(self, channel: str, name: str, content: bytes) -> Path:
        """Put a file where its channel takes it in, whole at once."""
        path = self.root / "var" / "in" / channel / name
        partial = path.with_name(f".{name}.part")
        partial.write_bytes(content)
        partial.rename(path)
        return path

    @contextlib.contextmanager
    def reader(self) -> Iterator[Reader]:
        """What is stored, as it is now."""
        store = open_store(self.database, self.root)
        try:
            with store.read() as reader:
                yield reader
        finally:
            store.close()

    def look(self, ask: Callable[[Reader], Any]) -> Any:
        """What `ask` finds in the store now."""
        with self.reader() as reader:
            return ask(reader)

    def sound(self) -> None:
        """Hold the database against its own log."""
        assert self.look(lambda reader: reader.integrity(evolve)) == []

    @contextlib.contextmanager
    def running(self, *prefix: str) -> Iterator["Daemon"]:
        """`engine run` until the end of the block, then stopped as a service manager does; `prefix` runs before the command."""
        daemon = self.start(*prefix)
        try:
            yield daemon
        except BaseException:
            daemon.kill()
            raise
        daemon.stop()

    def start(self, *prefix: str) -> "Daemon":
        """Start `engine run`; return when it works."""
        self._runs += 1
        daemon = Daemon([*prefix, str(self.command), "run"], self.root, self.root / f"run-{self._runs}.log")
        try:
            daemon.pid = daemon.wait_for_line("started")["pid"]
        except BaseException:
            daemon.kill()
            raise
        return daemon


class Daemon:
    """One process of `engine run`, and what it logs. `pid` is its own once it works; `process` may be a tracer around it."""

    def __init__(self, command: list[str], root: Path, log: Path) -> None:
        self.log = log
        self.pid = 0
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, cwd=root, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )

    @property
    def text(self) -> str:
        """All it said so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All it logged so far; every line must be JSON, but for one that is just being written."""
        complete = self.text.rpartition("\n")[0].splitlines()
        assert all(line.startswith("{") for line in complete), self.text
        return [json.loads(line) for line in complete]

    def decisions(self, ticket: str | None = None) -> list[dict[str, Any]]:
        """The logged decisions, of one ticket or of all."""
        return [line for line in self.lines if line["message"] == "decision" and ticket in (None, line["ticket"])]

    def wait_for_line(self, message: str) -> Mapping[str, Any]:
        """Return the first line with this message, once it is there."""

        def found() -> Any:
            code = self.process.poll()
            assert code is None, f"engine run ended with {code}:\n{self.text}"
            return next((line for line in self.lines if line["message"] == message), None)

        return dict(wait_until(found, lambda: f"{message!r} in the log:\n{self.text}"))

    def stop(self) -> float:
        """End it with SIGTERM; return how many seconds it took. Fails if it did not end well."""
        if self.process.poll() is not None:
            return 0.0
        started = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert code == 0, f"engine run ended with {code}:\n{self.text}"
        assert self.lines[-1]["message"] == "stopped", self.text
        assert self.lines[-1]["unfinished"] == [], self.text
        return time.monotonic() - started

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.poll() is None:
            os.kill(self.pid or self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
