"""The Kannel transport: sendsms over HTTP out, HTTP calls from Kannel in.

Texts are cut into parts here, not by Kannel: it would split surrogate pairs, and ask for a receipt of the first part only.
"""

import base64
import binascii
import hashlib
import http.client
import queue
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntFlag
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from engine.channels import (
    ChannelContext,
    Delivery,
    Inbound,
    Outbound,
    PermanentFailure,
    Receipt,
    ReceiptStatus,
    Rejected,
    Sent,
    TemporaryFailure,
)
from engine_sms.arrivals import next_of
from engine_sms.compose import Composed, compose, masked
from engine_sms.database import micros
from engine_sms.documents import ADDRESS_LIMIT, Reading, clean, document_of, parse_documents
from engine_sms.folder import test_message
from engine_sms.handed import HandedOver
from engine_sms.kannel_callback import CallbackServer, fields_of
from engine_sms.ledger import Ledger, PartReceipt
from engine_sms.segmentation import Encoding, concatenation_header
from engine_sms.settings import KannelSettings, Settings
from engine_sms.smpp_status import NEVER

CHARSETS = {"utf-8": "utf-8", "utf-16be": "utf-16-be", "iso-8859-1": "latin-1", "latin1": "latin-1", "us-ascii": "ascii", "ascii": "ascii"}
CHARSET_OF_CODING = {"": "utf-8", "0": "utf-8", "2": "utf-16be"}
ANSWER_LIMIT = 65_536
FORGET_EVERY = timedelta(hours=1)
_REFUSAL = re.compile(r"\bNACK/(?:0x([0-9a-fA-F]{1,8}))?\S*")
_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
# Refusals of sendsms that a later try may overcome: the account, the path and the load can be mended.
MENDABLE = (401, 403, 404, 408, 429)


class DlrType(IntFlag):
    """Kannel's types of delivery report, as they are asked for (dlr-mask) and as they come (%d)."""

    DELIVERED = 1
    FAILED = 2
    REFUSED = 16
    EXPIRED = 32


RECEIPT_MASK = DlrType.DELIVERED | DlrType.FAILED | DlrType.REFUSED


@dataclass(slots=True, eq=False)
class _Call:
    """An inbound message whose call from Kannel waits for `answered`; the answer is good if `held`: the engine has it."""

    item: Inbound | Rejected
    raw: bytes
    fingerprint: str
    answered: threading.Event = field(default_factory=threading.Event)
    held: bool = False
    given_up: bool = False


