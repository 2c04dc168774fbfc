"""The channel contract, held by the folder transport; the servers' turn is in tests/real."""

import itertools
from email import message_from_bytes, policy

import pytest

from engine.testing import Arrived, Carrier, ChannelContract
from engine_email.plugin import engine_channel_types


class FolderCarrier(Carrier):
    """Two directories of .eml files."""

    channel_type = engine_channel_types()[0]
    input_name = "input.eml"

    def __init__(self, context):
        self._context = context
        self._numbers = itertools.count()

    def settings(self):
        return {}

    def put_good(self, count):
        for number in itertools.islice(self._numbers, count):
            self._put(number, f"From: customer@example.net\r\nSubject: {number}\r\n\r\n打印机坏了 {number}\r\n")

    def put_bad(self):
        self._put(next(self._numbers), "Subject: nobody wrote this\r\n\r\nhello\r\n")

    def recipient(self):
        return "customer@example.net"

    def arrived(self):
        files = sorted(self._context.outgoing.iterdir())
        messages = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
        return [Arrived(str(m["To"]), m.get_content(), str(m["Subject"]), dict(m.items())) for m in messages]

    def _put(self, number, text):
        (self._context.incoming / f"{number:04}.eml").write_bytes(text.encode())


class TestFolder(ChannelContract):
    @pytest.fixture
    def carrier(self, context):
        return FolderCarrier(context)

    def test_sending_a_message_id_again_keeps_the_promise_of_the_type(self, bench):
        """Better than promised: a file named after its message is written over, not twice."""
        assert bench.channel.send(bench.message()) == bench.channel.send(bench.message())
        assert len(bench.carrier.arrived()) == 1
