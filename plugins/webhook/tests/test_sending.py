"""What becomes of a message: sent, tried again, never again; and receivers that behave badly."""

import contextlib
import socket
import struct
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from engine.channels import Attachment, Outbound, PermanentFailure, TemporaryFailure
from engine.testing import context
from engine_webhook import build
from tests.real.webhook_receivers import Receiver, Rude

DOCUMENT = Outbound("202603040001.0.6", "crm", '{"words": "宕机"}', subject="unused")
HEAD = b"HTTP/1.1 200 OK\r\n"


def test_the_document_is_posted_as_it_is_with_the_headers_of_the_settings(receiver, channel):
    headers = {"Authorization": "Bearer t", "X-Room": "crm"}
    channel(receiver.url("/a%20b/c?d=e"), headers=headers).send(DOCUMENT)
    [posted] = receiver.posted
    assert (posted.path, posted.body.decode()) == ("/a%20b/c?d=e", DOCUMENT.text)
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["User-Agent"] == "closedloop-webhook"
    assert headers.items() <= posted.headers.items()


def test_a_user_agent_of_the_settings_takes_the_place_of_ours(receiver, channel):
    channel(receiver.url(), headers={"user-agent": "house"}).send(DOCUMENT)
    assert [value for name, value in receiver.posted[0].headers.items() if name.lower() == "user-agent"] == ["house"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_sent(receiver, channel, status):
    receiver.status, receiver.body = status, b""
    assert channel(receiver.url()).send(DOCUMENT).provider_id == "202603040001-0-6"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599, 999])
