"""Messages as JSON: the folder transport's files, what `engine ingest` takes, and what is kept of a message that came in."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.channels import Inbound, Rejected

KEYS = ("id", "from", "to", "text", "at")
REQUIRED = ("from", "text")
ADDRESS_LIMIT = 64
TEXT_LIMIT = 20_000


class _Unfit(Exception):
    """A document that is not a message; says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read documents that leave something out.

    `now` stands for a missing `at`, `timezone` for a missing offset. `origin` tells apart equal documents without an id (a file's
    modification time); empty where equal content should count as the same message.
    """

    now: datetime
    timezone: str
    origin: str = ""


def parse_documents(raw: bytes, name: str, reading: Reading) -> Iterator[Inbound | Rejected]:
    """Read one message or a list of messages. What is not a message comes out as Rejected, with its own bytes and the reason."""
    try:
        document = _load(raw)
    except _Unfit as reason:
        yield rejected(name, raw, str(reason))
        return
    if not isinstance(document, list):
        yield _read(document, name, raw, reading)
        return
    if not document:
        yield rejected(name, raw, "the list holds no message")
    for number, entry in enumerate(document, start=1):
        within = replace(reading, origin=f"{reading.origin}#{number}")
        yield _read(entry, _numbered(name, number), _dump(entry), within)


def document_of(message: Inbound) -> bytes:
    """Return `message` as a document that `parse_documents` reads as the same message again."""
    entry = {"id": message.source_id, "from": message.sender, "to": message.recipient, "text": message.text}
    return _dump(entry | {"at": message.received_at.isoformat()})


def _load(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise _Unfit(f"not UTF-8 (byte {error.start}): save the file as UTF-8") from error
    except RecursionError as error:
        raise _Unfit("nested too deeply to be a message") from error
    except ValueError as error:  # JSONDecodeError, or an integer longer than Python reads
        raise _Unfit(f"not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(pairs)
    if len(entry) < len(pairs):
        raise _Unfit("a key is given twice")
    return entry


def _read(entry: Any, name: str, raw: bytes, reading: Reading) -> Inbound | Rejected:
    try:
        return _message(entry, raw, reading)
    except _Unfit as reason:
        return rejected(name, raw, str(reason))


def _message(entry: Any, raw: bytes, reading: Reading) -> Inbound:
    if not isinstance(entry, dict):
        raise _Unfit(f"a message is an object with the keys {', '.join(KEYS)}, not {type(entry).__name__}")
    _check_keys(entry)
    received_at = _instant(entry["at"], reading.timezone) if "at" in entry else reading.now
    source_id = entry.get("id") or hashlib.sha256(raw + b"\0" + reading.origin.encode()).hexdigest()
    text = clean(entry["text"])
    if not text.strip():
        raise _Unfit("text is empty")
    return Inbound(
        source_id=source_id, sender=entry["from"].strip(), recipient=entry.get("to", ""), received_at=received_at, text=text, full_text=text
    )


def _check_keys(entry: dict[str, Any]) -> None:
    unknown = sorted(set(entry) - set(KEYS))
    if unknown:
        raise _Unfit(f"unknown key {unknown[0]!r}: a message has {', '.join(KEYS)}")
    for key in REQUIRED:
        if key not in entry:
            raise _Unfit(f"{key} is missing")
    for key, value in entry.items():
        _check_value(key, value)
    if not entry["from"].strip():
        raise _Unfit("from is empty")


def _check_value(key: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _Unfit(f"{key} must be a text, not {type(value).__name__}: put it in quotes")
    limit = TEXT_LIMIT if key == "text" else ADDRESS_LIMIT if key in ("from", "to") else 200
    if len(value) > limit:
        raise _Unfit(f"{key} has {len(value)} characters, more than {limit}")
    if key != "text" and not value.isprintable():
        raise _Unfit(f"{key} holds control characters")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _Unfit(f"{key} holds half a character (a lone surrogate)")


def _instant(value: str, timezone: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
        return (instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Unfit(f"at must be a time such as 2026-03-04T16:30:00+08:00: {value!r} is not") from error


def clean(text: str) -> str:
    """Return `text` without NUL characters, which some handsets pad with and no database keeps."""
    return text.replace("\0", "")


def rejected(name: str, raw: bytes, reason: str) -> Rejected:
    """Return input that could not be understood; the same input under the same name is the same rejection."""
    return Rejected(
        source_id=hashlib.sha256(name.encode("utf-8", "surrogateescape") + b"\0" + raw).hexdigest(), name=name, raw=raw, reason=reason
    )


def _numbered(name: str, number: int) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{number}.{ending}" if dot else f"{name}-{number}"


def _dump(entry: Any) -> bytes:
    return json.dumps(entry, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
