"""What customers said elsewhere than in a survey (interviews, reviews, remarks in social media), entered by hand or from a CSV file."""

import csv
import hashlib
import io
import json
from datetime import date, datetime

from msgspec import Struct

from engine.errors import UsageError
from engine.runtime.dossier import find
from engine.runtime.engine import Engine
from engine.store.contract import Reader
from engine.store.feedback import FeedbackRow

SOURCES = ("interview", "review", "social_media", "mystery_shopper", "other")
COLUMNS = ("day", "source", "text", "score", "scale", "customer")


class Said(Struct, frozen=True):
    """One record as it is entered: `scale` as `1-5`, `customer` an id or an address of theirs; what is empty is not known."""

    day: str
    source: str
    text: str
    score: str = ""
    scale: str = ""
    customer: str = ""


def enter(engine: Engine, said: list[Said], by: str) -> int:
    """Keep records, all or none of them; return how many were new. Raises UsageError naming every one that is wrong."""
    now, kept, wrong = engine.clock.now(), 0, []
    with engine.store.write() as tx:
        for number, one in enumerate(said, 1):
            try:
                kept += tx.keep_feedback(_row(tx, engine, one, now, by))
            except UsageError as fault:
                wrong.append(f"record {number}: {fault}")
        if wrong:
            raise UsageError("nothing was kept:\n" + "\n".join(wrong))
    return kept


def read_records(text: str) -> list[Said]:
    """Read a CSV file with a header line of `COLUMNS`, of which day, source and text are needed. Raises UsageError."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        names = reader.fieldnames or ()
        if set(names) - set(COLUMNS) or not set(COLUMNS[:3]) <= set(names):
            raise UsageError(
                f"the columns are {', '.join(COLUMNS)}, of which the first three are needed; the header is: {', '.join(names)}"
            )
        rows = list(reader)
    except csv.Error as fault:
        raise UsageError(f"nothing was kept:\nline {reader.reader.line_num}: {fault}") from fault
    if any(None in row for row in rows):
        raise UsageError("nothing was kept: a line has more fields than the header")
    return [Said(**{name: (value or "").strip() for name, value in row.items()}) for row in rows]


def _row(reader: Reader, engine: Engine, said: Said, now: datetime, by: str) -> FeedbackRow:
    if said.source not in SOURCES:
        raise UsageError(f"there is no source {said.source!r}; there are {', '.join(SOURCES)}")
    if not said.text.strip():
        raise UsageError("it says nothing: a text is needed")
    try:
        day = date.fromisoformat(said.day)
    except ValueError as fault:
        raise UsageError(f"{said.day!r} is no day: write 2026-03-06") from fault
    scale, score = _scale(said), _score(said)
    if scale is not None and score is not None and not scale[0] <= score <= scale[1]:
        raise UsageError(f"the score {said.score} is not on the scale {said.scale}")
    customer = find(reader, engine.project.phone_region, said.customer) if said.customer else None
    entered = json.dumps([said.day, said.source, said.text, score, scale, customer], ensure_ascii=False)
    return FeedbackRow(hashlib.sha256(entered.encode()).hexdigest(), day, said.source, said.text, score, scale, customer, now, by)


def _scale(said: Said) -> tuple[int, int] | None:
    """Read `1-5`; a score needs a scale and a scale a score."""
    if bool(said.scale) is not bool(said.score):
        raise UsageError("a score and its scale come together: 4 and 1-5")
    low, dash, high = said.scale.partition("-")
    if said.scale and not (dash and low.isdecimal() and high.isdecimal() and int(low) < int(high)):
        raise UsageError(f"{said.scale!r} is no scale: write 1-5")
    return (int(low), int(high)) if said.scale else None


def _score(said: Said) -> float | None:
    try:
        return float(said.score) if said.score else None
    except ValueError as fault:
        raise UsageError(f"{said.score!r} is no score: write a number") from fault
