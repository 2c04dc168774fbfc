"""One bound SMPP 3.4 session: a socket, a thread that reads it, and the answers that are waited for.

The library's own client answers a deliver_sm as soon as its handler returns; here the answer must wait until the engine holds the
message, so the session is ours and the library (smpplib) builds and parses the PDUs.
"""

import logging
import queue
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from smpplib import consts, smpp  # type: ignore[import-untyped]  # published without types; used behind this module only
from smpplib.client import SimpleSequenceGenerator  # type: ignore[import-untyped]  # as above

from engine_sms.settings import SmppSettings
from engine_sms.smpp_status import status_text

HEADER = struct.Struct(">LLLL")
PDU_LIMIT = 70_000  # octets: a message_payload may hold 64 KiB
TICK_SECONDS = 1.0
DELIVER_SM = 0x00000005
DELIVER_SM_RESP = 0x80000005
GENERIC_NACK = 0x80000000
log = logging.getLogger(__name__)


class LinkDown(Exception):
    """The session cannot be used any more, or never came to be; says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the centre answered to a request: `status` 0 is good. `message_id` only for an accepted submit_sm."""

    status: int
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A deliver_sm that waits for its answer. `pdu` is None where the library could not read `raw`."""

    session: "Session"
    sequence: int
    raw: bytes
    pdu: Any

    def answer(self, status: int = consts.SMPP_ESME_ROK) -> bool:
        """Answer the centre; False when the link is gone, then it will deliver again."""
        return self.session.answer_deliver(self.sequence, status)


def parse_pdu(raw: bytes) -> Any:
    """Return the library's view of a PDU, None where it cannot read it."""
    try:
        return smpp.parse_pdu(raw, client=SimpleSequenceGenerator(), allow_unknown_opt_params=True)
    except Exception:  # noqa: BLE001  # the library raises whatever a malformed field leads to: KeyError, struct.error, TypeError …
        return None


