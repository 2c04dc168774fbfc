"""Reading a deliver_sm (SMPP 3.4, section 4.6): a receipt, a message, a part of one, or what is neither."""

import re
import struct
from dataclasses import dataclass
from typing import Any

from engine.channels import ReceiptStatus
from engine_sms import gsm7
from engine_sms.documents import ADDRESS_LIMIT, clean
from engine_sms.fragments import Fragment
from engine_sms.ledger import PartReceipt

UDH_INDICATOR = 0x40
MESSAGE_TYPE_MASK = 0x3C
DELIVERY_RECEIPT = 0x04
OTHER_ACKNOWLEDGEMENTS = (0x08, 0x10, 0x20)  # delivered/read by hand, conversation abort, intermediate notice: nothing final

# data_coding (SMPP 3.4, section 5.2.19) to the codec of Python; 0 is the centre's default, see `decode_text`.
CODECS = {1: "ascii", 3: "latin-1", 5: "shift_jis", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be", 10: "iso2022-jp", 14: "euc-kr"}

# Final message states (section 5.2.28 and appendix B); all others are on the way.
_FINAL = {
    "DELIVRD": (ReceiptStatus.DELIVERED, True),
    "EXPIRED": (ReceiptStatus.FAILED, False),  # the telephone was off: another try may reach it
    "DELETED": (ReceiptStatus.FAILED, True),
    "UNDELIV": (ReceiptStatus.FAILED, True),
    "REJECTD": (ReceiptStatus.FAILED, True),
}
_STATE_NAMES = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD"}
_RECEIPT_ID = re.compile(r"\bid:\s*(\S+)")
_RECEIPT_STATE = re.compile(r"\bstat:\s*([A-Z]+)")
_RECEIPT_ERROR = re.compile(r"\berr:\s*(\S+)")


class Unreadable(Exception):
    """A deliver_sm that is not understood; says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """An inbound message in one piece, not yet decoded."""

    sender: str
    recipient: str
    data_coding: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """Word of a message on its way, of which nothing follows."""


def read_deliver_sm(pdu: Any) -> PartReceipt | Fragment | Message | Notice:
    """Say what a parsed deliver_sm (smpplib) is. Raises Unreadable."""
    payload = pdu.short_message or pdu.message_payload or b""
    kind = (pdu.esm_class or 0) & MESSAGE_TYPE_MASK
    if kind == DELIVERY_RECEIPT:
        return _read_receipt(pdu, payload.decode("latin-1"))
    if kind in OTHER_ACKNOWLEDGEMENTS:
        return Notice()
    sender, recipient = _address(pdu.source_addr, "source_addr"), _address(pdu.destination_addr, "destination_addr")
    if not sender:
        raise Unreadable("source_addr is empty: nobody to answer")
    place, payload = _concatenation(pdu, payload)
    data_coding = pdu.data_coding or 0
    if place is None:
        return Message(sender, recipient, data_coding, payload)
    reference, total, part = place
    return Fragment(sender, recipient, reference, total, part, data_coding, payload)


def decode_text(payload: bytes, data_coding: int, default_alphabet: str) -> str:
    """Return the text of a payload. Raises Unreadable for binary messages and for bytes that are not in the alphabet they claim."""
    if data_coding & 0xF0 == 0xF0:  # GSM message class: the alphabet is bit 2 (3GPP TS 23.038, section 4)
        data_coding = 4 if data_coding & 0x04 else 0
    codec = CODECS.get(data_coding) if data_coding else default_alphabet
    if codec is None:
        raise Unreadable(f"data_coding {data_coding} is not text")
    try:
        text = gsm7.decode(payload) if codec == "gsm-7" else payload.decode(codec)
    except ValueError as error:
        raise Unreadable(f"the text is not {codec} as data_coding {data_coding} says: {error}") from error
    return clean(text)


def _read_receipt(pdu: Any, text: str) -> PartReceipt | Notice:
    # The text comes first: some centres end the optional parameter without the NUL that the standard and the library expect.
    named = _RECEIPT_ID.search(text)
    carrier_id = named[1] if named else (pdu.receipted_message_id or b"").decode("latin-1")
    if not carrier_id:
        raise Unreadable("a delivery receipt without a message id")
    found = _RECEIPT_STATE.search(text)
    state = found[1] if found else _STATE_NAMES.get(pdu.message_state or 0, "UNKNOWN")
    if state not in _FINAL:
        return Notice()
    status, permanent = _FINAL[state]
    error = _RECEIPT_ERROR.search(text)
    return PartReceipt(carrier_id, status, f"{state} err:{error[1]}" if error else state, permanent)


def _address(value: bytes | None, name: str) -> str:
    address = (value or b"").decode("latin-1").strip()
    if len(address) > ADDRESS_LIMIT or not address.isprintable():
        raise Unreadable(f"{name} is not an address")
    return address


def _concatenation(pdu: Any, payload: bytes) -> tuple[tuple[int, int, int] | None, bytes]:
    """Return (reference, total, part) of a part of a longer message, else None; and the payload without its header."""
    if (pdu.esm_class or 0) & UDH_INDICATOR:
        place, payload = _user_data_header(payload)
    elif pdu.sar_msg_ref_num is not None and pdu.sar_total_segments and pdu.sar_segment_seqnum:
        place = (pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum)
    else:
        place = None
    if place is not None and not 1 <= place[2] <= place[1]:
        raise Unreadable(f"part {place[2]} of {place[1]}")
    return (None if place is None or place[1] == 1 else place), payload


def _user_data_header(payload: bytes) -> tuple[tuple[int, int, int] | None, bytes]:
    """Read a user data header (3GPP TS 23.040, section 9.2.3.24)."""
    length = payload[0] if payload else 0
    header, body = payload[1 : 1 + length], payload[1 + length :]
    if not payload or len(header) < length:
        raise Unreadable("the user data header is longer than the message")
    place = None
    position = 0
    while position + 2 <= len(header):
        element, size = header[position], header[position + 1]
        value = header[position + 2 : position + 2 + size]
        if element == 0x00 and len(value) == 3:
            place = (value[0], value[1], value[2])
        elif element == 0x08 and len(value) == 4:
            place = struct.unpack(">HBB", value)
        position += 2 + size
    return place, body
