"""The SMS channel against a real SMS centre over SMPP 3.4."""

from datetime import timedelta

import pytest

import engine_sms
from engine.channels import Inbound, PermanentFailure, Receipt, ReceiptStatus, Rejected, TemporaryFailure
from engine.testing import SettableClock, context
from tests.real.sms_servers import SmsCentre
from tests.real.sms_support import (
    CUSTOMER,
    HOUSE,
    INVALID_DESTINATION,
    LONG,
    QUEUE_FULL,
    SIGNATURE,
    SYSTEM_ERROR,
    THROTTLED,
    Receiver,
    message,
    smpp_settings,
)
from tests.support.ports import LOOPBACK
from tests.support.waiting import wait_until


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def surroundings(tmp_path, clock):
    return context(tmp_path, clock, "sms")


@pytest.fixture
def centre():
    with SmsCentre() as centre:
        yield centre


@pytest.fixture
def channel(centre, surroundings):
    channel = engine_sms.build(smpp_settings(centre.port), surroundings)
    channel.open()
    yield channel
    channel.close()


@pytest.fixture
def receiver(channel):
    return Receiver(channel)


class TestSmpp:
    def test_a_long_message_arrives_whole_and_has_one_receipt(self, centre, channel, receiver):
        sent = channel.send(message(text=LONG))
        assert centre.messages() == [(CUSTOMER, SIGNATURE + LONG)]
        assert len(centre.submits) == 4
        assert all(submit.octets <= 140 and submit.source == HOUSE for submit in centre.submits)
        [receipt] = receiver.until(1, Receipt)
        assert (receipt.status, receipt.message_id, receipt.provider_id) == (ReceiptStatus.DELIVERED, "m1", sent.provider_id)
        in_order = sorted(centre.submits, key=lambda submit: submit.place)
        assert sent.provider_id.split(",") == [submit.message_id for submit in in_order]

    def test_seven_bit_text_arrives_with_its_extension_characters(self, centre, surroundings):
        channel = engine_sms.build(smpp_settings(centre.port) | {"signature": "[Acme] "}, surroundings)
        text = "[Acme] 5€ for é, £, ü & {you} ~ @_$\\^|"
        channel.send(message(text=text))
        channel.close()
        assert centre.submits[0].data_coding == 0
        assert centre.messages() == [(CUSTOMER, text)]

    def test_receipts_out_of_order_and_over_a_restart_still_make_one(self, centre, channel, surroundings):
        centre.hold_receipts = True
        channel.send(message(text=LONG))
        wait_until(lambda: centre.held_receipts == 4, "the receipts are held back")
        channel.close()
        restarted = engine_sms.build(smpp_settings(centre.port), surroundings)
        restarted.open()
        try:
            centre.release_receipts(reverse=True)
            [receipt] = Receiver(restarted).until(1, Receipt)
            assert (receipt.message_id, receipt.status) == ("m1", ReceiptStatus.DELIVERED)
        finally:
            restarted.close()

    @pytest.mark.parametrize(("state", "permanent"), [("UNDELIV", True), ("REJECTD", True), ("EXPIRED", False)])
    def test_an_undelivered_message_is_reported_as_failed(self, centre, channel, receiver, state, permanent):
        centre.fates[CUSTOMER] = state
        channel.send(message())
        [receipt] = receiver.until(1, Receipt)
        assert (receipt.status, receipt.permanent, receipt.detail) == (ReceiptStatus.FAILED, permanent, f"{state} err:001")

    @pytest.mark.parametrize("status", [THROTTLED, QUEUE_FULL])
    def test_a_centre_that_is_too_busy_is_tried_again_and_only_for_what_is_missing(self, centre, channel, status):
        centre.refusals[CUSTOMER] = [status]
        with pytest.raises(TemporaryFailure) as failure:
            channel.send(message(text=LONG))
        assert failure.value.retry_after == 5
        assert CUSTOMER not in str(failure.value)
        assert len(centre.submits) == 3, "the other parts of the window were taken"
        channel.send(message(text=LONG))
        assert len(centre.submits) == 4, "only the missing part was sent again"
        assert centre.messages() == [(CUSTOMER, SIGNATURE + LONG)]

    def test_refusals_are_told_apart(self, centre, channel):
        centre.refusals[CUSTOMER] = [INVALID_DESTINATION, SYSTEM_ERROR]
        with pytest.raises(PermanentFailure, match="0x0000000b"):
            channel.send(message())
        with pytest.raises(TemporaryFailure, match="0x00000008"):
            channel.send(message())
        channel.send(message())
        assert len(centre.submits) == 1

    def test_a_message_the_engine_asks_for_again_after_a_crash_is_not_sent_twice(self, centre, channel):
        assert channel.send(message(text=LONG)) == channel.send(message(text=LONG))
        assert len(centre.submits) == 4

    def test_a_message_that_failed_and_is_requeued_is_sent_again(self, centre, channel, receiver):
        centre.fates[CUSTOMER] = "UNDELIV"
        channel.send(message())
        receiver.until(1, Receipt)
        centre.fates.clear()
        channel.send(message())
        assert [receipt.status for receipt in receiver.until(2, Receipt)] == [ReceiptStatus.FAILED, ReceiptStatus.DELIVERED]

    def test_a_customers_reply_is_answered_only_when_the_engine_has_it(self, centre, receiver):
        receiver.keep = lambda item: False
        centre.inject(CUSTOMER, HOUSE, "5 5 4 谢谢")
        [reply] = receiver.until(1, Inbound)
        assert (reply.sender, reply.recipient, reply.text) == (CUSTOMER, HOUSE, "5 5 4 谢谢")
        assert centre.unanswered == 1
        receiver.channel.close()
        wait_until(lambda: centre.deliveries[0].refusals == [0x64], "the message is handed back (ESME_RX_T_APPN)")
        receiver.channel.open()
        receiver.keep = lambda item: True
        _, again = receiver.until(2, Inbound)
        assert again == reply
        wait_until(lambda: centre.unanswered == 0, "the centre has its answer")

    def test_the_same_words_a_minute_apart_are_two_replies(self, centre, receiver, clock):
        centre.inject(CUSTOMER, HOUSE, "Y")
        receiver.until(1, Inbound)
        wait_until(lambda: centre.unanswered == 0, "the first is answered")
        clock.advance(timedelta(minutes=1))
        centre.inject(CUSTOMER, HOUSE, "Y")
        first, second = receiver.until(2, Inbound)
        assert first.source_id != second.source_id

    def test_a_long_reply_is_put_together_also_over_a_restart(self, centre, receiver, surroundings):
        text = "问题还没有解决😀，" * 30
        units = text.encode("utf-16-be")
        pieces = [units[start : start + 134] for start in range(0, len(units), 134)]

        def inject(number):
            header = bytes([5, 0, 3, 9, len(pieces), number])
            centre.inject_octets(CUSTOMER, HOUSE, header + pieces[number - 1], data_coding=8, esm_class=0x40)

        for number in (3, 1):
            inject(number)

        def parts_answered():
            receiver.look()
            return centre.unanswered == 0

        wait_until(parts_answered, "the parts are answered one by one")
        assert receiver.of(Inbound) == []
        receiver.channel.close()
        receiver.channel.open()
        for number in set(range(1, len(pieces) + 1)) - {1, 3}:
            inject(number)
        [whole] = receiver.until(1, Inbound)
        assert whole.text == text
        receiver.look()
        assert len(receiver.items) == 1

    def test_the_parts_that_came_are_handed_over_when_the_rest_stays_away(self, centre, receiver, clock):
        centre.inject_octets(CUSTOMER, HOUSE, b"\x05\x00\x03\x09\x02\x01" + "前半".encode("utf-16-be"), data_coding=8, esm_class=0x40)

        def part_answered():
            receiver.look()
            return centre.deliveries[0].answered

        wait_until(part_answered, "the part is answered")
        clock.advance(timedelta(minutes=6))
        [reply] = receiver.until(1, Inbound)
        assert reply.text == "前半…"

    def test_a_binary_message_is_set_aside_and_can_be_looked_at_again(self, centre, receiver):
        centre.inject_octets(CUSTOMER, HOUSE, b"\x00\x01", data_coding=4)
        [bad] = receiver.until(1, Rejected)
        assert bad.reason == "data_coding 4 is not text"
        [again] = receiver.channel.parse(bad.raw, bad.name)
        assert again.reason == bad.reason

    def test_the_link_comes_back_after_the_centre_was_away(self, centre, receiver):
        channel = receiver.channel
        channel.send(message("before"))
        centre.stop()
        with pytest.raises(TemporaryFailure):
            channel.send(message("during"))
        with pytest.raises(TemporaryFailure, match="cannot reach the SMS centre"):
            list(channel.receive(0.1))
        centre.inject(CUSTOMER, HOUSE, "Y")
        centre.start()

        def sent():
            try:
                return channel.send(message("during"))
            except TemporaryFailure:
                return False

        wait_until(sent, "the message is sent once the centre is back")
        assert len(centre.submits) == 2
        assert [reply.text for reply in receiver.until(1, Inbound)] == ["Y"]

    def test_check_binds_probes_and_sends(self, centre, channel):
        lines = channel.check(f"+{CUSTOMER}")
        assert lines[0] == f"bound to {LOOPBACK}:{centre.port} as house"
        assert "enquire_link" in lines[1]
        assert CUSTOMER not in lines[2]
        assert len(centre.submits) == 1
