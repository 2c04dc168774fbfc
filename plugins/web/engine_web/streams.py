"""Streams of server-sent events."""

from collections.abc import AsyncIterator
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.errors import EngineError

_Event = TypeVar("_Event", str, bytes)


def streamed(request: Request, events: AsyncIterator[_Event]) -> Response:
    """Return what answers with events. It ends where whoever listens may not any more, or the store is away: a browser comes again."""
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    return StreamingResponse(_as_long_as_it_can(events), media_type="text/event-stream")


async def _as_long_as_it_can(events: AsyncIterator[_Event]) -> AsyncIterator[_Event]:
    try:
        async for event in events:
            yield event
    except (HTTPException, EngineError):
        return
