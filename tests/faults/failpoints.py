"""Places at which `engine run` dies on purpose, each side of what makes a step durable or known to others.

The engine itself knows nothing of them: a process that was told to (`ENGINE_FAILPOINT="after send 3"`: after the third send) wraps the
functions in question before it starts, and any other process runs them as they are.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

VARIABLE = "ENGINE_FAILPOINT"

# Which commit it is is told by the innermost of these functions that is under way.
COMMITS = {
    "accept": "intake",
    "process": "decision",
    "fire": "timer",
    "dispatch": "claim",
    "_send": "sent",
    "run_due": "slot",
    "put_in_force": "activation",
}
STEPS = ("acknowledge", "send", "backup")
SIDES = ("before", "after")


class Failpoint:
    """Kills this process when it passes the `count`-th time."""

    def __init__(self, side: str, step: str, count: int) -> None:
        self._side, self._step = side, step
        self._passes = itertools.count(1)
        self._count = count

    def here(self, side: str, step: str | None) -> None:
        """Pass one place."""
        if (side, step) == (self._side, self._step) and next(self._passes) == self._count:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, step: str | None) -> Iterator[None]:
        """Pass the place before, and the one after, which is reached only if all went well."""
        self.here("before", step)
        yield
        self.here("after", step)


def arm(where: str | None) -> None:
    """Let this process die where the variable says, "SIDE STEP COUNT"; nothing is touched without it."""
    if not where:
        return
    side, step, count = where.split()
    assert side in SIDES
    assert step in {*STEPS, *COMMITS.values()}
    point = Failpoint(side, step, int(count))
    from engine.channels import FolderInbox
    from engine.channels.manager import ChannelTypes
    from engine.store.postgresql.store import PostgresStore
    from engine.store.sqlite import store as sqlite

    _wrap(sqlite, "_execute", lambda connection, command: point.around(_committing() if command == "COMMIT" else None))
    _wrap(sqlite.SqliteStore, "_copy_to", lambda store, path: point.around("backup"))
    _wrap(PostgresStore, "_commit", lambda store, connection: point.around(_committing()))
    _wrap(FolderInbox, "done", lambda inbox, path: point.around("acknowledge"))
    build = ChannelTypes.build

    def built(self: ChannelTypes, *arguments: Any) -> Any:
        channel = build(self, *arguments)
        _wrap(channel, "send", lambda message: point.around("send"))
        return channel

    ChannelTypes.build = built  # type: ignore[assignment, method-assign]  # this process alone, which is about to die


def _wrap(owner: Any, name: str, around: Callable[..., AbstractContextManager[None]]) -> None:
    original = getattr(owner, name)

    def wrapped(*arguments: Any) -> Any:
        with around(*arguments):
            return original(*arguments)

    setattr(owner, name, wrapped)


def _committing() -> str | None:
    """The step whose commit this is, None if it is of no interest."""
    frame = sys._getframe()
    while (frame := frame.f_back) is not None:  # type: ignore[assignment]  # the outermost frame has none
        if "runtime" in Path(frame.f_code.co_filename).parts and frame.f_code.co_name in COMMITS:
            return COMMITS[frame.f_code.co_name]
    return None
