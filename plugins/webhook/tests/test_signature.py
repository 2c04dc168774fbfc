"""Signatures, as an independent receiver verifies them."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from engine.channels import Outbound
from engine_webhook.signing import key_of, signature

OTHER = "whsec_" + base64.b64encode(b"another secret of 32 random bytes").decode()
DOCUMENT = Outbound("202603040001.0.6", "crm", '{"event": "ticket_opened", "words": "宕机"}')


@pytest.fixture
def posted(receiver, channel, clock):
    """What one document becomes, sent now: the verifier asks the machine what time it is."""

    def post(**settings):
        clock.set(datetime.now(UTC))
        channel(receiver.url(), **settings).send(DOCUMENT)
        return receiver.posted[-1]

    return post


def test_a_receiver_verifies_the_document(posted, secret):
    one = posted()
    assert Webhook(secret).verify(one.body, dict(one.headers)) == {"event": "ticket_opened", "words": "宕机"}


def test_while_secrets_change_either_verifies(posted, secret):
    one = posted(secret=[OTHER, secret])
    for key in (secret, OTHER):
        assert Webhook(key).verify(one.body, dict(one.headers))


@pytest.mark.parametrize(
    ("name", "changed"), [("webhook-id", "202603040001-0-7"), ("webhook-timestamp", None), ("webhook-signature", "v1,AAAA"), ("", None)]
)
def test_what_was_changed_on_the_way_is_noticed(posted, secret, name, changed):
    one = posted()
    headers = dict(one.headers)
    if name:
        headers[name] = changed or str(int(headers[name]) + 1)
    body = one.body if name else one.body.replace(b"opened", b"closed")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_another_secret_does_not_verify(posted):
    one = posted()
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(one.body, dict(one.headers))


def test_the_signature_is_that_of_the_reference_implementation(secret):
    at = datetime(2021, 2, 25, 23, 46, 30, tzinfo=UTC)
    expected = Webhook(secret).sign("msg_1", at, '{"test": 2432232314}')
    assert signature([key_of(secret, "")], "msg_1", int(at.timestamp()), b'{"test": 2432232314}') == expected


def test_a_repeat_keeps_its_id_and_is_signed_anew(receiver, channel, clock):
    one = channel(receiver.url())
    first = one.send(DOCUMENT)
    clock.set(datetime(2026, 3, 4, 2, 1, tzinfo=UTC))
    assert one.send(DOCUMENT) == first
    before, after = (posted.headers for posted in receiver.posted)
    assert before["webhook-id"] == after["webhook-id"] == first.provider_id == "202603040001-0-6"
    assert before["Idempotency-Key"] == after["Idempotency-Key"] == "202603040001.0.6"
    assert int(after["webhook-timestamp"]) - int(before["webhook-timestamp"]) == 60
    assert before["webhook-signature"] != after["webhook-signature"]