class Session:
    """A bound transceiver. `submit` and `answer_deliver` may be called from any thread; arrivals are put on `arrivals`."""

    def __init__(self, settings: SmppSettings, arrivals: "queue.SimpleQueue[Arrival | None]") -> None:
        """Connect and bind. Raises LinkDown with the reason."""
        self._settings = settings
        self._arrivals = arrivals
        self._sequences = SimpleSequenceGenerator()
        self._writing = threading.Lock()
        self._waiting: dict[int, Future[Answer]] = {}
        self._down: str | None = None
        self._closing = False
        self._heard = time.monotonic()
        self._probed = 0.0
        self._socket = _connect(settings)
        self._reader = threading.Thread(target=self._read, name="sms-smpp-reader", daemon=True)
        self._reader.start()
        try:
            self._bind()
        except LinkDown:
            self.close()
            raise

    @property
    def down(self) -> str | None:
        """Why the session cannot be used any more; None while it can."""
        return self._down

    def submit(self, **fields: Any) -> "Future[Answer]":
        """Send one submit_sm; the answer comes later, see `wait`. Raises LinkDown."""
        return self._request("submit_sm", **fields)

    def probe(self) -> None:
        """Ask the centre whether it is there (enquire_link). Raises LinkDown when it does not answer."""
        self.wait(self._request("enquire_link"))

    def wait(self, answer: "Future[Answer]") -> Answer:
        """Return the answer to a request. Raises LinkDown when the link broke or the centre stayed silent."""
        try:
            return answer.result(self._settings.response_seconds)
        except FutureTimeout:
            reason = f"no answer within {self._settings.response_seconds:g} s"
            self._fail(reason)
            raise LinkDown(reason) from None

    def answer_deliver(self, sequence: int, status: int) -> bool:
        """Send the deliver_sm_resp of `sequence`; False when the link is gone."""
        # The one field of the body, message_id, is unused and null (SMPP 3.4, section 4.6.2).
        try:
            self._write(HEADER.pack(17, DELIVER_SM_RESP, status, sequence) + b"\0")
        except LinkDown:
            return False
        return True

    def close(self) -> None:
        """Unbind politely, let the socket go and wait for the reader."""
        self._closing = True
        if self._down is None:
            try:
                self._request("unbind").result(0.5)
            except (LinkDown, FutureTimeout) as error:
                log.debug("the SMS centre did not answer unbind: %s", error)
        self._fail("closed")
        self._reader.join(1.0)

    def _bind(self) -> None:
        settings = self._settings
        try:
            request = self._request(
                "bind_transceiver",
                system_id=settings.system_id,
                password=settings.password,
                system_type=settings.system_type,
                interface_version=consts.SMPP_VERSION_34,
            )
            answer = self.wait(request)
        except LinkDown as error:
            # A centre that is going away may still take the connection and break it before it answers.
            raise LinkDown(f"cannot reach the SMS centre at {_place(settings)}: {error}") from error
        if answer.status:
            raise LinkDown(f"the SMS centre refused to bind {settings.system_id!r}: {status_text(answer.status)}")

    def _request(self, command: str, **fields: Any) -> "Future[Answer]":
        pdu = smpp.make_pdu(command, client=self._sequences, **fields)
        answer: Future[Answer] = Future()
        self._waiting[pdu.sequence] = answer
        try:
            self._write(pdu.generate())
        except (LinkDown, UnicodeError):
            self._waiting.pop(pdu.sequence, None)
            raise
        return answer

    def _write(self, data: bytes) -> None:
        with self._writing:
            if self._down is not None:
                raise LinkDown(self._down)
            try:
                self._socket.sendall(data)
            except OSError as error:
                reason = f"the link broke while sending: {error}"
                self._fail(reason)
                raise LinkDown(reason) from error

    def _fail(self, reason: str) -> None:
        """End the session for everybody who waits on it; the first reason stays."""
        if self._down is None:
            self._down = reason
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            log.debug("the socket was already gone: %s", error)
        self._socket.close()
        for sequence in list(self._waiting):
            answer = self._waiting.pop(sequence, None)
            if answer is not None and not answer.done():
                answer.set_exception(LinkDown(self._down))

    def _read(self) -> None:
        received = bytearray()
        try:
            while self._down is None:
                try:
                    data = self._socket.recv(65536)
                except TimeoutError:
                    self._keep_alive()
                    continue
                if not data:
                    raise LinkDown("the SMS centre closed the link")
                self._heard = time.monotonic()
                received += data
                self._take_frames(received)
        except (LinkDown, OSError, ValueError) as error:  # ValueError: TLS says so of a socket closed meanwhile
            if not self._closing:
                log.warning("SMPP link lost: %s", error)
            self._fail(str(error))

    def _take_frames(self, received: bytearray) -> None:
        while len(received) >= HEADER.size:
            length = HEADER.unpack_from(received)[0]
            if not HEADER.size <= length <= PDU_LIMIT:
                raise LinkDown(f"a PDU of {length} octets: this is not SMPP")
            if len(received) < length:
                return
            raw = bytes(received[:length])
            del received[:length]
            self._dispatch(raw)

    def _dispatch(self, raw: bytes) -> None:
        _, command, status, sequence = HEADER.unpack_from(raw)
        if command == DELIVER_SM:
            self._arrivals.put(Arrival(self, sequence, raw, parse_pdu(raw)))
        elif command & GENERIC_NACK:
            self._answered(sequence, status, raw)
        elif (pdu := parse_pdu(raw)) is not None and pdu.command in ("enquire_link", "unbind"):
            self._write(HEADER.pack(HEADER.size, command | GENERIC_NACK, consts.SMPP_ESME_ROK, sequence))
            if pdu.command == "unbind":
                raise LinkDown("the SMS centre unbound us")
        else:
            self._write(HEADER.pack(HEADER.size, GENERIC_NACK, consts.SMPP_ESME_RINVCMDID, sequence))

    def _answered(self, sequence: int, status: int, raw: bytes) -> None:
        answer = self._waiting.pop(sequence, None)
        if answer is None:
            return
        message_id = raw[HEADER.size :].partition(b"\0")[0].decode("latin-1")
        answer.set_result(Answer(status, message_id))

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._heard < self._settings.enquire_link_seconds:
            return
        if self._probed < self._heard:
            self._probed = now
            self._request("enquire_link")
        elif now - self._probed > self._settings.response_seconds:
            raise LinkDown(f"no answer to enquire_link within {self._settings.response_seconds:g} s")


def _place(settings: SmppSettings) -> str:
    return f"{settings.host}:{settings.port}"


def _connect(settings: SmppSettings) -> socket.socket:
    try:
        link = socket.create_connection((settings.host, settings.port), timeout=settings.response_seconds)
        if settings.tls:
            link = ssl.create_default_context().wrap_socket(link, server_hostname=settings.host)
    except OSError as error:
        raise LinkDown(f"cannot reach the SMS centre at {_place(settings)}: {error}") from error
    link.settimeout(TICK_SECONDS)
    return link


def submit_fields(settings: SmppSettings, sender: str, to: str) -> Mapping[str, Any]:
    """Return what every submit_sm of one message has in common: addresses, and the wish for a receipt."""
    return {
        "source_addr_ton": settings.source_ton,
        "source_addr_npi": settings.source_npi,
        "source_addr": sender,
        "dest_addr_ton": settings.destination_ton,
        "dest_addr_npi": settings.destination_npi,
        "destination_addr": to,
        "registered_delivery": 1,
    }
