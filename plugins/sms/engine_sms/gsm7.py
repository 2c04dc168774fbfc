"""The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, section 6.2.1), one septet per byte (unpacked)."""

ESCAPE = 0x1B
DEFAULT_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION_TABLE = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}

_ENCODE: dict[str, bytes] = {
    **{character: bytes([septet]) for septet, character in enumerate(DEFAULT_TABLE) if septet != ESCAPE},
    **{character: bytes([ESCAPE, septet]) for septet, character in EXTENSION_TABLE.items()},
}


def septets(character: str) -> int:
    """Return how many septets `character` costs: 1, 2 (extension table), or 0 where the alphabet does not have it."""
    return len(_ENCODE.get(character, b""))


def encode(text: str) -> bytes:
    """Return `text` as septets, one per byte. Raises ValueError for a character the alphabet does not have."""
    try:
        return b"".join([_ENCODE[character] for character in text])
    except KeyError as missing:
        raise ValueError(f"{missing.args[0]!r} is not in the GSM 7-bit alphabet") from None


def decode(data: bytes) -> str:
    """Return the text of unpacked septets. An unknown extension shows the default table's character, as the standard asks.

    Raises ValueError for a byte above 0x7F, or an escape with nothing after it.
    """
    characters = []
    escaped = False
    for byte in data:
        if byte > 0x7F:
            raise ValueError(f"byte 0x{byte:02x} is not a septet")
        if byte == ESCAPE and not escaped:
            escaped = True
            continue
        plain = " " if byte == ESCAPE else DEFAULT_TABLE[byte]
        characters.append(EXTENSION_TABLE.get(byte, plain) if escaped else plain)
        escaped = False
    if escaped:
        raise ValueError("the text ends in the middle of an escape sequence")
    return "".join(characters)
