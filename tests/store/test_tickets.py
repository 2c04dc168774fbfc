"""Tickets, their log and their contents."""

from datetime import date, timedelta

import pytest
from msgspec import structs

from engine.core import events as e
from engine.core.conditions import Source
from engine.core.decision import Reason
from engine.core.signals import AgentActed, TimerFired
from engine.errors import UsageError
from engine.store import Conflict, Store, TicketQuery
from tests.store.samples import MINUTE, NOW, folded, happen, open_ticket, opening, problems, record, the

N1, N2, N3 = "202405120001", "202405120002", "202405120003"


def test_state_equals_the_replay_of_the_log(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx, N1, due=NOW + 10 * MINUTE)
        ticket = happen(tx, ticket, e.TierAssigned("urgent"), e.Routed("tech"), e.Assigned("qian"))
        plan = e.PlanRecorded("c-9", "qian", (("s1", "c-8", "qian", NOW + 60 * MINUTE),))
        ticket = happen(tx, ticket, e.CustomerContacted("qian", "phone"), plan, at=NOW + MINUTE)
    with store.read() as view:
        log = view.events(N1)
        assert [entry.seq for entry in log] == [1, 2, 3, 4, 5, 6, 7]
        assert [entry.at for entry in log][-2:] == [NOW + MINUTE] * 2
        assert view.ticket(N1) == ticket
        replayed = None
        for entry in log:
            replayed = folded(replayed, [entry.event], entry.at)
        assert replayed == ticket
    assert problems(store) == []


def test_there_is_no_ticket_nobody_opened(store: Store) -> None:
    with store.read() as view:
        assert (view.ticket(N1), view.events(N1), view.decisions(N1)) == (None, [], [])


def test_a_ticket_that_changed_meanwhile_is_a_conflict_and_stays_as_it_is(store: Store) -> None:
    with store.write() as tx:
        stale = open_ticket(tx, N1)
        fresh = happen(tx, stale, e.TierAssigned("urgent"))
    routed: list[e.Event] = [e.Routed("tech")]
    attempts = {
        "changed": (1, folded(stale, [*routed]), routed),
        "opened twice": (0, folded(None, opening(N1)), opening(N1)),
        "from the future": (7, structs.replace(fresh, seq=8), routed),
    }
    for before, ticket, events in attempts.values():
        with store.write() as tx, pytest.raises(Conflict, match=N1):
            tx.append(before, ticket, events, record())
    with store.read() as view:
        assert view.ticket(N1) == fresh
        assert len(view.decisions(N1)) == 2
    assert problems(store) == []


def test_a_ticket_that_does_not_exist_cannot_be_changed(store: Store) -> None:
    ticket = folded(None, [*opening(N1), e.Routed("tech")])
    with store.write() as tx, pytest.raises(Conflict, match=N1):
        tx.append(1, ticket, [e.Routed("tech")], record())


@pytest.mark.parametrize(("before", "count"), [(0, 0), (0, 1), (1, 2), (2, 1)])
def test_the_state_must_count_its_events(store: Store, before: int, count: int) -> None:
    events = [*opening(N1), e.Routed("tech")]
    with store.write() as tx, pytest.raises(UsageError, match="seq 2"):
        tx.append(before, folded(None, events), events[:count], record())


def test_a_decision_keeps_why_and_names_its_events(store: Store) -> None:
    reason = Reason("tier: urgent", "urgent", Source("sla.yaml", 9), (("ticket.impact", "outage"),))
    with store.write() as tx:
        ticket = open_ticket(tx, N1, due=NOW)
        after = folded(ticket, [e.TierAssigned("urgent")])
        id = tx.append(2, after, [e.TierAssigned("urgent")], record(TimerFired(N1, "x", NOW), reasons=(reason,), inbox=7))
        refusal = tx.record_refusal(N1, record(AgentActed(N1, "close", "zhao"), refused="not yours"))
        nobodys = tx.record_refusal(None, record(refused="an automatic reply"))
    assert refusal < nobodys
    with store.read() as view:
        opened, graded, refused = view.decisions(N1)
        assert view.events(N1)[2].decision_id == id
    assert (opened.first_seq, opened.last_seq, opened.signal_type, opened.policy_digest) == (1, 2, "message_arrived", "digest-1")
    assert (graded.id, graded.first_seq, graded.last_seq, graded.at) == (id, 3, 3, NOW)
    assert (opened.inbox, graded.inbox) == (None, 7)
    assert graded.signal == {"ticket": N1, "key": "x", "due": "2024-05-12T08:00:00Z"}
    assert (graded.facts["manager"], graded.facts["draw"]) == ("zhou", 0.5)
    assert graded.reasons[0]["source"]["line"] == 9
    assert graded.reasons[0]["values"] == [["ticket.impact", "outage"]]
    assert (refused.first_seq, refused.last_seq, refused.refused, refused.signal["actor"]) == (None, None, "not yours", "zhao")


