"""Bytes and markup to clean text: charsets as mail really labels them, encoded words as mail really writes them, HTML, flowed lines."""

import base64
import binascii
import codecs
import html
import quopri
import re

from inscriptis import get_text  # type: ignore[import-untyped]  # published without types
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]  # published without types
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]  # published without types

# Labels whose senders write a superset of what they name, and labels Python does not know.
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "cp936": "gb18030",
    "big5": "big5hkscs",
    "x-big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "utf8mb4": "utf-8",
}
_GUESSES = ("utf-8", "gb18030", "big5hkscs")
# Python's codecs that are no charset of a mail: slow on hostile input (idna, punycode) or not what a label can mean.
_NOT_CHARSETS = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"}
_TOLERATED_DAMAGE = 0.02

_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CONTROL_OR_SPACE = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")
_ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*)\?=")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")

_HTML_LIMIT = 1_000_000
_HTML_CONFIG = ParserConfig(css=CSS_PROFILES["strict"], display_links=False, display_images=False)
_INVISIBLE = re.compile(r"<(script|style|head)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_BLANK_LINES = re.compile(r"\n{4,}")


def clean(text: str) -> str:
    """Return `text` with newlines as LF and without NUL, other control characters and lone surrogates."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """Return `text` cleaned, with every run of white space and control characters as one space: safe as a header value."""
    return clean(_CONTROL_OR_SPACE.sub(" ", text)).strip()


def decode(raw: bytes, label: str = "") -> str:
    """Decode `raw`, labelled with charset `label` rightly or wrongly; never raises, never returns surrogates.

    A label is believed when what it cannot decode is under 2 %, unless the bytes are plainly UTF-8; else UTF-8, GB18030 and Big5 are
    tried in that order.
    """
    named = _charset(label)
    if named and not _is_plainly_utf8(raw, named):
        damaged = raw.decode(named, errors="replace")
        if damaged.count("\ufffd") <= _TOLERATED_DAMAGE * len(damaged):
            return clean(damaged)
    for guess in _GUESSES:
        try:
            return clean(raw.decode(guess))
        except UnicodeDecodeError:
            continue
    return clean(raw.decode(named or "utf-8", errors="replace"))


def _is_plainly_utf8(raw: bytes, named: str) -> bool:
    """Say whether `raw` is UTF-8 whatever its label: valid, and in no form that short GBK or Big5 words take by chance (two bytes)."""
    if raw.isascii():
        return False
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return named == "cp1252" or not any("\x80" <= character < "\u0800" for character in text)


def _charset(label: str) -> str:
    """Return the Python codec for a charset label, or "" when it names none. US-ASCII with 8-bit bytes is no label at all."""
    wanted = label.strip().strip("\"'").lower()
    wanted = _SUPERSETS.get(wanted, wanted)
    try:
        name = codecs.lookup(wanted).name
        b"a".decode(name, errors="replace")  # raises LookupError for the codecs from bytes to bytes, such as zip
    except (LookupError, ValueError, UnicodeError):
        return ""
    return "" if name in _NOT_CHARSETS or name == "ascii" else name


def decode_header(value: str) -> str:
    """Decode a raw header value (8-bit bytes as surrogate escapes) with its RFC 2047 encoded words, however broken, to one line."""
    pieces: list[str] = []
    pending, pending_charset = b"", ""
    position = 0
    for word in _ENCODED_WORD.finditer(value):
        between = value[position : word.start()]
        charset = word[1].lower()
        # Senders cut a multi-byte character between two encoded words, so bytes are joined before they are decoded.
        if pending and (between.strip() or charset != pending_charset):
            pieces.append(decode(pending, pending_charset))
            pending = b""
        if between.strip() or not position:
            pieces.append(_decode_raw(between))
        pending, pending_charset = pending + _word_bytes(word[2], word[3]), charset
        position = word.end()
    pieces.append(decode(pending, pending_charset))
    pieces.append(_decode_raw(value[position:]))
    return one_line("".join(pieces))


def _decode_raw(value: str) -> str:
    return decode(value.encode("utf-8", errors="surrogateescape"))


def _word_bytes(encoding: str, content: str) -> bytes:
    if encoding in "bB":
        digits = _NOT_BASE64.sub("", content)
        digits = digits[: len(digits) - 1] if len(digits) % 4 == 1 else digits
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    raw = content.encode("utf-8", errors="surrogateescape")
    try:
        return quopri.decodestring(raw, header=True)
    except (ValueError, binascii.Error):
        return raw


def html_to_text(markup: str) -> str:
    """Return what a reader sees of `markup`: scripts, styles and hidden elements dropped, tables and lists kept readable.

    Only the first million characters are read, so that a hostile page costs seconds at most.
    """
    markup = clean(markup[:_HTML_LIMIT])
    text: str = get_text(markup, _HTML_CONFIG)
    if not text.strip():  # the HTML library reads nothing nested deeper than 256 elements
        text = html.unescape(_TAG.sub(" ", _visible(markup)))
    return _BLANK_LINES.sub("\n\n\n", "\n".join(line.rstrip() for line in clean(text).split("\n"))).strip()


def _visible(markup: str) -> str:
    """Cut out what a browser never shows, in one pass; what is opened and not closed ends the page."""
    pieces: list[str] = []
    position = 0
    while opened := _INVISIBLE.search(markup, position):
        pieces.append(markup[position : opened.start()])
        closed = re.compile(rf"</{opened[1]}[^>]{{0,20}}>", re.IGNORECASE).search(markup, opened.end())
        if closed is None:
            return " ".join(pieces)
        position = closed.end()
    return " ".join([*pieces, markup[position:]])


def unflow(text: str, delete_space: bool) -> str:
    """Join the soft line breaks of `text/plain; format=flowed` (RFC 3676), `delete_space` as its parameter DelSp says."""
    lines: list[str] = []
    open_paragraph = False
    for line in text.split("\n"):
        quoted = line.startswith(">")
        line = line[1:] if line.startswith(" ") else line
        if open_paragraph and not quoted:
            lines[-1] += line
        else:
            lines.append(line)
        open_paragraph = line.endswith(" ") and not quoted and line != "-- "
        if open_paragraph and delete_space:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)
