"""Facts of KPIs on every backend: kept instead of earlier ones, and summed up by group."""

import random
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from engine.core import events as e
from engine.core.facts import CallFacts, CustomerFacts
from engine.core.kpis import Term
from engine.core.signals import CallArrived
from engine.store import FactRow, FactSpan, FactSums, Store, open_store
from tests.store.golden import GOLDEN
from tests.store.samples import FACTS, MINUTE, NOW, folded, happen, open_ticket, opening, record
from tests.store.test_migrations import restored
from tests.support.counts import scaled

DAY = timedelta(days=1)
SPAN = FactSpan(NOW, NOW + DAY, timedelta(hours=8), NOW + DAY)


def sums(store: Store, terms: Sequence[Term], *by: str, apart: Collection[str] = ()) -> list[FactSums]:
    with store.read() as view:
        return sorted(view.sum_facts(terms, SPAN, by, apart), key=lambda one: tuple(map(str, one.group)))


def test_facts_of_a_ticket_take_the_place_of_its_earlier_ones(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx)
        assert tx.without_facts(10) == [(ticket.number, None)]
        assert tx.keep_facts(ticket.number, 1, [FactRow("opened", NOW)] * 2)
        assert tx.without_facts(10) == []
        after = happen(tx, ticket, e.TierAssigned("urgent"))
        assert tx.without_facts(10) == [(ticket.number, None)]
        assert tx.keep_facts(ticket.number, after.seq, [FactRow("opened", NOW)])
    assert sums(store, [Term("opened")]) == [FactSums((), (1,))]


def test_facts_of_a_ticket_that_has_gone_on_are_not_kept(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx)
        happen(tx, ticket, e.TierAssigned("urgent"))
        assert not tx.keep_facts(ticket.number, ticket.seq, [FactRow("opened", NOW)])
    assert sums(store, [Term("opened")]) == [FactSums((), (None,))]
    assert sums(store, [Term("opened")], "tier") == []


def test_a_span_holds_its_beginning_and_not_its_end_and_local_hours(store: Store) -> None:
    instants = [NOW - MINUTE, NOW, NOW + 16 * 60 * MINUTE, NOW + DAY - MINUTE, NOW + DAY]
    with store.write() as tx:
        tx.keep_facts(open_ticket(tx).number, 1, [FactRow("stay", at, value=MINUTE) for at in instants])
    found = sums(store, [Term("stay"), Term("stay", of="value")], "hour")
    assert found == [FactSums((15,), (1, 60_000_000)), FactSums((16,), (1, 60_000_000)), FactSums((8,), (1, 60_000_000))]


def test_each_term_counts_its_own_and_is_none_where_no_fact_is_of_it(store: Store) -> None:
    with store.write() as tx:
        facts = [
            FactRow("resolved", NOW, tier="urgent", subject=subject, outcome=outcome, value=value, business=business)
            for subject, outcome, value, business in (
                ("a", "later", MINUTE, None),
                ("a", "later", 2 * MINUTE, MINUTE),
                ("b", "first_contact", 3 * MINUTE, None),
                ("c", "first_contact", MINUTE, None),
                (None, "first_contact", MINUTE, None),
            )
        ]
        tx.keep_facts(open_ticket(tx).number, 1, facts)
    wanted = {
        Term("resolved"): 3,
        Term("resolved", ("later", "unheard_of")): 2,
        Term("resolved", ("unheard_of",)): None,
        Term("resolved", of="within", span=2 * MINUTE): 2,
        Term("resolved", ("later",), "value"): 180_000_000,
        Term("resolved", of="business"): 60_000_000,
        Term("resolved", of="business_count"): 1,
        Term("resolved", ("first_contact",), of="business_count"): 0,
    }
    for by in ((), ("tier",)):
        assert sums(store, list(wanted), *by, apart=["c", "d"]) == [FactSums(("urgent",)[: len(by)], tuple(wanted.values()))]


def test_a_matter_comes_up_again_on_its_ticket_or_with_its_customer_once_it_is_old_enough(store: Store) -> None:
    with store.write() as tx:
        for at, again_at, customer in (
            (NOW, NOW + 2 * MINUTE, "1"),
            (NOW, NOW + 3 * MINUTE, "2"),
            (NOW, None, "3"),
            (NOW, None, None),
            (NOW + DAY - MINUTE, None, "3"),
        ):
            closed = FactRow("closed", at, kind="inquiry", outcome="confirmed", again_at=again_at, customer=customer)
            tx.keep_facts(open_ticket(tx).number, 1, [closed])
        for customer in ("3", None):
            tx.keep_facts(open_ticket(tx).number, 1, [FactRow("opened", NOW + 2 * MINUTE, kind="inquiry", customer=customer)])
    terms = [Term("closed", outcomes, of, span=2 * MINUTE) for outcomes in ((), ("objected",)) for of in ("mature", "repeated", "once")]
    assert sums(store, terms) == [FactSums((), (4, 2, 2, None, None, None))]
    assert sums(store, terms, "kind") == [FactSums(("inquiry",), (4, 2, 2, None, None, None))]


