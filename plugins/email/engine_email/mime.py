"""One message, opened: its headers as they came, its text, its attachments.

Headers are kept raw (8-bit bytes as surrogate escapes) and decoded by `text.decode_header`, because the standard library's header
classes raise, or lose bytes, on what real mail contains.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import getaddresses
from urllib.parse import unquote

from engine.channels import Attachment
from engine_email.text import clean, decode, decode_header, html_to_text, one_line, unflow

_BOUNDARIES_LIMIT = 100
_PARTS_LIMIT = 2000
_LINES_LIMIT = 20_000_000
_BOUNDARY = re.compile(rb"boundary\*?0?\*?=\s{0,5}[\"']?([^\"';\s]{0,100})", re.IGNORECASE)
_NAME_LIMIT = 200
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,100}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")
_ANGLE_ADDRESS = re.compile(r"<\s*([^<>\s@]{1,200}@[^<>\s@]{1,253})\s*>")
_ADDRESS = re.compile(r"[^<>\s@\"(),;:]{1,200}@[^<>\s@\"(),;:]{1,253}")
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_ADDRESSES_LIMIT = 100
_HEADER_LIMIT = 50_000
_HTML_LIMIT = 1_000_000
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_PICTURES_LIMIT = 5_000_000
"""Bytes of all pictures that stand in one page, each as often as it does."""
_PICTURE = re.compile(r"\bcid:([^\s\"'<>()]{1,200})", re.IGNORECASE)


class _RawHeaders(Compat32):
    """The classic policy, but header values come back as the text that stood there, never as a `Header` object."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


_PARSER = BytesParser(policy=_RawHeaders())
_HEADER_PARSER = BytesParser(policy=_RawHeaders())


