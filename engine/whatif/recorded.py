"""What people did, as the log and the inbox tell it: the messages, calls and actions that tickets are made of, with their words."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from engine.channels import Inbound
from engine.core.fields import NEEDS
from engine.core.model import SYSTEM, Ticket
from engine.core.signals import AgentActed, CallArrived, CustomerChanged, MessageArrived
from engine.policy.cases import Channels
from engine.runtime.gather import Origin
from engine.runtime.inbox import origin_of, unpack
from engine.store import Reader, StoredDecision, TicketQuery, codec
from engine.store.rows import StoredEvent

Done: TypeAlias = MessageArrived | CallArrived | AgentActed | CustomerChanged

_BATCH = 500
_UNKNOWN: Final = "…"
"""What stands for an agent's words that are kept nowhere: nothing is decided by them, but some actions need some."""

_BROUGHT = ("message_arrived", "call_arrived")
_KINDS = (*_BROUGHT, "agent_acted", "customer_changed")


class Deed(Struct, frozen=True):
    """One thing that somebody did at `at`: `ticket` is the number it opened or was about, `signal` what came of it, its words filled in.

    `customer` is the id of whom it was about where the archive knew them before, `segment` what they were then.
    """

    at: datetime
    id: int
    ticket: str
    signal: Done
    origin: Origin | None = None
    customer: str | None = None
    segment: str | None = None


class Record(Struct, frozen=True):
    """The needs that customers brought in a span and all tickets that came of them, in the order of their numbers; what people did to
    them, in order; how many deeds are left out, by why: their `words` are kept no more (erased, or a survey's answer, which never is), or
    they came over a `channel` that there is no more. `until` is the end of the span, or of the log where that ends before.
    """

    needs: tuple[str, ...]
    tickets: tuple[Ticket, ...]
    deeds: tuple[Deed, ...]
    left_out: Counter[str]
    until: datetime


def recorded(reader: Reader, channels: Channels, zone: ZoneInfo, since: datetime, until: datetime) -> Record:
    """Return what people did to the needs that were opened from `since` on, before `until`."""
    tickets, needs, deeds, left_out, last = dict[str, Ticket](), list[str](), list[Deed](), Counter[str](), since
    for ticket in _opened(reader, zone, since, until):
        decisions = [decision for decision in reader.decisions(ticket.number) if decision.at < until]
        if ticket.kind in NEEDS and decisions[0].signal_type in _BROUGHT:
            needs.append(ticket.number)
        elif ticket.parent not in tickets:
            continue
        tickets[ticket.number], last = ticket, max(last, decisions[-1].at)
        log = reader.events(ticket.number)
        for decision in (one for one in decisions if one.signal_type in _KINDS):
            deed = _deed(reader, channels, ticket.number, decision, [one for one in log if one.decision_id == decision.id])
            if isinstance(deed, Deed):
                deeds.append(deed)
            elif deed is not None:
                left_out[deed] += 1
    deeds.sort(key=lambda deed: (deed.at, deed.id))
    return Record(tuple(needs), tuple(tickets.values()), tuple(deeds), left_out, last)


def _opened(reader: Reader, zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[Ticket]:
    """Yield the tickets that were opened in a span; their numbers begin with the local day."""
    after, last = (f"{instant.astimezone(zone):%Y%m%d}" for instant in (since, until))
    while batch := reader.tickets(TicketQuery(limit=_BATCH, after=after)):
        for ticket in batch:
            if ticket.number[: len(last)] > last:
                return
            if since <= ticket.opened_at < until:
                yield ticket
        after = batch[-1].number


def _deed(reader: Reader, channels: Channels, number: str, decision: StoredDecision, events: list[StoredEvent]) -> Deed | str | None:
    """The deed that a decision was about, why it is left out, or None where nobody did anything."""
    signal = codec.decode_signal(decision.signal_type, codec.encode(decision.signal))
    customer = decision.facts.get("customer") or {}
    known = {"customer": customer.get("id"), "segment": customer.get("segment")} if customer.get("known") else {}
    deed = Deed(decision.at, decision.id, number, signal, **known)  # type: ignore[arg-type]  # _KINDS are those that a deed may have
    match signal:
        case AgentActed(actor=actor):
            return None if actor == SYSTEM or decision.refused else replace(deed, signal=_with_words(reader, signal, events))
        case MessageArrived() | CallArrived() if decision.inbox is not None:
            return _as_it_came(reader, channels, deed, decision.inbox, signal)
        case MessageArrived() | CallArrived():  # said on a page of the ticket
            text = next(iter(_contents(reader, events)), "")
            return replace(deed, signal=replace(signal, text=text)) if text else "words"
    return deed


def _as_it_came(reader: Reader, channels: Channels, deed: Deed, inbox: int, signal: MessageArrived | CallArrived) -> Deed | str:
    row = reader.inbox_row(inbox)
    item = unpack(row.item_json) if row is not None and row.item_json != "null" else None
    if row is None or not isinstance(item, Inbound):
        return "words"
    if row.channel not in channels.kinds:
        return "channel"
    said = {"text": item.text or (item.full_text if isinstance(signal, MessageArrived) else ""), "fields": dict(item.fields)}
    if isinstance(signal, MessageArrived):
        said["subject"] = item.subject
    origin = origin_of(row.channel, channels.kinds[row.channel], item, channels.region)
    return replace(deed, signal=replace(signal, **said), origin=origin)


def _with_words(reader: Reader, signal: AgentActed, events: list[StoredEvent]) -> AgentActed:
    """An agent's action with the words that its events kept, those of a plan's steps too."""
    steps = [content for one in events for _, content, *_ in getattr(one.event, "steps", ())]
    texts = reader.contents(steps)
    drafts = (replace(step, text=texts.get(content) or _UNKNOWN) for step, content in zip(signal.steps, steps, strict=False))
    return replace(signal, text=next(iter(_contents(reader, events)), _UNKNOWN), steps=tuple(drafts))


def _contents(reader: Reader, events: list[StoredEvent]) -> list[str]:
    """The texts that the events of a decision speak of, in order, but for messages that went out."""
    ids = [getattr(one.event, name, None) for one in events for name in ("content", "reason") if not hasattr(one.event, "message")]
    texts = reader.contents([id for id in ids if id])
    return [text for id in ids if id and (text := texts.get(id))]
