"""How a reply finds its thread: Message-IDs of ours that carry the token, plus addresses, and `[#token]` in the subject.

A token is the engine's: letters, digits, dots and hyphens, 8 to 60 characters, NUMBER.PARTY.SIGNATURE. Mail systems fold case, so
candidates are given in lower case. Our Message-ID is `<token.digest@domain>`, where digest is 16 hexadecimal digits of the SHA-256 of
the engine's message id: the same message sent again has the same Message-ID, and every mail program returns it in References.
"""

import hashlib
import re
from collections.abc import Iterable
from email.message import Message

from engine_email.mime import addresses, header, headers
from engine_email.text import decode_header

_TOKEN = r"[A-Za-z0-9.-]{8,60}"  # noqa: S105  # the pattern of a token, not one
_DIGEST_LENGTH = 16
_WHOLE_TOKEN = re.compile(_TOKEN)
_IN_SUBJECT = re.compile(rf"\s?\[#\s{{0,3}}({_TOKEN})\s{{0,3}}\]")
_OUR_LOCAL_PART = re.compile(rf"({_TOKEN})\.[0-9a-f]{{{_DIGEST_LENGTH}}}", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,200}>")
_ANY_MESSAGE_ID = re.compile(r"<[^<>\s]{3,400}>")
_CANDIDATES_LIMIT = 50
_REFERENCES_LIMIT = 100


def is_token(token: str) -> bool:
    """Say whether `token` can be carried by an address, a subject and a Message-ID."""
    return _WHOLE_TOKEN.fullmatch(token) is not None


def is_message_id(value: str) -> bool:
    """Say whether `value` is a Message-ID with its angle brackets, printable ASCII only (RFC 5322, 3.6.4)."""
    return _MESSAGE_ID.fullmatch(value) is not None


def make_message_id(message_id: str, token: str, domain: str) -> str:
    """Return the Message-ID of the engine's message `message_id`; the same for every attempt to send it."""
    digest = hashlib.sha256(message_id.encode("utf-8", errors="replace")).hexdigest()
    return f"<{token}.{digest[:_DIGEST_LENGTH]}@{domain}>" if token else f"<{digest[:40]}@{domain}>"


def message_id_of(message: Message) -> str:
    """Return the message's own Message-ID if it has a sane one, else ""."""
    found = _ANY_MESSAGE_ID.search(header(message, "Message-ID"))
    return found[0] if found and is_message_id(found[0]) else ""


def references_of(message: Message) -> tuple[str, ...]:
    """Return the Message-IDs this message says it answers (References, then In-Reply-To), each once, in order."""
    ids = [
        found
        for name in ("References", "In-Reply-To")
        for value in headers(message, name)
        for found in _ANY_MESSAGE_ID.findall(value)
        if is_message_id(found)
    ]
    return tuple(dict.fromkeys(ids))[-_REFERENCES_LIMIT:]


def plus_address(address: str, token: str) -> str:
    """Return `support+TOKEN@domain` for `support@domain`; "" where that is longer than a local part may be (RFC 5321, 4.5.3.1.1)."""
    local, _, domain = address.rpartition("@")
    tagged = f"{local}+{token}"
    return f"{tagged}@{domain}" if len(tagged) <= 64 else ""


def base_address(address: str) -> str:
    """Return `address` in lower case and without its plus part, to compare it."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def mark_subject(subject: str, token: str) -> str:
    """Return `subject` with `[#token]` at its end, once."""
    return f"{strip_subject(subject)} [#{token}]".strip()


def strip_subject(subject: str) -> str:
    """Return `subject` without any `[#token]`."""
    return _IN_SUBJECT.sub("", subject).strip()


def token_candidates(message: Message, references: Iterable[str]) -> tuple[str, ...]:
    """Return what may be a thread token, likeliest first, in lower case, each once; the engine verifies them."""
    tags = [
        tag
        for found in addresses(message, "Delivered-To", "X-Original-To", "To", "Cc")
        for tag in [found.address.rpartition("@")[0].partition("+")[2]]
    ]
    subject = _IN_SUBJECT.findall(decode_header(header(message, "Subject")))
    local_parts = [_OUR_LOCAL_PART.fullmatch(reference[1:].rpartition("@")[0]) for reference in references]
    threaded = [local_part[1] for local_part in reversed(local_parts) if local_part]
    candidates = [candidate.lower() for candidate in [*tags, *threaded, *subject] if is_token(candidate)]
    return tuple(dict.fromkeys(candidates))[:_CANDIDATES_LIMIT]
