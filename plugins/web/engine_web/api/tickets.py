"""Tickets by the API: list, open, show, write, act."""

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.channels import Inbound
from engine.services import (
    CUSTOMER,
    IMPACTS,
    KINDS,
    LANGUAGES,
    NEEDS,
    STATES,
    AgentActed,
    Outcome,
    Reader,
    RequestRow,
    StepDraft,
    Ticket,
    TicketQuery,
    Transaction,
    decode_plain,
    encode,
    from_text,
    handle,
    inbox,
)
from engine_web.api.operations import INSTANT, MAYBE_INSTANT, NULLABLE, TEXT, WHOLE, Answer, Call, Operation, listed, record, words
from engine_web.api.problems import Problem
from engine_web.customers.view import heard
from engine_web.doors.roles import allowed, may
from engine_web.intake import decided, must_have_room, raw_of

ACTIONS = (
    "claim", "assign", "contact", "write", "plan", "done", "progress", "task", "hold", "resume", "tier", "resolve", "confirm", "object",
    "note", "tag", "untag", "article",
)  # fmt: skip
"""What may be asked for here; what needs figures of its own (measures, reviews, grants) is done in the console and by commands."""

KEPT = timedelta(days=1)
"""For how long a key of a request is remembered."""

_INTAKES = ("web", "web_phone", "chat")
"""Types of the channels that a need may come in by."""

_FIELDS: dict[str, Any] = {
    "number": TEXT, "seq": WHOLE, "kind": TEXT, "state": TEXT, "channel": TEXT, "language": TEXT, "opened_at": INSTANT,
    "closed_at": MAYBE_INSTANT, "tier": NULLABLE, "queue": NULLABLE, "assignee": NULLABLE, "customer": NULLABLE, "parent": NULLABLE,
    "impact": NULLABLE, "tags": listed(TEXT), "due": {"type": "object", "additionalProperties": MAYBE_INSTANT},
    "promised": {"type": "object", "additionalProperties": INSTANT},
}  # fmt: skip
_HEAD = record("number seq kind state channel opened_at", **_FIELDS)
_STEP = record("id text who due done_at", id=TEXT, text=NULLABLE, who=TEXT, due=INSTANT, done_at=MAYBE_INSTANT)
_WHOLE = record(
    "number seq kind state channel opened_at text contact",
    **_FIELDS,
    **dict.fromkeys(("subject", "text", "wish", "expected_by", "result"), NULLABLE),
    contact=record(name=TEXT, addresses={"type": "object", "additionalProperties": TEXT}),
    plan={"anyOf": [{"type": "null"}, record("text by steps", text=NULLABLE, by=TEXT, steps=listed(_STEP))]},
)
_MESSAGE = record("at by channel text", at=INSTANT, by=TEXT, channel=TEXT, text=NULLABLE, id=TEXT, state=TEXT)
TAKEN = record("ticket seq", ticket=NULLABLE, seq=WHOLE)
_DONE = record(
    "ticket seq state assignee events tickets",
    ticket=TEXT, seq=WHOLE, state=TEXT, assignee=NULLABLE, events=listed(TEXT), tickets=listed(TEXT),
)  # fmt: skip


def _head(ticket: Ticket) -> dict[str, Any]:
    names = "number seq kind state channel language opened_at closed_at tier queue assignee customer parent impact"
    running = {id: clock.due for id, clock in ticket.deadlines.items() if clock.running}
    return {
        **{name: getattr(ticket, name) for name in names.split()},
        "tags": list(ticket.tags),
        "due": running,
        "promised": dict(ticket.promised),
    }


def _found(call: Call, reader: Reader, verb: str = "read") -> Ticket:
    """Return the ticket of the path; who may not even read it is told that there is none."""
    ticket = reader.ticket(call.path["number"])
    if ticket is None or not may(call.person, "read", "ticket", ticket):
        raise Problem(404, "there is no such ticket")
    if verb != "read" and not may(call.person, verb, "ticket", ticket):
        raise Problem(403, "your roles do not allow this")
    return ticket


def _list(call: Call) -> Answer:
    query, limit = call.query, call.query.get("limit", 50)
    asked = {name: query[name] for name in ("queue", "assignee", "kind", "tier", "customer") if name in query}
    with call.site.engine.store.read() as reader:
        found = reader.tickets(TicketQuery(tuple(query.get("state", ())), limit=limit + 1, after=query.get("after", ""), **asked))
    shown = allowed(call.person, "read", "ticket", found[:limit])
    return Answer({"tickets": [_head(one) for one in shown], "next": found[limit - 1].number if len(found) > limit else None})


def _open(call: Call) -> Answer:
    """Take a need in; who sends the same key again is told the same ticket."""
    body, engine = call.body, call.site.engine
    channel = body.get("channel") or ("web" if "@" in body["from"] else "web_phone")
    if channel not in {one.name for one in engine.project.channels if one.type in _INTAKES}:
        raise Problem(409, f"there is no channel {channel!r} of type {', '.join(_INTAKES)} in engine.yaml")
    fields = {name: body[name] for name in ("kind", "impact", "wish", "expected_by", "language") if name in body}
    item = Inbound(
        call.site.fresh_id(),
        body["from"],
        engine.clock.now(),
        text=body["text"],
        subject=body.get("subject", ""),
        sender_name=body.get("name", ""),
        fields=fields,
    )
    return _once_taken(call, channel, item)


