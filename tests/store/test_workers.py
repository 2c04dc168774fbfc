"""Who works on the store, and what becomes of what the dead had claimed."""

from datetime import timedelta

from engine.store import OutboxRow, Store, WorkerRow
from engine.store.contract.workers import DEAD_AFTER
from tests.store.samples import MINUTE, NOW, message, the


def worker(id: str, policy: str = "digest-1") -> WorkerRow:
    return WorkerRow(id, "desk", 7, ("intake", "timers"), policy, NOW, NOW)


def age(store: Store, id: str, silent: timedelta) -> None:
    """Let a worker be silent for so long, by whatever clock the store goes by."""
    with store.write() as tx:
        tx._session.run("UPDATE worker SET seen_at = seen_at - ? WHERE id = ?", silent // timedelta(microseconds=1), id)  # type: ignore[attr-defined]  # a worker that died is no thing of the contract


def test_a_worker_is_listed_from_its_start_to_its_end(store: Store) -> None:
    with store.write() as tx:
        tx.worker_seen(worker("a"), NOW)
        tx.worker_seen(worker("b"), NOW + MINUTE)
        tx.worker_seen(worker("a", policy="digest-2"), NOW + MINUTE)
        listed = {one.id: one for one in tx.workers(NOW + MINUTE)}
        assert list(listed) == ["a", "b"]
        assert (listed["a"].host, listed["a"].pid, listed["a"].parts, listed["a"].policy) == ("desk", 7, ("intake", "timers"), "digest-2")
        assert listed["a"].started_at <= listed["a"].seen_at
        assert listed["a"].silent < MINUTE
        tx.worker_gone("a")
        assert [one.id for one in tx.workers(NOW)] == ["b"]


def test_the_dead_are_remembered_for_a_while(store: Store) -> None:
    with store.write() as tx:
        tx.worker_seen(worker("dead"), NOW)
        tx.worker_seen(worker("alive"), NOW)
    age(store, "dead", 2 * MINUTE)
    with store.write() as tx:
        assert {one.id: one.silent >= 2 * MINUTE for one in tx.workers(NOW)} == {"dead": True, "alive": False}
        tx.forget_workers(NOW, 3 * MINUTE)
        assert len(tx.workers(NOW)) == 2
        tx.forget_workers(NOW, MINUTE)
        assert [one.id for one in tx.workers(NOW)] == ["alive"]


def claimed(store: Store, id: str, by: str) -> OutboxRow:
    with store.write() as tx:
        tx.queue_message(message(id))
        tx.worker_seen(worker(by), NOW)
        (row,) = tx.claim_messages("email", NOW, 9, by)
    assert row.worker == by
    return row


def test_what_the_dead_were_sending_is_given_up_long_before_its_lease(store: Store) -> None:
    rows = [claimed(store, id, by) for id, by in (("a", "alive"), ("b", "dead"), ("c", "gone"))]
    age(store, "dead", DEAD_AFTER)
    with store.write() as tx:
        tx.worker_gone("gone")
        assert tx.recover_sending(NOW, before=NOW - MINUTE) == 2
        assert [row.id for row in tx.messages(state="sending")] == ["a"]
        assert [row.id for row in tx.claim_messages("email", NOW, 9, "alive")] == ["b", "c"]
        assert tx.message("a") == rows[0]


def test_a_claim_that_was_given_up_changes_nothing_once_somebody_else_has_it(store: Store) -> None:
    old = claimed(store, "m", "old")
    with store.write() as tx:
        tx.worker_gone("old")
        tx.recover_sending(NOW, before=NOW - MINUTE)
        (new,) = tx.claim_messages("email", NOW, 9, "new")
        assert not tx.message_retry("m", NOW, "busy", old)
        assert not tx.message_dead("m", "no such user", old)
        assert not tx.message_sent("m", "<old@x>", NOW, old)
        assert tx.message("m") == new
        assert tx.message_sent("m", "<new@x>", NOW, new)


def test_an_attempt_that_is_counted_anew_is_no_old_claim(store: Store) -> None:
    """A person lets a message begin again, so that its attempts are those of the first claim: the worker tells them apart."""
    old = claimed(store, "m", "old")
    with store.write() as tx:
        tx.worker_gone("old")
        tx.recover_sending(NOW, before=NOW - MINUTE)
        tx.message_dead("m", "a person gave it up")
        tx.requeue_message("m", NOW)
        (new,) = tx.claim_messages("email", NOW, 9, "new")
        assert (old.attempts, new.attempts) == (1, 1)
        assert not tx.message_dead("m", "no such user", old)


def test_who_had_sent_it_after_all_before_somebody_else_took_it_is_believed(store: Store) -> None:
    old = claimed(store, "m", "old")
    with store.write() as tx:
        tx.worker_gone("old")
        tx.recover_sending(NOW, before=NOW - MINUTE)
        assert tx.message_sent("m", "<old@x>", NOW, old)
        assert the(tx.message("m")).state == "sent"
