"""The archive in `var/archive/`: what was taken out of the database, as lines of JSON in compressed files, one file a rule and day."""

import gzip
import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.channels import write_atomically
from engine.store.codec import decode_plain
from engine.store.personal import PersonalRow

_INSTANTS = ("at", "received_at", "created_at")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def keep(var: Path, rule: str, place: str, rows: Sequence[PersonalRow], day: datetime) -> None:
    """Add rows to the file of a rule and day. They are on the disk when this returns; what is undone after that comes twice."""
    path = var / "archive" / rule / f"{day:%Y%m%d}.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        file.write(_packed({"place": place, **plain(row)} for row in rows))
        file.flush()
        os.fsync(file.fileno())


def find(var: Path, theirs: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Return what was archived and is `theirs`."""
    return [line for path in _files(var) for line in _lines(path) if theirs(line)]


def forget(var: Path, theirs: Callable[[dict[str, Any]], bool]) -> None:
    """Take what is `theirs` out of every file of the archive."""
    for path in _files(var):
        lines = list(_lines(path))
        if len(others := [line for line in lines if not theirs(line)]) < len(lines):
            write_atomically(path, _packed(others))


def plain(row: PersonalRow) -> dict[str, Any]:
    """Return a row as JSON can hold it: instants in RFC 3339, bytes in Base64, JSON as what it says."""
    return {name.removesuffix("_json"): _plain(name, value) for name, value in row.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    if name in _INSTANTS:
        return (_EPOCH + value * timedelta(microseconds=1)).isoformat()
    return decode_plain(value) if name.endswith("_json") else value


def _packed(lines: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> bytes:
    return gzip.compress("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode("utf-8", "surrogatepass"))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8", errors="surrogatepass") as file:
        yield from map(json.loads, file)


def _files(var: Path) -> list[Path]:
    return sorted((var / "archive").rglob("*.jsonl.gz"))