def _write(call: Call) -> Answer:
    """Take in what the customer of a ticket says, for whom the program vouches."""
    engine = call.site.engine
    with engine.store.read() as reader:
        ticket = _found(call, reader)
        contact = from_text(reader.contents([ticket.contact]).get(ticket.contact, "") if ticket.contact else "")
    if ticket.customer is None or not contact.addresses:
        raise Problem(409, "the ticket has no customer who could write")
    kinds = {one.name: engine.world.channels[one.name] for one in engine.project.channels if one.type in _INTAKES}
    address, channel = next(iter(contact.addresses.values())), "web"
    for name, known in contact.addresses.items():
        same = [one for one, kind in kinds.items() if kind == engine.world.channels.get(name)]
        if same:
            address, channel = known, name if name in kinds else same[0]
            break
    token = engine.tokens.make(ticket.number, CUSTOMER)
    return _once_taken(call, channel, Inbound(call.site.fresh_id(), address, engine.clock.now(), text=call.body["text"], tokens=(token,)))


def _once_taken(call: Call, channel: str, item: Inbound) -> Answer:
    """Take a message in, once for its key: with the key is kept which item it was, in the transaction that keeps the item."""
    engine, now = call.site.engine, call.site.engine.clock.now()
    with engine.store.read() as reader:
        known = reader.request(call.key)
    if known is None:
        must_have_room(engine)
        row = RequestRow(call.key, call.asked, encode([channel, item.source_id]), now)
        with engine.store.write() as tx:
            if tx.keep_request(row, now - KEPT):
                tx.accept(channel, item.source_id, now, inbox.pack(item), raw_of(item))
            known = tx.request(call.key)
    number = decided(engine, *decode_plain(_same(call, known).answer))
    with engine.store.read() as reader:
        ticket = reader.ticket(number) if number else None
    if ticket is None:
        return Answer({"ticket": None, "seq": 0}, 202)
    return Answer({"ticket": ticket.number, "seq": ticket.seq}, 201, {"location": f"/api/v1/tickets/{ticket.number}"})


def _show(call: Call) -> Answer:
    engine = call.site.engine
    with engine.store.read() as reader:
        ticket = _found(call, reader)
        texts = {id: body for id, _, body in reader.content_of(ticket.number)}
        contact = from_text(reader.contents([ticket.contact]).get(ticket.contact, "") if ticket.contact else "")
    names = {"subject": ticket.subject, "text": ticket.description, "wish": ticket.wish, "expected_by": ticket.expected_by}
    plan = ticket.plan
    steps = [
        {"id": one.id, "text": texts.get(one.content), "who": one.who, "due": one.due, "done_at": one.done_at}
        for one in (plan.steps if plan else ())
    ]
    shown = _head(ticket) | {name: texts.get(id or "") for name, id in names.items()}
    shown |= {
        "result": texts.get(ticket.result or ""),
        "contact": {"name": contact.name, "addresses": dict(contact.addresses)},
        "plan": {"text": texts.get(plan.content), "by": plan.by, "steps": steps} if plan else None,
    }
    call.looked_at("looked at the ticket", ticket.number)
    return Answer(shown, headers={"etag": f'"{ticket.seq}"'})


def _messages(call: Call) -> Answer:
    """What was said between customer and house, in order."""
    with call.site.engine.store.read() as reader:
        ticket = _found(call, reader)
        texts = {id: body for id, _, body in reader.content_of(ticket.number)}
        said: list[dict[str, Any]] = [
            {"at": one.at, "by": CUSTOMER, "channel": getattr(one.event, "channel", ticket.channel), "text": text}
            for one in reader.events(ticket.number)
            if (known := heard(one.event)) and known[0] and (text := texts.get(known[2] or "")) is not None
        ]
        said += [
            {
                "at": row.created_at,
                "by": "house",
                "channel": row.channel,
                "text": texts.get(row.content_id),
                "id": row.id,
                "state": row.state,
            }
            for row in reader.messages(ticket=ticket.number)
            if row.party == CUSTOMER
        ]
    call.looked_at("looked at the messages", ticket.number)
    return Answer({"messages": sorted(said, key=lambda one: one["at"])}, headers={"etag": f'"{ticket.seq}"'})


def _act(call: Call) -> Answer:
    """Do something with a ticket as whoever asks saw it, once for their key. A refusal is on record, and may be asked for again."""
    engine, now = call.site.engine, call.site.engine.clock.now()
    with engine.store.write() as tx:
        tx.hold_ticket(call.path["number"])  # before the key is asked for: who sends it twice at once waits here for the first
        if known := tx.request(call.key):
            return _acted(decode_plain(_same(call, known).answer))
        outcome = handle(tx, engine.world, _signal(call, _unchanged(call, tx)), now, hold=engine.project.hold)
        done = _done(outcome)
        if outcome.first.refused is None and not tx.keep_request(RequestRow(call.key, call.asked, encode(done), now), now - KEPT):
            _same(call, tx.request(call.key))  # it came with another request meanwhile
    engine.tell([outcome])
    if outcome.first.refused is not None:
        raise Problem(409, outcome.first.refused)
    return _acted(done)


