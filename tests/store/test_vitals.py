"""How much waits, and how the database itself is."""

from datetime import timedelta

from engine.runtime.clock import SystemClock
from engine.store import Store
from engine.store.rows import BacklogRow
from tests.store.samples import MINUTE, NOW, message, open_ticket

N1 = "202405120001"


def test_an_empty_store_has_no_backlog(store: Store) -> None:
    with store.read() as reader:
        assert reader.backlog() == []


def test_what_waits_and_what_was_set_aside_is_counted_with_what_is_due_longest(store: Store) -> None:
    with store.write() as tx:
        open_ticket(tx, N1, due=NOW + MINUTE)
        for name in ("a", "b"):
            tx.accept("sms", name, NOW, "{}", b"")
        tx.accept("email", "c", NOW, "{}", b"")
        tx.inbox_failed(1, "broken", None)
        tx.inbox_done(3, None)
        for number, state in enumerate(("queued", "queued", "held", "queued")):
            tx.queue_message(message(f"m-{number}", N1, state=state))
        tx.message_dead("m-1", "refused")
        tx.message_sent("m-0", None, NOW)
        tx.start_timer(N1, "later", NOW + 2 * MINUTE)
        tx.start_timer(N1, "sooner", NOW + MINUTE)
    channel = message("x").channel
    with store.read() as reader:
        assert reader.backlog() == [
            BacklogRow("inbox", "sms", "dead", 1, NOW),
            BacklogRow("inbox", "sms", "pending", 1, NOW),
            BacklogRow("outbox", channel, "dead", 1, NOW),
            BacklogRow("outbox", channel, "held", 1, NOW),
            BacklogRow("outbox", channel, "queued", 1, NOW),
            BacklogRow("timer", "", "waiting", 2, NOW + MINUTE),
        ]


def test_a_sound_database_says_what_it_is(store: Store) -> None:
    with store.read() as reader:
        found, thorough = reader.vitals(), reader.vitals(thorough=True)
    assert found.server.split(" ")[0] in ("SQLite", "PostgreSQL")
    assert found.size > 0
    servers = ("fsync is off: a power failure may lose what was committed",)  # the tests' server is quick rather than safe
    assert thorough.unsound == (servers if store.shared else ())
    if store.shared:
        assert found.now is not None
        assert abs(found.now - SystemClock().now()) < timedelta(minutes=1)
