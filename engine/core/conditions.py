"""Matchers as a compiled tree, and the plain evaluator that is the reference for every faster form.

Truth has three values: True, False and None for "missing". A matcher on a field that has no value is missing; only `exists` matches
absence. `all` and `any` follow Kleene's strong three-valued logic, `not` keeps missing missing, and a rule matches only on True.
"""

import typing
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias

import re2
from msgspec import Struct

Scalar: TypeAlias = str | int | float | bool | timedelta
Value: TypeAlias = Scalar | datetime | frozenset[str] | None


class FieldType(StrEnum):
    """What a field holds; it decides which operators may ask it."""

    CHOICE = "choice"
    STRING = "string"
    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    INSTANT = "instant"
    FLAG = "flag"
    LABELS = "labels"


class Field(Struct, frozen=True):
    """A field a matcher may ask. `choices` are its known values (empty: open), `personal` values are masked when shown.

    One that is `counted` has a number for every span of time, and a matcher names its span with `last`.
    """

    name: str
    type: FieldType
    choices: tuple[str, ...] = ()
    personal: bool = False
    counted: bool = False


OPERATORS: dict[FieldType, tuple[str, ...]] = {
    FieldType.CHOICE: ("is", "in", "exists"),
    FieldType.STRING: ("is", "in", "matches", "exists"),
    FieldType.TEXT: ("mentions", "matches", "satisfies", "exists"),
    FieldType.NUMBER: ("is", "in", "over", "under", "at_least", "at_most", "between", "exists"),
    FieldType.DURATION: ("over", "under", "at_least", "at_most", "between", "exists"),
    FieldType.INSTANT: ("within", "exists"),
    FieldType.FLAG: ("is", "exists"),
    FieldType.LABELS: ("has", "exists"),
}


class Source(Struct, frozen=True):
    """Where in the policy something was written: file relative to the policy directory, 1-based line, path of keys."""

    file: str
    line: int
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Values(Protocol):
    """What a matcher may ask: the value of a field, and which keywords a text field affirms."""

    def value(self, field: str) -> Value:
        """Return the field's value, None when missing."""

    def keywords(self, field: str) -> frozenset[str] | None:
        """Return the policy's keywords that the text field affirms, None when the text is missing."""


class Match(Struct, frozen=True):
    """One operator asked of one field. For `matches`, `pattern` holds the compiled RE2 pattern; for `within` and `satisfies`, whose
    `expected` is the name of a calendar or predicate, `test` is what it stands for. A counted field's name ends with its span.
    """

    field: str
    operator: str
    expected: Value | tuple[Scalar, ...]
    source: Source
    personal: bool = False
    pattern: "re2._Regexp | None" = None
    test: Callable[[typing.Any], bool | None] | None = None


class All(Struct, frozen=True):
    """True when every part is."""

    parts: tuple["Condition", ...]
    source: Source


class Any(Struct, frozen=True):
    """True when some part is."""

    parts: tuple["Condition", ...]
    source: Source


class Not(Struct, frozen=True):
    """True when the part is False."""

    part: "Condition"
    source: Source


class Named(Struct, frozen=True):
    """A condition used by name (`use: NAME`)."""

    name: str
    part: "Condition"
    source: Source


Condition: TypeAlias = Match | All | Any | Not | Named


def evaluate(condition: Condition, values: Values) -> bool | None:
    """Return whether the condition holds: True, False, or None for missing."""
    match condition:
        case Match():
            return ask(condition, values)[0]
        case All(parts=parts):
            return every([evaluate(part, values) for part in parts])
        case Any(parts=parts):
            return some([evaluate(part, values) for part in parts])
        case Not(part=part):
            result = evaluate(part, values)
            return None if result is None else not result
        case _:
            return evaluate(condition.part, values)


def every(results: Sequence[bool | None]) -> bool | None:
    """Return the truth of `all` over its parts' results (Kleene's strong logic)."""
    if any(result is False for result in results):
        return False
    return None if any(result is None for result in results) else True


def some(results: Sequence[bool | None]) -> bool | None:
    """Return the truth of `any` over its parts' results (Kleene's strong logic)."""
    if any(result is True for result in results):
        return True
    return None if any(result is None for result in results) else False


def ask(match: Match, values: Values) -> tuple[bool | None, Value]:
    """Ask one field; return the result and what may be shown of the value (for `mentions`: the keywords that were met)."""
    if match.operator == "mentions":
        found = values.keywords(match.field)
        if found is None:
            return None, None
        met = found & frozenset(match.expected)  # type: ignore[arg-type]  # the compiler gives `mentions` a tuple of str
        return bool(met), met
    actual = values.value(match.field)
    if match.operator == "exists":
        return (actual is not None) == match.expected, None if match.personal else actual
    if actual is None:
        return None, None
    if match.operator == "matches":
        return bool(match.pattern and match.pattern.search(str(actual))), None
    if match.test is not None:
        return match.test(actual), None if match.personal else actual
    return _COMPARE[match.operator](actual, match.expected), actual


# The compiler checks that an operator fits its field's type, so the comparisons below meet only values of like type.
_COMPARE: dict[str, Callable[..., bool]] = {
    "is": lambda actual, expected: actual == expected,
    "in": lambda actual, expected: actual in expected,
    "has": lambda actual, expected: actual.issuperset(expected),
    "between": lambda actual, expected: expected[0] <= actual <= expected[1],
    "over": lambda actual, expected: actual > expected,
    "under": lambda actual, expected: actual < expected,
    "at_least": lambda actual, expected: actual >= expected,
    "at_most": lambda actual, expected: actual <= expected,
}
