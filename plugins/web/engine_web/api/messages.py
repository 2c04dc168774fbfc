"""What is said between customers and the house, by the API: needs and messages come in, with files; what was said is read."""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from engine.channels import Inbound
from engine.services import (
    CUSTOMER,
    ENCLOSED,
    IMPACTS,
    LANGUAGES,
    NEEDS,
    Reader,
    RequestRow,
    Ticket,
    decode_plain,
    encode,
    from_text,
    inbox,
    printable,
)
from engine_web.api import tickets
from engine_web.api.operations import FILE, INSTANT, NULLABLE, TEXT, WHOLE, Answer, Call, Operation, listed, record, words
from engine_web.api.problems import Problem
from engine_web.api.tickets import TICKET_PATH, found, same
from engine_web.customers import uploads
from engine_web.customers.view import spoken
from engine_web.files import File, contents_of, download, files_in
from engine_web.guards import LARGEST_BODY
from engine_web.intake import decided, must_have_room, raw_of

_INTAKES = ("web", "web_phone", "chat")
"""Types of the channels that a need may come in by."""

_CONTENT = {
    "type": "string",
    "contentEncoding": "base64",
    "pattern": "^[A-Za-z0-9+/]+={0,2}$",
    "minLength": 4,
    "maxLength": -(-uploads.LARGEST_FILE // 3) * 4,
}
_ATTACHMENTS = {
    "type": "array",
    "minItems": 1,
    "maxItems": uploads.MOST_FILES,
    "items": record("name content", name=words(255), content=_CONTENT),
    "description": "What a file is, is told by what is in it: pictures, PDF, documents, sheets, presentations, videos or plain text.",
}
_MESSAGE = record(
    "at by channel text attachments",
    at=INSTANT, by=TEXT, channel=TEXT, text=NULLABLE, id=TEXT, state=TEXT, attachments=listed(record("id name", id=TEXT, name=TEXT)),
)  # fmt: skip
_TAKEN = record("ticket seq", ticket=NULLABLE, seq=WHOLE)


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
        attachments=_enclosed(call),
        fields=fields,
    )
    return _once_taken(call, channel, item)


def _write(call: Call) -> Answer:
    """Take in what the customer of a ticket says, for whom the program vouches."""
    engine = call.site.engine
    with engine.store.read() as reader:
        ticket = found(call, reader)
        contact = from_text(reader.contents([ticket.contact]).get(ticket.contact, "") if ticket.contact else "")
    if ticket.customer is None or not contact.addresses:
        raise Problem(409, "the ticket has no customer who could write")
    kinds = {one.name: engine.world.channels[one.name] for one in engine.project.channels if one.type in _INTAKES}
    address, channel = next(iter(contact.addresses.values())), "web"
    for name, known in contact.addresses.items():
        fitting = [one for one, kind in kinds.items() if kind == engine.world.channels.get(name)]
        if fitting:
            address, channel = known, name if name in kinds else fitting[0]
            break
    tokens, text = (engine.tokens.make(ticket.number, CUSTOMER),), call.body.get("text", "")
    item = Inbound(call.site.fresh_id(), address, engine.clock.now(), text, tokens=tokens, attachments=_enclosed(call))
    return _once_taken(call, channel, item)


def _enclosed(call: Call) -> uploads.Enclosed:
    """Return the files that a body brings. Raises Problem."""
    try:
        return uploads.attachments([(one["name"], b64decode(one["content"], validate=True)) for one in call.body.get("attachments", ())])
    except binascii.Error:
        raise Problem(422, "the content of an attachment is no base64") from None
    except uploads.Unfit as unfit:
        raise Problem(422, call.site.say("en", f"customers.{unfit}")) from None


def _once_taken(call: Call, channel: str, item: Inbound) -> Answer:
    """Take a message in, once for its key: with the key is kept which item it was, in the transaction that keeps the item."""
    engine, now = call.site.engine, call.site.engine.clock.now()
    with engine.store.read() as reader:
        known = reader.request(call.key)
    if known is None:
        must_have_room(engine)
        row = RequestRow(call.key, call.asked, encode([channel, item.source_id]), now)
        packed = inbox.pack(inbox.keep_attachments(engine.desk, item))
        with engine.store.write() as tx:
            if tx.keep_request(row, now - tickets.KEPT):
                tx.accept(channel, item.source_id, now, packed, raw_of(item))
            known = tx.request(call.key)
    number = decided(engine, *decode_plain(same(call, known).answer))
    with engine.store.read() as reader:
        ticket = reader.ticket(number) if number else None
    if ticket is None:
        return Answer({"ticket": None, "seq": 0}, 202)
    return Answer({"ticket": ticket.number, "seq": ticket.seq}, 201, {"location": f"/api/v1/tickets/{ticket.number}"})