class KannelChannel:
    """Sends through Kannel's sendsms and listens for its calls between `open` and `close`."""

    def __init__(self, settings: Settings, kannel: KannelSettings, context: ChannelContext) -> None:
        """Nothing is listened on before `open`."""
        self._settings = settings
        self._kannel = kannel
        self._context = context
        self._ledger = Ledger(context.state / "sms.sqlite")
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._waiting: set[_Call] = set()
        self._handed = HandedOver()
        self._server: CallbackServer | None = None
        self._closing = False
        self._forgot: datetime | None = None

    @property
    def callback_url(self) -> str:
        """What Kannel calls, up to and including the secret."""
        port = self._server.port if self._server is not None else self._kannel.listen_port
        base = self._kannel.callback_url or f"http://{self._kannel.listen_host}:{port}"
        return f"{base.rstrip('/')}/{self._kannel.secret}"

    def open(self) -> None:
        """Listen for Kannel. Raises ConfigurationError when the address cannot be had."""
        if self._server is None:
            self._closing = False
            self._server = CallbackServer(self._kannel, self._called)

    def close(self) -> None:
        """Stop listening. Calls that wait are answered 503, so that Kannel calls again."""
        self._closing = True
        for call in list(self._waiting):
            call.answered.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        self._calls.put(None)
        self._handed.clear()
        self._ledger.close()

    def receive(self, timeout: float) -> Iterator[Delivery]:
        """Yield receipts and messages. Kannel being away shows only when we send: nothing can be told from its silence."""
        self._forget()
        for delivery in self._receipts():
            timeout = 0
            yield delivery
        while (call := self._next(timeout)) is not None:
            timeout = 0
            if not call.given_up:
                yield Delivery(call.item, acknowledge=partial(self._hold, call), raw=call.raw)
        yield from self._receipts()

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        """Read JSON messages as the folder transport does, or the query of a call as it was set aside."""
        if raw.startswith((b"from=", b"to=", b"text=", b"id=")):
            identity = hashlib.sha256(raw).hexdigest()
            return [_understand(raw.decode("latin-1"), name, identity, self._context.now())]
        return parse_documents(raw, name, Reading(self._context.now(), self._context.timezone))

    def send(self, message: Outbound) -> Sent:
        """Hand Kannel every part it does not hold yet. Kannel has no message ids: the provider id is our own."""
        composed = compose(message, self._settings)
        total = len(composed.segments.parts)
        held = self._ledger.accepted_parts(message.message_id, total, self._context.now())
        for part in range(1, total + 1):
            if part not in held:
                self._send_part(composed, part, total)
        return Sent(provider_id=message.message_id)

    def check(self, to: str | None) -> list[str]:
        """Prove the account with a request that names no recipient, and send a test message if `to` is given."""
        status, answer = self._request({})
        if status != HTTPStatus.BAD_REQUEST:
            raise TemporaryFailure(f"{self._kannel.sendsms_url} answered {status} {answer!r}: check sendsms_url, username and password")
        lines = [f"{self._kannel.sendsms_url} knows the account {self._kannel.username}"]
        if self._server is not None:
            lines.append(f"listening on {self._kannel.listen_host}:{self._server.port} for Kannel's calls")
        if to is not None:
            self.send(test_message(to, self._context))
            lines.append(f"Kannel took a test message to {masked(to)}")
        return lines

    def _send_part(self, composed: Composed, part: int, total: int) -> None:
        segments = composed.segments
        now = self._context.now()
        carrier_id = f"{composed.message_id}/{part}/{micros(now)}"
        wide = segments.encoding is Encoding.UCS2
        reference = base64.urlsafe_b64encode(carrier_id.encode()).decode().rstrip("=")
        fields: dict[str, str | bytes] = {
            "from": self._settings.sender,
            "to": composed.to,
            "text": segments.parts[part - 1].encode("utf-16-be" if wide else "utf-8"),
            "charset": "UTF-16BE" if wide else "UTF-8",
            "coding": "2" if wide else "0",
            "dlr-mask": str(int(RECEIPT_MASK)),
            "dlr-url": f"{self.callback_url}/receipt?id={reference}&status=%d&reply=%A",
        }
        if total > 1:
            fields["udh"] = concatenation_header(composed.message_id, total, part)
        if self._kannel.smsc:
            fields["smsc"] = self._kannel.smsc
        status, answer = self._request(fields)
        if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            reason = f"Kannel refused a message to {masked(composed.to)}: {status} {answer!r}"
            mendable = status in MENDABLE or not 400 <= status < 500
            raise TemporaryFailure(reason) if mendable else PermanentFailure(reason)
        self._ledger.accept_part(composed.message_id, part, total, carrier_id, now)

    def _request(self, fields: dict[str, str | bytes]) -> tuple[int, str]:
        """Call sendsms; return the status and the answer's text. No proxy and no redirection: the request carries the password."""
        url = urlsplit(self._kannel.sendsms_url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=self._kannel.timeout_seconds)
        account = {"username": self._kannel.username, "password": self._kannel.password}
        query = "&".join(filter(None, [url.query, urlencode(account | fields)]))
        try:
            connection.request("GET", f"{url.path or '/'}?{query}")
            response = connection.getresponse()
            return response.status, response.read(ANSWER_LIMIT).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            raise TemporaryFailure(f"cannot reach Kannel at {url.hostname}:{url.port}: {error}") from error
        finally:
            connection.close()

    def _called(self, what: str, query: str) -> HTTPStatus:
        """Answer one call from Kannel, in a thread of its own."""
        if what == "receipt":
            return self._receipt(fields_of(query))
        return self._inbound(query) if what == "inbound" else HTTPStatus.NOT_FOUND

    def _receipt(self, fields: dict[str, bytes]) -> HTTPStatus:
        """Keep the word on one part. It is answered when it is durable here; the engine hears of whole messages."""
        reference = fields.get("id", b"")
        try:
            carrier_id = base64.b64decode(reference + b"=" * (-len(reference) % 4), altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return HTTPStatus.BAD_REQUEST
        if not carrier_id:
            return HTTPStatus.BAD_REQUEST
        found = _verdict(carrier_id, fields.get("status", b"").decode("latin-1"), fields.get("reply", b"").decode("utf-8", "replace"))
        if found is not None:
            self._ledger.record_receipt(found, self._context.now())
            self._calls.put(None)  # wakes `receive`
        return HTTPStatus.OK

    def _inbound(self, query: str) -> HTTPStatus:
        """Queue a message for the engine and wait until it is held there; otherwise Kannel shall call again."""
        fingerprint, item = self._identified(query)
        call = _Call(item, item.raw if isinstance(item, Rejected) else document_of(item), fingerprint)
        self._waiting.add(call)
        try:
            if self._closing:
                return HTTPStatus.SERVICE_UNAVAILABLE
            self._calls.put(call)
            call.answered.wait(self._kannel.timeout_seconds)
            call.given_up = not call.held
        finally:
            self._waiting.discard(call)
        return HTTPStatus.OK if call.held else HTTPStatus.SERVICE_UNAVAILABLE

    def _identified(self, query: str) -> tuple[str, Inbound | Rejected]:
        now = self._context.now()
        given = fields_of(query).get("id", b"").decode("latin-1")
        fingerprint = given if _ID.fullmatch(given) else hashlib.sha256(query.encode("latin-1", "replace")).hexdigest()
        source_id, received_at = self._ledger.arrival(fingerprint, now)
        if fingerprint == given:
            source_id = given
        return fingerprint, _understand(query, f"{source_id}.query", source_id, received_at)

    def _hold(self, call: _Call) -> None:
        """Answer the call that waits: the engine has the message. When it gave up waiting, Kannel brings the same one again."""
        self._ledger.answered(call.fingerprint, None if call.given_up else self._context.now())
        call.held = True
        call.answered.set()

    def _next(self, timeout: float) -> _Call | None:
        return next_of(self._calls, timeout, self._context.stopping)

    def _receipts(self) -> Iterator[Delivery]:
        for receipt in self._ledger.due_receipts(self._context.now()):
            if self._handed.hand(receipt.source_id):
                # The provider id as `send` returned it; that of a message we do not know is all there is.
                named = replace(receipt, provider_id=receipt.message_id or receipt.provider_id)
                yield Delivery(named, acknowledge=partial(self._reported, named))

    def _reported(self, receipt: Receipt) -> None:
        self._ledger.reported(receipt)
        self._handed.settle(receipt.source_id)

    def _forget(self) -> None:
        now = self._context.now()
        if self._forgot is None or now - self._forgot >= FORGET_EVERY:
            self._ledger.forget(now)
            self._forgot = now


def _verdict(carrier_id: str, status: str, reply: str) -> PartReceipt | None:
    """Return Kannel's final word on a part, None where it is not final. `status` (%d) is a sum of `DlrType`, `reply` (%A) its text."""
    kind = DlrType(int(status) if re.fullmatch("[0-9]{1,3}", status) else 0)
    if DlrType.REFUSED in kind:
        refusal = _REFUSAL.search(reply)
        permanent = refusal is None or refusal[1] is None or int(refusal[1], 16) in NEVER
        return PartReceipt(carrier_id, ReceiptStatus.FAILED, refusal[0] if refusal else "NACK", permanent)
    if DlrType.FAILED in kind:
        expired = DlrType.EXPIRED in kind  # the telephone was off: another try may reach it
        return PartReceipt(carrier_id, ReceiptStatus.FAILED, "EXPIRED" if expired else "UNDELIV", permanent=not expired)
    return PartReceipt(carrier_id, ReceiptStatus.DELIVERED, "DELIVRD") if DlrType.DELIVERED in kind else None


def _understand(query: str, name: str, source_id: str, received_at: datetime) -> Inbound | Rejected:
    try:
        fields = fields_of(query)
        text = _text(fields)
        sender, recipient = (fields.get(key, b"").decode("utf-8", "strict").strip() for key in ("from", "to"))
        if not sender or max(len(sender), len(recipient)) > ADDRESS_LIMIT or not (sender + recipient).isprintable():
            raise ValueError("from or to is not an address")
    except ValueError as reason:
        return Rejected(source_id, name, query.encode("latin-1", "replace"), f"a call from Kannel that is not a message: {reason}")
    return Inbound(source_id, sender, received_at, text, full_text=text, recipient=recipient)


def _text(fields: dict[str, bytes]) -> str:
    """Decode %b: its octets are in the charset of %C, else in what %c (the coding) implies."""
    coding = fields.get("coding", b"").decode("latin-1")
    charset = fields.get("charset", b"").decode("latin-1").lower() or CHARSET_OF_CODING.get(coding, "")
    if charset not in CHARSETS:
        raise ValueError(f"coding {coding!r} with charset {charset!r} is not text")
    if "text" not in fields:
        raise ValueError("text is missing: see the get-url in the README")
    return clean(fields["text"].decode(CHARSETS[charset]))
