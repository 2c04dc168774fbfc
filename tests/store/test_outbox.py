"""What goes out: claimed once, through the states in order, found again by every id it has."""

import pytest

from engine.errors import UsageError
from engine.store import Store
from engine.store.sql.outbox import LARGEST_DIGEST
from tests.store.samples import MINUTE, NOW, message, open_ticket, the

STATES = ("queued", "held", "sending", "sent", "delivered", "dead")

MOVES = {
    "sent": lambda tx: tx.message_sent("m", "<p@x>", NOW),
    "delivered": lambda tx: tx.message_delivered("m", NOW),
    "retry": lambda tx: tx.message_retry("m", NOW, "busy"),
    "dead": lambda tx: tx.message_dead("m", "no such user"),
    "held": lambda tx: tx.message_held("m"),
    "requeue": lambda tx: tx.requeue_message("m", NOW),
}

ALLOWED = {
    ("queued", "sent"): "sent",
    ("queued", "delivered"): "delivered",
    ("queued", "dead"): "dead",
    ("queued", "held"): "held",
    ("held", "dead"): "dead",
    ("held", "requeue"): "queued",
    ("sending", "sent"): "sent",
    ("sending", "delivered"): "delivered",
    ("sending", "retry"): "queued",
    ("sending", "dead"): "dead",
    ("sending", "held"): "held",
    ("sent", "delivered"): "delivered",
    ("sent", "dead"): "dead",
    ("delivered", "sent"): "delivered",
    ("dead", "requeue"): "queued",
}


def bring_to(tx, state: str) -> None:
    tx.queue_message(message("m", state="held" if state == "held" else "queued"))
    if state in ("sending", "sent", "delivered"):
        assert tx.claim_messages("email", NOW, 1)
    if state == "sent":
        assert tx.message_sent("m", "<p@x>", NOW)
    if state == "delivered":
        assert tx.message_delivered("m", NOW)
    if state == "dead":
        assert tx.message_dead("m", "x")


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", STATES)
def test_a_message_moves_only_as_it_may(store: Store, state: str, move: str) -> None:
    with store.write() as tx:
        bring_to(tx, state)
        before = the(tx.message("m"))
        moved = MOVES[move](tx)
        after = the(tx.message("m"))
    assert moved is ((state, move) in ALLOWED)
    assert after.state == ALLOWED.get((state, move), state)
    assert moved or after == before


@pytest.mark.parametrize("move", MOVES)
def test_an_unknown_message_does_not_move(store: Store, move: str) -> None:
    with store.write() as tx:
        assert MOVES[move](tx) is False
        assert tx.message("m") is None


