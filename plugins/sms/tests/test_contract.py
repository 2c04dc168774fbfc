"""The channel contract, held by the folder transport and by SMPP against an SMS centre; Kannel's turn is in tests/real."""

import itertools
import json

import pytest

import engine_sms
from engine.testing import Arrived, Carrier, ChannelContract
from tests.real.sms_servers import SmsCentre

CUSTOMER, HOUSE = "8613800138000", "10690001"
SIGNATURE = "【某公司】"


class SmsCarrier(Carrier):
    """What all transports have in common."""

    channel_type = engine_sms.engine_channel_types()[0]
    input_name = "input.json"

    def recipient(self):
        return CUSTOMER

    def expected_text(self, message):
        return SIGNATURE + message.text


class FolderCarrier(SmsCarrier):
    """Two directories."""

    def __init__(self, context):
        self._context = context
        self._numbers = itertools.count()

    def settings(self):
        return {"signature": SIGNATURE, "max_parts": 255}

    def put_good(self, count):
        for number in itertools.islice(self._numbers, count):
            self._put(f"{number}.json", json.dumps({"from": CUSTOMER, "text": f"满意 {number}"}))

    def put_bad(self):
        self._put(f"{next(self._numbers)}.json", '{"from": 1')

    def arrived(self):
        entries = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self._context.outgoing.iterdir())]
        return [Arrived(entry["to"], entry["text"]) for entry in entries]

    def _put(self, name, text):
        (self._context.incoming / name).write_text(text, encoding="utf-8")


class SmppCarrier(SmsCarrier):
    """An SMS centre that speaks SMPP 3.4."""

    def __init__(self, centre):
        self._centre = centre
        self._numbers = itertools.count()

    def settings(self):
        account = {"host": "127.0.0.1", "port": self._centre.port, "system_id": "house", "password": "secret"}
        return {"transport": "smpp", "signature": SIGNATURE, "sender": HOUSE, "max_parts": 255, "smpp": account}

    def put_good(self, count):
        for number in itertools.islice(self._numbers, count):
            self._centre.inject(CUSTOMER, HOUSE, f"满意 {number}")

    def put_bad(self):
        self._centre.inject_octets(CUSTOMER, HOUSE, b"\x00\x01\x02", data_coding=4)

    def arrived(self):
        return [Arrived(to, text) for to, text in self._centre.messages()]


class SmsContract(ChannelContract):
    def test_sending_a_message_id_again_keeps_the_promise_of_the_type(self, bench):
        """Better than promised: a crash may double a message, but what the carrier was seen to take is not sent again."""
        assert bench.channel.send(bench.message()) == bench.channel.send(bench.message())
        assert len(bench.carrier.arrived()) == 1


class TestFolder(SmsContract):
    @pytest.fixture
    def carrier(self, context):
        return FolderCarrier(context)


class TestSmpp(SmsContract):
    @pytest.fixture
    def carrier(self):
        with SmsCentre() as centre:
            yield SmppCarrier(centre)
