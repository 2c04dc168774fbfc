"""A real SMS centre (SMPP 3.4, on PyPI's smpp34) for tests, on loopback and a free port."""

import asyncio
import contextlib
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import smpp34

from tests.support.ports import LOOPBACK, free_port

PATIENCE = 60.0
UDH_INDICATOR = 0x40
RECEIPT = 0x04
UCS2 = 8
RECEIPTED_MESSAGE_ID = 0x001E
MESSAGE_STATE = 0x0427
REDELIVER_SECONDS = 0.2
STATE_NUMBERS = {"DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "REJECTD": 8}


@dataclass(frozen=True, slots=True)
class Submit:
    """One submit_sm the centre accepted: `text` decoded, `place` its (reference, total, part) if it is a part of a longer message."""

    message_id: str
    source: str
    destination: str
    text: str
    data_coding: int
    octets: int
    place: tuple[int, int, int] | None
    registered: bool


@dataclass(slots=True)
class _Outgoing:
    """A deliver_sm that the centre repeats until it is answered with success."""

    fields: dict[str, Any]
    not_before: float = 0.0
    tries: int = 0
    answered: bool = False
    refusals: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    under_way: set[str] = field(default_factory=set)


class SmsCentre:
    """An SMS centre in a thread of its own. It repeats what it delivers until the client answers with success, also after a new bind.

    `fates` maps a destination to the final state of what is sent there (DELIVRD if not named), `refusals` to the command_status values
    its next submits are refused with, one after another. `hold_receipts` keeps receipts back until `release_receipts`; they leave
    `receipts_after` seconds after the message came.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.fates: dict[str, str] = {}
        self.refusals: dict[str, list[int]] = {}
        self.hold_receipts = False
        self.receipts_after = 0.0
        self.submits: list[Submit] = []
        self.deliveries: list[_Outgoing] = []
        self._held: list[_Outgoing] = []
        self._tries: list[asyncio.Task[None]] = []
        self._ids = itertools.count(1)
        self._sessions: dict[str, smpp34.Esme] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> "SmsCentre":
        """Listen; returns when clients can connect."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), name="sms-centre", daemon=True)
        self._thread.start()
        assert ready.wait(PATIENCE), "the SMS centre did not start"
        return self

    def stop(self) -> None:
        """Break every session and stop listening. Messages stay, for a new `start`."""
        if self._loop is None or self._stopping is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the SMS centre did not stop"
        self._loop = None

    def __enter__(self) -> "SmsCentre":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def bound(self) -> bool:
        """Whether a client is bound."""
        return bool(self._sessions)

    def inject(self, sender: str, recipient: str, text: str, *, reference: int | None = None) -> None:
        """Deliver a customer's message to whoever is bound, now or later. With `reference`, as parts of 67 units."""
        if reference is None:
            body, coding = (text.encode(), 0) if text.isascii() else (text.encode("utf-16-be"), UCS2)
            self.inject_octets(sender, recipient, body, data_coding=coding)
            return
        units = text.encode("utf-16-be")
        pieces = [units[start : start + 134] for start in range(0, len(units), 134)]
        for number, piece in enumerate(pieces, start=1):
            header = bytes([5, 0, 3, reference, len(pieces), number])
            self.inject_octets(sender, recipient, header + piece, data_coding=UCS2, esm_class=UDH_INDICATOR)

    def inject_octets(self, sender: str, recipient: str, body: bytes, *, data_coding: int = 0, esm_class: int = 0) -> None:
        """Deliver exactly these octets."""
        self._deliver(
            _Outgoing(
                {
                    "source_addr": sender,
                    "destination_addr": recipient,
                    "short_message": body,
                    "data_coding": data_coding,
                    "esm_class": esm_class,
                }
            )
        )

    def release_receipts(self, *, reverse: bool = False) -> None:
        """Send the receipts that were held back, in order or the other way round."""
        held, self._held = self._held, []
        for receipt in reversed(held) if reverse else held:
            self._deliver(receipt)

    @property
    def held_receipts(self) -> int:
        """How many receipts are held back."""
        return len(self._held)

    @property
    def unanswered(self) -> int:
        """How many deliveries no client has answered with success."""
        return sum(not delivery.answered for delivery in self.deliveries)

    def messages(self, destination: str | None = None) -> list[tuple[str, str]]:
        """What handsets show, as (destination, text), parts joined; messages of which parts are missing are left out."""
        shown: list[tuple[str, str]] = []
        parts: dict[tuple[str, int, int], dict[int, str]] = {}
        for submit in self.submits:
            if submit.place is None:
                shown.append((submit.destination, submit.text))
                continue
            reference, total, part = submit.place
            group = parts.setdefault((submit.destination, reference, total), {})
            group[part] = submit.text
            if len(group) == total:
                shown.append((submit.destination, "".join(group[number] for number in sorted(group))))
                del parts[submit.destination, reference, total]
        return [entry for entry in shown if destination in (None, entry[0])]

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = smpp34.Server(LOOPBACK, self.port, system_id="SMSC")
        await server.start()
        tasks = [asyncio.create_task(self._serve(server)), asyncio.create_task(self._redeliver())]
        ready.set()
        await self._stopping.wait()
        for task in [*tasks, *self._tries]:
            task.cancel()
        await asyncio.gather(*tasks, *self._tries, return_exceptions=True)
        self._tries.clear()
        for delivery in self.deliveries:
            delivery.under_way.clear()
        for session in self._sessions.values():
            with contextlib.suppress(smpp34.SmppError, TimeoutError):
                await asyncio.wait_for(session.unbind(), 1)
        await server.stop()
        self._sessions.clear()

    async def _serve(self, server: smpp34.Server) -> None:
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                self._sessions[event.session_id] = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                self._accept(event)
            else:
                self._sessions.pop(event.session_id, None)

    def _accept(self, event: smpp34.SubmitSmEvent) -> None:
        refusals = self.refusals.get(event.destination_addr)
        if refusals:
            event.reject(refusals.pop(0))
            return
        message_id = f"m{next(self._ids):06d}"
        event.accept(message_id)
        submit = _read_submit(event, message_id)
        self.submits.append(submit)
        if submit.registered:
            receipt = _receipt(submit, self.fates.get(submit.destination, "DELIVRD"))
            receipt.not_before = time.monotonic() + self.receipts_after
            if self.hold_receipts:
                self._held.append(receipt)
            else:
                self.deliveries.append(receipt)

    def _deliver(self, outgoing: _Outgoing) -> None:
        self.deliveries.append(outgoing)

    async def _redeliver(self) -> None:
        """Hand out, in the order they came, all that is not answered and not under way."""
        while True:
            session = next(reversed(self._sessions.values()), None)
            due = [one for one in self.deliveries if not one.answered and one.not_before <= time.monotonic()]
            for outgoing in due:
                if session is not None and session.session_id not in outgoing.under_way:
                    outgoing.under_way.add(session.session_id)
                    self._tries.append(asyncio.create_task(self._try(session, outgoing)))
            await asyncio.sleep(0.01)

    async def _try(self, session: smpp34.Esme, outgoing: _Outgoing) -> None:
        outgoing.tries += 1
        try:
            answer = await session.deliver_sm(**outgoing.fields)
            outgoing.answered = outgoing.answered or answer.is_success
            if not answer.is_success:
                outgoing.refusals.append(answer.command_status)
        except smpp34.SmppError as error:  # no answer in time, or the session is gone
            outgoing.faults.append(str(error))
        await asyncio.sleep(REDELIVER_SECONDS)
        outgoing.under_way.discard(session.session_id)


def _read_submit(event: smpp34.SubmitSmEvent, message_id: str) -> Submit:
    body, place = event.short_message, None
    if event.esm_class & UDH_INDICATOR:
        header, body = body[: body[0] + 1], body[body[0] + 1 :]
        assert header[:3] == b"\x05\x00\x03", f"not a header of an 8-bit concatenation: {header.hex()}"
        place = (header[3], header[4], header[5])
    text = body.decode("utf-16-be") if event.data_coding == UCS2 else _gsm_text(body)
    return Submit(
        message_id=message_id,
        source=event.source_addr,
        destination=event.destination_addr,
        text=text,
        data_coding=event.data_coding,
        octets=len(event.short_message),
        place=place,
        registered=bool(event.registered_delivery & 1),
    )


def _gsm_text(body: bytes) -> str:
    """Decode the septets that differ from ASCII and that tests use; any other is a fault of the test."""
    special = {0x00: "@", 0x01: "£", 0x02: "$", 0x05: "é", 0x7E: "ü", 0x11: "_"}
    extension = {0x65: "€", 0x3C: "[", 0x3E: "]", 0x28: "{", 0x29: "}", 0x3D: "~", 0x2F: "\\", 0x40: "|", 0x14: "^"}
    octets = iter(body)
    return "".join(extension[next(octets)] if octet == 0x1B else special.get(octet) or chr(octet) for octet in octets)


def _receipt(submit: Submit, state: str) -> _Outgoing:
    """A delivery receipt in the form of SMPP 3.4, appendix B, with the optional parameters beside it."""
    delivered = state == "DELIVRD"
    text = (
        f"id:{submit.message_id} sub:001 dlvrd:{'001' if delivered else '000'} submit date:2603041000 done date:2603041001"
        f" stat:{state} err:{'000' if delivered else '001'} text:"
    )
    tlvs = [smpp34.Tlv(RECEIPTED_MESSAGE_ID, submit.message_id.encode() + b"\0"), smpp34.Tlv(MESSAGE_STATE, bytes([STATE_NUMBERS[state]]))]
    fields = {
        "source_addr": submit.destination,
        "destination_addr": submit.source,
        "esm_class": RECEIPT,
        "short_message": text.encode(),
        "tlvs": tlvs,
    }
    return _Outgoing(fields)
