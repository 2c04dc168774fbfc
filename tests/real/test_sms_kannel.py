"""The SMS channel through a real Kannel to a real SMS centre."""

import itertools

import pytest

import engine_sms
from engine.channels import Inbound, Receipt, ReceiptStatus, Rejected, TemporaryFailure
from engine.testing import Arrived, Carrier, ChannelContract, context
from tests.real.kannel_server import Kannel
from tests.real.sms_servers import SmsCentre
from tests.real.sms_support import CUSTOMER, HOUSE, INVALID_DESTINATION, LONG, SECRET, SIGNATURE, Receiver, message
from tests.support.ports import LOOPBACK, free_port
from tests.support.waiting import wait_until


@pytest.fixture
def surroundings(tmp_path):
    return context(tmp_path, name="sms")


@pytest.fixture
def centre():
    with SmsCentre() as centre:
        yield centre


@pytest.fixture
def kannel_port():
    return free_port()


@pytest.fixture
def kannel(tmp_path, centre, kannel_port):
    with Kannel(tmp_path / "kannel", centre, f"http://{LOOPBACK}:{kannel_port}/{SECRET}") as kannel:
        yield kannel


def kannel_settings(kannel, port, **settings):
    account = {
        "sendsms_url": kannel.sendsms_url,
        "username": kannel.username,
        "password": kannel.password,
        "secret": SECRET,
        "listen_port": port,
        "timeout_seconds": 1,
        **settings,
    }
    return {"transport": "kannel", "signature": SIGNATURE, "sender": HOUSE, "max_parts": 255, "kannel": account}


