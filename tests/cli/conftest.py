"""The real command as a process of its own, in a project of its own."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.clock import SystemClock, VirtualClock
from engine.runtime.engine import open_engine
from engine.runtime.project import load_project
from tests.support import forked

MAIL = """\
From: Sun <sun@customer.test>
To: support@example.test
Subject: {subject}
Message-ID: <{id}@customer.test>
Date: Wed, 04 Mar 2026 09:00:00 +0800
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{text}
"""


class Command:
    """Runs `engine` in a project."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGINE_", "LC_", "LANG"))}
        done = forked.run(arguments, self.root, kept | {"LANG": "en_US.UTF-8", "PYTHONUTF8": "1"} | environment, stdin)
        assert done.returncode == code, f"{arguments} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, **options: Any) -> Any:
        return json.loads(self(*arguments, "--format", "json", **options).stdout)

    def mail(self, id: str, text: str, subject: str = "help") -> str:
        """Ingest a mail; return the number of the ticket it opened."""
        path = self.root / f"{id}.eml"
        path.write_text(MAIL.format(id=id, text=text, subject=subject), encoding="utf-8")
        (led,) = self.json("ingest", "email", str(path))
        assert led["result"] == "ticket", led
        return str(led["ticket"])

    def later(self, **span: float) -> None:
        """Let time pass for the timers, as the daemon would in so long; nothing is sent."""
        clock = VirtualClock(SystemClock().now() + timedelta(**span))
        engine = open_engine(load_project(self.root), clock)
        try:
            while engine.work_timers() + engine.work_answers():
                pass
        finally:
            engine.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command in a fresh project that the tests of a module share."""
    root = tmp_path_factory.mktemp("desk")
    Command(root)("init", "project")
    return Command(root / "project")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in an empty directory."""
    return Command(tmp_path)
