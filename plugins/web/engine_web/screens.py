"""Screens: what many watch is drawn once for all of them, and anew when something has happened. Runs inside the event loop."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from engine_web.news import News

PACE = 1.0
"""Seconds for which a screen stands at least, and between two looks of whoever watches it."""

_OLDEST = 15.0
"""Seconds for which it stands at most: how much time is left goes on by itself."""

_REST = 2
"""After a drawing nothing is drawn for so many times as long as the processor was at it, so that who decides has it too."""


_FEW = 4
"""How many watchers at once ask who they are: each that asks has a connection of its own to the store, which stays."""

_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class _Screen:
    event: "asyncio.Task[bytes]"
    turn: int = 0
    at: float = 0.0


class Screens:
    """What is shown of a key. A watcher takes the latest drawing when they are ready for it: nothing queues up for a slow one."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._screens: dict[str, _Screen] = {}
        self._pen = asyncio.Lock()
        self._door = asyncio.Semaphore(_FEW)
        self._rested_at = 0.0

    async def asked(self, ask: Callable[[], _Answer]) -> _Answer:
        """Return what a watcher asks the store, in a thread; they take turns."""
        async with self._door:
            return await run_in_threadpool(ask)

    async def drawn(self, key: str, draw: Callable[[], bytes]) -> bytes:
        """Return the drawing of a key; until it is drawn anew, the same object. `draw` runs in a thread, one at a time."""
        screen = self._screens.get(key)
        if screen is None or self._is_over(screen):
            screen = self._screens[key] = _Screen(asyncio.create_task(self._draw(key, draw)))
        return await asyncio.shield(screen.event)

    def _is_over(self, screen: _Screen) -> bool:
        if not screen.event.done():
            return False
        age = time.monotonic() - screen.at
        return age >= (_OLDEST if screen.turn == self._news.turn else PACE) or screen.event.exception() is not None

    async def _draw(self, key: str, draw: Callable[[], bytes]) -> bytes:
        async with self._pen:
            await asyncio.sleep(self._rested_at - time.monotonic())
            screen = self._screens[key]
            screen.turn = self._news.turn  # what happens while it is drawn is drawn next time
            try:
                event, worked = await run_in_threadpool(_timed, draw)
                self._rested_at = time.monotonic() + _REST * worked
                return event
            finally:
                screen.at = time.monotonic()
                self._screens = {
                    kept: one for kept, one in self._screens.items() if not one.event.done() or screen.at - one.at < 2 * _OLDEST
                }


def _timed(draw: Callable[[], bytes]) -> tuple[bytes, float]:
    """Return a drawing, and how many seconds the processor was at it."""
    began = time.thread_time()
    return draw(), time.thread_time() - began
