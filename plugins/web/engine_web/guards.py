"""What every answer carries, so that a browser runs, frames, keeps and tells nothing that it should not."""

from python_multipart.multipart import parse_options_header
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 30_000_000
"""Bytes of a request that are read; whoever sends more is told so by the room. The rooms bound their own forms closer."""

_HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

APART = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}
"""What an answer carries instead that is shown in a frame of ours: it brings its own style and pictures, and runs and loads nothing."""


class Guards:
    """Puts the headers on every answer that has not its own, ends bodies that are too large and refuses all that is not UTF-8.

    `secure`: browsers come by TLS.
    """

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
        self._headers = _HEADERS | ({"strict-transport-security": "max-age=31536000; includeSubDomains"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and _crosses(scope):
            await PlainTextResponse("forms of other sites are not taken\n", 403, self._headers)(scope, receive, send)
            return
        if not _is_utf8(scope):
            await PlainTextResponse("only UTF-8 is read here\n", 415, self._headers)(scope, receive, send)
            return
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message if size <= LARGEST_BODY else {"type": "http.disconnect"}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["cache-control"] = "public, max-age=86400"
            await send(message)

        await self._app(scope, bounded, guarded)


def _crosses(scope: Scope) -> bool:
    """Whether a browser says that another site sends this; programs say nothing."""
    return dict(scope["headers"]).get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none")


def _is_utf8(scope: Scope) -> bool:
    """Whether a body is in UTF-8, as whoever sends it says: some of Python's other codecs take time by the square, or make what is no text.

    A form is read by what this same function finds.
    """
    types = (value for name, value in scope["headers"] if name == b"content-type")
    return all(parse_options_header(value)[1].get(b"charset", b"utf-8").lower() in (b"utf-8", b"utf8") for value in types)
