"""The SMPP transport: one bound transceiver, shared by the thread that sends and the thread that receives.

A message in one piece is answered (deliver_sm_resp) when the engine has it. The parts of a long message and the receipts of parts are
answered when they are durable in the channel's own state directory, because centres hold back what follows until they are.
"""

import hashlib
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

from smpplib import consts  # type: ignore[import-untyped]  # published without types

from engine.channels import ChannelContext, Delivery, Inbound, Outbound, PermanentFailure, Receipt, Rejected, Sent, TemporaryFailure
from engine_sms.arrivals import next_of
from engine_sms.compose import Composed, compose, masked
from engine_sms.documents import Reading, document_of, parse_documents, rejected
from engine_sms.folder import test_message
from engine_sms.fragments import Fragment, Fragments, Whole
from engine_sms.handed import HandedOver
from engine_sms.ledger import Ledger, PartReceipt, provider_id
from engine_sms.segmentation import Encoding, concatenation_header, encode_part
from engine_sms.settings import Settings, SmppSettings
from engine_sms.smpp_pdu import UDH_INDICATOR, Message, Notice, Unreadable, decode_text, read_deliver_sm
from engine_sms.smpp_session import DELIVER_SM, HEADER, Answer, Arrival, LinkDown, Session, parse_pdu, submit_fields
from engine_sms.smpp_status import NEVER, SLOW_DOWN, status_text

BATCH = 100  # arrivals taken in one `receive`, so that receipts get their turn in a flood
RECONNECT_SECONDS = 1.0
FORGET_EVERY = timedelta(hours=1)
MISSING = "…"  # stands for the parts of a long message that never came


