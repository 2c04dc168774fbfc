"""Accounts, sessions and tokens by the hashes of their secrets, what was asked, and the news of all tickets."""

import pytest

from engine.core import events as e
from engine.store import Store, StoreFailed
from engine.store.accounts import AccessRow, AccountRow, NewsRow, RequestRow
from engine.store.rows import TicketQuery
from tests.store.samples import MINUTE, NOW, TAKEN, happen, open_ticket


def test_an_account_is_kept_instead_of_what_was_kept_before(store: Store) -> None:
    with store.write() as tx:
        assert (tx.account("zhao"), tx.accounts()) == (None, [])
        tx.keep_account(AccountRow("zhao", "first"))
        tx.keep_account(AccountRow("li"))
        tx.keep_account(AccountRow("zhao", "second", NOW))
        assert tx.account("zhao") == AccountRow("zhao", "second", NOW)
        assert tx.accounts() == [AccountRow("li"), AccountRow("zhao", "second", NOW)]


def test_a_session_or_token_is_found_by_its_hash_until_it_is_ended_or_struck_out(store: Store) -> None:
    session, token = AccessRow("a1", "session", "zhao", "", NOW, NOW + MINUTE), AccessRow("b2", "token", "zhao", "crm", NOW)
    other = AccessRow("c3", "token", "zhao", "app", NOW + MINUTE)
    with store.write() as tx:
        for row in (session, token, other):
            tx.keep_access(row)
        with pytest.raises(StoreFailed, match=TAKEN), tx.savepoint():
            tx.keep_access(session)
        assert (tx.access("a1"), tx.access("b2"), tx.access("nobody")) == (session, token, None)
        assert (tx.accesses("token"), tx.accesses("session")) == ([token, other], [session])
        tx.forget_accesses(NOW)
        assert tx.access("a1") == session
        tx.forget_accesses(NOW + MINUTE)
        assert (tx.access("a1"), tx.access("b2")) == (None, token)
        assert (tx.end_accesses("zhao", "crm"), tx.accesses("token")) == (1, [other])
        assert (tx.end_access("c3"), tx.end_access("c3")) == (True, False)
        tx.keep_access(session)
        assert (tx.end_accesses("li"), tx.end_accesses("zhao"), tx.access("a1")) == (0, 1, None)


def test_what_was_asked_is_answered_once_and_forgotten_in_time(store: Store) -> None:
    row = RequestRow("k1", "asked", "{}", NOW)
    with store.write() as tx:
        assert tx.keep_request(row, NOW)
        assert not tx.keep_request(RequestRow("k1", "other", "[]", NOW), NOW)
        assert (tx.request("k1"), tx.request("k2")) == (row, None)
        tx.keep_request(RequestRow("k2", "asked", "{}", NOW + MINUTE), NOW + MINUTE)
        assert tx.request("k1") is None


def test_news_are_the_decisions_that_changed_a_ticket_in_order(store: Store) -> None:
    with store.write() as tx:
        assert (tx.latest_news(), tx.news(0, 9, 9)) == (0, [])
        first = open_ticket(tx)
        happen(tx, first, e.TierAssigned("important"), e.Assigned("zhao"), at=NOW + MINUTE)
        latest = tx.latest_news()
        everything = tx.news(0, latest, 9)
        assert [row.ticket for row in everything] == [first.number, first.number]
        assert everything[1] == NewsRow(
            latest, NOW + MINUTE, first.number, everything[1].signal, first.seq + 2, ("tier_assigned", "assigned")
        )
        assert tx.news(everything[0].id, latest, 9) == everything[1:]
        assert tx.news(0, latest, 1) == tx.news(0, latest - 1, 9) == everything[:1]
        assert tx.news(latest, latest, 9) == []


def test_tickets_come_page_by_page_in_the_order_of_their_numbers(store: Store) -> None:
    with store.write() as tx:
        numbers = [open_ticket(tx, due=NOW - n * MINUTE).number for n in range(5)]
        first = [one.number for one in tx.tickets(TicketQuery(limit=2, after=""))]
        rest = [one.number for one in tx.tickets(TicketQuery(limit=9, after=first[-1]))]
    assert first + rest == sorted(numbers)