def test_a_message_comes_back_as_it_was_queued(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        row = message("m-1", number, automatic=False, script=None, next_attempt_at=NOW + MINUTE)
        tx.queue_message(row)
        assert tx.message("m-1") == row
        assert tx.next_message() == NOW + MINUTE


@pytest.mark.parametrize("state", ["sending", "sent", "delivered", "dead"])
def test_a_message_begins_queued_or_held(store: Store, state: str) -> None:
    with store.write() as tx, pytest.raises(UsageError, match=state):
        tx.queue_message(message("m", state=state))


def test_messages_are_claimed_once_per_channel_when_their_time_has_come(store: Store) -> None:
    with store.write() as tx:
        for id, at in (("c", NOW), ("a", NOW), ("later", NOW + MINUTE), ("first", NOW - MINUTE)):
            tx.queue_message(message(id, created_at=at))
        tx.queue_message(message("other", channel="sms"))
        tx.queue_message(message("held", state="held"))
        claimed = tx.claim_messages("email", NOW, 2)
        assert [(row.id, row.state, row.attempts, row.sending_since) for row in claimed] == [
            ("first", "sending", 1, NOW),
            ("a", "sending", 1, NOW),
        ]
        assert claimed[0] == the(tx.message("first"))
        assert [row.id for row in tx.claim_messages("email", NOW, 9)] == ["c"]
        assert tx.claim_messages("email", NOW, 9) == []
        assert tx.next_message() == NOW
        assert tx.message_counts() == {"sending": 3, "queued": 2, "held": 1}


def test_a_retry_waits_and_counts(store: Store) -> None:
    with store.write() as tx:
        tx.queue_message(message("m"))
        tx.claim_messages("email", NOW, 1)
        tx.message_retry("m", NOW + MINUTE, "421 busy")
        assert tx.claim_messages("email", NOW, 1) == []
        (again,) = tx.claim_messages("email", NOW + MINUTE, 1)
    assert (again.attempts, again.error) == (2, "421 busy")


def test_what_a_stopped_process_left_is_sent_after_all(store: Store) -> None:
    with store.write() as tx:
        for id in ("a", "b", "c"):
            tx.queue_message(message(id))
        tx.claim_messages("email", NOW, 2)
        tx.message_sent("a", "1", NOW)
        assert tx.recover_sending(NOW + MINUTE) == 1
        recovered = the(tx.message("b"))
        assert (recovered.state, recovered.attempts, recovered.next_attempt_at) == ("queued", 1, NOW + MINUTE)
        assert tx.recover_sending(NOW) == 0


def test_only_what_was_sending_for_too_long_is_given_up(store: Store) -> None:
    with store.write() as tx:
        for id, at in (("old", NOW), ("new", NOW + MINUTE)):
            tx.queue_message(message(id, created_at=at))
            tx.claim_messages("email", at, 1)
        assert tx.recover_sending(NOW + 5 * MINUTE, before=NOW) == 1
        assert (the(tx.message("old")).state, the(tx.message("new")).state) == ("queued", "sending")


@pytest.mark.parametrize("late", ["retry", "dead"])
def test_who_was_given_up_cannot_take_the_message_from_who_has_it_now(store: Store, late: str) -> None:
    with store.write() as tx:
        tx.queue_message(message("m"))
        (first,) = tx.claim_messages("email", NOW, 1)
        tx.recover_sending(NOW)
        (second,) = tx.claim_messages("email", NOW, 1)
        act = {"retry": lambda row: tx.message_retry("m", NOW, "x", row), "dead": lambda row: tx.message_dead("m", "x", row)}[late]
        assert not act(first)
        assert tx.message("m") == second
        assert act(second)


def test_held_messages_are_released_together(store: Store) -> None:
    with store.write() as tx:
        tx.queue_message(message("a", state="held"))
        tx.queue_message(message("b", state="held"))
        assert tx.claim_messages("email", NOW, 9) == []
        assert tx.release_held() == 2
        assert [row.id for row in tx.claim_messages("email", NOW, 9)] == ["a", "b"]


def test_a_requeued_message_starts_over(store: Store) -> None:
    with store.write() as tx:
        bring_to(tx, "dead")
        tx.requeue_message("m", NOW + MINUTE)
        row = the(tx.message("m"))
    assert (row.attempts, row.error, row.next_attempt_at) == (0, None, NOW + MINUTE)


def test_a_receipt_that_overtakes_the_carriers_answer_loses_nothing(store: Store) -> None:
    with store.write() as tx:
        bring_to(tx, "delivered")
        assert tx.message_sent("m", "<p@x>", NOW)
        row = the(tx.message_by_provider("email", "<p@x>"))
    assert (row.state, row.sent_at, row.delivered_at) == ("delivered", NOW, NOW)


def test_a_message_is_found_by_what_its_carrier_calls_it(store: Store) -> None:
    with store.write() as tx:
        bring_to(tx, "sent")
        assert the(tx.message_by_provider("email", "<p@x>")).id == "m"
        assert tx.message_by_provider("sms", "<p@x>") is None
        assert tx.message_by_provider("email", "<q@x>") is None


def test_messages_are_listed_oldest_first_by_what_is_asked(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        tx.queue_message(message("b", number, created_at=NOW + MINUTE))
        tx.queue_message(message("a", number, channel="sms"))
        tx.queue_message(message("z", state="held", created_at=NOW + 2 * MINUTE))
        for asked, found in (
            ({}, ["a", "b", "z"]),
            ({"ticket": number}, ["a", "b"]),
            ({"state": "held"}, ["z"]),
            ({"channel": "sms", "state": "queued"}, ["a"]),
            ({"limit": 1}, ["a"]),
        ):
            assert [row.id for row in tx.messages(**asked)] == found


def test_references_are_the_last_ones_of_the_thread_oldest_first(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        for n in range(4):
            tx.queue_message(message(f"m{n}", number, created_at=NOW + n * MINUTE))
            tx.message_sent(f"m{n}", f"<{n}>", NOW)
        tx.queue_message(message("agent", number, party="zhao"))
        tx.message_sent("agent", "<x>", NOW)
        tx.queue_message(message("unsent", number, created_at=NOW + 9 * MINUTE))
        assert tx.references(number, "email", "customer", 3) == ["<1>", "<2>", "<3>"]
        assert tx.references(number, "sms", "customer", 3) == []


def test_automatic_messages_are_counted_by_address_over_all_channels(store: Store) -> None:
    with store.write() as tx:
        tx.queue_message(message("old", created_at=NOW - MINUTE))
        tx.queue_message(message("a"))
        tx.queue_message(message("b", channel="sms"))
        tx.queue_message(message("c", address="li@example.test"))
        tx.queue_message(message("by-hand", automatic=False))
        both = ("wang@example.test", "li@example.test", "nobody@example.test")
        assert tx.recent_automatic(NOW, both) == {"wang@example.test": 2, "li@example.test": 1}
        assert tx.recent_automatic(NOW - MINUTE, both[:1]) == {"wang@example.test": 3}


def test_a_reply_belongs_to_what_was_last_written_to_the_address(store: Store) -> None:
    with store.write() as tx:
        one, two, three = (open_ticket(tx).number for _ in range(3))
        tx.queue_message(message("a", one, channel="sms", address="+8613"))
        tx.queue_message(message("b", two, channel="sms", address="+8613", created_at=NOW + MINUTE))
        tx.queue_message(message("c", three, channel="sms", address="+8613", created_at=NOW + 2 * MINUTE, state="held"))
        tx.queue_message(message("d", None, channel="sms", address="+8613", created_at=NOW + 3 * MINUTE))
        tx.queue_message(message("e", three, channel="sms", address="+8613", party="zhao"))
        assert tx.conversation(["sms", "chat"], "+8613", "customer") == [two, one]
        assert tx.conversation(["sms"], "+8613", "zhao") == [three]
        tx.message_sent("a", "1", NOW + 5 * MINUTE)
        assert tx.conversation(["sms"], "+8613", "customer") == [one, two]
        assert tx.conversation(["email"], "+8613", "customer") == []
        assert tx.conversation(["sms"], "+8614", "customer") == []


# ── notices that go out together ────────────────────────────────────────────────────────────────────────────────────


def notice(id: str, **changes):
    return message(id, **{"party": "zhao", "address": "zhao@example.test", "digest": "", **changes})


def test_a_notice_comes_with_all_that_go_out_together_with_it_whatever_the_limit(store: Store) -> None:
    with store.write() as tx:
        for n in range(4):
            tx.queue_message(notice(f"n{n}", created_at=NOW + n * MINUTE, next_attempt_at=NOW))
        for id, changes in (
            ("party", {"party": "wang"}),
            ("address", {"address": "z@example.test"}),
            ("language", {"language": "en"}),
            ("channel", {"channel": "sms"}),
            ("later", {"next_attempt_at": NOW + MINUTE}),
            ("held", {"state": "held"}),
            ("alone", {"digest": "alone"}),
            ("plain", {"digest": None}),
        ):
            tx.queue_message(notice(id, **{"created_at": NOW + 9 * MINUTE, "next_attempt_at": NOW, **changes}))
        claimed = tx.claim_messages("email", NOW, 1)
        assert [(row.id, row.digest, row.state, row.attempts) for row in claimed] == [(f"n{n}", "n0", "sending", 1) for n in range(4)]
        assert [row.id for row in tx.sent_together("n0")] == ["n0", "n1", "n2", "n3"]
        assert [row.id for row in tx.sent_together("plain")] == ["plain"]
        rest = {row.id: row.digest for row in tx.claim_messages("email", NOW, 100)}
        assert rest == {"party": "party", "address": "address", "language": "language", "alone": "alone", "plain": None}


def test_no_digest_grows_past_its_size_and_what_is_left_makes_the_next(store: Store) -> None:
    with store.write() as tx:
        for n in range(LARGEST_DIGEST + 2):
            tx.queue_message(notice(f"n{n:03}"))
        assert len(tx.claim_messages("email", NOW, 1)) == LARGEST_DIGEST
        assert [row.digest for row in tx.claim_messages("email", NOW, 1)] == [f"n{LARGEST_DIGEST}"] * 2


def test_what_was_tried_together_is_tried_again_together_and_nothing_joins_it(store: Store) -> None:
    with store.write() as tx:
        for n in range(2):
            tx.queue_message(notice(f"n{n}"))
        tx.claim_messages("email", NOW, 1)
        tx.message_retry("n0", NOW + MINUTE, "busy")
        tx.message_retry("n1", NOW + 9 * MINUTE, "busy")
        tx.queue_message(notice("new", created_at=NOW + MINUTE))
        claimed = tx.claim_messages("email", NOW + MINUTE, 100)
        assert sorted((row.id, row.digest) for row in claimed) == [("n0", "n0"), ("n1", "n0"), ("new", "new")]


def test_of_a_digest_that_was_set_aside_each_row_can_join_another(store: Store) -> None:
    with store.write() as tx:
        for n in range(3):
            tx.queue_message(notice(f"n{n}"))
        tx.claim_messages("email", NOW, 1)
        assert all(tx.message_dead(f"n{n}", "no such user") for n in range(3))
        assert all(tx.requeue_message(f"n{n}", NOW) for n in (1, 2))
        assert [(row.id, row.digest) for row in tx.claim_messages("email", NOW, 1)] == [("n1", "n1"), ("n2", "n1")]


def test_notices_are_counted_by_party_and_nothing_else_is(store: Store) -> None:
    with store.write() as tx:
        tx.queue_message(notice("old", created_at=NOW - MINUTE))
        tx.queue_message(notice("one"))
        tx.queue_message(notice("alone", digest="alone", channel="sms"))
        tx.queue_message(notice("other", party="wang"))
        tx.queue_message(notice("plain", digest=None))
        assert tx.recent_notices(NOW) == {"wang": 1, "zhao": 2}
