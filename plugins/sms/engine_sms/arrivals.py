"""Waiting for what another thread takes from the carrier."""

import queue
import threading
import time
from typing import TypeVar

_LOOK_SECONDS = 0.5  # between two looks whether the engine stops

_Arrival = TypeVar("_Arrival")


def next_of(arrivals: "queue.SimpleQueue[_Arrival | None]", timeout: float, stopping: threading.Event) -> _Arrival | None:
    """Return what comes next, None when nothing does within `timeout` seconds, when None comes, or soon after the engine stops."""
    end = time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        try:
            return arrivals.get(timeout=min(max(left, 0.0), _LOOK_SECONDS))
        except queue.Empty:
            if left <= 0 or stopping.is_set():
                return None
