"""Facts of KPIs on every backend: kept instead of earlier ones, and summed up by group."""

import sqlite3
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from engine.core import events as e
from engine.core.facts import CallFacts, CustomerFacts
from engine.core.signals import CallArrived
from engine.store import FactRow, FactSpan, FactSum, Store, open_store
from tests.store.golden import GOLDEN
from tests.store.samples import FACTS, MINUTE, NOW, folded, happen, open_ticket, opening, record
from tests.store.test_migrations import restored

DAY = timedelta(days=1)
SPAN = FactSpan(NOW, NOW + DAY, timedelta(hours=8), NOW + DAY)


def sums(store: Store, name: str, *by: str, limit: timedelta | None = None) -> list[FactSum]:
    with store.read() as view:
        return sorted(view.sum_facts(name, SPAN, by, limit), key=lambda one: tuple(map(str, one.group)))


def test_facts_of_a_ticket_take_the_place_of_its_earlier_ones(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx)
        assert tx.without_facts(10) == [(ticket.number, None)]
        assert tx.keep_facts(ticket.number, 1, [FactRow("opened", NOW)] * 2)
        assert tx.without_facts(10) == []
        after = happen(tx, ticket, e.TierAssigned("urgent"))
        assert tx.without_facts(10) == [(ticket.number, None)]
        assert tx.keep_facts(ticket.number, after.seq, [FactRow("opened", NOW)])
    assert [one.count for one in sums(store, "opened")] == [1]


def test_facts_of_a_ticket_that_has_gone_on_are_not_kept(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx)
        happen(tx, ticket, e.TierAssigned("urgent"))
        assert not tx.keep_facts(ticket.number, ticket.seq, [FactRow("opened", NOW)])
    assert sums(store, "opened") == []


def test_a_span_holds_its_beginning_and_not_its_end_and_local_days_and_hours(store: Store) -> None:
    """16:00 and 07:59 UTC of the day after, eight hours east: the same local day."""
    instants = [NOW - MINUTE, NOW, NOW + 16 * 60 * MINUTE, NOW + DAY - MINUTE, NOW + DAY]
    with store.write() as tx:
        tx.keep_facts(open_ticket(tx).number, 1, [FactRow("stay", at, value=MINUTE) for at in instants])
    first = (NOW + timedelta(hours=8) - NOW.replace(year=1970, month=1, day=1, hour=0)).days
    found = [(one.group, one.count, one.value) for one in sums(store, "stay", "day", "hour")]
    assert found == [((first, 16), 1, 60_000_000), ((first + 1, 15), 1, 60_000_000), ((first + 1, 8), 1, 60_000_000)]


def test_values_up_to_a_limit_are_counted(store: Store) -> None:
    with store.write() as tx:
        facts = [FactRow("response", NOW, tier="urgent", value=value) for value in (MINUTE, 2 * MINUTE, 3 * MINUTE)]
        tx.keep_facts(open_ticket(tx).number, 1, facts)
    assert [(one.group, one.count, one.within) for one in sums(store, "response", "tier", limit=2 * MINUTE)] == [(("urgent",), 3, 2)]


def test_a_call_is_a_fact_as_soon_as_it_is_decided_on_and_stays_one(store: Store) -> None:
    call = CallFacts("inbound", "abandoned", "hotline", timedelta(seconds=7), timedelta(0))
    with store.write() as tx:
        ticket = open_ticket(tx)
        for number in (None, ticket.number):
            signal = CallArrived(number, "phone_log", agent="wang")
            tx.record_refusal(number, record(signal, facts=replace(FACTS, call=call)))
        tx.keep_facts(ticket.number, 1, [])
    (found,) = sums(store, "call", "queue", "agent", "channel")
    assert (found.group, found.outcome, found.count, found.value) == (("hotline", "wang", "phone_log"), "abandoned", 2, 14_000_000)


def test_facts_can_all_be_derived_anew(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx)
        tx.keep_facts(ticket.number, 1, [])
        tx.derive_anew()
        assert tx.without_facts(10) == [(ticket.number, None)]


def test_calls_of_earlier_versions_become_facts(tmp_path: Path) -> None:
    path = restored(GOLDEN / "0005.sql", tmp_path / "store.db")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "INSERT INTO decision (at, signal_type, signal_json, facts_json, policy_digest, reasons_json) VALUES (?, ?, ?, ?, 'd', '[]')",
            (
                int(NOW.timestamp()) * 1_000_000,
                "call_arrived",
                '{"ticket":null,"channel":"phone_log","agent":null}',
                '{"call":{"direction":"inbound","outcome":"answered","queue":"","wait":"PT7.5S","talk":"PT90S"}}',
            ),
        )
    connection.close()
    store = open_store(f"sqlite:///{path}")
    (found,) = sums(store, "call", "queue", "channel")
    assert (found.group, found.subject, found.outcome) == ((None, "phone_log"), "inbound", "answered")
    assert (found.value, found.business) == (7_500_000, 90_000_000)
    store.close()


def test_the_segment_is_that_of_the_opening_whatever_becomes_of_the_customer(store: Store) -> None:
    with store.write() as tx:
        number = tx.next_number(NOW.date())
        events = opening(number)
        facts = replace(FACTS, customer=CustomerFacts("7", True, "vip"))
        tx.append(0, folded(None, events), events, record(facts=facts))
        assert tx.without_facts(10) == [(number, "vip")]


def test_sums_of_instants_do_not_overflow(store: Store) -> None:
    since_1970 = NOW - NOW.replace(year=1970, month=1, day=1, hour=0) + timedelta(microseconds=1)
    with store.write() as tx:
        tx.keep_facts(open_ticket(tx).number, 1, [FactRow("load", NOW, value=since_1970)] * 6_000)
    (found,) = sums(store, "load")
    assert found.value == 6_000 * (since_1970 // timedelta(microseconds=1)) > 2**63
