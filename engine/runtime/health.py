"""Whether the daemon is alive: every loop has turned lately. systemd is told, and whoever asks over HTTP (endpoint.py)."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from engine.runtime import log

_PATIENCE = 1.0
"""Seconds that the service manager's socket may be full."""


class Turning(Protocol):
    """A loop, as far as its health goes; `turned_at` is the monotonic second at which it last finished a turn and the rest after it."""

    name: str
    turned_at: float


class Health:
    """Watches the loops from the main thread. `within` is how many seconds one may be busy or silent, `tell` speaks to systemd.

    The signs of life that systemd's watchdog waits for stop while a loop stands still, so that it starts the daemon anew.
    """

    def __init__(self, loops: Callable[[], Iterable[Turning]], within: float, tell: Callable[[str], None]) -> None:
        self.loops = loops
        self.ready = False
        self._within = within
        self._tell = tell
        self._beat_at = time.monotonic()
        self._standing: tuple[str, ...] = ()

    def stalled(self) -> dict[str, int]:
        """Return the loops that have stood still too long, and for how many seconds; the main thread is called `watch`."""
        now = time.monotonic()
        silent = {loop.name: now - loop.turned_at for loop in self.loops()} | {"watch": now - self._beat_at}
        return {name: round(seconds) for name, seconds in silent.items() if seconds > self._within}

    def started(self, policy: str) -> None:
        """What was left over is recovered and the loops run: from now on it is ready."""
        self.ready = True
        self._tell(f"READY=1\nSTATUS=working by policy {policy}")

    def beat(self) -> None:
        """A turn of the main thread: a sign of life, unless a loop stands still."""
        self._beat_at = time.monotonic()
        stalled = self.stalled()
        if tuple(stalled) != self._standing:
            self._standing = tuple(stalled)
            if stalled:
                log.say("a loop stands still", logging.ERROR, loops=stalled)
            else:
                log.say("all loops move again")
            self._tell(f"STATUS={'standing still: ' + ', '.join(stalled) if stalled else 'working'}")
        if not stalled:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun: nothing new is taken on."""
        self.ready = False
        self._tell("STOPPING=1\nSTATUS=finishing what it is at")


def to_service_manager() -> Callable[[str], None]:
    """Return what passes a message of sd_notify(3) to the socket in `NOTIFY_SOCKET`; without one it goes nowhere."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    target = "\0" + address[1:] if address.startswith("@") else address

    def tell(message: str) -> None:
        # A manager that does not listen just now hears the next sign of life.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(_PATIENCE)
            line.sendto(message.encode(), target)

    return tell if address else lambda message: None
