"""The channel contract, held against an HTTP server."""

import pytest

import engine_webhook
from engine.channels import AddressKind
from engine.testing import Arrived, Carrier, ChannelContract


class Endpoints(Carrier):
    """One endpoint at a receiver that keeps everything, so that what is sent twice is there twice."""

    channel_type = engine_webhook.engine_channel_types()[0]

    def __init__(self, receiver, secret):
        self._receiver = receiver
        self._secret = secret

    def settings(self):
        return {"endpoints": {"crm": {"url": self._receiver.url(), "secret": self._secret}}}

    def recipient(self):
        return "crm"

    def arrived(self):
        return [Arrived("crm", posted.body.decode(), headers=posted.headers) for posted in self._receiver.posted]


class TestWebhook(ChannelContract):
    @pytest.fixture
    def carrier(self, receiver, secret):
        return Endpoints(receiver, secret)


def test_it_only_sends_and_to_endpoints():
    [kind] = engine_webhook.engine_channel_types()
    assert (kind.can_send, kind.can_receive, kind.idempotent, kind.address_kind) == (True, False, False, AddressKind.ENDPOINT)
