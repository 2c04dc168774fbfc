"""Values of the core survive the store, and what is personal stays out of the record of a decision."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields, replace

from engine.core import facts as f
from engine.core import signals as s
from engine.core.conditions import Source
from engine.core.decision import Reason
from engine.core.events import EVENT_CLASSES, DeadlineMoved, MessageReceived
from engine.core.model import Deadline, Ticket
from engine.core.tracing import Asked, Trace
from engine.store import codec
from tests.store.samples import FACTS, NOW

TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
SCALARS: dict[type, st.SearchStrategy] = {
    datetime: st.timedeltas(timedelta(days=-700_000), timedelta(days=2_900_000)).map(lambda span: NOW + span),
    timedelta: st.timedeltas(),
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(-(2**62), 2**62),
    float: st.floats(allow_nan=False, allow_infinity=False),
    Decimal: st.decimals(-(10**12), 10**12, places=2),
    NoneType: st.none(),
}


def values_of(kind) -> st.SearchStrategy:
    """Every value that a field annotated so may have, instants in UTC. Fails on an annotation the codec was never tried on."""
    if kind in SCALARS:
        return SCALARS[kind]
    if isinstance(kind, type) and issubclass(kind, Struct):
        return st.builds(kind, **{name: values_of(hint) for name, hint in get_type_hints(kind).items()})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of(*map(values_of, arguments))
    if origin is frozenset:
        return st.frozensets(values_of(arguments[0]), max_size=3)
    if origin is tuple and arguments[-1] is ...:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, arguments))
    assert origin in (dict, Mapping), kind
    contents = st.dictionaries(*map(values_of, arguments), max_size=3)
    return contents if origin is dict else contents.map(MappingProxyType)


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_every_event_is_the_same_after_a_round_trip(event_class, data) -> None:
    event = data.draw(values_of(event_class))
    assert codec.decode_event(event.type, codec.encode(event)) == event


@pytest.mark.parametrize("name", s.SIGNAL_TYPES)
@given(data=st.data())
def test_every_signal_is_the_same_after_a_round_trip(name, data) -> None:
    signal = data.draw(values_of(s.SIGNAL_TYPES[name]))
    assert codec.signal_name(signal) == name
    assert codec.decode_signal(name, codec.encode(signal)) == signal


@given(values_of(Ticket))
def test_a_ticket_is_the_same_after_a_round_trip(ticket) -> None:
    assert codec.decode_ticket(codec.encode(ticket)) == ticket


@given(values_of(f.Facts))
def test_facts_are_the_same_after_a_round_trip(facts) -> None:
    assert codec.decode_facts(codec.encode(facts)) == facts


def test_events_of_the_first_version_are_what_they_were() -> None:
    wrote = codec.decode_event("message_received", '{"content":"c-1","channel":"email","by":"customer"}')
    assert wrote == MessageReceived("c-1", "email", "customer", asks=True)
    moved = f'{{"id":"plan","calendar":"24x7","budget":"PT2H","due":"{NOW.isoformat()}","started_at":"{NOW.isoformat()}"}}'
    assert codec.decode_event("deadline_moved", moved) == DeadlineMoved("plan", "24x7", timedelta(hours=2), NOW, NOW, None, None)


def test_read_only_mappings_are_stored() -> None:
    clock = Deadline("response", "response", "", "24x7", NOW, timedelta(minutes=10), None, ((NOW, None),))
    ticket = Ticket("1", 1, "complaint", "email", "new", "zh", NOW, deadlines=MappingProxyType({"response": clock}))
    again = codec.decode_ticket(codec.encode(ticket))
    assert again == ticket
    assert again.deadlines["response"].paused


@given(st.frozensets(TEXTS), st.dictionaries(TEXTS, st.integers(0, 9)))
def test_equal_values_give_equal_texts(labels, counts) -> None:
    one = replace(FACTS, opted_out=labels, recent=counts)
    other = replace(FACTS, opted_out=frozenset(sorted(labels, reverse=True)), recent=dict(reversed(counts.items())))
    assert codec.encode(one) == codec.encode(other)


@pytest.mark.parametrize(
    ("decode", "names"),
    [
        (lambda: codec.decode_event("ticket_sung", "{}"), "event of type 'ticket_sung'"),
        (lambda: codec.decode_signal("rumour", "{}"), "signal of type 'rumour'"),
        (lambda: codec.decode_event("ticket_closed", '{"outcome": 1, "by": "x"}'), "stored ticket_closed"),
        (lambda: codec.decode_ticket('{"number": "1"}'), "stored ticket"),
        (lambda: codec.decode_plain("[1"), "stored JSON"),
    ],
    ids=["event", "signal", "type", "field", "json"],
)
def test_what_cannot_be_read_says_what_it_is(decode, names) -> None:
    with pytest.raises(codec.Undecodable, match=names):
        decode()


def test_what_is_no_value_of_ours_is_not_stored() -> None:
    with pytest.raises(NotImplementedError, match="object cannot be stored"):
        codec.encode([object()])


SECRET = "王芳 13800000000"


def with_secrets(value):
    """The signal with every text that people wrote set to SECRET; names, ids and channels as they are."""
    personal: dict[str, Any] = {"text": SECRET, "subject": SECRET, "fields": {"name": SECRET}, "detail": SECRET}
    personal |= {"attachments": (("hash", SECRET),), "steps": (s.StepDraft(SECRET, "zhao", NOW),)}
    return replace(value, **{field.name: personal[field.name] for field in fields(value) if field.name in personal})


SIGNALS = [
    s.MessageArrived("1", "email", ""),
    s.CallArrived("1", "phone_log"),
    s.TicketRequested("task", "product", "", "email", "zh"),
    s.AgentActed("1", "plan", "zhao"),
    s.TaskClosed("1", "2", "c-1"),
    s.ApprovalDecided("1", "2", True, "zhou", "c-1"),
    s.TimerFired("1", "deadline/response", NOW),
    s.RuleDue("1", "planned-visit", NOW),
    s.ReceiptArrived("1", "m-1", "customer", "failed"),
    s.RenewalRequested("1", "zhou"),
    s.CustomerChanged("1", "C000002"),
    s.IncidentSought("1"),
    s.IncidentSpoke("1", "2", "update", "2.1.1"),
    s.KpiWatched("1", "weekly", "csat", {"tier": "urgent"}, "a", 30, 0.5, "flagged", True, {"zh": "低"}, (NOW, NOW)),
]


def test_the_samples_hold_every_kind_of_signal() -> None:
    assert [type(signal) for signal in SIGNALS] == list(s.SIGNAL_TYPES.values())


@pytest.mark.parametrize("signal", SIGNALS, ids=codec.signal_name)
def test_the_record_of_a_signal_keeps_no_text_and_is_a_signal_still(signal) -> None:
    text = codec.encode(codec.record_signal(with_secrets(signal)))
    assert SECRET not in text
    again = codec.decode_signal(codec.signal_name(signal), text)
    assert (type(again), again.ticket) == (type(signal), signal.ticket)


def test_the_record_of_facts_keeps_no_person() -> None:
    agent = f.AgentFacts("zhao", SECRET, ("front_desk",), {"repair": 2}, (), "zh", SECRET, 3, True, NOW)
    facts = replace(
        FACTS,
        agents={"zhao": agent},
        contact=f.Contact(SECRET, {"email": SECRET}),
        texts={"c-1": SECRET},
        contact_id="c-2",
        last_agent="zhao",
    )
    text = codec.encode(codec.record_facts(facts, s.TimerFired("1", "x", NOW)))
    assert SECRET not in text
    assert "answer-1" not in text  # it would tie a confidential answer to the ticket
    kept = codec.decode_facts(text)
    assert kept.agents["zhao"] == replace(agent, name="", address="")
    assert (kept.contact_id, kept.last_agent, kept.draw) == ("c-2", "zhao", 0.5)


def test_the_record_of_a_confidential_follow_up_does_not_say_whom_it_is_about() -> None:
    signal = s.TicketRequested("follow_up", "supervisors", "", "sms", "zh", parent="T1", customer="C1", answer="A1")
    facts = replace(FACTS, customer=f.CustomerFacts("C1", True), contact_id="K1", last_agent="zhao")
    text = codec.encode([codec.record_signal(signal), codec.record_facts(facts, signal)])
    assert [name for name in ("T1", "C1", "A1", "K1", "zhao", "li") if f'"{name}"' in text] == []


def test_the_record_of_a_task_keeps_whose_part_it_is() -> None:
    signal = s.TicketRequested("task", "product", "", "sms", "zh", parent="T1", customer="C1")
    kept = codec.record_signal(signal)
    assert isinstance(kept, s.TicketRequested)
    assert (kept.parent, kept.customer) == ("T1", "C1")


def test_reasons_keep_what_was_seen_but_for_personal_values() -> None:
    place = Source("sla.yaml", 7)
    personal = Trace("customer.phone matches …", place, True, SECRET, personal=True)
    plain = Trace("call.wait over 30s", place, True, timedelta(minutes=1))
    seen = Asked((("urgent", Trace("all", place, True, parts=(personal, plain))),), nearest=(("vip", (personal,)),))
    reason = Reason("tier: urgent", "urgent", place, asked=seen)
    text = codec.encode(codec.record_reasons((reason,)))
    assert SECRET not in text
    assert '"actual":"PT60S"' in text
    assert codec.decode_plain(text)[0]["source"] == {"file": "sla.yaml", "line": 7, "path": ""}
