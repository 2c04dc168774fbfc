"""The feed of what happened to tickets."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.services import NewsRow
from engine_web.news import News
from tests.support.programs import NEED, Program


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


def lines_of(answer: httpx.Response, begun: threading.Event) -> Iterator[str]:
    for line in answer.iter_lines():
        begun.set()
        if line.startswith("data: "):
            yield line


def test_however_many_watch_the_store_is_asked_once(app: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    news, asked = News(app.site.engine), list[int]()
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