@pytest.mark.real("bearerbox", "smsbox")
class TestKannel:
    @pytest.fixture
    def channel(self, kannel, kannel_port, surroundings):
        channel = engine_sms.build(kannel_settings(kannel, kannel_port), surroundings)
        channel.open()
        yield channel
        channel.close()

    @pytest.fixture
    def receiver(self, channel):
        return Receiver(channel)

    def test_a_long_message_arrives_whole_and_has_one_receipt(self, centre, channel, receiver):
        sent = channel.send(message(text=LONG))
        [receipt] = receiver.until(1, Receipt)
        assert centre.messages() == [(CUSTOMER, SIGNATURE + LONG)]
        assert (receipt.status, receipt.message_id, receipt.provider_id) == (ReceiptStatus.DELIVERED, "m1", sent.provider_id)
        receiver.look()
        assert len(receiver.items) == 1

    def test_seven_bit_text_keeps_its_extension_characters_over_several_parts(self, centre, kannel, kannel_port, surroundings):
        channel = engine_sms.build(kannel_settings(kannel, kannel_port) | {"signature": "[Acme] "}, surroundings)
        text = "[Acme] " + "{5€} for é, £ & ü ~ " * 20
        channel.send(message(text=text))
        channel.close()
        wait_until(lambda: len(centre.messages()) == 1, "all parts came")
        assert centre.messages() == [(CUSTOMER, text)]
        assert {submit.data_coding for submit in centre.submits} == {0}

    @pytest.mark.parametrize(("state", "permanent"), [("UNDELIV", True), ("REJECTD", True), ("EXPIRED", False)])
    def test_an_undelivered_message_is_reported_as_failed(self, centre, channel, receiver, state, permanent):
        centre.fates[CUSTOMER] = state
        channel.send(message())
        [receipt] = receiver.until(1, Receipt)
        assert (receipt.status, receipt.permanent, receipt.message_id) == (ReceiptStatus.FAILED, permanent, "m1")

    def test_a_message_the_centre_refuses_is_reported_as_failed(self, centre, channel, receiver):
        centre.refusals[CUSTOMER] = [INVALID_DESTINATION]
        channel.send(message())
        [receipt] = receiver.until(1, Receipt)
        assert (receipt.status, receipt.permanent) == (ReceiptStatus.FAILED, True)
        assert receipt.detail.startswith("NACK/0x0000000b")

    def test_replies_come_in_every_alphabet(self, centre, receiver):
        centre.inject(CUSTOMER, HOUSE, "5 5 4 谢谢😀")
        centre.inject(CUSTOMER, HOUSE, "Y ok")
        centre.inject_octets(CUSTOMER, HOUSE, b"5 \x1be \x05 @\x00")
        centre.inject(CUSTOMER, HOUSE, "问题还没有解决😀，" * 30, reference=9)
        replies = receiver.until(4, Inbound)
        assert {reply.text for reply in replies} == {"5 5 4 谢谢😀", "Y ok", "5 € é ¡@", "问题还没有解决😀，" * 30}
        assert {reply.sender for reply in replies} == {CUSTOMER}

    def test_a_reply_the_engine_did_not_keep_comes_again(self, centre, receiver):
        receiver.keep = lambda item: len(receiver.items) > 1
        centre.inject(CUSTOMER, HOUSE, "Y")
        first, again = receiver.until(2, Inbound)
        assert again == first

    def test_a_reply_while_we_are_away_comes_when_we_are_back(self, centre, receiver):
        receiver.channel.close()
        centre.inject(CUSTOMER, HOUSE, "Y")
        wait_until(lambda: centre.unanswered == 0, "Kannel has the reply")
        receiver.channel.open()
        assert [reply.text for reply in receiver.until(1, Inbound)] == ["Y"]

    def test_a_binary_message_is_set_aside(self, centre, receiver):
        centre.inject_octets(CUSTOMER, HOUSE, b"\x00\x01", data_coding=4)
        [bad] = receiver.until(1, Rejected)
        assert "is not text" in bad.reason
        [again] = receiver.channel.parse(bad.raw, bad.name)
        assert again.reason == bad.reason

    def test_check_proves_the_account(self, kannel, kannel_port, channel, surroundings, centre):
        lines = channel.check(f"+{CUSTOMER}")
        assert len(lines) == 3
        wait_until(lambda: len(centre.submits) == 1, "the test message came")
        stranger = engine_sms.build(kannel_settings(kannel, kannel_port, password="wrong"), surroundings)
        with pytest.raises(TemporaryFailure, match="check sendsms_url, username and password") as failure:
            stranger.check(None)
        assert "wrong" not in str(failure.value)
        with pytest.raises(TemporaryFailure, match="Kannel refused"):
            stranger.send(message("m2"))
        stranger.close()

    def test_kannel_being_away_is_temporary(self, kannel, channel):
        kannel.stop()
        with pytest.raises(TemporaryFailure, match="cannot reach Kannel"):
            channel.send(message())


class KannelCarrier(Carrier):
    channel_type = engine_sms.engine_channel_types()[0]
    input_name = "input.json"

    def __init__(self, kannel, port):
        self._kannel, self._port = kannel, port
        self._numbers = itertools.count()

    def settings(self):
        return kannel_settings(self._kannel, self._port)

    def put_good(self, count):
        for number in itertools.islice(self._numbers, count):
            self._kannel.centre.inject(CUSTOMER, HOUSE, f"满意 {number}")

    def put_bad(self):
        self._kannel.centre.inject_octets(CUSTOMER, HOUSE, b"\x00\x01\x02", data_coding=4)

    def recipient(self):
        return CUSTOMER

    def arrived(self):
        """Kannel passes parts on in its own time: wait until it has nothing more on its way."""
        self._kannel.settle()
        return [Arrived(to, text) for to, text in self._kannel.centre.messages()]

    def expected_text(self, message):
        return SIGNATURE + message.text


@pytest.mark.real("bearerbox", "smsbox")
class TestKannelKeepsTheContract(ChannelContract):
    @pytest.fixture
    def carrier(self, kannel, kannel_port):
        return KannelCarrier(kannel, kannel_port)

    def test_sending_a_message_id_again_keeps_the_promise_of_the_type(self, bench):
        """Better than promised: what Kannel was seen to take is not handed over again."""
        assert bench.channel.send(bench.message()) == bench.channel.send(bench.message())
        assert len(bench.carrier.arrived()) == 1