def _acted(done: dict[str, Any]) -> Answer:
    return Answer(done, headers={"etag": f'"{done["seq"]}"'})


def _unchanged(call: Call, tx: Transaction) -> Ticket:
    """Return the ticket, which is held, if it is as whoever asks saw it."""
    ticket = _found(call, tx, "act")
    if ticket.seq != call.seq:
        changed = [one.event.name for one in tx.events(ticket.number) if one.seq > (call.seq or 0)]
        raise Problem(412, "the ticket has changed since you looked", {"etag": f'"{ticket.seq}"'}, seq=ticket.seq, changed=changed[-50:])
    return ticket


def _signal(call: Call, ticket: Ticket) -> AgentActed:
    body = call.body
    return AgentActed(
        ticket.number,
        body["action"],
        call.person.agent,
        body.get("text", ""),
        body.get("target"),
        instant(body["due"]) if "due" in body else None,
        tuple(StepDraft(one["text"], one["who"], instant(one["due"])) for one in body.get("steps", ())),
        body.get("channel"),
        "api",
    )


def _done(outcome: Outcome) -> dict[str, Any]:
    """What came of it, in ids only: it is kept for whoever asks again."""
    ticket = outcome.first.ticket
    assert ticket is not None  # noqa: S101  # an action is always about a ticket that is there
    return {
        "ticket": ticket.number,
        "seq": ticket.seq,
        "state": ticket.state,
        "assignee": ticket.assignee,
        "events": [event.name for event in outcome.first.events],
        "tickets": [one.number for one in outcome.handled[1:] if one.number and one.number != ticket.number],
    }


def _same(call: Call, known: RequestRow | None) -> RequestRow:
    if known is None or known.asked != call.asked:
        raise Problem(409, "this Idempotency-Key was used for another request")
    return known


def instant(text: str) -> datetime:
    """Read an instant with its offset. Raises Problem for one that there is not."""
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is None:
            raise Problem(422, f"{text!r} has no offset: write 2026-03-06T17:00:00+08:00")
        return read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(422, f"{text!r} is no instant: write 2026-03-06T17:00:00+08:00") from None


_TICKET_PATH = "/tickets/{number}"
OPERATIONS = (
    Operation(
        "GET", "/tickets", "listTickets", "Tickets in the order of their numbers, as far as your roles reach; a page may hold fewer.",
        ("read", "ticket"), _list,
        {200: record("tickets next", tickets=listed(_HEAD), next=NULLABLE)},
        query={
            "queue": words(64), "assignee": words(64), "kind": {"enum": list(KINDS)}, "tier": words(64), "customer": words(64),
            "state": listed({"enum": list(STATES)}), "after": words(20), "limit": {"type": "integer", "minimum": 1, "maximum": 200},
        },
    ),
    Operation(
        "POST", "/tickets", "openTicket", "Take in what a customer needs; 202 says that it is kept and not decided on yet.",
        ("create", "ticket"), _open, {201: TAKEN, 202: TAKEN},
        body=record(
            "from text",
            **{"from": words(254, 3)}, text=words(20_000), name=words(200), subject=words(500), channel=words(41),
            kind={"enum": list(NEEDS)}, impact={"enum": list(IMPACTS)}, wish=words(2000),
            expected_by=words(200), language={"enum": list(LANGUAGES)},
        ),
        problems=(409,),
    ),
    Operation(
        "GET", _TICKET_PATH, "showTicket", "One ticket with its texts and contact; that you looked stands in the audit.",
        ("read", "ticket"), _show, {200: _WHOLE}, problems=(404,),
    ),
    Operation(
        "GET", f"{_TICKET_PATH}/messages", "listMessages", "What was said between the customer and the house, in order.",
        ("read", "ticket"), _messages, {200: record("messages", messages=listed(_MESSAGE))}, problems=(404,),
    ),
    Operation(
        "POST", f"{_TICKET_PATH}/messages", "writeAsCustomer", "Take in what the ticket's customer says, for whom your program vouches.",
        ("create", "message"), _write, {201: TAKEN, 202: TAKEN}, body=record("text", text=words(20_000)), problems=(404, 409),
    ),
    Operation(
        "POST", f"{_TICKET_PATH}/actions", "actOnTicket", "Work on a ticket as the agent whose token this is.",
        ("act", "ticket"), _act, {200: _DONE},
        body=record(
            "action",
            action={"enum": list(ACTIONS)}, text=words(20_000, 0), target=words(64), channel=words(41), due=INSTANT,
            steps={"type": "array", "maxItems": 50, "items": record("text who due", text=words(2000), who=words(64), due=INSTANT)},
        ),
        matched=True, problems=(404, 409),
    ),
)  # fmt: skip
