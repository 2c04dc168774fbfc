"""Values of the core as JSON text and back, by type name; and what a decision's record leaves out because it is personal.

Instants are RFC 3339, durations ISO 8601. A mapping comes back as a dict, which equals the read-only mapping it was.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import fields, replace

from engine.core.decision import Reason
from engine.core.events import EVENT_TYPES, Event
from engine.core.facts import AgentFacts, Agents, Contact, Facts
from engine.core.model import Ticket
from engine.core.signals import SIGNAL_TYPES, AgentActed, CallArrived, MessageArrived, ReceiptArrived, Signal, TicketRequested
from engine.core.tracing import NOTHING, Asked, Trace
from engine.errors import EngineError

T = TypeVar("T")


class Undecodable(EngineError):
    """Stored JSON is not what its type name says: the database was changed by hand, or by a newer version."""


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be stored as JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain, order="deterministic")
_EVENTS = {name: msgspec.json.Decoder(cls) for name, cls in EVENT_TYPES.items()}
_SIGNALS = {name: msgspec.json.Decoder(cls) for name, cls in SIGNAL_TYPES.items()}
_SIGNAL_NAMES = {cls: name for name, cls in SIGNAL_TYPES.items()}
_TICKET = msgspec.json.Decoder(Ticket)
_FACTS = msgspec.json.Decoder(Facts)
_ANY = msgspec.json.Decoder()


def encode(value: object) -> str:
    """Return the value as JSON text: keys and sets in a fixed order, so that equal values give equal texts."""
    return _ENCODER.encode(value).decode()


def decode_event(type_name: str, text: str) -> Event:
    """Return the event that `encode` was given. Raises Undecodable."""
    return _decode(_known(_EVENTS, type_name, "event"), type_name, text)


def decode_signal(type_name: str, text: str) -> Signal:
    """Return the signal that `encode` was given. Raises Undecodable."""
    return _decode(_known(_SIGNALS, type_name, "signal"), type_name, text)


def decode_ticket(text: str) -> Ticket:
    """Return the ticket that `encode` was given. Raises Undecodable."""
    return _decode(_TICKET, "ticket", text)


def decode_facts(text: str) -> Facts:
    """Return the facts that `encode` was given. Raises Undecodable."""
    return _decode(_FACTS, "facts", text)


def decode_plain(text: str) -> Any:
    """Return JSON as dicts, lists and scalars. Raises Undecodable."""
    return _decode(_ANY, "JSON", text)


def signal_name(signal: Signal) -> str:
    """The stored name of the signal's class."""
    return _SIGNAL_NAMES[type(signal)]


def record_signal(signal: Signal) -> Signal:
    """The signal without what is personal: texts, subjects, form fields, file names, a carrier's words.

    A request for a confidential follow-up also loses whom it is about: that stands in the sealed link only.
    """
    match signal:
        case MessageArrived():
            hashes = tuple((content_hash, "") for content_hash, _ in signal.attachments)
            return replace(signal, text="", subject="", fields={}, attachments=hashes)
        case CallArrived():
            return replace(signal, text="", fields={})
        case TicketRequested(answer=None):
            return replace(signal, text="")
        case TicketRequested():
            return replace(signal, text="", answer=None, parent=None, customer=None, avoid=None)
        case AgentActed():
            return replace(signal, text="", steps=tuple(replace(step, text="") for step in signal.steps), outcome=None)
        case ReceiptArrived():
            return replace(signal, detail="")
        case _:
            return signal


def record_facts(facts: Facts, signal: Signal) -> Facts:
    """The facts without what is personal: the contact, texts, agents' names and addresses; where the signal asks for a confidential
    follow-up, also the customer. Of the agents those that the decision looked at.
    """
    looked_at = facts.agents.looked_at if isinstance(facts.agents, Agents) else facts.agents
    agents = {name: _once(agent, _agent) for name, agent in looked_at.items()}
    kept = replace(facts, agents=agents, contact=_NOBODY, texts={})
    if isinstance(signal, TicketRequested) and signal.answer is not None:
        kept = replace(kept, customer=None, contact_id=None, last_agent=None)
    return kept


def record_reasons(reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    """The reasons without the values that personal fields had, and without what is empty."""
    return [_reason(reason) for reason in reasons]


def _reason(reason: Reason) -> dict[str, Any]:
    told: dict[str, Any] = {
        "decided": reason.decided,
        "rule": reason.rule,
        "source": reason.source,
        "values": reason.values,
        "seq": reason.seq,
    }
    if reason.asked is not NOTHING:
        told["asked"] = _once(reason.asked, _asked)
    return told


_KEPT: dict[int, tuple[object, msgspec.Raw]] = {}
_MOST_KEPT = 2_000


def _once(value: T, plain: Callable[[T], object]) -> msgspec.Raw:
    """The JSON of a value that many decisions share, made at its first use."""
    known = _KEPT.get(id(value))
    if known is None or known[0] is not value:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        known = _KEPT[id(value)] = value, msgspec.Raw(_ENCODER.encode(plain(value)))
    return known[1]


def _agent(agent: AgentFacts) -> dict[str, Any]:
    return _told(agent, _OF_AGENT) | {"name": "", "address": ""}


def _asked(asked: Asked) -> dict[str, Any]:
    told = _told(asked, _OF_ASKED) | {"traces": [(rule, _seen(trace)) for rule, trace in asked.traces]}
    if asked.nearest:
        told["nearest"] = [(rule, [_seen(leaf) for leaf in leaves]) for rule, leaves in asked.nearest]
    return told


def _seen(trace: Trace) -> dict[str, Any]:
    told = _told(trace, _OF_TRACE)
    if trace.personal:
        told.pop("actual", None)
    if trace.parts:
        told["parts"] = [_seen(part) for part in trace.parts]
    return told


def _told(value: object, defaults: Mapping[str, object]) -> dict[str, Any]:
    """The fields of a value by name, but for those that are as they are by default."""
    return {name: found for name, default in defaults.items() if (found := getattr(value, name)) != default}


def _defaults(cls: type) -> dict[str, object]:
    return {field.name: field.default for field in fields(cls)}


_NOBODY = Contact()
_OF_AGENT, _OF_ASKED, _OF_TRACE = _defaults(AgentFacts), _defaults(Asked), _defaults(Trace)
del _OF_AGENT["phone"]


def _known(decoders: Mapping[str, msgspec.json.Decoder[T]], name: str, what: str) -> msgspec.json.Decoder[T]:
    if name not in decoders:
        raise Undecodable(f"The store holds a {what} of type {name!r}, which this version does not know; use a newer one.")
    return decoders[name]


def _decode(decoder: "msgspec.json.Decoder[T]", name: str, text: str) -> T:
    try:
        return decoder.decode(text)
    except msgspec.MsgspecError as error:
        # The text itself may hold personal data; msgspec's message names the path in it only.
        raise Undecodable(f"The stored {name} cannot be read: {error}. Restore the database from a backup.") from error


def without_personal(signal: str, facts: str) -> tuple[str, str]:
    """Return the records of a decision's signal and facts without what they still tell of a customer: files by their hashes, what
    plugins told, and all of the customer but the id, the segment, and whether they were known.
    """
    plain, known = decode_plain(signal), decode_plain(facts)
    if "attachments" in plain:
        plain["attachments"] = []
    if customer := known.get("customer"):
        known["customer"] = {name: customer.get(name) for name in ("id", "known", "segment")}
    return encode(plain), encode({**known, "extra": {}})
