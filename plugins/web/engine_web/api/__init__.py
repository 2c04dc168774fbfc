"""The API `/api/v1`: for programs that hold a token. What can be asked for is one table of operations, of which openapi.py tells."""

import hashlib
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import jsonschema
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from engine.errors import EngineError
from engine.services import NewsRow, accounts, encode
from engine_web.api import insight, messages, tickets
from engine_web.api.openapi import document
from engine_web.api.operations import Call, Operation
from engine_web.api.problems import Problem
from engine_web.doors.roles import Person, may, person_of
from engine_web.doors.throttle import Throttle, source
from engine_web.failures import status_of
from engine_web.settings import Settings
from engine_web.site import Site, site_of
from engine_web.streams import streamed

OPERATIONS: tuple[Operation, ...] = (*tickets.OPERATIONS, *messages.OPERATIONS, *insight.OPERATIONS)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_ETAG = re.compile(r'"([0-9]{1,9})"')
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the API's routes."""
    throttle = Throttle(settings.requests, 60)
    by_path: dict[str, dict[str, Operation]] = {}
    for one in OPERATIONS:
        by_path.setdefault(one.path, {})[one.method] = one
    told = document(OPERATIONS)

    async def describe(request: Request) -> Response:
        return JSONResponse(told)

    async def nowhere(request: Request) -> Response:
        return Problem(404, "there is nothing here; /api/v1/openapi.json says what there is").response()

    known = [Route(path, _endpoint(methods, throttle), methods=_ANY) for path, methods in by_path.items()]
    return [Mount("/api/v1", routes=[Route("/openapi.json", describe), *known, Route("/{rest:path}", nowhere, methods=_ANY)])]


_ANY = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]


def _endpoint(methods: dict[str, Operation], throttle: Throttle) -> _Handler:
    allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))

    async def answer(request: Request) -> Response:
        operation = methods.get("GET" if request.method == "HEAD" else request.method)
        try:
            if operation is None:
                raise Problem(405, f"this can be asked for by {allowed}", {"allow": allowed})
            person = await run_in_threadpool(_allowed, request, operation, throttle)
            body = await _read(request, operation)
            call = await run_in_threadpool(_call, request, operation, person, body)
            if operation.name == "listEvents" and "text/event-stream" in request.headers.get("accept", ""):
                return streamed(request, _stream(request, call, await run_in_threadpool(_beginning, request, call)))
            return await run_in_threadpool(_answered, operation, call)
        except Problem as problem:
            return problem.response()
        except EngineError as error:
            return _problem_of(error).response()

    return answer


def _allowed(request: Request, operation: Operation, throttle: Throttle) -> Person:
    """Return who asks, before what they send is read. Raises Problem where they may not."""
    person = _who(request, site_of(request), throttle)
    if not may(person, *operation.needs):
        raise Problem(403, f"your roles do not allow {operation.needs[0]} of {operation.needs[1]}")
    return person


def _call(request: Request, operation: Operation, person: Person, body: bytes) -> Call:
    """Look at what is asked for. Raises Problem."""
    site = site_of(request)
    query = _query(request, operation)
    if operation.body is None:
        return Call(site, person, request.path_params, query, None)
    given = _parsed(request, body)
    _valid(given, operation.body, "the body")
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Problem(400, "every POST needs an Idempotency-Key of its own: 1 to 200 visible ASCII characters")
    asked = hashlib.sha256(b"\n".join((request.method.encode(), request.url.path.encode(), body))).hexdigest()
    id = hashlib.sha256(f"{person.agent}\n{key}".encode()).hexdigest()
    seq = None
    if operation.matched:
        matched = _ETAG.fullmatch(request.headers.get("if-match", ""))
        if matched is None:
            raise Problem(428, 'this needs If-Match with the ETag of the ticket as you saw it, such as "12"')
        seq = int(matched[1])
    return Call(site, person, request.path_params, query, given, id, asked, seq)