def test_a_decision_without_events_still_needs_the_ticket_as_it_is(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx, N1)
        tx.append(1, ticket, [], record())
        happen(tx, ticket, e.Routed("tech"))
        with pytest.raises(Conflict):
            tx.append(1, ticket, [], record())
    with store.read() as view:
        assert [(d.first_seq, d.last_seq) for d in view.decisions(N1)] == [(1, 1), (None, None), (2, 2)]


def fill(store: Store) -> None:
    with store.write() as tx:
        one = open_ticket(tx, N1, kind="inquiry", customer="C1", due=NOW + 30 * MINUTE)
        two = open_ticket(tx, N2, customer="C1", due=NOW + 10 * MINUTE, at=NOW + MINUTE)
        open_ticket(tx, N3, kind="task", parent=N1, at=NOW + 2 * MINUTE)
        happen(tx, one, e.Routed("tech"), e.TierAssigned("urgent"), e.Assigned("qian"))
        happen(tx, two, e.Assigned("qian"))
        tx.keep_content("c-1", N1, "description", "The Router is DOWN, 100% 宕机了")
        tx.keep_content("c-2", N2, "description", "100 routers_")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (TicketQuery(), [N2, N1, N3]),
        (TicketQuery(limit=2), [N2, N1]),
        (TicketQuery(states=("new",)), [N2, N1, N3]),
        (TicketQuery(states=("closed", "resolved")), []),
        (TicketQuery(queue="tech"), [N1]),
        (TicketQuery(assignee="qian", kind="complaint"), [N2]),
        (TicketQuery(tier="urgent"), [N1]),
        (TicketQuery(customer="C1"), [N2, N1]),
        (TicketQuery(parent=N1), [N3]),
        (TicketQuery(text="router"), [N2, N1]),
        (TicketQuery(text="100%"), [N1]),
        (TicketQuery(text="s_"), [N2]),
        (TicketQuery(text="宕机"), [N1]),
        (TicketQuery(text="0003"), [N3]),
        (TicketQuery(text="\\"), []),
        (TicketQuery(text="' OR 1=1 --"), []),
    ],
    ids=repr,
)
def test_a_query_finds_what_fits_next_due_first(store: Store, query: TicketQuery, found: list[str]) -> None:
    fill(store)
    with store.read() as view:
        assert [ticket.number for ticket in view.tickets(query)] == found


def test_what_may_have_been_open_at_an_instant_is_found_by_when_it_was_opened_and_ended(store: Store) -> None:
    with store.write() as tx:
        open_ticket(tx, N1, at=NOW)
        ended = open_ticket(tx, N2, at=NOW + MINUTE)
        happen(tx, ended, e.TicketClosed("closed", "qian"), at=NOW + 3 * MINUTE)
        open_ticket(tx, N3, at=NOW + 5 * MINUTE)
    with store.read() as view:
        found = {minute: view.opened_until(NOW + minute * MINUTE) for minute in (-1, 0, 2, 3, 5)}
        ends = {minute: [one.number for one in view.closed(NOW, NOW + minute * MINUTE)] for minute in (2, 3, 4)}
    assert found == {-1: [], 0: [N1], 2: [N1, N2], 3: [N1], 5: [N1, N3]}
    assert ends == {2: [], 3: [], 4: [N2]}


