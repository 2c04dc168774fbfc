"""The feed of what happened to tickets."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from engine.services import NewsRow
from engine.store import StoreFailed
from engine_web.news import News
from tests.support.programs import NEED, Program
from tests.support.website import Website


def test_what_happens_is_told_at_once_to_whoever_listens_and_goes_on_where_they_left_off(app: Program) -> None:
    auth = {"authorization": f"Bearer {app.token}", "accept": "text/event-stream"}
    begun, heard = threading.Event(), list[dict[str, Any]]()

    def listen() -> None:
        with app.site.browser().stream("GET", "/api/v1/events", headers=auth) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in lines_of(answer, begun):
                heard.append(json.loads(line.removeprefix("data: ")))
                if len(heard) == 1:
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert begun.wait(10)
    number = app("POST", "/tickets", NEED | {"from": "stream@customer.test"}).json()["ticket"]
    thread.join(10)
    assert [one["ticket"] for one in heard] == [number]
    missed = app("GET", f"/events?after={heard[0]['id'] - 1}").json()["events"]
    assert missed[0] == heard[0]


def listening(app: Program, then: Callable[[], object]) -> str:
    """Listen; return what is heard from when something was done on until the stream ends by itself."""
    auth = {"authorization": f"Bearer {app.token}", "accept": "text/event-stream"}
    with app.site.browser().stream("GET", "/api/v1/events", headers=auth) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": here"
        then()
        return "".join(lines)


def test_a_stream_ends_with_the_token_that_it_was_begun_by(house: Website) -> None:
    app = Program(house, "operations")

    def end() -> None:
        with house.engine.store.write() as tx:
            tx.end_accesses("operations")
        house.take()

    assert listening(app, end) == ""


def test_a_stream_ends_with_the_role_that_it_was_begun_by(house: Website) -> None:
    world = house.engine.world
    people = {**world.team.agents, "caller": replace(world.team.agents["operations"], id="caller")}
    house.engine.world = replace(world, team=replace(world.team, agents=people))

    def leave() -> None:
        house.engine.world = world
        house.take()

    assert listening(Program(house, "caller"), leave) == ""


def test_a_stream_ends_without_a_fault_when_the_store_goes_away(
    house: Website, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise StoreFailed("the database is away")

    def fail() -> None:
        monkeypatch.setattr(News, "since", away)
        house.take()

    assert listening(Program(house, "supervisor"), fail) == ""
    assert not [record for record in caplog.records if record.exc_info]


def test_what_could_not_be_asked_is_asked_again(house: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    news, asked = News(house.engine.store), count()
    since = news.since

    def failing(after: int) -> list[NewsRow]:
        if next(asked) == 0:
            raise StoreFailed("the database is away")
        return since(after)

    async def watch() -> list[NewsRow]:
        with pytest.raises(StoreFailed):
            await anext(news.follow(0))
        return await anext(news.follow(0))

    house.take()
    monkeypatch.setattr(news, "since", failing)
    assert asyncio.run(watch())


def lines_of(answer: httpx.Response, begun: threading.Event) -> Iterator[str]:
    for line in answer.iter_lines():
        begun.set()
        if line.startswith("data: "):
            yield line


def test_however_many_watch_the_store_is_asked_once(app: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    news, asked = News(app.site.engine.store), list[int]()
    since = news.since

    def counted(after: int) -> list[NewsRow]:
        asked.append(after)
        return since(after)

    async def watch() -> list[list[NewsRow]]:
        streams = [news.follow(0) for _ in range(50)]
        return await asyncio.gather(*(anext(stream) for stream in streams))

    monkeypatch.setattr(news, "since", counted)
    heard = asyncio.run(watch())
    assert asked == [0]
    assert all(rows == heard[0] != [] for rows in heard)
