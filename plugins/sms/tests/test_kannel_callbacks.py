"""What our listener answers to Kannel, and to those who only pretend to be it."""

import base64
import logging
import socket
import threading
from urllib.parse import urlencode

import pytest

import engine_sms
from engine.channels import Inbound, ReceiptStatus, Rejected
from engine.errors import ConfigurationError
from engine.testing import context
from tests.support.ports import LOOPBACK, free_port
from tests.support.waiting import wait_until

SECRET = "0123456789abcdef"
REPLY = {"from": "8613800138000", "to": "10690001", "coding": "0", "charset": "UTF-8"}


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def channel(tmp_path, port):
    channel = engine_sms.build(_settings(port), context(tmp_path, name="sms"))
    channel.open()
    yield channel
    channel.close()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/inbound",
        "/wrong-secret-000/inbound?text=Y",
        f"/{SECRET[:-1]}/inbound",
        f"/{SECRET}",
        f"/{SECRET}/nothing",
        "/é/inbound",
        "http://[/inbound",
    ],
)
def test_who_does_not_know_the_secret_or_the_path_gets_nothing(channel, port, path):
    assert _get(port, path.encode().decode("latin-1")) in (400, 404)
    assert list(channel.receive(0)) == []


def test_nothing_of_a_call_is_logged(channel, port, caplog):
    with caplog.at_level(logging.DEBUG):
        _get(port, f"/{SECRET}/receipt?id=x&text=13800138000")
    assert SECRET not in caplog.text
    assert "13800138000" not in caplog.text


@pytest.mark.parametrize(
    "query", ["id=%FF&status=1", "id=_w&status=1", "id=a!b&status=1", "status=1", "&".join(f"f{n}=1" for n in range(41))]
)
def test_a_receipt_that_makes_no_sense_is_refused(channel, port, query):
    assert _get(port, f"/{SECRET}/receipt?{query}") == 400


@pytest.mark.parametrize("status", ["4", "8", "", "9999", "-1", "１"])
def test_a_report_of_a_message_on_its_way_is_taken_and_says_nothing(channel, port, status):
    assert _get(port, f"/{SECRET}/receipt?{urlencode({'id': _reference('m1/1/7'), 'status': status})}") == 200
    assert list(channel.receive(0)) == []


@pytest.mark.parametrize(
    ("reply", "permanent"),
    [("NACK/0x0000000b/Invalid Destination Address", True), ("NACK/0x00000008/System Error", False), ("NACK/", True), ("", True)],
)
def test_a_refusal_is_final_only_if_the_next_try_would_be_refused_too(channel, port, reply, permanent):
    channel._ledger.accept_part("m1", 1, 1, "m1/1/7", channel._context.now())
    assert _get(port, f"/{SECRET}/receipt?{urlencode({'id': _reference('m1/1/7'), 'status': '16', 'reply': reply})}") == 200
    [delivery] = channel.receive(1)
    assert (delivery.item.status, delivery.item.permanent) == (ReceiptStatus.FAILED, permanent)


def test_a_message_is_answered_well_only_once_it_is_acknowledged(channel, port):
    answers = []
    caller = threading.Thread(target=lambda: answers.append(_get(port, _inbound(text="Y"))))
    caller.start()
    [delivery] = channel.receive(5)
    assert answers == []
    delivery.acknowledge()
    caller.join(5)
    assert answers == [200]


def test_a_message_nobody_acknowledges_is_to_come_again_and_is_the_same(channel, port):
    seen = []
    for _ in range(2):
        answers = []
        caller = threading.Thread(target=lambda answers=answers: answers.append(_get(port, _inbound(text="Y"))))
        caller.start()
        before = len(seen)

        def came(before=before):
            seen.extend(delivery.item for delivery in channel.receive(0.1))
            return len(seen) > before

        wait_until(came, "the message is handed over")
        caller.join(5)
        assert answers == [503]
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_close_does_not_wait_for_calls_that_wait_for_us(tmp_path, port):
    channel = engine_sms.build(_settings(port, timeout_seconds=60), context(tmp_path, name="sms"))
    channel.open()
    answers = []
    caller = threading.Thread(target=lambda: answers.append(_get(port, _inbound(text="Y"))))
    caller.start()
    wait_until(lambda: bool(channel._waiting), "the call waits")
    channel.close()
    caller.join(5)
    assert answers == [503]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": b"\xff\xfe", "charset": "UTF-8"}, "can't decode"),
        ({"text": b"\x00", "coding": "2", "charset": "UTF-16BE"}, "can't decode"),
        ({"text": b"x", "charset": "rot13"}, "is not text"),
        ({"text": b"x", "coding": "1", "charset": ""}, "is not text"),
        ({"text": b"x", "from": ""}, "not an address"),
        ({"text": b"x", "from": "1" * 65}, "not an address"),
        ({"text": b"x", "from": "1\n2"}, "not an address"),
        ({}, "text is missing"),
    ],
)
def test_a_call_that_is_no_message_is_set_aside(channel, port, fields, reason):
    [item] = channel.parse(urlencode(REPLY | fields).encode(), "call.query")
    assert isinstance(item, Rejected)
    assert reason in item.reason


def test_text_is_decoded_by_its_charset_else_by_its_coding(channel):
    for fields in (
        {"text": "满意😀".encode("utf-16-be"), "coding": "2", "charset": "UTF-16BE"},
        {"text": "满意😀".encode("utf-16-be"), "coding": "2", "charset": ""},
        {"text": "满意😀".encode()},
    ):
        [item] = channel.parse(urlencode(REPLY | fields).encode(), "call.query")
        assert isinstance(item, Inbound)
        assert item.text == "满意😀"


def test_a_port_that_is_taken_is_named(channel, port, tmp_path):
    second = engine_sms.build(_settings(port), context(tmp_path / "second", name="sms"))
    with pytest.raises(ConfigurationError, match=rf"cannot listen on {LOOPBACK}:{port} for Kannel"):
        second.open()


def _settings(port, **kannel):
    account = {"sendsms_url": f"http://{LOOPBACK}:1/", "username": "house", "password": "pw", "secret": SECRET}
    return {"transport": "kannel", "kannel": account | {"listen_port": port, "timeout_seconds": 0.3} | kannel}


def _inbound(**fields):
    return f"/{SECRET}/inbound?{urlencode(REPLY | fields)}"


def _reference(carrier_id):
    return base64.urlsafe_b64encode(carrier_id.encode()).decode().rstrip("=")


def _get(port, path):
    """Ask for exactly this path, which a client library might refuse to send; return the status."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as link, link.makefile("rb") as answer:
        link.sendall(b"GET " + path.encode("latin-1") + b" HTTP/1.0\r\n\r\n")
        return int(answer.readline().split()[1])