class SmppChannel:
    """Sends and receives over one SMPP session, which is made when it is needed and made again when it breaks."""

    def __init__(self, settings: Settings, smpp: SmppSettings, context: ChannelContext) -> None:
        """Nothing is connected and no file is touched before it is needed."""
        self._settings = settings
        self._smpp = smpp
        self._context = context
        self._ledger = Ledger(context.state / "sms.sqlite")
        self._fragments = Fragments(context.state / "fragments.sqlite", smpp.reassembly)
        self._arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._unanswered: dict[str, Arrival] = {}
        self._handed = HandedOver()
        self._connecting = threading.Lock()
        self._session: Session | None = None
        self._refused: tuple[float, str] | None = None
        self._closed = False
        self._forgot: datetime | None = None

    def open(self) -> None:
        """Get ready; the session is made at first use, so that a centre that is away does not hold up the start."""
        self._closed = False

    def close(self) -> None:
        """Unbind. What was not acknowledged is handed back to the centre, which delivers it again."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            for arrival in [*self._unanswered.values(), *self._queued()]:
                arrival.answer(consts.SMPP_ESME_RX_T_APPN)
            session.close()
        self._unanswered.clear()
        self._handed.clear()
        self._arrivals.put(None)
        self._ledger.close()
        self._fragments.close()

    def receive(self, timeout: float) -> Iterator[Delivery]:
        """Yield messages and receipts. Raises TemporaryFailure while the centre is away."""
        self._tidy()
        for delivery in self._due():
            timeout = 0
            yield delivery
        self._connected()
        for _ in range(BATCH):
            arrival = self._next(timeout)
            if arrival is None:
                break
            timeout = 0
            yield from self._deliveries(arrival)
        yield from self._due()

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        """Read JSON messages as the folder transport does, or a deliver_sm as it was set aside."""
        if len(raw) >= HEADER.size and HEADER.unpack_from(raw)[:2] == (len(raw), DELIVER_SM):
            identity = hashlib.sha256(raw[HEADER.size :]).hexdigest()
            return [self._understand(raw, parse_pdu(raw), name, (identity, self._context.now()))]
        return parse_documents(raw, name, Reading(self._context.now(), self._context.timezone))

    def send(self, message: Outbound) -> Sent:
        """Submit every part the centre does not hold yet; the provider id is the ids of all parts, joined with commas."""
        composed = compose(message, self._settings)
        total = len(composed.segments.parts)
        session = self._connected()
        held = self._ledger.accepted_parts(message.message_id, total, self._context.now())
        missing = [part for part in range(1, total + 1) if part not in held]
        for start in range(0, len(missing), self._smpp.window):
            held |= self._submit(session, composed, missing[start : start + self._smpp.window])
        return Sent(provider_id([held[part] for part in range(1, total + 1)]))

    def check(self, to: str | None) -> list[str]:
        """Bind, probe the link, and send a test message if `to` is given."""
        where = f"{self._smpp.host}:{self._smpp.port}"
        session = self._connected()
        lines = [f"bound to {where} as {self._smpp.system_id}"]
        try:
            session.probe()
        except LinkDown as reason:
            raise TemporaryFailure(f"{where}: {reason}") from reason
        lines.append("the link answers (enquire_link)")
        if to is not None:
            lines.append(f"sent a test message to {masked(to)}: {self.send(test_message(to, self._context)).provider_id}")
        return lines

    def _connected(self) -> Session:
        """Return a session that works, made now if need be. Raises TemporaryFailure, at once when the last try was a moment ago."""
        with self._connecting:
            if self._session is not None and self._session.down is None:
                return self._session
            self._refuse_when_closed()
            if self._refused is not None and time.monotonic() < self._refused[0]:
                raise TemporaryFailure(self._refused[1], retry_after=RECONNECT_SECONDS)
            try:
                session = Session(self._smpp, self._arrivals)
            except LinkDown as reason:
                self._refused = (time.monotonic() + RECONNECT_SECONDS, str(reason))
                raise TemporaryFailure(str(reason)) from reason
            self._unanswered.clear()  # the centre delivers them again in the new session
            self._session, self._refused = session, None
            try:
                self._refuse_when_closed()
            except TemporaryFailure:  # closed while the session was made
                session.close()
                raise
            return session

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise TemporaryFailure("the SMS channel is closed")

    def _submit(self, session: Session, composed: Composed, parts: list[int]) -> dict[int, str]:
        """Submit these parts together and return the carrier's ids; what was taken is remembered even when another part fails."""
        taken: dict[int, str] = {}
        failure: TemporaryFailure | PermanentFailure | None = None
        try:
            answers = [(part, session.submit(**self._fields(composed, part))) for part in parts]
            for part, promised in answers:
                answer = session.wait(promised)
                if answer.status == consts.SMPP_ESME_ROK:
                    taken[part] = answer.message_id or f"{composed.message_id}/{part}"
                    total = len(composed.segments.parts)
                    self._ledger.accept_part(composed.message_id, part, total, taken[part], self._context.now())
                elif not isinstance(failure, PermanentFailure):
                    failure = self._failure(answer, composed.to)
        except LinkDown as reason:
            failure = failure or TemporaryFailure(f"the SMS centre went away while sending: {reason}")
        if failure is not None:
            raise failure
        return taken

    def _fields(self, composed: Composed, part: int) -> dict[str, object]:
        segments = composed.segments
        total = len(segments.parts)
        body = encode_part(segments.parts[part - 1], segments.encoding, self._smpp.default_alphabet)
        header = concatenation_header(composed.message_id, total, part) if total > 1 else b""
        return {
            **submit_fields(self._smpp, self._settings.sender, composed.to),
            "short_message": header + body,
            "data_coding": consts.SMPP_ENCODING_ISO10646 if segments.encoding is Encoding.UCS2 else consts.SMPP_ENCODING_DEFAULT,
            "esm_class": UDH_INDICATOR if header else 0,
        }

    def _failure(self, answer: Answer, to: str) -> TemporaryFailure | PermanentFailure:
        reason = f"the SMS centre refused a message to {masked(to)}: {status_text(answer.status)}"
        if answer.status in SLOW_DOWN:
            return TemporaryFailure(reason, retry_after=self._smpp.throttle_seconds)
        return PermanentFailure(reason) if answer.status in NEVER else TemporaryFailure(reason)

    def _next(self, timeout: float) -> Arrival | None:
        return next_of(self._arrivals, timeout, self._context.stopping)

    def _queued(self) -> Iterator[Arrival]:
        while (arrival := self._next(0)) is not None:
            yield arrival

    def _deliveries(self, arrival: Arrival) -> Iterator[Delivery]:
        """Keep what concerns a part and answer it; hand over what concerns the engine, to be answered when it has it."""
        now = self._context.now()
        try:
            found = None if arrival.pdu is None else read_deliver_sm(arrival.pdu)
        except Unreadable:
            found = None  # handed over below, as rejected
        if isinstance(found, PartReceipt):
            self._ledger.record_receipt(found, now)
        elif isinstance(found, Fragment):
            self._fragments.add(found, now)
        elif not isinstance(found, Notice):
            yield self._delivery(arrival, now)
            return
        arrival.answer()

    def _delivery(self, arrival: Arrival, now: datetime) -> Delivery:
        fingerprint = hashlib.sha256(arrival.raw[HEADER.size :]).hexdigest()
        identity = self._ledger.arrival(fingerprint, now)
        item = self._understand(arrival.raw, arrival.pdu, f"{identity[0]}.pdu", identity)
        self._unanswered[item.source_id] = arrival
        self._handed.hand(item.source_id)

        def acknowledge() -> None:
            self._handed.settle(item.source_id)
            self._ledger.answered(fingerprint, self._context.now())
            # An answer that cannot be given, or that was given up, makes the centre deliver the same message again.
            if self._unanswered.pop(item.source_id, None) is not arrival or not arrival.answer():
                self._ledger.answered(fingerprint, None)

        return Delivery(item, acknowledge, raw=arrival.raw if isinstance(item, Rejected) else document_of(item))

    def _understand(self, raw: bytes, pdu: object, name: str, identity: tuple[str, datetime]) -> Inbound | Rejected:
        source_id, received_at = identity
        try:
            if pdu is None:
                raise Unreadable("not a deliver_sm that can be read")
            found = read_deliver_sm(pdu)
            if not isinstance(found, Message):
                raise Unreadable("a receipt or a part of a message, of no use by itself")
            text = decode_text(found.payload, found.data_coding, self._smpp.default_alphabet)
        except Unreadable as reason:
            return Rejected(source_id, name, raw, str(reason))
        return Inbound(source_id, found.sender, received_at, text, full_text=text, recipient=found.recipient)

    def _due(self) -> Iterator[Delivery]:
        """Yield the receipts and long messages that are whole and that the engine has not acknowledged."""
        now = self._context.now()
        for receipt in self._ledger.due_receipts(now):
            if self._handed.hand(receipt.source_id):
                yield Delivery(receipt, acknowledge=partial(self._reported, receipt))
        for whole in self._fragments.due(now):
            if self._handed.hand(whole.source_id):
                item = self._assemble(whole)
                raw = item.raw if isinstance(item, Rejected) else document_of(item)
                yield Delivery(item, acknowledge=partial(self._taken, whole), raw=raw)

    def _reported(self, receipt: Receipt) -> None:
        self._ledger.reported(receipt)
        self._handed.settle(receipt.source_id)

    def _taken(self, whole: Whole) -> None:
        self._fragments.taken(whole, self._context.now())
        self._handed.settle(whole.source_id)

    def _tidy(self) -> None:
        """Hand back to the centre what the engine did not acknowledge in time, and forget what is old."""
        for identity in self._handed.overdue():
            arrival = self._unanswered.pop(identity, None)
            if arrival is not None:
                self._handed.settle(identity)
                arrival.answer(consts.SMPP_ESME_RX_T_APPN)
        now = self._context.now()
        if self._forgot is None or now - self._forgot >= FORGET_EVERY:
            self._ledger.forget(now)
            self._forgot = now

    def _assemble(self, whole: Whole) -> Inbound | Rejected:
        try:
            runs = [decode_text(run, whole.data_coding, self._smpp.default_alphabet) for run in whole.runs]
        except Unreadable as reason:
            return rejected(f"{whole.source_id}.bin", b"".join(whole.runs), f"a long message from {masked(whole.sender)}: {reason}")
        text = MISSING.join(runs) if whole.complete or len(runs) > 1 else runs[0] + MISSING
        return Inbound(whole.source_id, whole.sender, whole.received_at, text, full_text=text, recipient=whole.recipient)
