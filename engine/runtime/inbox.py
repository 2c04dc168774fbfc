"""The inbox: what channels hand over is kept first and acknowledged then; afterwards each item is turned into a signal and handled."""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from engine.channels import CallRecord, Delivery, Inbound, Receipt, Rejected, write_atomically
from engine.core.answers import is_courtesy
from engine.core.decide.replies import verdict
from engine.core.decide.surveys import scores
from engine.core.facts import CallFacts
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import CallArrived, MessageArrived, ReceiptArrived, Signal
from engine.errors import EngineError
from engine.runtime import log
from engine.runtime.addresses import normalise
from engine.runtime.attachments import keep
from engine.runtime.claims import Work
from engine.runtime.gather import Origin, World
from engine.runtime.handle import Handled, Outcome, handle
from engine.runtime.masking import without_secrets
from engine.runtime.tokens import Tokens
from engine.store import codec
from engine.store.contract import Store, Transaction
from engine.store.rows import InboxRow, OutboxRow, TrialRow

_INBOUND = msgspec.json.Decoder(Inbound)
_PACK = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RECEIPT = msgspec.json.Decoder(Receipt)
_GROUP = 50
"""How many items one commit takes in at most."""

_GROUP_BYTES = 8_000_000
_GROUP_WAITS = timedelta(milliseconds=50)
_Packed: TypeAlias = tuple[Delivery, str | None]
_MISSED = ("abandoned", "no_answer", "busy", "failed")


class Desk(Struct, frozen=True):
    """What the inbox works with: the store, the thread tokens, the region of telephone numbers, the folder under which files go, whether
    messages are held.
    """

    store: Store
    tokens: Tokens
    region: str
    var: Path
    hold: bool

    @property
    def attachments(self) -> Path:
        """Where files that came with messages lie."""
        return self.var / "attachments"

    @property
    def bad(self) -> Path:
        """Where input that was not understood lies."""
        return self.var / "bad"


def accept(desk: Desk, channel: str, deliveries: Iterable[Delivery], now: datetime) -> int:
    """Keep what a channel handed over, group by group, and acknowledge each group when it is durable; return how many items were new.

    What the plugin could not understand is kept raw under `bad/` with the reason beside it. An item that was here before is
    acknowledged and otherwise left alone.
    """
    packed = ((delivery, _packed(desk, channel, delivery)) for delivery in deliveries)
    return sum(_keep(desk, channel, group, now) for group in _groups(packed))


def _groups(deliveries: Iterable[_Packed]) -> Iterator[list[_Packed]]:
    """Yield deliveries by what one commit keeps; what came before one that fails, or a carrier that goes away, is yielded before that."""
    group: list[_Packed] = []
    try:
        for delivery in deliveries:
            group.append(delivery)
            if len(group) >= _GROUP or sum(len(one.raw) for one, _ in group) >= _GROUP_BYTES:
                yield group
                group = []
    except Exception:
        if group:
            yield group
        raise
    if group:
        yield group


def _packed(desk: Desk, channel: str, delivery: Delivery) -> str | None:
    """Return an item as its row holds it, its files kept; None for what was not understood, which is kept aside."""
    item = delivery.item
    if isinstance(item, Rejected):
        path = set_aside(desk.bad / channel, item)
        log.say("not understood", logging.WARNING, channel=channel, kept=path.name)
        return None
    return pack(keep_attachments(desk, item) if isinstance(item, Inbound) else item)


def _keep(desk: Desk, channel: str, group: list[_Packed], now: datetime) -> int:
    """Keep a group with one commit, then acknowledge it; return how many items were new."""
    alone = len(group) == 1
    try:
        with desk.store.write(None if alone else _GROUP_WAITS) as tx:
            fresh = sum(tx.accept(channel, one.item.source_id, now, packed, one.raw) for one, packed in group if packed is not None)
    except EngineError:
        if alone:
            raise
        # One that cannot be kept, or that somebody else takes in just now, must not hold up the others.
        return sum(_keep(desk, channel, [one], now) for one in group)
    for delivery, _ in group:
        delivery.acknowledge()
    return fresh


def set_aside(directory: Path, item: Rejected) -> Path:
    """Keep raw input that was not understood, and the reason beside it; return where."""
    digest = hashlib.sha256(item.raw).hexdigest()[:12]
    safe = "".join(mark if mark.isalnum() or mark in "-_." else "_" for mark in Path(item.name).name)[-80:].lstrip(".")
    path = directory / f"{digest}-{safe or 'input'}"
    write_atomically(path, item.raw)
    write_atomically(path.with_name(f"{path.name}.reason.txt"), f"{item.reason}\n".encode())
    return path