def _messages(call: Call) -> Answer:
    """What was said between customer and house, in order."""
    with call.site.engine.store.read() as reader:
        ticket = found(call, reader)
        said = [
            {**told, "attachments": [{"id": _id(one), "name": printable(one.name)} for one in files]}
            for told, files in _said(reader, ticket)
        ]
    call.looked_at("looked at the messages", ticket.number)
    return Answer({"messages": sorted(said, key=lambda one: one["at"])}, headers={"etag": f'"{ticket.seq}"'})


def _said(reader: Reader, ticket: Ticket) -> Iterator[tuple[dict[str, Any], tuple[File, ...]]]:
    """Yield every message with its files: what the customer said, then what the house did."""
    contents = contents_of(reader, ticket.number)
    texts = {id: body for id, (_, body) in contents.items()}
    for one in spoken(reader, ticket, contents):
        text = texts.get(one.content or "")
        if one.own and (text is not None or one.files):
            yield {"at": one.at, "by": CUSTOMER, "channel": one.channel, "text": text}, one.files
    for row in reader.messages(ticket=ticket.number):
        if row.party == CUSTOMER:
            told = {"at": row.created_at, "by": "house", "channel": row.channel, "text": texts.get(row.content_id), "id": row.id}
            yield {**told, "state": row.state}, tuple(files_in(f"{row.id}{ENCLOSED}", contents))


def _id(file: File) -> str:
    """Return how the API names a file of a ticket."""
    return file.path.replace("/", ".")


def _attachment(call: Call) -> Response:
    """Hand out a file that came or went with one of the messages; what only the house has is none of these."""
    engine = call.site.engine
    with engine.store.read() as reader:
        ticket = found(call, reader)
        paths = {_id(file): file.path for _, files in _said(reader, ticket) for file in files}
        if call.path["id"] not in paths:
            raise Problem(404, "there is no such attachment")
        answer = download(engine, reader, ticket.number, paths[call.path["id"]])
    call.looked_at("looked at an attachment", ticket.number)
    return answer


OPERATIONS = (
    Operation(
        "POST", "/tickets", "openTicket", "Take in what a customer needs; 202 says that it is kept and not decided on yet.",
        ("create", "ticket"), _open, {201: _TAKEN, 202: _TAKEN},
        body=record(
            "from text",
            **{"from": words(254, 3)}, text=words(20_000), name=words(200), subject=words(500), channel=words(41),
            kind={"enum": list(NEEDS)}, impact={"enum": list(IMPACTS)}, wish=words(2000),
            expected_by=words(200), language={"enum": list(LANGUAGES)}, attachments=_ATTACHMENTS,
        ),
        largest=LARGEST_BODY, problems=(409,),
    ),
    Operation(
        "GET", f"{TICKET_PATH}/messages", "listMessages", "What was said between the customer and the house, in order.",
        ("read", "ticket"), _messages, {200: record("messages", messages=listed(_MESSAGE))}, problems=(404,),
    ),
    Operation(
        "POST", f"{TICKET_PATH}/messages", "writeAsCustomer", "Take in what the ticket's customer says, for whom your program vouches.",
        ("create", "message"), _write, {201: _TAKEN, 202: _TAKEN},
        body=record(text=words(20_000), attachments=_ATTACHMENTS) | {"anyOf": [{"required": ["text"]}, {"required": ["attachments"]}]},
        largest=LARGEST_BODY, problems=(404, 409),
    ),
    Operation(
        "GET", f"{TICKET_PATH}/attachments/{{id}}", "showAttachment", "A file of a message, to be saved; that you look is audited.",
        ("read", "ticket"), _attachment, {200: FILE}, problems=(404,),
    ),
)  # fmt: skip
