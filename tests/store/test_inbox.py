"""What comes in: once, in order, and nothing lost that fails."""

import random

import pytest

from engine.errors import NotFound
from engine.store import Store
from tests.store.samples import MINUTE, NOW, open_ticket, the


def take_in(tx, *sources: str, channel: str = "email") -> None:
    for source in sources:
        assert tx.accept(channel, source, NOW, '{"text": "宕机"}', b"raw \x00\xff")


def sources(rows) -> list[str]:
    return [row.source_id for row in rows]


def test_an_item_is_kept_as_it_came(store: Store) -> None:
    with store.write() as tx:
        take_in(tx, "b")
    with store.read() as view:
        (row,) = view.pending_inbox(NOW, 10)
        assert view.next_inbox() == NOW
    assert (row.channel, row.source_id, row.received_at, row.item_json, row.raw) == (
        "email", "b", NOW, '{"text": "宕机"}', b"raw \x00\xff",
    )  # fmt: skip
    assert (row.state, row.attempts, row.next_attempt_at, row.error, row.ticket) == ("pending", 0, NOW, None, None)


def test_an_item_of_a_source_is_one_row_whatever_becomes_of_it(store: Store) -> None:
    with store.write() as tx:
        take_in(tx, "a")
        assert not tx.accept("email", "a", NOW + MINUTE, "{}", b"other")
        assert tx.accept("sms", "a", NOW, "{}", b"")
        first, _ = tx.pending_inbox(NOW, 10)
        assert first.raw == b"raw \x00\xff"
        tx.inbox_done(first.id, None)
        assert not tx.accept("email", "a", NOW, "{}", b"")


def test_no_name_is_too_long_to_be_known_again(store: Store) -> None:
    names = [f"<{n}{random.Random(n).randbytes(40_000).hex()}@example.test>" for n in range(2)]
    with store.write() as tx:
        take_in(tx, *names)
        assert not tx.accept("email", names[0], NOW, "{}", b"again")
        assert the(tx.inbox_item("email", names[1])).source_id == names[1]


def test_items_come_in_the_order_they_were_accepted(store: Store) -> None:
    with store.write() as tx:
        take_in(tx, "c", "a", "b")
        assert sources(tx.pending_inbox(NOW, 2)) == ["c", "a"]
        assert sources(tx.inbox(None, 10)) == ["b", "a", "c"]
        assert tx.pending_inbox(NOW - MINUTE, 10) == []


def test_what_is_done_is_not_pending(store: Store) -> None:
    with store.write() as tx:
        take_in(tx, "a")
        (row,) = tx.pending_inbox(NOW, 1)
        number = open_ticket(tx).number
        tx.inbox_done(row.id, number)
        assert (tx.pending_inbox(NOW, 1), tx.next_inbox()) == ([], None)
        (done,) = tx.inbox("done", 10)
    assert (done.ticket, done.raw) == (number, b"raw \x00\xff")


def test_a_forgotten_item_is_empty_but_still_known(store: Store) -> None:
    with store.write() as tx:
        take_in(tx, "a")
        (row,) = tx.pending_inbox(NOW, 1)
        tx.inbox_done(row.id, open_ticket(tx).number, forget=True)
        (done,) = tx.inbox("done", 1)
        assert (done.item_json, done.raw, done.ticket) == ("null", b"", None)
        assert not tx.accept("email", "a", NOW, "{}", b"again")


def test_a_failed_item_waits_or_is_set_aside_until_a_person_requeues_it(store: Store) -> None:
    with store.write() as tx:
        take_in(tx, "a", "b")
        first, _ = tx.pending_inbox(NOW, 2)
        tx.inbox_failed(first.id, "broken", NOW + MINUTE)
        assert sources(tx.pending_inbox(NOW, 2)) == ["b"]
        assert sources(tx.pending_inbox(NOW + MINUTE, 2)) == ["b", "a"]
        assert not tx.requeue_inbox(first.id, NOW)
        tx.inbox_failed(first.id, "still broken", None)
        assert sources(tx.pending_inbox(NOW + MINUTE, 2)) == ["b"]
        (dead,) = tx.inbox("dead", 10)
        assert (dead.attempts, dead.error) == (2, "still broken")
        assert tx.requeue_inbox(first.id, NOW)
        again, _ = tx.pending_inbox(NOW, 2)
        assert (again.source_id, again.attempts) == ("a", 0)


@pytest.mark.parametrize("retry_at", [NOW, None], ids=["retry", "dead"])
def test_an_unknown_item_is_named(store: Store, retry_at) -> None:
    with store.write() as tx:
        with pytest.raises(NotFound, match="inbox item 7"):
            tx.inbox_failed(7, "x", retry_at)
        with pytest.raises(NotFound, match="inbox item 7"):
            tx.inbox_done(7, None)


def test_an_item_is_found_by_its_row_and_by_its_source(store: Store) -> None:
    with store.write() as tx:
        take_in(tx, "a", "b")
        take_in(tx, "a", channel="sms")
        found = tx.inbox_item("sms", "a")
        assert found is not None
        assert (found.channel, found.source_id, tx.inbox_row(found.id)) == ("sms", "a", found)
        assert (tx.inbox_item("sms", "b"), tx.inbox_row(99)) == (None, None)


def test_what_waits_is_counted_up_to_a_limit(store: Store) -> None:
    with store.write() as tx:
        for n in range(3):
            tx.accept("email", str(n), NOW, "{}", b"")
        assert [tx.waiting_inbox(limit) for limit in (2, 3, 9)] == [2, 3, 3]
        tx.inbox_failed(tx.pending_inbox(NOW, 1)[0].id, "x", NOW + MINUTE)
        tx.inbox_done(tx.pending_inbox(NOW, 1)[0].id, None)
        assert tx.waiting_inbox(9) == 2, "what was put off waits too"


def test_items_are_counted_by_state(store: Store) -> None:
    with store.write() as tx:
        assert tx.inbox_counts() == {}
        take_in(tx, "a", "b", "c")
        first, second, _ = tx.pending_inbox(NOW, 3)
        tx.inbox_done(first.id, None)
        tx.inbox_failed(second.id, "broken", None)
        assert tx.inbox_counts() == {"pending": 1, "done": 1, "dead": 1}