def test_a_met_deadline_is_not_due(store: Store) -> None:
    fill(store)
    with store.write() as tx:
        happen(tx, the(tx.ticket(N2)), e.DeadlineStopped("response"))
        assert [ticket.number for ticket in tx.tickets(TicketQuery())] == [N1, N2, N3]


def test_loads_and_customers_count_what_is_open(store: Store) -> None:
    fill(store)
    with store.write() as tx:
        assert tx.loads() == {"qian": 2}
        assert [ticket.number for ticket in tx.open_tickets_of("C1")] == [N2, N1]
        happen(tx, the(tx.ticket(N2)), e.Assigned("sun"), e.TicketClosed("closed", "sun"), at=NOW + timedelta(hours=1))
        assert tx.loads() == {"qian": 1}
        assert [ticket.number for ticket in tx.open_tickets_of("C1")] == [N1]
        assert (tx.last_agent("C1"), tx.last_agent("C2")) == ("sun", None)


def test_a_ticket_that_is_held_is_the_one_that_is_stored(store: Store) -> None:
    fill(store)
    with store.write() as tx:
        assert tx.hold_ticket(N1) == tx.ticket(N1)
        assert tx.hold_ticket("202405129999") is None


def test_contents_stand_beside_the_log_and_may_be_missing(store: Store) -> None:
    fill(store)
    with store.write() as tx:
        tx.keep_content("c-0", N1, "note", "")
        tx.keep_content("c-9", None, "contact", "wang@example.test")
    with store.read() as view:
        assert view.contents(["c-2", "c-9", "gone"]) == {"c-2": "100 routers_", "c-9": "wang@example.test"}
        assert view.contents([]) == {}
        assert [(id, kind) for id, kind, _ in view.content_of(N1)] == [("c-0", "note"), ("c-1", "description")]


def test_a_customers_needs_are_given_newest_first_without_the_work_of_the_house(store: Store) -> None:
    with store.write() as tx:
        for minute, kind in enumerate(["complaint", "task", "inquiry", "call_back", "care"]):
            open_ticket(tx, f"20240512000{minute}", at=NOW + minute * MINUTE, kind=kind, customer="C1")
        open_ticket(tx, "202405120009", customer="C2")
        assert tx.needs_of("C1", NOW, 9) == [NOW + 4 * MINUTE, NOW + 2 * MINUTE, NOW]
        assert tx.needs_of("C1", NOW + MINUTE, 9) == [NOW + 4 * MINUTE, NOW + 2 * MINUTE]
        assert tx.needs_of("C1", NOW, 9, without="202405120002") == [NOW + 4 * MINUTE, NOW]
        assert tx.needs_of("C1", NOW, 1) == [NOW + 4 * MINUTE]
        assert tx.needs_of("C9", NOW, 9) == []


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        (e.MessageReceived("c", "email", "customer"), True),
        (e.MessageReceived("c", "email", "zhao"), False),
        (e.CustomerContacted("zhao", "phone_log"), True),
        (e.CustomerContacted("system", "phone_log"), False),
        (e.ProgressReported("zhao"), True),
        (e.ProgressReported("system"), False),
        (e.ResultReported("c", "zhao"), True),
        (e.Noted("c", "zhao"), False),
        (e.MessageSent("m"), False),
    ],
    ids=repr,
)
def test_what_passes_between_a_customer_and_a_person_is_the_last_contact(store: Store, event: e.Event, counts: bool) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx, customer="C1", by="customer")
        happen(tx, ticket, event, at=NOW + MINUTE)
        open_ticket(tx, customer="C1", kind="task", by="zhao", at=NOW + 2 * MINUTE)
        open_ticket(tx, customer="C2", by="customer", at=NOW + 3 * MINUTE)
        assert tx.last_contact("C1") == (NOW + MINUTE if counts else NOW)
        assert tx.last_contact("C9") is None


def test_a_number_that_was_given_back_is_the_next_that_is_given(store: Store) -> None:
    day = date(2026, 3, 4)
    with store.write() as tx:
        first, second = tx.next_number(day), tx.next_number(day)
        tx.give_back_number(first)
    with store.write() as tx:
        assert (tx.next_number(day), tx.next_number(day)) == (first, f"{int(second) + 1}")
