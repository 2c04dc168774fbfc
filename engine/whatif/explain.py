"""Why a ticket went the way it did: its decisions in order, as plain data out of the store.

The store keeps a decision without what is personal (`engine.store.codec`), so nothing of that can be told here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.events import Event
from engine.core.tracing import show
from engine.errors import NotFound
from engine.store import Reader, StoredDecision

_EMPTY: tuple[object, ...] = ("", None, [], {}, ())
_KNOWN = ("ticket", "parent")
"""Fields of signals that say which ticket, which the reader knows already."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One matcher that was asked: what, where it stands, what it met (None where personal), its result (None: missing), its parts."""

    what: str
    where: str
    result: bool | None
    actual: str | None
    parts: tuple["Looked", ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """One thing that was decided: the rule, its `file:line`, values by name, and the rules that were asked on the way, in order."""

    decided: str
    rule: str
    where: str
    values: Mapping[str, str]
    asked: tuple[tuple[str, Looked], ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """One decision: what came (`signal`, its fields in `came`), what was decided and why, what happened by it, under which policy."""

    at: datetime
    signal: str
    came: Mapping[str, Any]
    why: tuple[Why, ...]
    events: tuple[Event, ...]
    refused: str | None
    policy: str


def explain(reader: Reader, number: str) -> list[Explained]:
    """Return the decisions about a ticket in order, refused ones included. Raises NotFound."""
    if reader.ticket(number) is None:
        raise NotFound(f"there is no ticket {number}")
    events: dict[int, list[Event]] = {}
    for kept in reader.events(number):
        events.setdefault(kept.decision_id, []).append(kept.event)
    return [_explained(decision, tuple(events.get(decision.id, ()))) for decision in reader.decisions(number)]


def _explained(decision: StoredDecision, events: tuple[Event, ...]) -> Explained:
    return Explained(
        at=decision.at,
        signal=decision.signal_type,
        came={name: value for name, value in decision.signal.items() if value not in _EMPTY and name not in _KNOWN},
        why=tuple(_why(decision.reasons)),
        events=events,
        refused=decision.refused,
        policy=decision.policy_digest,
    )


def _why(reasons: list[dict[str, Any]]) -> Iterator[Why]:
    for reason in reasons:
        asked = tuple((rule, _looked(trace)) for rule, trace in reason["traces"])
        yield Why(reason["decided"], reason["rule"], _place(reason["source"]), dict(reason["values"]), asked)


def _looked(trace: Mapping[str, Any]) -> Looked:
    actual = trace["actual"]
    shown = None if actual is None else show(actual)
    return Looked(trace["what"], _place(trace["source"]), trace["result"], shown, tuple(_looked(part) for part in trace["parts"]))


def _place(source: Mapping[str, Any] | None) -> str:
    return f"{source['file']}:{source['line']}" if source else ""
