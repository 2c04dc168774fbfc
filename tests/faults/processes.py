"""`engine run` as processes that cost little to start: forked from one that has imported everything already, and killed as any other."""

import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import TimeoutExpired

from tests.acceptance.desk import Daemon, clean_environment
from tests.support.forked import FORKING, become


class Forked(Daemon):
    """One forked process of `engine run`; `environment` is added to that of a user."""

    def __init__(self, root: Path, log: Path, environment: dict[str, str], *arguments: str) -> None:
        self.log = log
        log.touch()
        process = FORKING.Process(target=_run, args=(root, log, clean_environment() | environment, arguments), daemon=True)
        process.start()
        assert process.pid is not None
        self.pid = process.pid
        self.process = _Waitable(process)  # type: ignore[assignment]  # what Daemon asks of a Popen


class _Waitable:
    """A process of multiprocessing as one of subprocess."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        """The exit code, None while it lives."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutExpired("engine run", timeout or 0)
        return code


def _run(root: Path, log: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    """Be `engine run` in `root`, as if the command had been called there."""
    from engine.channels.manager import ChannelTypes
    from engine.cli import main
    from tests.faults import failpoints
    from tests.support import preloaded

    become(root, environment)
    said = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    ChannelTypes.discover = classmethod(lambda types: preloaded.DISCOVERED)  # type: ignore[assignment, method-assign]  # before the fork
    failpoints.arm(os.environ.get(failpoints.VARIABLE))
    sys.argv = ["engine", "run", *arguments]
    main(["run", *arguments])
