"""The application: the routes of all rooms, and what holds for every answer."""

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from engine.errors import EngineError
from engine.services import LANGUAGES, Engine
from engine_web import api, console, customers, doors
from engine_web.apart import apart
from engine_web.api.problems import Problem
from engine_web.doors.throttle import Throttle
from engine_web.failures import status_of
from engine_web.guards import Guards
from engine_web.settings import Settings
from engine_web.site import Site, inside, site_of

STATIC = Path(__file__).parent / "static"

_SAID = (303, 400, 403, 404, 405, 409, 413, 429)
"""Statuses of which more is said than that something did not work."""


def application(settings: Settings, engine: Engine) -> ASGIApp:
    """Return the ASGI application over an engine."""
    handlers: dict[Any, Any] = {HTTPException: _failed, EngineError: _refused, ClientDisconnect: _failed, 500: _fault}
    app = Starlette(routes=routes(settings), exception_handlers=handlers)
    app.state.site = Site(settings, engine)
    app.state.strangers, app.state.conversations = Throttle(settings.strangers, 60), Throttle(settings.conversation, 60)
    app.state.live = Counter()  # pages that follow a conversation
    return Guards(app, settings.secure)


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes of all rooms, one line each."""
    return [
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
        Route("/", _home, name="home"),
        *doors.routes(),
        *api.routes(settings),
        Route("/language", _language, methods=["POST"], name="language"),
        *customers.routes(),
        *console.routes(),
    ]


def _home(request: Request) -> Response:
    return site_of(request).page(request, "home.html")


async def _language(request: Request) -> Response:
    """Keep in which language somebody reads; the one POST without a token, for it changes nothing but their own cookie."""
    form = await request.form()
    chosen, back = str(form.get("language", "")), str(form.get("back", "/"))
    answer = RedirectResponse(_readable(request, inside(back, "/")), status_code=303)
    if chosen in LANGUAGES:
        secure = site_of(request).settings.secure
        answer.set_cookie("language", chosen, max_age=31_536_000, samesite="lax", httponly=True, secure=secure)
    return answer


def _readable(request: Request, target: str) -> str:
    """Return an address of this site if it can be read, else the nearest above it that can: what was posted to is no page."""
    path, _, query = target.partition("?")
    while path != "/":
        scope = {"type": "http", "method": "GET", "path": unquote(path)}
        if any(route.matches(scope)[0] == Match.FULL for route in request.app.routes):
            return f"{path}?{query}" if query else path
        path, query = path.rpartition("/")[0] or "/", ""
    return path


def _refused(request: Request, error: EngineError) -> Response:
    status = status_of(error)
    return _failed(request, HTTPException(status, headers={"retry-after": "5"} if status == 503 else None))


def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # whoever sent it is gone, or was cut off
        error = HTTPException(413)
    if request.url.path.startswith("/api/"):
        return Problem(error.status_code).response()
    site, status = site_of(request), error.status_code
    said = f"failed.{status if status in _SAID else 'other'}"
    if request.headers.get("sec-fetch-dest") == "iframe":  # where no page of ours is shown that is not made for it
        language = site.language(request)
        return apart(site.say(language, said), language, site.say(language, "failed.title"), 403 if status == 303 else status)
    if status == 303:
        return Response(status_code=303, headers=error.headers)
    return site.page(request, "failed.html", status=error.status_code, headers=error.headers, said=said)


def _fault(request: Request, error: Exception) -> Response:
    """A fault says nothing of itself to whoever asked; the server logs it."""
    return PlainTextResponse("something went wrong / 出错了\n", 500)
