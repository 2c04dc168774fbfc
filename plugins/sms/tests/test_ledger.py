"""What is remembered of sent parts, their receipts, and inbound messages without an id."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import ReceiptStatus
from engine_sms.ledger import Ledger, PartReceipt

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DELIVERED, FAILED = ReceiptStatus.DELIVERED, ReceiptStatus.FAILED


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "sms.sqlite")
    yield ledger
    ledger.close()


def test_a_message_is_delivered_when_its_last_part_is(ledger):
    _send(ledger, "m", ["a", "b", "c"])
    for carrier_id in ("c", "a"):
        ledger.record_receipt(PartReceipt(carrier_id, DELIVERED, "DELIVRD"), NOW)
        assert ledger.due_receipts(NOW) == []
    ledger.record_receipt(PartReceipt("b", DELIVERED, "DELIVRD"), NOW)
    [receipt] = ledger.due_receipts(NOW)
    assert (receipt.message_id, receipt.provider_id, receipt.status) == ("m", "a,b,c", DELIVERED)


def test_one_failed_part_fails_the_message_at_once(ledger):
    _send(ledger, "m", ["a", "b"])
    ledger.record_receipt(PartReceipt("b", FAILED, "EXPIRED", permanent=False), NOW)
    [receipt] = ledger.due_receipts(NOW)
    assert (receipt.status, receipt.detail, receipt.permanent) == (FAILED, "EXPIRED", False)


def test_a_receipt_stays_due_until_it_is_reported_also_over_a_restart(tmp_path):
    first = Ledger(tmp_path / "sms.sqlite")
    _send(first, "m", ["a"])
    first.record_receipt(PartReceipt("a", DELIVERED, "DELIVRD"), NOW)
    [before] = first.due_receipts(NOW)
    first.close()
    second = Ledger(tmp_path / "sms.sqlite")
    [after] = second.due_receipts(NOW)
    assert after == before
    second.reported(after)
    assert second.due_receipts(NOW) == []
    second.close()


def test_a_receipt_that_comes_before_the_answer_is_joined_to_its_part(ledger):
    ledger.record_receipt(PartReceipt("a", DELIVERED, "DELIVRD"), NOW)
    assert ledger.due_receipts(NOW) == []
    _send(ledger, "m", ["a"])
    [receipt] = ledger.due_receipts(NOW)
    assert receipt.message_id == "m"


def test_a_receipt_that_belongs_to_no_message_we_know_is_handed_on_after_a_minute(ledger):
    ledger.record_receipt(PartReceipt("stranger", FAILED, "UNDELIV"), NOW)
    later = NOW + 2 * MINUTE
    [receipt] = ledger.due_receipts(later)
    assert (receipt.message_id, receipt.provider_id) == ("", "stranger")
    ledger.reported(receipt)
    assert ledger.due_receipts(later) == []


def test_an_id_the_carrier_uses_again_means_its_newest_message(ledger):
    _send(ledger, "old", ["m000001"])
    _send(ledger, "new", ["m000001"], NOW + MINUTE)
    ledger.record_receipt(PartReceipt("m000001", DELIVERED, "DELIVRD"), NOW + MINUTE)
    assert [receipt.message_id for receipt in ledger.due_receipts(NOW + MINUTE)] == ["new"]


def test_a_second_try_sends_only_the_parts_the_carrier_does_not_hold(ledger):
    ledger.accept_part("m", 2, 3, "b", NOW)
    assert ledger.accepted_parts("m", 3, NOW + MINUTE) == {2: "b"}
    assert ledger.accepted_parts("other", 3, NOW) == {}


@pytest.mark.parametrize("why", ["failed", "too old", "other shape"])
def test_a_message_starts_over_when_its_parts_cannot_be_joined_any_more(ledger, why):
    _send(ledger, "m", ["a", "b"])
    if why == "failed":
        ledger.record_receipt(PartReceipt("a", FAILED, "UNDELIV"), NOW)
    later = NOW + timedelta(hours=13) if why == "too old" else NOW
    assert ledger.accepted_parts("m", 3 if why == "other shape" else 2, later) == {}
    _send(ledger, "m", ["x", "y"], later)
    for carrier_id in ("x", "y"):
        ledger.record_receipt(PartReceipt(carrier_id, DELIVERED, "DELIVRD"), later)
    [receipt] = ledger.due_receipts(later)
    assert receipt.status == DELIVERED
    ledger.record_receipt(PartReceipt("a", FAILED, "UNDELIV"), later)
    assert [due.message_id for due in ledger.due_receipts(later)] == ["m"], "the late word on the first try does not touch the second"


def test_the_receipts_of_two_tries_are_two_receipts(ledger):
    ids = []
    for attempt in ("a", "b"):
        ledger.accepted_parts("m", 1, NOW)
        _send(ledger, "m", [attempt])
        ledger.record_receipt(PartReceipt(attempt, FAILED, "UNDELIV"), NOW)
        [receipt] = ledger.due_receipts(NOW)
        ids.append(receipt.source_id)
        ledger.reported(receipt)
    assert ids[0] != ids[1]


def test_the_same_inbound_message_again_is_the_same_until_it_is_answered(ledger):
    first = ledger.arrival("Y", NOW)
    assert ledger.arrival("Y", NOW + timedelta(hours=3)) == first
    ledger.answered("Y", NOW + timedelta(hours=3))
    assert ledger.arrival("Y", NOW + timedelta(hours=3, seconds=20)) == first, "the carrier did not get our answer"


def test_the_same_words_a_minute_after_the_answer_are_another_message(ledger):
    first = ledger.arrival("Y", NOW)
    ledger.answered("Y", NOW)
    assert ledger.arrival("Y", NOW + MINUTE)[0] != first[0]


def test_an_answer_that_could_not_be_given_keeps_the_message_the_same(ledger):
    first = ledger.arrival("Y", NOW)
    ledger.answered("Y", NOW)
    ledger.answered("Y", None)
    assert ledger.arrival("Y", NOW + timedelta(hours=1)) == first


def test_what_is_too_old_to_matter_is_forgotten(ledger):
    _send(ledger, "m", ["a"])
    first = ledger.arrival("Y", NOW)
    later = NOW + timedelta(days=15)
    ledger.forget(later)
    ledger.record_receipt(PartReceipt("a", DELIVERED, "DELIVRD"), later)
    assert ledger.due_receipts(later) == []
    assert ledger.arrival("Y", later)[0] != first[0]


@given(
    states=st.lists(st.sampled_from([DELIVERED, DELIVERED, DELIVERED, FAILED, None]), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_the_verdict_does_not_depend_on_the_order_of_receipts_and_answers(tmp_path_factory, states, order):
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "sms.sqlite")
    steps = [("accept", part) for part in range(len(states))] + [("receipt", part) for part, state in enumerate(states) if state]
    order.shuffle(steps)
    for step, part in steps:
        if step == "accept":
            ledger.accept_part("m", part + 1, len(states), f"c{part}", NOW)
        else:
            ledger.record_receipt(PartReceipt(f"c{part}", states[part], "word"), NOW)
    verdicts = [receipt.status for receipt in ledger.due_receipts(NOW)]
    ledger.close()
    if FAILED in states:
        assert verdicts == [FAILED]
    elif None in states:
        assert verdicts == []
    else:
        assert verdicts == [DELIVERED]


def _send(ledger, message_id, carrier_ids, now=NOW):
    for part, carrier_id in enumerate(carrier_ids, start=1):
        ledger.accept_part(message_id, part, len(carrier_ids), carrier_id, now)