def _bearer(request: Request, site: Site) -> Person | None:
    """Return as whom the bearer of a token acts now, None without a sound one."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        return None
    engine = site.engine
    with engine.store.read() as reader:
        row = accounts.recognised(reader, "token", secret.strip(), engine.clock.now())
    return person_of(row.agent, engine.world.team, engine.world.policy) if row else None


def _who(request: Request, site: Site, throttle: Throttle) -> Person:
    """Return who asks. Raises Problem."""
    person = _bearer(request, site)
    pause = throttle.wait(f"agent {person.agent}" if person else f"address {source(request)}")
    if pause > 0:
        raise Problem(429, "too many requests: wait as long as Retry-After says", {"retry-after": str(math.ceil(pause))})
    if person is None:
        raise Problem(401, "send the token: Authorization: Bearer TOKEN", {"www-authenticate": "Bearer"})
    return person


async def _read(request: Request, operation: Operation) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        if len(body) <= operation.largest:
            body += chunk
    if len(body) > operation.largest:
        raise Problem(413, f"a body has at most {operation.largest} bytes")
    return bytes(body)


def _parsed(request: Request, body: bytes) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "send application/json")
    try:
        given = json.loads(body, parse_constant=_refuse)
        json.dumps(given, ensure_ascii=False).encode()  # half a character (a lone surrogate) is none
        return given
    except (ValueError, RecursionError):
        raise Problem(400, "the body is no JSON in UTF-8") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are none of JSON's


def _query(request: Request, operation: Operation) -> dict[str, Any]:
    """Return what stands in the query, as its schemas want it."""
    given: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        schema = operation.query.get(name)
        if schema is None:
            raise Problem(400, f"there is no parameter {name!r}; there are {', '.join(operation.query) or 'none'}")
        if schema.get("type") != "array" and len(values) > 1:
            raise Problem(400, f"{name} can be given once only")
        given[name] = values if schema.get("type") == "array" else _typed(schema, values[0])
        _valid(given[name], schema, name)
    return given


def _typed(schema: Any, text: str) -> Any:
    return int(text) if schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text) else text


def _valid(value: Any, schema: Any, what: str) -> None:
    """Raise Problem that says where the value does not fit; values are not shown."""
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(value), key=lambda error: [str(step) for step in error.absolute_path])
    if errors:
        where = ".".join(str(step) for step in errors[0].absolute_path)
        rule = f"{errors[0].validator}: {json.dumps(errors[0].validator_value, ensure_ascii=False)[:200]}"
        raise Problem(400, f"{what}{f', {where}' if where else ''} does not fit {rule}")


def _answered(operation: Operation, call: Call) -> Response:
    answer = operation.run(call)
    if isinstance(answer, Response):
        return answer
    return Response(encode(answer.body), answer.status, dict(answer.headers), "application/json")


def _problem_of(error: EngineError) -> Problem:
    status = status_of(error)
    return Problem(status, str(error)) if status != 503 else Problem(503, "try again in a moment", {"retry-after": "1"})


def _beginning(request: Request, call: Call) -> int:
    """Return the id behind which a stream begins: `after` or Last-Event-ID, else of what is the latest now."""
    last = request.headers.get("last-event-id", "")
    begin = int(last) if last.isascii() and last.isdigit() and len(last) < 18 else call.query.get("after")
    return call.site.news.latest() if begin is None else int(begin)


async def _stream(request: Request, call: Call, after: int) -> AsyncIterator[bytes]:
    """Tell what happens, as server-sent events."""
    yield b": here\n\n"
    async for rows in call.site.news.follow(after):
        for one in await run_in_threadpool(_heard, request, call, rows):
            yield f"id: {one['id']}\nevent: ticket\ndata: {encode(one)}\n\n".encode()
        if not rows:
            yield b": still here\n\n"


def _heard(request: Request, call: Call, rows: list[NewsRow]) -> list[dict[str, Any]]:
    """Return what of the news whoever listens may hear, asking anew who that is: a stream lasts longer than a token or a role may.

    Raises HTTPException for whom nothing is told any more.
    """
    person = _bearer(request, call.site)
    if person is None or not may(person, "read", "news"):
        raise HTTPException(403)
    return insight.told(replace(call, person=person), rows)
