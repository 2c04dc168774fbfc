"""What must never be answered by a machine (RFC 3834), and what is a report about a message of ours (RFC 3464, RFC 8098)."""

import re
from dataclasses import dataclass
from email.message import Message

from engine.channels import ReceiptStatus
from engine_email.mime import addresses, header, headers, open_headers
from engine_email.text import decode, decode_header, one_line
from engine_email.threads import is_message_id, message_id_of

_BULK = {"bulk", "junk", "list", "auto_reply"}
_MACHINE_HEADERS = ("List-Id", "List-Post", "X-Autoreply", "X-Autorespond", "X-Autoresponder")
_SUPPRESSED = {"all", "oof", "autoreply"}
_MACHINE_SENDERS = {"mailer-daemon", "postmaster"}
_MACHINE_SUBJECT = re.compile(
    r"\s*(自动回复|自动答复|自動回覆|(auto(matic)?[ -]?reply|out of (the )?office|abwesenheitsnotiz|réponse automatique)\b)", re.IGNORECASE
)
_KEYWORD = re.compile(r"\s*([A-Za-z-]+)")  # what follows is comments and parameters
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_SMTP_CODE = re.compile(r"\b([245])\d\d\b")
_PRINTABLE = re.compile(r"[!-~]{1,200}")
_DETAIL_LIMIT = 500

OUR_MESSAGE_HEADER = "X-Closedloop-Message"


def is_automatic(message: Message) -> bool:
    """Say whether a machine wrote this, or a list carried it, so that no automatic answer may go back."""
    submitted = _KEYWORD.match(header(message, "Auto-Submitted"))
    suppressed = {word.strip().lower() for word in header(message, "X-Auto-Response-Suppress").split(",")}
    return (
        (submitted is not None and submitted[1].lower() != "no")
        or header(message, "Precedence").strip().lower() in _BULK
        or any(message.get(name) is not None for name in _MACHINE_HEADERS)
        or bool(suppressed & _SUPPRESSED)
        or any(value.strip() == "<>" for value in headers(message, "Return-Path"))
        or _is_report(message)
        or _is_machine_sender(message)
        or _MACHINE_SUBJECT.match(decode_header(header(message, "Subject"))) is not None
    )


def _is_machine_sender(message: Message) -> bool:
    return any(found.address.lower().rpartition("@")[0] in _MACHINE_SENDERS for found in addresses(message, "From"))


def _is_report(message: Message) -> bool:
    return message.get_content_type() == "multipart/report"


@dataclass(frozen=True, slots=True)
class Report:
    """What a delivery status or disposition notification says of a message of ours, named by either id."""

    status: ReceiptStatus
    provider_id: str
    message_id: str
    permanent: bool
    detail: str


def read_report(message: Message) -> Report | None:
    """Return what a report says of a message that can be named; None for any other mail, and for "delayed" (it is still being tried)."""
    if not _is_report(message):
        return None
    kind = str(message.get_param("report-type", "")).lower()
    if kind == "delivery-status":
        return _delivery_status(message)
    if kind == "disposition-notification":
        return _disposition(message)
    return None


def returned_headers(message: Message) -> Message | None:
    """Return the headers of the message that a report gives back, whole (message/rfc822) or alone (text/rfc822-headers)."""
    for part in message.walk():
        media_type = part.get_content_type()
        if media_type in ("text/rfc822-headers", "message/rfc822-headers"):
            payload = part.get_payload(decode=True)
            inner = part.get_payload(0) if part.is_multipart() else None
            return inner if isinstance(inner, Message) else open_headers(payload if isinstance(payload, bytes) else b"")
        if media_type in ("message/rfc822", "message/global") and part.is_multipart():
            inner = part.get_payload(0)
            return inner if isinstance(inner, Message) else None
    return None


def _fields(message: Message, media_type: str) -> list[Message]:
    """The blocks of fields in the report's machine-readable part."""
    part = next((part for part in message.walk() if part.get_content_type() == media_type), None)
    payload = part.get_payload() if part is not None else None
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)]
    return [open_headers(payload.encode("utf-8", errors="surrogateescape"))] if isinstance(payload, str) else []


def _delivery_status(message: Message) -> Report | None:
    original = returned_headers(message)
    if original is None:
        return None
    provider_id, message_id = message_id_of(original), header(original, OUR_MESSAGE_HEADER).strip()
    message_id = message_id if _PRINTABLE.fullmatch(message_id) else ""
    if not provider_id and not message_id:
        return None
    for block in _fields(message, "message/delivery-status"):
        action = header(block, "Action").strip().lower()
        detail = one_line(decode(f"{header(block, 'Status')} {header(block, 'Diagnostic-Code')}".encode("utf-8", "surrogateescape")))
        if action == "failed":
            permanent = _is_permanent(header(block, "Status"), detail)
            return Report(ReceiptStatus.FAILED, provider_id, message_id, permanent, detail[:_DETAIL_LIMIT])
        if action == "delivered":
            return Report(ReceiptStatus.DELIVERED, provider_id, message_id, True, detail[:_DETAIL_LIMIT])
    return None


def _is_permanent(status: str, detail: str) -> bool:
    """RFC 3463: class 5 is permanent, class 4 is not; without a status the SMTP reply in the diagnostics says it."""
    found = _STATUS.search(status) or _STATUS.search(detail) or _SMTP_CODE.search(detail)
    return found is None or found[1] != "4"


def _disposition(message: Message) -> Report | None:
    """A read receipt: the message was delivered, whatever was done with it (RFC 8098)."""
    for block in _fields(message, "message/disposition-notification"):
        provider_id = header(block, "Original-Message-ID").strip()
        if is_message_id(provider_id):
            return Report(ReceiptStatus.DELIVERED, provider_id, "", True, one_line(header(block, "Disposition"))[:_DETAIL_LIMIT])
    return None
