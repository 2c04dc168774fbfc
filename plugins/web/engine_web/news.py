"""News: what happened to tickets, for whoever watches. However many watch, the store is asked once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool

from engine.errors import EngineError
from engine.services import Engine, NewsRow

_LOOK = 0.25
"""Seconds between two looks at the store while somebody watches."""

_SETTLED = timedelta(seconds=10)
"""Where several processes write, a decision is news only after so long: by then all that were numbered before it are kept, unless
deciding on one took half of that."""

_BATCH = 500
_BEAT = 15.0
"""Seconds of silence after which a watcher is told that nothing happened."""


class News:
    """Tells what happened since a decision's id. `follow` runs inside the event loop; `since` may be called by any thread.

    While somebody watches, `turn` is another number whenever something has happened.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._recent: dict[int, asyncio.Future[list[NewsRow]]] = {}
        self._turned = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._watchers = 0
        self.turn = 0

    def latest(self) -> int:
        """Return the id of the latest decision that is news; what is no news yet, is later."""
        with self._engine.store.read() as reader:
            return reader.latest_news(self._until())

    def since(self, after: int, limit: int = _BATCH) -> list[NewsRow]:
        """Return what happened after the decision of that id."""
        with self._engine.store.read() as reader:
            return reader.news(after, self._until(), limit)

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
        seen = -1
        while self._watchers:
            try:
                latest = await run_in_threadpool(self._newest)
            except EngineError:  # the database is away: the next look finds it again
                latest = seen
            if latest != seen:
                seen, self._recent, self.turn = latest, {}, self.turn + 1
                turned, self._turned = self._turned, asyncio.Event()
                turned.set()
            await asyncio.sleep(_LOOK)

    def _newest(self) -> int:
        """Return what changes when there is news."""
        if not self._engine.store.shared:
            return self.latest()
        return int(self._engine.clock.now().timestamp())

    def _until(self) -> datetime:
        now = self._engine.clock.now()
        return now - _SETTLED if self._engine.store.shared else now + timedelta(days=3650)