def process(desk: Desk, world: World, now: datetime, limit: int = 100) -> list[Outcome]:
    """Handle up to `limit` of what waits in the inbox; return what it led to."""

    def do(tx: Transaction, row: InboxRow) -> Outcome | None:
        outcome = _handle_row(tx, desk, world, row, now)
        tx.inbox_done(row.id, outcome.ticket if outcome else None, forget=bool(outcome and outcome.forget))
        return outcome

    def failed(tx: Transaction, row: InboxRow, error: Exception, retry_at: datetime | None) -> None:
        said = without_secrets(f"{type(error).__name__}: {error}")
        tx.inbox_failed(row.id, said, retry_at)
        tx.keep_trial(TrialRow(now, "inbox", str(row.id), "failed", said))
        log.failed("inbox item", retry_at, error, item=row.id, channel=row.channel)

    return Work(desk.store, now, world.retries, lambda tx, limit: tx.pending_inbox(now, limit), do, failed).off(limit)


def pack(item: Inbound | Receipt) -> str:
    """Return what an inbox row holds of an item whose files are kept."""
    kind = "receipt" if isinstance(item, Receipt) else "inbound"
    return f'{{"kind":"{kind}","item":{codec.encode(item)}}}'


def unpack(text: str) -> Inbound | Receipt:
    """Return the item an inbox row holds."""
    data = _PACK.decode(text)
    decoder = _RECEIPT if msgspec.json.decode(data["kind"]) == "receipt" else _INBOUND
    return decoder.decode(data["item"])


def keep_attachments(desk: Desk, item: Inbound) -> Inbound:
    """Write attachments as files named by their content's hash; the item keeps name and hash, the sender's name is never a path."""
    if not item.attachments:
        return item
    kept = (replace(attachment, content=keep(desk.attachments, attachment.content).encode()) for attachment in item.attachments)
    return replace(item, attachments=tuple(kept))


def _handle_row(tx: Transaction, desk: Desk, world: World, row: InboxRow, now: datetime) -> Outcome | None:
    item = unpack(row.item_json)
    if isinstance(item, Receipt):
        return _receipt(tx, desk, world, row, item, now)
    kind = world.channels.get(row.channel)
    if kind is None:
        raise LookupError(f"channel {row.channel} is not configured any more")
    origin = origin_of(row.channel, kind, item, desk.region)
    signal: Signal = _call_signal(tx, desk, world, item, origin) if item.call else _message_signal(tx, desk, world, item, origin)
    return handle(tx, world, signal, now, origin, desk.hold, row.id)


def origin_of(channel: str, kind: str, item: Inbound, region: str) -> Origin:
    """Return who is behind an item of a channel with addresses of that kind."""
    return Origin(channel, normalise(kind, item.sender, region), item.sender_name, _call(item.call))


def _receipt(tx: Transaction, desk: Desk, world: World, came: InboxRow, item: Receipt, now: datetime) -> Outcome | None:
    row = tx.message(item.message_id) if item.message_id else None
    row = row or (tx.message_by_provider(came.channel, item.provider_id) if item.provider_id else None)
    if row is None or row.ticket is None:
        raise LookupError(f"no message is known as {item.message_id or item.provider_id}")
    handled: list[Handled] = []
    for one in tx.sent_together(row.digest or row.id):
        arrived = item.status == "delivered"
        if one.ticket and (tx.message_delivered(one.id, now) if arrived else tx.message_dead(one.id, item.detail)):
            signal = ReceiptArrived(one.ticket, one.id, one.party, item.status.value, item.detail)
            handled += handle(tx, world, signal, now, hold=desk.hold, intake=None if handled else came.id).handled
    return Outcome(tuple(handled)) if handled else None


def _call(call: CallRecord | None) -> CallFacts | None:
    if call is None:
        return None
    return CallFacts(
        call.direction.value, call.outcome.value, call.queue, timedelta(seconds=call.wait_seconds), timedelta(seconds=call.talk_seconds)
    )


