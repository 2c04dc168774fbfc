"""Raw mail in, a value of the channel contract out: a customer's message, a receipt for one of ours, or a rejection with its reason."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import Message

from engine.channels import Inbound, Receipt, Rejected
from engine_email.automatic import is_automatic, read_report, returned_headers
from engine_email.mime import Address, addresses, header, open_headers, open_message, read_content, read_html
from engine_email.quotes import new_text
from engine_email.text import decode_header
from engine_email.threads import base_address, message_id_of, references_of, strip_subject, token_candidates

_SUBJECT_LIMIT = 500
_TRACE = re.compile(rb"^(?:Received|Return-Path|Delivered-To|X-Original-To)[ \t]*:.*\n(?:[ \t]+\S.*\n)*", re.IGNORECASE | re.MULTILINE)
"""What servers add on the way (RFC 5321, 4.4), with lines that continue it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads mail sent to `own_address`, up to `max_bytes` each."""

    own_address: str
    max_bytes: int

    def read(self, raw: bytes, name: str, received_at: datetime) -> Inbound | Receipt | Rejected:
        """Understand one message; never raises for what it contains."""
        if len(raw) > self.max_bytes:
            return self.reject(raw, name, f"the message has {len(raw)} bytes, more than max_megabytes allows; raise it and feed this again")
        try:
            return self._understand(open_message(raw), raw, name, received_at)
        except Exception as problem:  # noqa: BLE001  # a hostile mail that trips a parser is set aside alone; the channel goes on
            return self.reject(raw, name, f"the message cannot be parsed: {type(problem).__name__}: {problem}")

    def reject(self, raw: bytes, name: str, reason: str) -> Rejected:
        """Set raw mail aside, with the reason for people to read."""
        return Rejected(source_id=_source_id(open_headers(raw), raw), name=name, raw=raw, reason=reason)

    def _understand(self, message: Message, raw: bytes, name: str, received_at: datetime) -> Inbound | Receipt | Rejected:
        source_id = _source_id(message, raw)
        report = read_report(message)
        if report is not None:
            return Receipt(
                source_id=source_id,
                status=report.status,
                received_at=received_at,
                message_id=report.message_id,
                provider_id=report.provider_id,
                detail=report.detail,
                permanent=report.permanent,
            )
        sender = self._sender(message)
        if sender is None:
            return self.reject(raw, name, "the message has no sender: no address in From, Sender or Return-Path")
        return self._inbound(message, source_id, sender, received_at)

    def _sender(self, message: Message) -> Address | None:
        """The author. A contact form writes in our own name and puts the customer into Reply-To: then that is the author."""
        author = next(iter(addresses(message, "From", "Sender", "Return-Path")), None)
        if author is not None and self._is_own(author):
            return next((found for found in addresses(message, "Reply-To") if not self._is_own(found)), author)
        return author

    def _is_own(self, address: Address) -> bool:
        return base_address(address.address) == base_address(self.own_address)

    def _inbound(self, message: Message, source_id: str, sender: Address, received_at: datetime) -> Inbound:
        content = read_content(message)
        references = references_of(message)
        returned = returned_headers(message) if message.get_content_type() == "multipart/report" else None
        if returned is not None:  # a report that is no receipt (a delay) belongs to the thread of what it returns
            references = (*references, *filter(None, [message_id_of(returned)]))
        tokens = token_candidates(message, references)
        text = new_text(content.text)
        if not text and not references and not tokens:
            text = content.text  # a mail forwarded without a word of its own: what was forwarded is the matter
        return Inbound(
            source_id=source_id,
            sender=sender.address,
            sender_name=sender.name,
            recipient=self._recipient(message),
            received_at=received_at,
            subject=strip_subject(decode_header(header(message, "Subject")))[:_SUBJECT_LIMIT],
            text=text,
            full_text=content.text,
            tokens=tokens,
            references=references,
            automatic=self._is_own(sender) or is_automatic(message),
            attachments=content.attachments,
        )

    def _recipient(self, message: Message) -> str:
        """The address of ours it was sent to, as far as the headers say."""
        named = [found.address for found in addresses(message, "To", "Cc", "Delivered-To", "X-Original-To")]
        own = [address for address in named if base_address(address) == base_address(self.own_address)]
        return (own or named or [""])[0]


def html_of(raw: bytes) -> str:
    """Return what of a message is HTML, as it was written, "" for none; never raises for what it contains."""
    try:
        return read_html(open_message(raw))
    except Exception:  # noqa: BLE001  # as above: what trips a parser has no HTML to show
        return ""


def _source_id(message: Message, raw: bytes) -> str:
    """The Message-ID; without one the digest of what the sender wrote, for servers that deliver a mail again add other trace fields. Where
    the sender wrote no date either, these are all that tells a second mail of the same words from a copy, so they count.
    """
    if found := message_id_of(message):
        return found
    head, end, body = raw.partition(b"\r\n\r\n" if b"\r\n\r\n" in raw else b"\n\n")
    written = _TRACE.sub(b"", head + end) + body if header(message, "Date") else raw
    return f"sha256:{hashlib.sha256(written).hexdigest()}"
