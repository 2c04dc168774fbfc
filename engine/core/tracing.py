"""Evaluates a condition and keeps what was seen at every node, for explanations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.core.conditions import All, Any, Condition, Match, Not, Source, Value, Values, ask, every, some


@dataclass(frozen=True, slots=True)
class Trace:
    """What an evaluation saw: the node in words, where it is written, the value it met, its result and those of its parts."""

    what: str
    source: Source
    result: bool | None
    actual: Value = None
    personal: bool = False
    parts: tuple["Trace", ...] = ()


def trace(condition: Condition, values: Values) -> Trace:
    """Evaluate and keep what was seen at every node; the result equals `evaluate`'s."""
    match condition:
        case Match():
            result, actual = ask(condition, values)
            what = f"{condition.field} {condition.operator} {show(condition.expected)}"
            # The keywords that were met are the policy's own words, not the customer's.
            hidden = condition.personal and condition.operator != "mentions"
            return Trace(what, condition.source, result, actual, hidden)
        case All(parts=parts):
            return _branch("all", condition.source, [trace(part, values) for part in parts], every)
        case Any(parts=parts):
            return _branch("any", condition.source, [trace(part, values) for part in parts], some)
        case Not(part=part):
            return _branch("not", condition.source, [trace(part, values)], _negate)
        case _:
            return _branch(f"use {condition.name}", condition.source, [trace(condition.part, values)], every)


def show(value: object) -> str:
    """Return an expected or actual value in the words of the policy."""
    if isinstance(value, (tuple, frozenset, list)):
        items = sorted(value, key=str) if isinstance(value, frozenset) else value
        return f"[{', '.join(show(item) for item in items)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "missing" if value is None else str(value)


def _branch(what: str, source: Source, parts: list[Trace], combine: Callable[[Sequence[bool | None]], bool | None]) -> Trace:
    return Trace(what, source, combine([part.result for part in parts]), parts=tuple(parts))


def _negate(results: Sequence[bool | None]) -> bool | None:
    return None if results[0] is None else not results[0]
