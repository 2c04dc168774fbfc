"""Tickets by the API: list, open, show, write, act."""

from datetime import datetime, timedelta
from typing import Any

from engine.errors import UsageError
from engine.services import (
    KINDS,
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
)
from engine.services import instant as dated
from engine_web.api.operations import INSTANT, MAYBE_INSTANT, NULLABLE, TEXT, WHOLE, Answer, Call, Operation, listed, record, words
from engine_web.api.problems import Problem
from engine_web.doors.roles import allowed, may

ACTIONS = (
    "claim", "assign", "contact", "write", "plan", "done", "progress", "task", "hold", "resume", "tier", "resolve", "confirm", "object",
    "note", "tag", "untag", "article",
)  # fmt: skip
"""What may be asked for here; what needs figures of its own (measures, reviews, grants) is done in the console and by commands."""

KEPT = timedelta(days=1)
"""For how long a key of a request is remembered."""

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


def found(call: Call, reader: Reader, verb: str = "read") -> Ticket:
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


def _show(call: Call) -> Answer:
    engine = call.site.engine
    with engine.store.read() as reader:
        ticket = found(call, reader)
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


def _act(call: Call) -> Answer:
    """Do something with a ticket as whoever asks saw it, once for their key. A refusal is on record, and may be asked for again."""
    engine, now = call.site.engine, call.site.engine.clock.now()
    asked = _signal(call)
    with engine.store.write() as tx:
        tx.hold_ticket(call.path["number"])  # before the key is asked for: who sends it twice at once waits here for the first
        if known := tx.request(call.key):
            return _acted(decode_plain(same(call, known).answer))
        _unchanged(call, tx)
        outcome = handle(tx, engine.world, asked, now, hold=engine.project.hold)
        done = _done(outcome)
        if outcome.first.refused is None and not tx.keep_request(RequestRow(call.key, call.asked, encode(done), now), now - KEPT):
            same(call, tx.request(call.key))  # it came with another request meanwhile
    engine.tell([outcome])
    if outcome.first.refused is not None:
        raise Problem(409, outcome.first.refused)
    return _acted(done)


def _acted(done: dict[str, Any]) -> Answer:
    return Answer(done, headers={"etag": f'"{done["seq"]}"'})


def _unchanged(call: Call, tx: Transaction) -> None:
    """Raise Problem unless the ticket, which is held, is as whoever asks saw it."""
    ticket = found(call, tx, "act")
    if ticket.seq != call.seq:
        changed = [one.event.name for one in tx.events(ticket.number) if one.seq > (call.seq or 0)]
        raise Problem(412, "the ticket has changed since you looked", {"etag": f'"{ticket.seq}"'}, seq=ticket.seq, changed=changed[-50:])


def _signal(call: Call) -> AgentActed:
    body = call.body
    return AgentActed(
        call.path["number"],
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


def same(call: Call, known: RequestRow | None) -> RequestRow:
    """Return what is known of the key of a request. Raises Problem where that was another request's."""
    if known is None or known.asked != call.asked:
        raise Problem(409, "this Idempotency-Key was used for another request")
    return known


def instant(text: str) -> datetime:
    """Read an instant with its offset. Raises Problem for one that there is not, or of no year that dates are taken of."""
    try:
        at, local = dated(text, "UTC"), datetime.fromisoformat(text).tzinfo is None
    except (UsageError, ValueError):
        raise Problem(422, f"{text!r} is no instant: write 2026-03-06T17:00:00+08:00") from None
    if local:
        raise Problem(422, f"{text!r} has no offset: write 2026-03-06T17:00:00+08:00")
    return at


TICKET_PATH = "/tickets/{number}"
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
        "GET", TICKET_PATH, "showTicket", "One ticket with its texts and contact; that you looked stands in the audit.",
        ("read", "ticket"), _show, {200: _WHOLE}, problems=(404,),
    ),
    Operation(
        "POST", f"{TICKET_PATH}/actions", "actOnTicket", "Work on a ticket as the agent whose token this is.",
        ("act", "ticket"), _act, {200: _DONE},
        body=record(
            "action",
            action={"enum": list(ACTIONS)}, text=words(20_000, 0), target=words(64), channel=words(41), due=INSTANT,
            steps={"type": "array", "maxItems": 50, "items": record("text who due", text=words(2000), who=words(64), due=INSTANT)},
        ),
        matched=True, problems=(404, 409),
    ),
)  # fmt: skip
