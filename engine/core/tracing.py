"""Evaluates conditions and keeps what was seen at every node, for explanations.

A trace is a tree keyed by the path in the policy. It evaluates as a reader would: `all` stops at the first part that is false, `any` at
the first that is true, and the parts behind it are kept as not reached. The result always equals `evaluate`'s.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from engine.core.conditions import All, Any, Condition, Match, Named, Not, Source, Value, Values, ask, every, some
from engine.core.text import mask

_NAMED_BEHIND = 5
_NEAREST = 3
_WORDS_OF_THE_POLICY = ("mentions", "exists")
"""Operators whose expected and met values can only be the policy's own words, also where the field is personal."""


class Trace(Struct, frozen=True):
    """What an evaluation saw at one node: the node in words, where it is written, the value it met, its result and those of its parts.

    `what` is `FIELD OPERATOR EXPECTED`, `all`, `any`, `not` or `use NAME`. A `result` of None is "missing" where the node was `reached`.
    """

    what: str
    source: Source
    result: bool | None
    actual: Value = None
    personal: bool = False
    parts: tuple["Trace", ...] = ()
    reached: bool = True


class Asked(Struct, frozen=True):
    """What was seen of a list of rules: those that were asked, in order, and what lies behind the one that matched.

    `behind` counts the rules that were not reached and `first_behind` names the first few of them. Where no condition held (the default
    matched, or nothing), `nearest` are the rules that came closest, each with exactly the leaves that failed: fewest first, then by order.
    """

    traces: tuple[tuple[str, Trace], ...] = ()
    behind: int = 0
    first_behind: tuple[str, ...] = ()
    nearest: tuple[tuple[str, tuple[Trace, ...]], ...] = ()


NOTHING = Asked()
"""No rule was asked."""


class RuleLike(Protocol):
    """Anything with a stable id and a condition."""

    @property
    def id(self) -> str:
        """The rule's stable id."""

    @property
    def when(self) -> Condition | None:
        """The condition; None for the default."""


def trace(condition: Condition, values: Values) -> Trace:
    """Evaluate and keep what was seen at every node; the result equals `evaluate`'s."""
    match condition:
        case Match():
            result, actual = ask(condition, values)
            # The keywords that were met are the policy's own words, not the customer's.
            return Trace(_words(condition), condition.source, result, actual, condition.personal and condition.operator != "mentions")
        case All(parts=parts):
            return _branch(condition, parts, values, every, False)
        case Any(parts=parts):
            return _branch(condition, parts, values, some, True)
        case Not(part=part):
            return _branch(condition, (part,), values, _negate, None)
        case _:
            return _branch(condition, (condition.part,), values, every, None)


def failed(condition: Condition, values: Values) -> tuple[Trace, ...]:
    """Return the fewest leaves that keep the condition from holding (a `not` counts as one); none exactly where it holds.

    Between as many leaves of an `any`, a value that was there and did not fit is closer than one that was missing.
    """
    match condition:
        case All(parts=parts):
            return tuple(leaf for part in parts for leaf in failed(part, values))
        case Any(parts=parts) if parts:
            return min(
                (failed(part, values) for part in parts), key=lambda leaves: (len(leaves), sum(leaf.result is None for leaf in leaves))
            )
        case Named(part=part):
            return failed(part, values)
        case _:
            seen = trace(condition, values)
            return () if seen.result else (seen,)


def asked(rules: Sequence[RuleLike], matched: int | None, values: Values) -> Asked:
    """Return what is to be told of a list of rules of which the one at position `matched` (None: none) is the first that holds."""
    end = len(rules) if matched is None else matched + 1
    conditions = [(rule.id, rule.when) for rule in rules[:end] if rule.when is not None]
    nearest: Iterable[tuple[str, tuple[Trace, ...]]] = ()
    if matched is None or rules[matched].when is None:
        nearest = sorted(((id, failed(when, values)) for id, when in conditions), key=lambda near: len(near[1]))[:_NEAREST]
    behind = rules[end:]
    return Asked(
        tuple((id, trace(when, values)) for id, when in conditions),
        len(behind),
        tuple(rule.id for rule in behind[:_NAMED_BEHIND]),
        tuple(nearest),
    )


def show(value: object) -> str:
    """Return an expected or actual value in the words of the policy, a duration as `1d 4h`."""
    if type(value) is str:
        return value
    if isinstance(value, (tuple, frozenset, list)):
        items = sorted(value, key=str) if isinstance(value, frozenset) else value
        return f"[{', '.join(show(item) for item in items)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return _duration(value)
    return "missing" if value is None else str(value)


@lru_cache(maxsize=1_000)
def _duration(value: timedelta) -> str:
    seconds = abs(value) // timedelta(seconds=1)
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return ("-" if value < timedelta(0) else "") + (" ".join(f"{count}{unit}" for count, unit in parts if count) or "0s")


@lru_cache(maxsize=10_000)
def _words(match: Match) -> str:
    """A matcher in words. Where a personal field is compared, the policy's value would tell the customer's: it is masked."""
    expected = show(match.expected)
    if match.personal and match.operator not in _WORDS_OF_THE_POLICY:
        expected = mask(expected)
    return f"{match.field} {match.operator} {expected}"


def _branch(
    node: All | Any | Not | Named,
    parts: Sequence[Condition],
    values: Values,
    combine: Callable[[Sequence[bool | None]], bool | None],
    decisive: bool | None,
) -> Trace:
    """Evaluate parts up to the one whose result is `decisive` (None: all of them)."""
    seen: list[Trace] = []
    for part in parts:
        over = decisive is not None and bool(seen) and (not seen[-1].reached or seen[-1].result is decisive)
        seen.append(_unreached(part) if over else trace(part, values))
    return Trace(_name(node), node.source, combine([one.result for one in seen if one.reached]), parts=tuple(seen))


def _unreached(condition: Condition) -> Trace:
    match condition:
        case Match():
            return Trace(_words(condition), condition.source, None, reached=False)
        case All(parts=parts) | Any(parts=parts):
            below = parts
        case _:
            below = (condition.part,)
    return Trace(_name(condition), condition.source, None, parts=tuple(_unreached(part) for part in below), reached=False)


def _name(node: All | Any | Not | Named) -> str:
    return f"use {node.name}" if isinstance(node, Named) else type(node).__name__.lower()


def _negate(results: Sequence[bool | None]) -> bool | None:
    return None if results[0] is None else not results[0]
