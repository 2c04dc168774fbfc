"""How a test waits for what happens elsewhere."""

import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 120.0
"""Seconds after which what was waited for will not come any more, even where other tests run beside this one."""

SHORTEST, LONGEST = 0.02, 0.4
"""Seconds between two looks: first so many, then more and more, for each look takes from what is waited for."""


def wait_until(
    holds: Callable[[], Any],
    what: str | Callable[[], str],
    patience: float = PATIENCE,
    longest: float = LONGEST,
    left: Callable[[], int] = lambda: 0,
) -> Any:
    """Return what `holds()` returns once that is true; fail after `patience` seconds in which it was not, nor anything less was `left`
    to do, saying `what` did not come to pass.
    """
    deadline, pause, least = time.monotonic() + patience, SHORTEST, left()
    never = threading.Event()
    while not (found := holds()):
        if (still := left()) < least:
            deadline, least = time.monotonic() + patience, still
        assert time.monotonic() < deadline, f"not within {patience:g} s: {what if isinstance(what, str) else what()}"
        never.wait(pause)
        pause = min(longest, pause * 1.3)
    return found
