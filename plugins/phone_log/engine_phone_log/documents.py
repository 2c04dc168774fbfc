"""Whole documents: a JSON object is a call logged by hand, everything else is lines of call records in any mix of formats."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.channels import Inbound, Rejected
from engine_phone_log.by_hand import read_call
from engine_phone_log.calls import call_ids, fold, gather
from engine_phone_log.progress import Place
from engine_phone_log.records import Record, Unreadable, read_line
from engine_phone_log.settings import Reading

LONGEST_LINE = 65_536
_FEW = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One record and where it lay."""

    place: Place
    raw: bytes
    record: Record


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to hand over and the lines it was made of; `item` is None for a call inside the house."""

    item: Inbound | Rejected | None
    lines: tuple[Line, ...]

    @property
    def raw(self) -> bytes:
        """The lines as they came, each ended, so that they can be fed again as one document."""
        return b"".join(line.raw if line.raw.endswith(b"\n") else line.raw + b"\n" for line in self.lines)


def is_logged_by_hand(raw: bytes, name: str) -> bool:
    """Whether a document is a call logged by hand: no line of call records begins with a brace."""
    return name.lower().endswith(".json") or raw.lstrip()[:1] in (b"{", b"[")


def lines_of(raw: bytes, name: str, reading: Reading) -> Iterator[Line]:
    """Yield the lines that belong to calls or are unreadable; the file's number is made of its content."""
    stream, offset = io.BytesIO(raw), 0
    number = int.from_bytes(hashlib.sha256(raw).digest()[:7], "big")
    while content := stream.readline(LONGEST_LINE):
        record = read_line(content, reading.zone)
        if record is not None:
            yield Line(Place(name, number, offset), content, record)
        offset += len(content)


def find(lines: Iterable[Line], reading: Reading) -> list[Found]:
    """Fold lines into rejections, one by one, and then calls, in the order of their first lines."""
    lines = list(lines)
    calls: dict[str, list[Line]] = {}
    found: list[Found] = []
    for line, call_id in zip(lines, call_ids(line.record for line in lines), strict=True):
        if isinstance(line.record, Unreadable):
            rejection = rejected(line.raw, line.place.source, line.place.offset, line.record.reason)
            found.append(Found(rejection, (line,)))
        else:
            calls.setdefault(call_id, []).append(line)
    return found + [
        Found(fold(gather(call_id, (line.record for line in members)), reading), tuple(members)) for call_id, members in calls.items()
    ]


def rejected(raw: bytes, origin: str, offset: int, reason: str) -> Rejected:
    """Reject input; its id is made of where it lay and what it is, so that it is the same when read again."""
    identity = hashlib.sha256(f"{origin}\0{offset}\0".encode(errors="replace") + raw).hexdigest()[:32]
    return Rejected(f"bad-{identity}", origin, raw, reason)


def parse(raw: bytes, name: str, reading: Reading) -> Iterator[Inbound | Rejected]:
    """Understand a whole document; never raises for bad input."""
    if is_logged_by_hand(raw, name):
        yield logged_by_hand(raw, name)
        return
    lines = list(lines_of(raw, name, reading))
    whole = reject_whole(raw, name, lines)
    items = [whole] if whole else [found.item for found in find(lines, reading)]
    yield from (item for item in items if item is not None)


def reject_whole(raw: bytes, name: str, lines: Iterable[Line]) -> Rejected | None:
    """Reject a document as a whole if it is empty, or long and nothing in it is a record: one rejection says it better than many."""
    if not raw.strip():
        return rejected(raw, name, 0, "it is empty")
    reasons = [line.record.reason if isinstance(line.record, Unreadable) else "" for line in lines]
    if len(reasons) > _FEW and all(reasons):
        return rejected(raw, name, 0, f"none of its {len(reasons)} lines is a call record; the first: {reasons[0]}")
    return None


def logged_by_hand(raw: bytes, name: str) -> Inbound | Rejected:
    """Understand a call logged by hand."""
    try:
        return read_call(raw)
    except ValueError as error:
        return rejected(raw, name, 0, str(error))


def summary(lines: Iterable[Line], reading: Reading) -> str:
    """Say how many calls, calls inside the house and unreadable lines there are."""
    items = [found.item for found in find(lines, reading)]
    calls, bad = (sum(isinstance(item, kind) for item in items) for kind in (Inbound, Rejected))
    return f"{calls} calls, {len(items) - calls - bad} calls inside the house, {bad} unreadable lines"