def _message_signal(tx: Transaction, desk: Desk, world: World, item: Inbound, origin: Origin) -> MessageArrived:
    """Find whose message it is: by a token, by what it answers, or, where the carrier vouches for the sender, by the address."""
    ticket, party, trusted = None, CUSTOMER, False
    for candidate in item.tokens:
        proven = desk.tokens.read(candidate)
        if proven is not None and tx.ticket(proven[0]) is not None:
            (ticket, party), agent = proven, world.team.agents.get(proven[1])
            trusted = agent is None or agent.email.casefold() == origin.address  # a forwarded mail gives its token away
            break
    if ticket is None:
        answered = [tx.message_by_provider(origin.channel, reference) for reference in reversed(item.references)]
        ticket = next((row.ticket for row in answered if row is not None and row.ticket and not _is_shared(tx, row)), None)
    if ticket is None and world.channels[origin.channel] == "phone":
        colleague = next((agent.id for agent in world.team.agents.values() if agent.phone == origin.address), None)
        ticket = _last_told(tx, world, origin, colleague, item.text) if colleague else None
        party = colleague if colleague and ticket else CUSTOMER
        ticket = ticket or _conversation(tx, world, origin, item.text)
        trusted = ticket is not None
    if ticket is not None and party == CUSTOMER and _is_of_nobody(tx, ticket):
        ticket, trusted = None, False
    attachments = tuple((attachment.content.decode(), attachment.name) for attachment in item.attachments)
    return MessageArrived(
        ticket=ticket,
        channel=origin.channel,
        text=item.text or item.full_text,
        subject=item.subject,
        party=party,
        trusted=trusted,
        automatic=item.automatic,
        attachments=attachments,
        fields=item.fields,
    )


def _is_of_nobody(tx: Transaction, number: str) -> bool:
    """Whether the ticket's customer was erased: what they write now is a need of somebody new."""
    ticket = tx.ticket(number)
    return ticket is not None and ticket.customer is not None and tx.customer(ticket.customer) is None


def _is_shared(tx: Transaction, row: OutboxRow) -> bool:
    """Whether the message went out together with others: an answer to it is about no one ticket."""
    return row.digest is not None and len(tx.sent_together(row.digest)) > 1


def _last_told(tx: Transaction, world: World, origin: Origin, colleague: str, text: str) -> str | None:
    """Which ticket a colleague's text message is about: of those they were told of, the one it names, else the latest."""
    told = tx.conversation(_phones(world), origin.address, colleague)
    return next((number for number in told if number in text), next(iter(told), None))


def _conversation(tx: Transaction, world: World, origin: Origin, text: str) -> str | None:
    """Which ticket a customer's text message is about: the one it names, else the one that waits for such an answer, else the open one.

    Mere thanks are for the latest, even if it has ended: they are no new need.
    """
    tickets = [ticket for number in tx.conversation(_phones(world), origin.address, CUSTOMER) if (ticket := tx.ticket(number))]
    named = [ticket for ticket in tickets if ticket.number in text]
    for fits in (_awaits_scores, _awaits_confirmation, _hears_late, _is_open, _is_thanked):
        found = next((ticket for ticket in named or tickets if fits(world, ticket, text)), None)
        if found is not None:
            return found.number
    return named[0].number if named else None


def _phones(world: World) -> list[str]:
    return [name for name, kind in world.channels.items() if kind == "phone"]


def _awaits_scores(world: World, ticket: Ticket, text: str) -> bool:
    return scores(ticket, text, world.policy) is not None


def _awaits_confirmation(world: World, ticket: Ticket, text: str) -> bool:
    return ticket.state == "resolved" and _hears_late(world, ticket, text)


def _hears_late(world: World, ticket: Ticket, text: str) -> bool:
    return verdict(ticket, text, world.policy.replies) is not None


def _is_open(world: World, ticket: Ticket, text: str) -> bool:
    return ticket.closed_at is None


def _is_thanked(world: World, ticket: Ticket, text: str) -> bool:
    return is_courtesy(text, world.policy.replies)


def _call_signal(tx: Transaction, desk: Desk, world: World, item: Inbound, origin: Origin) -> CallArrived:
    """A call belongs to the caller's open ticket, except a missed one: that is a need of its own until a call-back waits for it."""
    customer = tx.find_customer(world.channels[origin.channel], origin.address)
    tickets = tx.open_tickets_of(customer.id) if customer else []
    missed = origin.call is not None and origin.call.direction == "inbound" and origin.call.outcome in _MISSED
    described = bool(item.fields.get("kind") or item.text)
    agent = _agent(world, item.call.agent, desk.region) if item.call else None
    if missed:
        tickets = [ticket for ticket in tickets if ticket.kind == "call_back"]
    elif described:
        tickets = []
    # We owe a call-back first; else it is the caller's matter with this agent, else the latest.
    tickets.sort(key=lambda ticket: (ticket.kind != "call_back", agent is None or ticket.assignee != agent))
    number = item.fields.get("ticket") or (tickets[0].number if tickets else None)
    return CallArrived(number, origin.channel, item.text, agent, _fields(item.fields))


def _agent(world: World, said: str, region: str) -> str | None:
    """The agent whom a call record names by id, name or telephone number."""
    known = (said, normalise("phone", said, region)) if said else ()
    agents = world.team.agents.values()
    return next((one.id for one in agents if one.id in known or one.name in known or one.phone in known), None)


def _fields(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name != "ticket"}
