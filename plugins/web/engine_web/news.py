"""News: what happened to tickets, for whoever watches. However many watch, the store is asked once."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool

from engine.errors import EngineError
from engine.services import NewsRow, Store

_LOOK = 0.25
"""Seconds between two looks at the store while somebody watches."""

PATIENCE = 1.0
"""Seconds for which whoever asks once waits for those who are just deciding."""

_STEP = 0.02

_BATCH = 500
_BEAT = 15.0
"""Seconds of silence after which a watcher is told that nothing happened."""


class News:
    """Tells what happened since a decision's id. `follow` runs inside the event loop; `since` may be called by any thread.

    Where several processes write, a decision may be kept after one of a higher id. So it is news only once all who held a lower id have
    kept theirs or given up; then none is left out by whoever goes on behind the last id that they heard of.

    While somebody watches, `turn` is another number whenever something has happened.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent: dict[int, asyncio.Future[list[NewsRow]]] = {}
        self._turned = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._watchers = 0
        self.turn = 0
        self._glancing = threading.Lock()
        self._mark, self._before = -1, frozenset[str]()
        self._settled = -1

    def latest(self) -> int:
        """Return the id of the latest decision that is news; what is no news yet, is later. Raises EngineError if none can be named."""
        latest = self._settled_within(PATIENCE)
        if latest < 0:
            raise EngineError("somebody has been deciding since before the first look: what is news cannot be told yet")
        return latest

    def since(self, after: int, limit: int = _BATCH, patience: float = 0.0) -> list[NewsRow]:
        """Return what happened after the decision of that id; what happened until now, if it is news within `patience` seconds."""
        until = self._settled_within(patience)
        with self._store.read() as reader:
            return reader.news(after, until, limit)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let the store be looked at until the block ends, inside the event loop."""
        self._watchers += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._watchers -= 1

    async def follow(self, after: int) -> AsyncIterator[list[NewsRow]]:
        """Yield what happens from the decision `after` on, as it happens, and nothing at all now and then.

        Raises EngineError when the store is away.
        """
        with self.watched():
            while True:
                turned, recent = self._turned, self._recent  # of one turn, so that nothing stale is kept for the next
                asked = recent.get(after)
                if asked is None or (asked.done() and asked.exception() is not None):  # what failed is asked again
                    asked = recent[after] = asyncio.ensure_future(run_in_threadpool(self.since, after))
                rows = await asyncio.shield(asked)
                if rows:
                    after = rows[-1].id
                    yield rows
                    continue
                try:
                    await asyncio.wait_for(turned.wait(), _BEAT)
                except TimeoutError:
                    yield []

    async def _look(self) -> None:
        """Wake the watchers when there is something new, until nobody watches any more."""
        seen = -1, -1
        while self._watchers:
            try:
                latest = await run_in_threadpool(self._glance)
            except EngineError:  # the database is away: the next look finds it again
                latest = seen
            if latest != seen:
                seen, self._recent, self.turn = latest, {}, self.turn + 1
                turned, self._turned = self._turned, asyncio.Event()
                turned.set()
            await asyncio.sleep(_LOOK)

    def _settled_within(self, patience: float) -> int:
        """Return up to which decision all is news, waiting so long for the latest; -1 if that was never known."""
        until = time.monotonic() + patience
        wanted, settled = self._glance()
        while settled < wanted and time.monotonic() < until:
            time.sleep(_STEP)
            _, settled = self._glance()
        return settled

    def _glance(self) -> tuple[int, int]:
        """Look once; return the latest decision that can be seen, and up to which one all is news.

        The latest is marked, with who was deciding then. When all of them are done, all up to the mark is news, and the next is marked:
        so whoever takes long holds up what came after them, and a crowd that is never gone holds up nothing.
        """
        with self._glancing:
            with self._store.read() as reader:
                latest, deciding = reader.latest_news(), reader.deciding()
            self._before &= deciding
            if not self._before:
                self._settled, self._mark, self._before = self._mark, latest, deciding
            if not self._before:
                self._settled = self._mark
            return latest, self._settled
