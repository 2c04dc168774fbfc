"""A screen is drawn once for all who watch it."""

import asyncio
from itertools import count

import pytest

from engine.errors import EngineError
from engine_web import screens
from engine_web.news import News
from tests.support.website import Website

WATCHERS = 200


def test_however_many_watch_a_screen_is_drawn_once_and_again_only_when_something_happened(
    shared_site: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "PACE", 0.0)
    drawings = count(1)

    def draw() -> bytes:
        return b"%d" % next(drawings)

    async def watch() -> list[set[bytes]]:
        news = News(shared_site.engine.store)
        shown = screens.Screens(news)

        async def look() -> set[bytes]:
            return set(await asyncio.gather(*(shown.drawn("all", draw) for _ in range(WATCHERS))))

        with news.watched():
            await news._turned.wait()
            turned, found = news._turned, [await look(), await look()]
            await asyncio.to_thread(shared_site.take)
            await turned.wait()
            return [*found, await look()]

    assert asyncio.run(watch()) == [{b"1"}, {b"1"}, {b"2"}]


def test_a_drawing_that_failed_is_tried_again_by_whoever_looks_next(shared_site: Website) -> None:
    asked = count()

    def draw() -> bytes:
        if next(asked) == 0:
            raise EngineError("the database is away")
        return b"rows"

    async def watch() -> bytes:
        shown = screens.Screens(News(shared_site.engine.store))
        with pytest.raises(EngineError):
            await shown.drawn("all", draw)
        return await shown.drawn("all", draw)

    assert asyncio.run(watch()) == b"rows"
