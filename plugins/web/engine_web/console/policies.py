"""The policy in force: its files as they are, what changed when, and what it would make of a ticket. It is edited in files, not here."""

import json
import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import EngineError, UsageError
from engine.services import IMPACTS, NEEDS, Channels, compare, explain, instant, load_case, load_cases, run_case, with_usual
from engine_web.console.seat import Seat, seated
from engine_web.console.ticket import STEPS
from engine_web.doors import checked_form, demand

VERSIONS = 30
"""How many changes of the policy are listed."""

LONGEST_RUN = 20.0
"""Seconds after which no further test of the policy is begun."""

_RUNNING = threading.Lock()
"""Whoever runs the tests: one at a time, for the daemon has other things to decide."""

_TICKET = ("kind", "channel", "impact", "subject", "text", "wish")
_CUSTOMER = ("name", "segment", "phone", "email")


def show(request: Request) -> Response:
    """Show the policy in force, a file of it, and when it was changed."""
    return _shown(seated(request))


async def run_tests(request: Request) -> Response:
    """Run the tests that lie beside the policy against the one in force, and show what came of them; nothing is kept."""
    await checked_form(request)
    return await run_in_threadpool(_tested, request)


def _tested(request: Request) -> Response:
    seat = seated(request)
    demand(seat.person, "read", "policy")
    if not _RUNNING.acquire(blocking=False):
        return _shown(seat, busy=True)
    try:
        world, project, until = seat.engine.world, seat.engine.project, time.monotonic() + LONGEST_RUN
        channels = with_usual(world.channels, world.senders, project.phone_region)
        loaded = load_cases(project.policies, world.policy, world.team, channels)
        results = [run_case(case, world.policy, world.team, channels) for case in loaded.cases if time.monotonic() < until]
    finally:
        _RUNNING.release()
    return _shown(seat, results=results, loaded=loaded)


def _shown(seat: Seat, **tests: Any) -> Response:
    demand(seat.person, "read", "policy")
    with seat.engine.store.read() as reader:
        rows = reader.activations()[: VERSIONS + 1]
        files = {digest: dict(reader.policy_files(digest) or {}) for digest in {row.digest for row in rows} | {seat.policy.digest}}
    changes = [compare(files[before.digest], files[new.digest]) for new, before in pairwise(rows)]
    versions = [(row, changes[place] if place < len(changes) else None) for place, row in enumerate(rows[:VERSIONS])]
    name = seat.request.query_params.get("file", "")
    current = files[seat.policy.digest]
    if name and name not in current:
        raise HTTPException(404)
    return seat.page(
        "policy.html",
        files=sorted(current),
        name=name,
        lines=current[name].splitlines() if name else [],
        versions=versions,
        directory=seat.engine.project.policies,
        tests=tests,
    )


def ask(request: Request) -> Response:
    """Show the form of a case that nobody ever sent in."""
    return _asked(seated(request), {}, None, "")


async def answer(request: Request) -> Response:
    """Show what the policy would make of the case; nothing of it is kept."""
    return await run_in_threadpool(_answered, request, await checked_form(request))


def _answered(request: Request, fields: Mapping[str, str]) -> Response:
    seat = seated(request)
    demand(seat.person, "read", "policy")
    try:
        return _asked(seat, fields, _would(seat, fields), "")
    except EngineError as error:
        return _asked(seat, fields, None, seat.words.spoken(str(error)), 422)


def _would(seat: Seat, fields: Mapping[str, str]) -> tuple[Any, ...]:
    """Decide on the case in a world of its own. Raises UsageError for a case that is none."""
    world = seat.engine.world
    kinds = {name: kind for name, kind in world.channels.items() if kind in ("email", "phone")}
    channels = Channels(kinds, tuple(one for one in world.senders if one in kinds), seat.engine.project.phone_region)
    case = {
        "ticket": {name: fields[name] for name in _TICKET if fields.get(name)},
        "customer": {name: fields[name] for name in _CUSTOMER if fields.get(name)},
    }
    at = instant(fields["at"], seat.words.timezone) if fields.get("at") else None
    written = json.dumps({name: value for name, value in case.items() if value}, ensure_ascii=False).encode()
    loaded = load_case("case", written, world.policy, world.team, channels, seat.now, at)
    if not loaded.cases:
        raise UsageError("; ".join(one.message for one in loaded.diagnostics))
    return explain.would(loaded.cases[0], world.policy, world.team, channels, most=STEPS)


def _asked(seat: Seat, fields: Mapping[str, str], found: tuple[Any, ...] | None, problem: str, status: int = 200) -> Response:
    demand(seat.person, "read", "policy")
    kinds = [name for name, kind in seat.engine.world.channels.items() if kind in ("email", "phone")]
    return seat.page(
        "would.html",
        status=status,
        fields=fields,
        found=found,
        problem=problem,
        channels=kinds,
        needs=NEEDS,
        impacts=IMPACTS,
        decisive=explain.decisive,
    )