def one_by_one(term: Term, facts: Sequence[FactRow], needs: Sequence[FactRow]) -> int | None:
    """What a term comes to, by what a person would count; None for nothing."""
    wide = term.span or DAY

    def again(fact: FactRow) -> bool:
        those = [
            need.at for need in needs if None not in (need.customer, need.kind) and (need.customer, need.kind) == (fact.customer, fact.kind)
        ]
        return any(fact.at < at <= fact.at + wide for at in those) or (fact.again_at is not None and fact.again_at <= fact.at + wide)

    of = [fact for fact in facts if not term.outcomes or fact.outcome in term.outcomes]
    match term.of:
        case "value" | "business":
            held = [span for fact in of if (span := getattr(fact, term.of)) is not None]
            return sum(held, timedelta(0)) // timedelta(microseconds=1) if held else None
        case "business_count":
            return sum(fact.business is not None for fact in of) if of else None
        case "within":
            of = [fact for fact in of if fact.value is not None and fact.value <= wide]
        case "mature" | "repeated" | "once":
            of = [fact for fact in of if fact.at + wide <= SPAN.end and (term.of == "mature" or again(fact) == (term.of == "repeated"))]
    return len(of) or None


def test_sums_are_what_counting_one_by_one_gives(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    spans, outcomes = (MINUTE, 60 * MINUTE, 12 * 60 * MINUTE), ("confirmed", "objected", "unconfirmed")
    with store.write() as tx:
        closed, opened = open_ticket(tx), open_ticket(tx)
    for _ in range(scaled(200)):

        def some(name: str, count: int) -> list[FactRow]:
            instants = [NOW + chance.randrange(24 * 60) * MINUTE for _ in range(count)]
            return [
                FactRow(
                    name,
                    at,
                    kind=chance.choice(["inquiry", "complaint", None]),
                    tier=chance.choice(["urgent", None]),
                    outcome=chance.choice(outcomes),
                    value=chance.choice([*spans, None]),
                    business=chance.choice([*spans, None]),
                    again_at=chance.choice([at + chance.choice(spans), None, None]),
                    customer=chance.choice(["1", "2", None]),
                )
                for at in instants
            ]

        facts, needs = some("closed", 20), some("opened", 5)
        with store.write() as tx:
            assert tx.keep_facts(closed.number, 1, facts)
            assert tx.keep_facts(opened.number, 1, needs)
        terms = [
            Term(
                "closed",
                tuple(chance.sample(outcomes, chance.randrange(3))),
                of,
                span=None if of in ("count", "value") else chance.choice(spans),
            )
            for of in ("count", "value", "within", "mature", "repeated", "once")
        ]
        terms += [Term("closed", (chance.choice(outcomes),), of) for of in ("business", "business_count")]
        by = chance.sample(["kind", "tier", "hour"], chance.randrange(3))
        groups: dict[tuple[str | int | None, ...], list[FactRow]] = defaultdict(list)
        for fact in facts:
            local = (fact.at + SPAN.offset).hour
            groups[tuple(local if one == "hour" else getattr(fact, one) for one in by)].append(fact)
        expected = {group: tuple(one_by_one(term, those, needs) for term in terms) for group, those in groups.items()}
        assert {one.group: one.numbers for one in sums(store, terms, *by)} == expected, (terms, by)


def test_a_call_is_a_fact_as_soon_as_it_is_decided_on_and_stays_one(store: Store) -> None:
    call = CallFacts("inbound", "abandoned", "hotline", timedelta(seconds=7), timedelta(0))
    with store.write() as tx:
        ticket = open_ticket(tx)
        for number in (None, ticket.number):
            signal = CallArrived(number, "phone_log", agent="wang")
            tx.record_refusal(number, record(signal, facts=replace(FACTS, call=call)))
        tx.keep_facts(ticket.number, 1, [])
    terms = [Term("call", ("abandoned",)), Term("call", of="value")]
    assert sums(store, terms, "queue", "agent", "channel") == [FactSums(("hotline", "wang", "phone_log"), (2, 14_000_000))]


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
    terms = [Term("call", ("answered",), "value"), Term("call", of="business")]
    assert sums(store, terms, "queue", "channel", "subject") == [FactSums((None, "phone_log", "inbound"), (7_500_000, 90_000_000))]
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
    whole = 6_000 * (since_1970 // timedelta(microseconds=1))
    assert whole > 2**63
    assert sums(store, [Term("load", of="value")]) == [FactSums((), (whole,))]