def test_what_may_pass_is_tried_again(receiver, channel, status):
    receiver.status = status
    with pytest.raises(TemporaryFailure, match=f"answered {status}") as failure:
        channel(receiver.url()).send(DOCUMENT)
    assert failure.value.retry_after is None


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "endpoint 'crm' (127.0.0.1:PORT) answered 400 Bad Request"),
        (401, "answered 401 Unauthorized: check its secret and headers"),
        (404, "answered 404 Not Found: check its url"),
        (410, "answered 410 Gone: it takes no more: take it out of the settings and of the policy"),
        (418, "answered 418"),
        (499, "answered 499"),
    ],
)
def test_what_will_not_change_is_never_tried_again(receiver, channel, status, said):
    receiver.status = status
    with pytest.raises(PermanentFailure) as failure:
        channel(receiver.url()).send(DOCUMENT)
    assert said.replace("PORT", str(receiver.port)) in str(failure.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_are_not_followed(receiver, channel, status):
    with Receiver() as elsewhere:
        receiver.status, receiver.headers = status, {"Location": elsewhere.url()}
        with pytest.raises(PermanentFailure, match="redirections are not followed"):
            channel(receiver.url()).send(DOCUMENT)
        assert elsewhere.connections == 0


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Wed, 04 Mar 2026 02:00:30 GMT", 30.0),
        ("Wed, 04 Mar 2026 02:00:30 -0000", 30.0),
        ("Wed, 04 Mar 2026 01:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 5000, None),
        ("Wed, 99 Mar 2026 02:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(receiver, channel, status, said, seconds):
    receiver.status, receiver.headers = status, {"Retry-After": said}
    with pytest.raises(TemporaryFailure) as failure:
        channel(receiver.url()).send(DOCUMENT)
    assert failure.value.retry_after == seconds


def test_an_unknown_endpoint_is_refused_with_the_nearest(receiver, channel):
    with pytest.raises(PermanentFailure, match=r"channel webhook has no endpoint 'crn' \(it has crm\); did you mean 'crm'\?"):
        channel(receiver.url()).send(replace(DOCUMENT, to="crn"))
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "changes",
    [{"message_id": "a\r\nb"}, {"message_id": ""}, {"text": "half \ud83d"}, {"attachments": (Attachment("a.txt", "text/plain", b"a"),)}],
    ids=["id of two lines", "no id", "half a character", "attachment"],
)
def test_what_cannot_be_posted_is_refused_for_good(receiver, channel, changes):
    with pytest.raises(PermanentFailure):
        channel(receiver.url()).send(replace(DOCUMENT, **changes))
    assert receiver.connections == 0


def hang(server, connection):
    server.released.wait(10)


def drip_headers(server, connection):
    connection.sendall(HEAD)
    while not server.released.wait(0.05):
        connection.sendall(b"X")


def drip_interim_answers(server, connection):
    while not server.released.wait(0.05):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def reset(server, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(server, connection):
    connection.recv(65536)


def speak_otherwise(server, connection):
    connection.sendall(connection.recv(65536))


def endless_header(server, connection):
    connection.recv(65536)
    connection.sendall(HEAD + b"X: " + b"x" * 100_000)


@pytest.mark.parametrize("behave", [hang, drip_headers, drip_interim_answers], ids=lambda behave: behave.__name__)
def test_a_server_that_does_not_come_to_an_end_is_given_up_in_time(channel, behave):
    with Rude(behave) as server:
        started = time.monotonic()
        with pytest.raises(TemporaryFailure, match=r"endpoint 'crm' .* did not answer within 0.4 s"):
            channel(server.url(), timeout=0.4).send(DOCUMENT)
        assert 0.3 < time.monotonic() - started < 3


@pytest.mark.parametrize("behave", [reset, hang_up, speak_otherwise, endless_header], ids=lambda behave: behave.__name__)
def test_a_server_that_breaks_off_or_speaks_no_http_is_tried_again_and_never_quoted(channel, behave):
    with Rude(behave) as server, pytest.raises(TemporaryFailure, match=r"endpoint 'crm' .* is away") as failure:
        channel(server.url().replace("//", "//user:hunter2@") + "/hunter2", headers={"X-Key": "hunter2"}).send(DOCUMENT)
    assert "hunter2" not in str(failure.value)


def test_a_refused_connection_is_tried_again(channel):
    with Receiver() as gone:
        url = gone.url()
    with pytest.raises(TemporaryFailure, match="Connection refused"):
        channel(url).send(DOCUMENT)


def test_a_name_that_is_not_found_is_tried_again(channel):
    with pytest.raises(TemporaryFailure, match=r"endpoint 'crm' \(crm.invalid:80\) is away: "):
        channel("http://crm.invalid/", allow_http=True).send(DOCUMENT)


def test_of_a_huge_answer_only_the_beginning_is_taken_in(channel):
    sent = []

    def flood(server, connection):
        connection.recv(65536)
        connection.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(1000):
                connection.sendall(bytes(1_000_000))
                sent.append(1)

    with Rude(flood) as server:
        assert channel(server.url()).send(DOCUMENT).provider_id
    assert len(sent) < 100


def test_an_answer_whose_text_never_ends_is_an_answer(channel):
    def murmur(server, connection):
        connection.recv(65536)
        connection.sendall(HEAD + b"\r\n")
        while not server.released.wait(0.05):
            connection.sendall(b"x")

    with Rude(murmur) as server:
        started = time.monotonic()
        assert channel(server.url(), timeout=0.4).send(DOCUMENT).provider_id
        assert time.monotonic() - started < 3


def test_the_text_of_a_refusal_is_not_quoted(receiver, channel):
    receiver.status, receiver.body = 500, b"you said hunter2"
    with pytest.raises(TemporaryFailure) as failure:
        channel(receiver.url("/hunter2")).send(DOCUMENT)
    assert "hunter2" not in str(failure.value)


def test_close_ends_a_send_that_waits_and_leaves_no_thread(channel):
    before = set(threading.enumerate())
    came = threading.Event()
    failures = []

    def wait(server, connection):
        connection.recv(65536)
        came.set()
        server.released.wait(10)

    with Rude(wait) as server:
        one = channel(server.url(), timeout=30)

        def send():
            try:
                one.send(DOCUMENT)
            except TemporaryFailure as failure:
                failures.append(str(failure))

        sending = threading.Thread(target=send)
        sending.start()
        assert came.wait(5)
        one.close()
        sending.join(2)
        assert not sending.is_alive()
    assert failures
    assert "the channel was closed before it answered" in failures[0]
    assert set(threading.enumerate()) <= before


def test_receive_waits_as_long_as_asked_so_that_its_thread_does_not_spin(receiver, channel):
    one = channel(receiver.url())
    started = time.monotonic()
    assert not list(one.receive(0.3))
    assert time.monotonic() - started >= 0.3


def test_nothing_of_the_environment_sends_us_round(receiver, channel, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    channel(receiver.url()).send(DOCUMENT)
    assert receiver.posted


def test_check_reaches_every_endpoint_and_sends_nothing(receiver, channel):
    [line] = channel(receiver.url()).check(None)
    assert line == f"endpoint 'crm' (127.0.0.1:{receiver.port}) can be reached: not encrypted"
    assert not receiver.posted


def test_check_names_all_that_are_away(receiver, tmp_path, secret):
    with Receiver() as gone:
        away = {"url": gone.url(), "secret": secret}
    one = build({"endpoints": {"here": {"url": receiver.url(), "secret": secret}, "there": away, "gone": away}}, context(tmp_path))
    with pytest.raises(TemporaryFailure, match=r"endpoint 'there' .* refused; endpoint 'gone' .* refused"):
        one.check(None)
    assert len(one.check("here")) == 2
    with pytest.raises(PermanentFailure, match="did you mean 'here'"):
        one.check("her")


def test_check_sends_a_test_document_where_it_is_told_to(receiver, channel):
    assert len(channel(receiver.url()).check("crm")) == 2
    [posted] = receiver.posted
    assert b'"channel.test"' in posted.body


class TestTls:
    pytestmark = pytest.mark.real("openssl")

    @pytest.fixture
    def certificate(self, tmp_path):
        return make_certificate(tmp_path, "IP:127.0.0.1")

    def test_a_certificate_of_an_authority_we_know_is_taken(self, certificate, channel):
        with Receiver(certificate) as receiver:
            one = channel(receiver.url(scheme="https"), ca_file=str(certificate))
            [line] = one.check(None)
            assert "can be reached: TLSv1." in line
            assert one.send(DOCUMENT).provider_id
            assert [posted.path for posted in receiver.posted] == ["/hook"]

    def test_a_stranger_is_told_nothing(self, certificate, channel):
        with Receiver(certificate) as receiver:
            one = channel(receiver.url(scheme="https"))
            for act in (lambda: one.send(DOCUMENT), lambda: one.check(None)):
                with pytest.raises(TemporaryFailure, match=r"not to be trusted: self.signed certificate; check url and ca_file"):
                    act()
            assert not receiver.posted

    def test_a_certificate_for_another_host_is_not_taken(self, tmp_path, channel):
        certificate = make_certificate(tmp_path, "DNS:other.example.test")
        with Receiver(certificate) as receiver:
            with pytest.raises(TemporaryFailure, match="certificate not to be trusted: IP address mismatch"):
                channel(receiver.url(scheme="https"), ca_file=str(certificate)).send(DOCUMENT)
            assert not receiver.posted

    def test_a_server_without_tls_is_told_nothing(self, receiver, certificate, channel):
        with pytest.raises(TemporaryFailure, match="is away"):
            channel(receiver.url(scheme="https"), ca_file=str(certificate)).send(DOCUMENT)
        assert not receiver.posted

    def test_a_handshake_that_hangs_is_given_up_in_time(self, certificate, channel):
        with Rude(hang) as server:
            started = time.monotonic()
            with pytest.raises(TemporaryFailure, match=r"did not answer within 0\.4 s"):
                channel(server.url().replace("http:", "https:"), ca_file=str(certificate), timeout=0.4).send(DOCUMENT)
            assert time.monotonic() - started < 3

    def test_a_ca_file_that_cannot_be_read_is_named(self, tmp_path, channel):
        with pytest.raises(TemporaryFailure, match=r"endpoint 'crm' .*: ca_file .*missing.pem cannot be read"):
            channel("https://127.0.0.1:1/", ca_file=str(tmp_path / "missing.pem")).send(DOCUMENT)


def make_certificate(directory, names):
    certificate = directory / "server.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    where = ["-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", *curve, "-subj", "/CN=test", "-addext", f"subjectAltName={names}", *where]
    subprocess.run(command, check=True, capture_output=True, timeout=10)
    return certificate
