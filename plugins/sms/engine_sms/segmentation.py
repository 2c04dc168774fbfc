"""How a text becomes parts on the air: 160 septets or 70 UTF-16 units alone, 153 or 67 in each part of a longer one.

A part of a concatenated message gives 6 of its 140 octets to the header (3GPP TS 23.040, section 9.2.3.24.1).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engine_sms import gsm7


class Encoding(StrEnum):
    """The two alphabets a handset must understand."""

    GSM7 = "gsm-7"
    UCS2 = "ucs-2"


# Units (septets, UTF-16 code units) that fit: in a message of one part, in each part of a longer one.
LIMITS = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Segments:
    """A text cut into the parts that are sent; joined they are the text again."""

    encoding: Encoding
    parts: tuple[str, ...]


def utf16_units(character: str) -> int:
    """Return how many UTF-16 code units `character` takes: 2 outside the basic plane (emoji, rare Han), else 1."""
    return 2 if ord(character) > 0xFFFF else 1


def segment(text: str, alphabet: str = "gsm-7") -> Segments:
    """Cut `text` at the fewest places; a character (escape sequence, surrogate pair) is never split between two parts.

    `alphabet` is in what 7-bit text travels to the carrier (gsm-7, or a codec of Python): what it lacks goes as UCS-2.
    """
    if all(map(gsm7.septets, text)) and _encodable(text, alphabet):
        return _cut(text, Encoding.GSM7, gsm7.septets)
    return _cut(text, Encoding.UCS2, utf16_units)


def encode_part(part: str, encoding: Encoding, alphabet: str) -> bytes:
    """Return the octets of one part as the carrier takes them. `alphabet` as for `segment`."""
    if encoding is Encoding.UCS2:
        return part.encode("utf-16-be")
    return gsm7.encode(part) if alphabet == "gsm-7" else part.encode(alphabet)


def _encodable(text: str, alphabet: str) -> bool:
    try:
        encode_part(text, Encoding.GSM7, alphabet)
    except ValueError:
        return False
    return True


def _cut(text: str, encoding: Encoding, cost: Callable[[str], int]) -> Segments:
    alone, each = LIMITS[encoding]
    if sum(map(cost, text)) <= alone:
        return Segments(encoding, (text,))
    parts, start, used = [], 0, 0
    for position, character in enumerate(text):
        units = cost(character)
        if used + units > each:
            parts.append(text[start:position])
            start, used = position, 0
        used += units
    parts.append(text[start:])
    return Segments(encoding, tuple(parts))


def concatenation_header(message_id: str, total: int, part: int) -> bytes:
    """Return the user data header of part `part` (1-based) of `total` (at most 255).

    The 8-bit reference derives from `message_id`, so that a part sent again after a failure still joins the parts sent before.
    """
    reference = hashlib.sha256(message_id.encode()).digest()[0]
    return bytes([5, 0, 3, reference, total, part])