class TooManyParts(ValueError):
    """The message has more MIME parts than any honest one."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of an address header: decoded display name and address as written."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Content:
    """The body of a message: plain text of all text parts in order, and everything that is not text."""

    text: str
    attachments: tuple[Attachment, ...]


def open_message(raw: bytes) -> Message:
    """Parse the MIME structure of a message. Defects are tolerated; raises TooManyParts or RecursionError for a hostile structure."""
    _bound_work(raw)
    return _PARSER.parsebytes(raw)


def _bound_work(raw: bytes) -> None:
    """Refuse a structure that would keep the parser busy for minutes, before it starts: what it does grows with the number of parts,
    and with lines times nested parts, because every open multipart looks at every line.
    """
    boundaries = _BOUNDARY.findall(raw)
    if len(boundaries) > _BOUNDARIES_LIMIT or len(boundaries) * raw.count(b"\n") > _LINES_LIMIT:
        raise TooManyParts(f"{len(boundaries)} nested parts in {len(raw)} bytes")
    if sum(raw.count(b"--" + boundary) for boundary in set(boundaries)) > _PARTS_LIMIT:
        raise TooManyParts(f"more than {_PARTS_LIMIT} parts")


def open_headers(raw: bytes) -> Message:
    """Parse the header block of a message and leave its body alone."""
    return _HEADER_PARSER.parsebytes(raw, headersonly=True)


def header(message: Message, name: str) -> str:
    """Return the first header of that name, raw but unfolded; "" if there is none."""
    value = message.get(name)
    return str(value).replace("\r", "").replace("\n", "")[:_HEADER_LIMIT] if value is not None else ""


def headers(message: Message, name: str) -> list[str]:
    """Return every header of that name, raw but unfolded."""
    return [str(value).replace("\r", "").replace("\n", "")[:_HEADER_LIMIT] for value in message.get_all(name) or []]


def addresses(message: Message, *names: str) -> list[Address]:
    """Return the mailboxes of these address headers, in order, at most a hundred."""
    found: list[Address] = []
    for name in names:
        for value in headers(message, name):
            found.extend(_addresses(value))
    return found[:_ADDRESSES_LIMIT]


def _addresses(value: str) -> Iterator[Address]:
    angles = list(_ANGLE_ADDRESS.finditer(value))
    if len(angles) == 1 and "," not in value[angles[0].end() :]:
        # One <address>: whatever stands before it is its name, even when an unquoted comma or @ breaks the syntax.
        name = value[: angles[0].start()].strip().strip("\"' ")
        if "," not in name or "@" not in name:
            yield Address(decode_header(name.replace('\\"', '"')), clean(angles[0][1]))
            return
    for name, address in getaddresses([value]):
        candidate = _ADDRESS.fullmatch(address.strip())
        if candidate:
            yield Address(decode_header(name), clean(candidate[0]))


def read_content(message: Message) -> Content:
    """Collect text and attachments. In multipart/alternative the plain text is preferred; inline images count as attachments."""
    reader = _Reader()
    text = reader.read(message)
    return Content(text.strip("\n"), tuple(reader.attachments))


def read_html(message: Message) -> str:
    """Return what of a message is HTML, as it was written; pictures that came with it stand in it as data: URLs. "" where nothing is."""
    leaves = list(_leaves(message))
    pictures = {header(leaf, "Content-ID").strip(" <>"): leaf for leaf in leaves if leaf.get_content_type() in _PICTURES}
    room = _PICTURES_LIMIT

    def stands(found: re.Match[str]) -> str:
        nonlocal room
        leaf = pictures.get(unquote(found[1]))
        content = _payload(leaf) if leaf is not None else b""
        if leaf is None or len(content) > room:
            return found[0]
        room -= len(content)
        return f"data:{leaf.get_content_type()};base64,{base64.b64encode(content).decode()}"

    written = [_decoded(leaf) for leaf in leaves if leaf.get_content_type() == "text/html" and not _is_file(leaf)]
    return _PICTURE.sub(stands, "\n".join(written)[:_HTML_LIMIT])


def _leaves(part: Message) -> Iterator[Message]:
    """Yield the parts that hold something, none of those of a message inside the message."""
    children = part.get_payload() if part.is_multipart() else None
    if not isinstance(children, list):
        yield part
    elif not part.get_content_type().startswith("message/"):
        for child in children:
            if isinstance(child, Message):
                yield from _leaves(child)


def _is_file(part: Message) -> bool:
    return bool(_file_name(part)) or header(part, "Content-Disposition").partition(";")[0].strip().lower() == "attachment"


class _Reader:
    def __init__(self) -> None:
        self.attachments: list[Attachment] = []
        self._has_text = False

    def read(self, part: Message) -> str:
        """Return the text of `part`, and put aside what is not text."""
        children = part.get_payload() if part.is_multipart() else None
        media_type = part.get_content_type()
        if not isinstance(children, list):
            return self._leaf(part, media_type)
        inner = [child for child in children if isinstance(child, Message)]
        if media_type.startswith("message/"):
            self.attachments.append(_nested(part, inner))
            return ""
        return self._alternative(inner) if media_type == "multipart/alternative" else self._sequence(inner)

    def _sequence(self, parts: list[Message]) -> str:
        return "\n".join(text for text in [self.read(part) for part in parts] if text.strip())

    def _alternative(self, parts: list[Message]) -> str:
        had_text = self._has_text
        texts: list[tuple[bool, str]] = []
        for part in parts:
            self._has_text = had_text
            text = self.read(part)
            texts.append((part.get_content_type() == "text/plain", text))
        written = [(plain, text) for plain, text in texts if text.strip()]
        plain = [text for is_plain, text in written if is_plain]
        return (plain or [text for _, text in written] or [""])[0]

    def _leaf(self, part: Message, media_type: str) -> str:
        name = _file_name(part)
        disposition = header(part, "Content-Disposition").partition(";")[0].strip().lower()
        is_text = media_type in ("text/plain", "text/html") and disposition != "attachment" and not (name and self._has_text)
        if is_text:
            text = _text(part, media_type)
            self._has_text = self._has_text or bool(text.strip())
            return text
        if media_type in _TNEF or name.lower() == "winmail.dat":
            return ""  # Outlook's own packaging of what the text says already
        content = _payload(part)
        if content or name:
            self.attachments.append(Attachment(name or _default_name(media_type), _sane(media_type), content))
        return ""


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message) -> str:
    label = part.get_param("charset", "")
    return decode(_payload(part), label[2] if isinstance(label, tuple) else str(label))


def _text(part: Message, media_type: str) -> str:
    text = _decoded(part)
    if media_type == "text/html":
        return html_to_text(text)
    if str(part.get_param("format", "")).lower() == "flowed":
        return unflow(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
    return text


def _file_name(part: Message) -> str:
    for parameter, in_header in (("filename", "content-disposition"), ("name", "content-type")):
        value = part.get_param(parameter, "", in_header)
        if isinstance(value, tuple):  # RFC 2231: charset, language, octets
            name = one_line(decode(value[2].encode("latin-1", errors="replace"), value[0] or ""))
        else:
            name = decode_header(str(value))
        if name:
            return name.replace("/", "_").replace("\\", "_")[-_NAME_LIMIT:]
    return ""


def _nested(part: Message, children: list[Message]) -> Attachment:
    """A message inside the message: a forwarded mail, or a report's machine-readable part."""
    media_type = _sane(part.get_content_type())
    content = b"\n".join(_as_bytes(child) for child in children)
    subject = decode_header(header(children[0], "Subject")) if media_type == "message/rfc822" and children else ""
    name = _file_name(part) or (f"{subject[: _NAME_LIMIT - 4]}.eml".replace("/", "_").replace("\\", "_") if subject else "")
    return Attachment(name or _default_name(media_type), media_type, content)


def _as_bytes(message: Message) -> bytes:
    try:
        return message.as_bytes()
    except (UnicodeError, LookupError, ValueError, TypeError, AttributeError):
        # The library cannot write again every broken message that it could read; its headers still say which it was.
        return "\n".join(f"{name}: {header(message, name)}" for name in message).encode("utf-8", errors="replace")


def _default_name(media_type: str) -> str:
    kind, _, detail = _sane(media_type).partition("/")
    return f"{kind}.{'eml' if media_type == 'message/rfc822' else detail}"


def _sane(media_type: str) -> str:
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream"
