"""An SMS centre that breaks the protocol, spoken by hand because no real centre would."""

import contextlib
import socket
import struct
import threading

import pytest

import engine_sms
from engine.channels import Rejected, TemporaryFailure
from engine.testing import context
from tests.real.sms_support import Receiver, message, smpp_settings
from tests.support.ports import LOOPBACK
from tests.support.waiting import wait_until


@pytest.fixture
def surroundings(tmp_path):
    return context(tmp_path, name="sms")


@pytest.fixture
def listener():
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener


@pytest.fixture
def channel(listener, surroundings):
    settings = smpp_settings(listener.getsockname()[1], response_seconds=1, enquire_link_seconds=0.1)
    channel = engine_sms.build(settings, surroundings)
    channel.open()
    yield channel
    channel.close()


def test_a_link_that_breaks_before_it_is_bound_is_a_centre_that_cannot_be_reached(listener, channel):
    def hang_up():
        link, _ = listener.accept()
        link.close()

    peer = threading.Thread(target=hang_up)
    peer.start()
    with pytest.raises(TemporaryFailure, match="cannot reach the SMS centre"):
        list(channel.receive(0.1))
    peer.join(10)
    assert not peer.is_alive()


def test_a_refused_bind_names_the_reason_and_not_the_password(listener, channel):
    with _answering(listener, bind_status=0x0E), pytest.raises(TemporaryFailure, match="Invalid Password") as failure:
        channel.check(None)
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize("octets", [b"\xff" * 64, struct.pack(">LLLL", 8, 5, 0, 1), b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_not_smpp_ends_the_session(listener, channel, octets, caplog):
    with _answering(listener, then=octets) as peer:
        with contextlib.suppress(TemporaryFailure):  # the nonsense may come before or after the answer to the bind is seen
            list(channel.receive(0.1))
        wait_until(lambda: peer.closed, "the session ends")
    assert "this is not SMPP" in caplog.text


def test_a_centre_that_falls_silent_is_given_up(listener, channel):
    with _answering(listener, silent=True) as peer:
        with pytest.raises(TemporaryFailure, match="no answer within 1 s"):
            channel.send(message())
        wait_until(lambda: peer.closed, "the link is let go")


def test_an_idle_link_is_probed_and_an_unknown_request_is_refused(listener, channel):
    with _answering(listener, then=struct.pack(">LLLL", 16, 0x00010203, 0, 77)) as peer:
        list(channel.receive(0.1))
        wait_until(lambda: 0x15 in peer.commands, "an enquire_link came")
        wait_until(lambda: 0x80000000 in peer.commands, "a generic_nack came")


def test_an_unreadable_deliver_sm_is_set_aside_not_lost(listener, channel):
    raw = struct.pack(">LLLL", 20, 5, 0, 9) + b"\x00\x01\x01x"
    with _answering(listener, then=raw) as peer:
        receiver = Receiver(channel)
        [bad] = receiver.until(1, Rejected)
        assert bad.raw == raw
        wait_until(lambda: 0x80000005 in peer.commands, "the deliver_sm is answered")


class _answering:  # reads as a verb where it is used
    """Accepts one link, answers the bind (and probes, unless `silent`), then sends `then`; keeps the commands it was sent."""

    def __init__(self, listener, *, bind_status=0, then=b"", silent=False):
        self._listener, self._status, self._then, self._silent = listener, bind_status, then, silent
        self.commands = []
        self.closed = False
        self._link = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._listener.settimeout(5)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        if self._link is not None:
            with contextlib.suppress(OSError):  # the other side may have ended it first
                self._link.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self):
        self._link, _ = self._listener.accept()
        with self._link as link, link.makefile("rb") as reader:
            try:
                self._talk(link, reader)
            except OSError:
                self.closed = True

    def _talk(self, link, reader):
        while header := reader.read(16):
            length, command, _, sequence = struct.unpack(">LLLL", header)
            reader.read(length - 16)
            self.commands.append(command)
            if command == 9:
                link.sendall(struct.pack(">LLLL", 17, 0x80000009, self._status, sequence) + b"\0" + self._then)
            elif command == 6 or (command == 0x15 and not self._silent and not self._then.startswith(b"\xff")):
                link.sendall(struct.pack(">LLLL", 16, command | 0x80000000, 0, sequence))
        self.closed = True
