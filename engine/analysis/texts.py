"""Text on its way to paper: whatever people wrote becomes something that prints, and nothing else."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.errors import UsageError
from engine.policy.units import duration

# Control characters, lone surrogates, and the marks that turn the direction of what follows (U+202E makes "gpj.exe" of "exe.jpg").
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_MARKS_OF_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_DURATION = re.compile(r"\d{1,7}[dhms](?: \d{1,7}[dhms]){0,3}")

YEARS = range(1900, 3000)
"""Those that dates are taken of: from any of them weeks and months can be counted, both ways."""


def printable(text: str) -> str:
    """Return the text with line feeds as its line ends, without marks of direction, and with � for what no page can hold."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub(lambda found: "" if found[0] in _MARKS_OF_DIRECTION else "\ufffd", lines)


def moment(at: datetime, timezone: str) -> str:
    """Return an instant as people in that zone write it: `2024-05-12 17:00`."""
    return at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def instant(text: str, timezone: str, *, day_ends: bool = True) -> datetime:
    """Read `2026-03-06 17:00` as an instant of the zone, or of the offset it names: `2026-03-06T17:00+08:00`. Raises UsageError.

    Only a day is its end, or its beginning unless `day_ends`.
    """
    plain = text.strip()
    try:
        read = datetime.fromisoformat(plain)
        if read.year not in YEARS:
            raise ValueError
        if read.tzinfo is not None:
            return read.astimezone(UTC)
        zone = ZoneInfo(timezone)
        local = (read.replace(hour=23, minute=59) if day_ends and len(plain) == len("2026-03-06") else read).replace(tzinfo=zone)
        at = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{plain!r} is no date: write 2026-03-06 17:00 (in {timezone})") from error
    if at.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise UsageError(f"{plain!r} does not exist in {timezone}: the clocks are put forward then")
    return at


def length(text: str) -> timedelta:
    """Read `30m`, `2h` or `1d 4h`, as policies write it. Raises UsageError."""
    if not _DURATION.fullmatch(text.strip()):
        raise UsageError(f"{text!r} is no duration: write 30m, 2h or 1d 4h")
    return duration(text)


def width(text: str) -> int:
    """Return how many columns the text takes where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def pieces(text: str, columns: int, most_lines: int) -> Iterator[tuple[str, int]]:
    """Cut a text into pieces that fill at most `most_lines` lines of `columns`; yield each with its number of lines.

    The pieces together are the text; an empty text is one piece.
    """
    start, lines, column = 0, 1, 0
    for position, character in enumerate(text):
        step = width(character)
        if character == "\n" or column + step > columns:
            lines, column = lines + 1, 0
        if lines > most_lines:
            yield text[start:position], most_lines
            start, lines = position, 1
        column += 0 if character == "\n" else step
    yield text[start:], lines


def picked(value: object, names: str) -> dict[str, Any]:
    """Return these attributes of a value, in words separated by spaces, by their names."""
    return {name: getattr(value, name) for name in names.split()}
