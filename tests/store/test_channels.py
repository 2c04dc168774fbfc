"""How carriers are is kept by channel and side, what became of failures in their order, and what is urgent is claimed first."""

from datetime import timedelta

from engine.runtime.carriers import RECEIVE, SEND, Circuit
from engine.store import ChannelRow, Store, TrialRow
from tests.store.samples import MINUTE, NOW, message, open_ticket, the

CIRCUIT = Circuit(failures=3)


def test_what_is_received_has_a_circuit_of_its_own(store: Store) -> None:
    with store.write() as tx:
        for _ in range(3):
            CIRCUIT.failed(tx, "email", RECEIVE, "no route", NOW)
        assert not CIRCUIT.admits(tx.channel_state("email", RECEIVE), NOW)
        assert CIRCUIT.admits(tx.channel_state("email", SEND), NOW)
        CIRCUIT.worked(tx, "email", RECEIVE)
        assert [row.failures for row in tx.channel_states()] == [0]


def test_where_not_all_can_go_what_a_person_wrote_and_the_nearest_deadline_go_first(store: Store) -> None:
    with store.write() as tx:
        late, soon = (open_ticket(tx, due=NOW + due * MINUTE).number for due in (90, 10))
        for n in range(40):
            tx.queue_message(message(f"notice {n:02}", late, digest="", party="zhao", created_at=NOW, address=f"{n}@example.test"))
        tx.queue_message(message("survey", None, created_at=NOW - MINUTE))
        tx.queue_message(message("notice of soon", soon, digest="", party="li", address="li@example.test"))
        tx.queue_message(message("promise of soon", soon))
        tx.queue_message(message("by hand", late, automatic=False))
        claimed = [tx.claim_messages("email", NOW + MINUTE, 1, urgent_first=True)[0].id for _ in range(4)]
        assert claimed == ["by hand", "promise of soon", "notice of soon", "notice 00"]
        assert tx.waiting_messages(NOW + MINUTE) == {"email": 40}
        assert len(tx.claim_messages("email", NOW + MINUTE, 99, urgent_first=True)) == 40


def test_a_channel_of_which_nothing_is_kept_is_well_and_what_is_kept_comes_back(store: Store) -> None:
    row = ChannelRow("sms", SEND, 7, NOW, NOW + MINUTE, "no route", NOW + timedelta(microseconds=1))
    with store.write() as tx:
        assert tx.channel_state("sms", SEND) == ChannelRow("sms", SEND)
        assert tx.channel_states() == []
        tx.keep_channel_state(ChannelRow("sms", SEND, 1))
        tx.keep_channel_state(row)
        tx.keep_channel_state(ChannelRow("email", RECEIVE))
    with store.read() as view:
        assert view.channel_state("sms", SEND) == row
        assert view.channel_states() == [ChannelRow("email", RECEIVE), row]


def test_what_became_of_something_is_kept_in_order(store: Store) -> None:
    told = [TrialRow(NOW, "inbox", "7", "failed", "no"), TrialRow(NOW, "inbox", "7", "dropped", "spam", "zhao")]
    other = TrialRow(NOW, "timer", "202405120001/survey/remind", "dropped", "late", "li")
    with store.write() as tx:
        for row in (*told, other, TrialRow(NOW, "outbox", "7", "requeued", "", "li")):
            tx.keep_trial(row)
    with store.read() as view:
        assert view.trials("inbox", "7") == told
        assert view.trials("inbox", "8") == []
        assert view.dropped(9) == [other, told[1]]
        assert view.dropped(1) == [other]


def test_what_was_dropped_stays_and_is_never_tried_again(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        tx.accept("sms", "1", NOW, "{}", b"raw")
        tx.queue_message(message("m"))
        tx.start_timer(number, "survey", NOW)
        assert [tx.drop_inbox(1, NOW), tx.drop_message("m", NOW), tx.drop_timer(number, "survey")] == [False] * 3, "nothing was set aside"
        tx.inbox_failed(1, "no", None)
        tx.message_dead("m", "no")
        tx.fail_timer(tx.due_timers(NOW, 1)[0], "no", None)
        assert [len(tx.dead_inbox(channel, 9)) for channel in (None, "sms", "email")] == [1, 1, 0]
        assert tx.drop_inbox(1, NOW)
        assert tx.drop_message("m", NOW)
        assert tx.drop_timer(number, "survey")
        assert [tx.drop_inbox(1, NOW), tx.drop_message("m", NOW), tx.drop_timer(number, "survey")] == [False] * 3, "once is enough"
        assert [tx.requeue_inbox(1, NOW), tx.requeue_message("m", NOW), tx.requeue_timer(number, "survey", NOW)] == [False] * 3
        assert (tx.dead_inbox(None, 9), tx.messages(state="dead"), tx.dead_timers(9)) == ([], [], [])
        assert (tx.inbox_counts(), tx.message_counts()) == ({"dropped": 1}, {"dropped": 1})
        assert (the(tx.inbox_row(1)).raw, the(tx.inbox_row(1)).dropped_at) == (b"raw", NOW)
        assert (the(tx.message("m")).state, the(tx.message("m")).dropped_at) == ("dead", NOW)
        assert not tx.accept("sms", "1", NOW, "{}", b"raw"), "its source may bring it again"


def test_an_excused_attempt_does_not_count_and_is_forgotten_when_a_person_tries_again(store: Store) -> None:
    with store.write() as tx:
        tx.queue_message(message("m"))
        for excused in (False, True, True):
            (row,) = tx.claim_messages("email", NOW, 1)
            assert tx.message_retry("m", NOW, "busy", row, excused=excused)
        assert (the(tx.message("m")).attempts, the(tx.message("m")).excused) == (3, 2)
        tx.message_dead("m", "no")
        tx.requeue_message("m", NOW)
        assert (the(tx.message("m")).attempts, the(tx.message("m")).excused) == (0, 0)
