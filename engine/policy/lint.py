"""Advice on conditions that are sound: rules that can never be the first to hold, and conditions that can never hold at all.

Only what is certain is reported. A way is a conjunction of matchers with the truth that each must have. A rule cannot be reached if in
every way in which it can hold an earlier rule holds: each matcher of some way of that rule follows from one of its own. A condition
cannot hold if in each of its ways some matchers of one field exclude each other. Missing values change nothing in this, for a
conjunction holds only where every matcher in it has the truth that is wanted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any as Anything
from typing import NamedTuple, cast

from msgspec.structs import replace

from engine.core.conditions import Condition, Match, Named, Not, Source, Value, Values, evaluate
from engine.core.index import OPPOSITE, Literal, Way, ways
from engine.core.tracing import RuleLike
from engine.policy.diagnostics import Problems
from engine.policy.said import said

_MOST_WAYS = 500
"""A list with more ways is not looked at: every pair would be compared."""

_NOWHERE = Source("", 0)


def check_reach(rules: Sequence[RuleLike], problems: Problems) -> None:
    """Report rules of a list, of which the first that holds counts, that can never be that one."""
    possible = [(rule, _possible(rule)) for rule in rules]
    if sum(len(found) for _, found in possible) > _MOST_WAYS:
        return
    earlier: list[tuple[RuleLike, Way]] = []
    for rule, own in possible:
        before = [next((other for other, theirs in earlier if _follows(theirs, way)), None) for way in own]
        if rule.when is not None and own and all(before):
            source = rule.when.source
            names = ", ".join(dict.fromkeys(f"`{other.id}` ({other.when.source})" for other in before if other is not None and other.when))
            message = said("the rule `{rule}` can never be reached", rule=rule.id)
            hint = said("wherever it holds, {names} holds before it: move it up, or change one of the conditions", names=names)
            problems.add("CL653", problems.line(source.file, source.line), message, hint, path=source.path)
        earlier += [(rule, way) for way in own]


def check_possible(conditions: Iterable[Condition], problems: Problems) -> None:
    """Report the smallest parts of conditions that can never hold."""
    for part, field in (found for condition in conditions for found in _impossible(condition, wanted=True)):
        place = problems.line(part.source.file, part.source.line)
        message = said("this can never hold: no value of `{field}` meets all that is asked of it", field=field)
        problems.add("CL656", place, message, "leave one of them out, or say with `any:` that one of them is enough", path=part.source.path)


def _impossible(condition: Condition, *, wanted: bool) -> Iterator[tuple[Condition, str]]:
    """Yield the smallest parts that never have the truth that is wanted of them, each with a field on which it fails."""
    if isinstance(condition, Match):
        return
    if isinstance(condition, Not | Named):
        yield from _impossible(condition.part, wanted=wanted is not isinstance(condition, Not))
        return
    smaller = [found for part in condition.parts for found in _impossible(part, wanted=wanted)]
    fields = [] if smaller else [_contradiction(way) for way in ways(condition, wanted=wanted)]
    yield from smaller
    if fields and fields[0] is not None and all(fields):
        yield condition, fields[0]


def _possible(rule: RuleLike) -> Sequence[Way]:
    """Return the ways in which a rule can hold; the default holds in the one that asks nothing."""
    return [()] if rule.when is None else [way for way in ways(rule.when, wanted=True) if _contradiction(way) is None]


def _contradiction(way: Way) -> str | None:
    """Return a field of which matchers ask what no value has, None without one."""
    by_field: dict[str, list[tuple[Match, bool]]] = defaultdict(list)
    for condition, wanted in way:
        if isinstance(condition, Match):
            by_field[condition.field].append((condition, wanted))
    return next((field for field, asked in by_field.items() if len(asked) > 1 and _exclude(asked)), None)


def _exclude(asked: Sequence[tuple[Match, bool]]) -> bool:
    """Whether no value of a field gives all its matchers the truth that is wanted of them."""
    for match, wanted in asked:
        if wanted and match.operator in ("is", "in"):
            return not any(all(_holds(other, value) is truth for other, truth in asked) for value in _several(match.expected))
    return any(_apart(one, other) for one, other in combinations(asked, 2))


def _apart(one: tuple[Match, bool], other: tuple[Match, bool]) -> bool:
    """Whether two matchers of one field never both have their truth, as far as their kinds tell."""
    absent = [match.operator == "exists" and match.expected is not wanted for match, wanted in (one, other)]
    if any(absent):
        return not all(absent)
    (a, wanted), (b, other_wanted) = _positive(one), _positive(other)
    if wanted is not other_wanted:
        holding, failing = (a, b) if wanted else (b, a)
        return _implies((holding, True), (failing, True))
    return wanted and (_below(a, b) or _below(b, a))


def _below(one: Match, other: Match) -> bool:
    """Whether every value that the first allows is less than every value that the second does."""
    most, least = _bounds(one).most, _bounds(other).least
    return most is not None and least is not None and (most[0], most[1]) < (least[0], least[1])


def _follows(theirs: Way, own: Way) -> bool:
    return all(any(_implies(mine, literal) for mine in own) for literal in theirs)


def _implies(mine: Literal, theirs: Literal) -> bool:
    """Whether a matcher that has its truth gives another one its own."""
    (one, wanted), (other, other_wanted) = mine, theirs
    if wanted is other_wanted and _placeless(one) == _placeless(other):
        return True
    if not (isinstance(one, Match) and isinstance(other, Match) and one.field == other.field):
        return False
    (one, wanted), (other, other_wanted) = _positive((one, wanted)), _positive((other, other_wanted))
    if wanted and other_wanted:
        return _narrower(one, other)
    if "exists" in (one.operator, other.operator):
        return False
    return _exclude([(one, True), (other, True)]) if wanted else not other_wanted and _narrower(other, one)


def _narrower(one: Match, other: Match) -> bool:
    """Whether the first of two matchers of one field, both true, makes the second true."""
    match one.operator, other.operator:
        case (operator, "exists"):
            return operator != "exists" and other.expected is True
        case ("is" | "in", _):
            return all(_holds(other, value) for value in _several(one.expected))
        case ("mentions", "mentions"):
            return set(_several(one.expected)) <= set(_several(other.expected))
        case ("has", "has"):
            return set(_several(one.expected)) >= set(_several(other.expected))
    own, wider = _bounds(one), _bounds(other)
    return wider != _Bounds(None, None) and own.within(wider)


class _Bounds(NamedTuple):
    """The least and the most value that a matcher allows, None without one. Each is (value, by how little beside it: -1, 0 or 1)."""

    least: Anything
    most: Anything

    def within(self, wider: "_Bounds") -> bool:
        """Whether everything between these bounds lies between the wider ones."""
        above = wider.least is None or (self.least is not None and self.least >= wider.least)
        return above and (wider.most is None or (self.most is not None and self.most <= wider.most))


def _bounds(match: Match) -> _Bounds:
    expected: Anything = match.expected
    match match.operator:
        case "over" | "at_least":
            return _Bounds((expected, int(match.operator == "over")), None)
        case "under" | "at_most":
            return _Bounds(None, (expected, -int(match.operator == "under")))
        case "between":
            return _Bounds((expected[0], 0), (expected[1], 0))
    return _Bounds(None, None)


def _positive(literal: tuple[Match, bool]) -> tuple[Match, bool]:
    """Return a threshold that must not hold as its opposite that must."""
    match, wanted = literal
    if wanted or match.operator not in OPPOSITE:
        return literal
    return replace(match, operator=OPPOSITE[match.operator]), True


class _Value(NamedTuple):
    """What a matcher asks of a field that has this value."""

    known: Value

    def value(self, field: str) -> Value:
        return self.known


def _holds(match: Match, value: Value) -> bool | None:
    """Whether a matcher holds of a value of its field, which holds no text, so that nobody asks for keywords."""
    return evaluate(match, cast(Values, _Value(value)))


def _several(expected: Anything) -> tuple[Anything, ...]:
    return expected if isinstance(expected, tuple) else (expected,)


def _placeless(condition: Condition) -> Condition:
    return replace(condition, source=_NOWHERE)
