"""The phone desk: who is calling, what to say step by step, and what they say, taken in as any call on record is."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.errors import EngineError, UsageError
from engine.services import IMPACTS, NEEDS, Ticket, dossier, guides
from engine_web.console.seat import Seat, form_of, seated
from engine_web.console.ticket import earlier, found, known_to_scripts
from engine_web.doors import checked_form, demand, looked_at
from engine_web.doors.roles import may

FIELDS = ("phone", "name", "kind", "text", "background", "wish", "expected_by", "impact")
"""What a guide may ask for, in the words of `engine phone log`."""

_LONGEST_NUMBER = 100
_LONGEST_CALL = 86_400


def show(request: Request) -> Response:
    """Show the form of a call; of a number that is known, who that is and what they have open."""
    seat = seated(request)
    return _drawn(seat, {"phone": request.query_params.get("phone", "").strip()[:_LONGEST_NUMBER]}, "", 200)


async def register(request: Request) -> Response:
    """Take in the call, and go to its ticket, where the promise to read aloud stands."""
    return await run_in_threadpool(_registered, request, await checked_form(request))


def _registered(request: Request, fields: Mapping[str, str]) -> Response:
    seat = seated(request)
    demand(seat.person, "create", "ticket")
    form = form_of(fields)
    try:
        number = _taken(seat, form, fields)
    except EngineError as error:
        return _drawn(seat, fields, seat.words.spoken(str(error)), 422)
    if number and not may(seat.person, "read", "ticket", ticket := found(seat, number)):
        return _drawn(seat, {}, "", 200, ticket)  # others have it now; here is what to read aloud
    return RedirectResponse(f"/console/tickets/{number}" if number else "/console/board", status_code=303)


def _taken(seat: Seat, form: str, fields: Mapping[str, str]) -> str | None:
    """Keep the call and let it be decided on; return its ticket. The same call is taken in once. Raises UsageError for what is missing."""
    engine, channel = seat.engine, _channel(seat)
    if channel is None or not (fields.get("phone") and fields.get("text")):
        raise UsageError(seat.say("call_incomplete"))
    given: dict[str, Any] = {name: fields.get(name, "") for name in FIELDS}
    talked = {"direction": "inbound", "answered": True, "talk_seconds": _talked(seat, fields.get("began", ""))}
    written = guides.document(given | talked, seat.person.agent, seat.now.isoformat()) | {"id": f"desk-{form}"}
    _, reasons = engine.ingest(channel, json.dumps(written, ensure_ascii=False).encode(), "call.json")
    if reasons:
        raise UsageError("; ".join(reasons))
    engine.work_inbox()
    with engine.store.read() as reader:
        row = reader.inbox_item(channel, written["id"])
    return row.ticket if row else None


def _talked(seat: Seat, began: str) -> int:
    """How many seconds the form was open: so long they talked."""
    try:
        seconds = (seat.now - datetime.fromisoformat(began)).total_seconds()
    except (ValueError, TypeError):
        return 0
    return min(max(0, int(seconds)), _LONGEST_CALL)


def _channel(seat: Seat) -> str | None:
    """The channel that calls are entered on."""
    return next((one.name for one in seat.engine.project.channels if one.type == "phone_log"), None)


def _drawn(seat: Seat, fields: Mapping[str, str], problem: str, status: int, taken: Ticket | None = None) -> Response:
    demand(seat.person, "create", "ticket")
    engine, policy = seat.engine, seat.policy
    customer = None
    if fields.get("phone") and may(seat.person, "read", "customer"):
        with engine.store.read() as reader:
            try:
                customer = dossier.view(reader, dossier.find(reader, engine.project.phone_region, fields["phone"]))
            except UsageError:  # nobody known has this number
                customer = None
    if customer is not None:
        looked_at(seat.request, seat.person, "looked at", customer.id)
    known: Mapping[str, object] = {
        "customer": {"name": customer.customer.name if customer and customer.customer else fields.get("name", "")}
    }
    if taken is not None:
        known = known_to_scripts(seat, taken.number)
    guide = policy.guides.get(guides.INTAKE)
    steps = (
        list(guides.steps(guide, policy, seat.words, seat.person.agent, seat.now, known, taken.language if taken else None))
        if guide
        else []
    )
    asks = {name: label for asked in guides.ASKS.values() for name, *label in asked}
    return seat.page(
        "phone.html",
        status=status,
        fields=fields,
        problem=problem,
        taken=taken,
        customer=customer,
        earlier=earlier(seat, customer.tickets if customer else []),
        steps=steps,
        asks={name: label[0 if seat.language == "zh" else 1] for name, label in asks.items()},
        channel=_channel(seat),
        needs=NEEDS,
        impacts=IMPACTS,
    )
