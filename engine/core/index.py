"""Rules behind an index: the first that holds, or all of them, without asking each one. `conditions.evaluate` is the reference.

Each way in which a rule can hold (one conjunction of its disjunctive normal form, with `not` pushed down to the matchers) is a bit.
Every field that is asked keeps, for each value that makes a difference, the mask of the ways that this value allows; a decision is
the conjunction of one mask a field, and its lowest bit is the first rule. What no mask can tell (`matches`, and every operator that is
not named here) is a residue: it is asked of the reference, on the bits that are left.
"""

import typing
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, product, takewhile
from math import prod
from operator import or_
from typing import Final, NamedTuple, TypeAlias, TypeVar

from engine.core.conditions import All, Any, Condition, Match, Named, Not, Scalar, Source, Value, Values, ask, evaluate
from engine.core.tracing import RuleLike

_MOST_WAYS: Final = 32
_BLOCK: Final = 4096
"""Rules of one block: it bounds the memory of the masks, and later blocks are not looked at once a rule holds."""


_SHORT: Final = 100
_MOST_REMEMBERED: Final = 1_000
_TOLD_IN_PUBLIC: Final = ("mentions", "matches", "exists")
"""Operators whose answers hold nothing of a personal value."""

R = TypeVar("R", bound=RuleLike)
T = TypeVar("T")
Literal: TypeAlias = tuple[Condition, bool]  # a condition, and which of the two truths it must have; missing is neither
Way: TypeAlias = tuple[Literal, ...]
_Asked: TypeAlias = list[tuple[int, Match, bool]]  # the bit of a way, the matcher, and the truth it must have
_Cell: TypeAlias = Callable[[Values], int]


class Rules(tuple[R, ...]):
    """Rules in the order they are asked. The index is built at the first question, once."""

    def match(self, values: Values) -> R:
        """Return the first rule that holds.

        Raises:
            AssertionError: none does; the compiler guarantees that a list of rules ends with a default.
        """
        return self[self.position(values)]

    def position(self, values: Values) -> int:
        """Return where the first rule stands that holds, from 0; raises as `match` does."""
        for start, block in self._blocks:
            for position in block.holding(values):
                return start + position
        raise AssertionError("a compiled list of rules ends with a default")

    def matches(self, values: Values) -> list[R]:
        """Return every rule that holds, in order."""
        return [self[start + position] for start, block in self._blocks for position in block.holding(values)]

    def near(self, values: Values, before: int) -> Iterator[R]:
        """Yield the rules before that position of which no more than one field fails, in order: what is worth telling of a long list."""
        positions = (start + position for start, block in self._blocks for position in block.near(values))
        return (self[position] for position in takewhile(lambda position: position < before, positions))

    def remembered(self, find: Callable[["Rules[R]", Values], T], values: Values) -> T:
        """Return what `find`, which asks nothing but these rules, makes of the values: from memory where it met the same before."""
        questions = self._questions
        if questions is None:
            return find(self, values)
        key, memory = (find, *questions.answers(values)), self._memory
        kept: T | None = memory.get(key)
        if kept is None:
            if len(memory) >= _MOST_REMEMBERED:
                memory.clear()
            kept = memory[key] = find(self, values)
        return kept

    @cached_property
    def _memory(self) -> dict[tuple[object, ...], typing.Any]:
        return {}

    @cached_property
    def _questions(self) -> "_Questions | None":
        """None for a long list, of which hardly any two tickets answer alike, and where answers are personal and must not be kept."""
        leaves = list(dict.fromkeys(leaf for rule in self[: _SHORT + 1] if rule.when is not None for leaf in _leaves(rule.when)))
        long = len(self) > _SHORT or any(leaf.personal and leaf.operator not in _TOLD_IN_PUBLIC for leaf in leaves)
        return None if long else _Questions(leaves)

    @cached_property
    def _blocks(self) -> "list[tuple[int, _Block]]":
        return [(start, _Block(self[start : start + _BLOCK])) for start in range(0, len(self), _BLOCK)]


class _Questions:
    """All that some rules ask. Equal answers mean that the same rules hold, and that the same was seen of each."""

    __slots__ = ("_fields", "_others", "_words")

    def __init__(self, leaves: Sequence[Match]) -> None:
        words: dict[str, frozenset[object]] = defaultdict(frozenset)
        for leaf in leaves:
            if leaf.operator == "mentions":
                words[leaf.field] |= frozenset(leaf.expected)  # type: ignore[arg-type]  # the compiler gives `mentions` a tuple of str
        self._words = tuple(words.items())
        rest = [leaf for leaf in leaves if leaf.operator != "mentions"]
        self._others = tuple(leaf for leaf in rest if leaf.operator in _TOLD_IN_PUBLIC or leaf.test is not None)
        self._fields = tuple(dict.fromkeys(leaf.field for leaf in rest if leaf not in self._others))

    def answers(self, values: Values) -> tuple[object, ...]:
        """Return the answers, in an order of their own."""
        mentioned = [(found := values.keywords(field)) and found & words for field, words in self._words]
        return (*map(values.value, self._fields), *mentioned, *[ask(leaf, values) for leaf in self._others])


def _leaves(condition: Condition) -> Iterator[Match]:
    match condition:
        case Match():
            yield condition
        case All(parts=parts) | Any(parts=parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            yield from _leaves(condition.part)


class _Block:
    """The index of some rules; positions count from the first of them."""

    __slots__ = ("_all", "_cells", "_lookups", "_owners", "_residual", "_residues")

    def __init__(self, rules: Sequence[RuleLike]) -> None:
        ways = [(owner, way) for owner, rule in enumerate(rules) for way in ways_of(rule)]
        self._owners = [owner for owner, _ in ways]
        self._all = (1 << len(ways)) - 1
        self._residues: dict[int, list[Literal]] = defaultdict(list)
        columns = _Columns(defaultdict(list), defaultdict(list), defaultdict(list))
        for number, (_, way) in enumerate(ways):
            for position, (condition, wanted) in enumerate(way):
                if (column := columns.of(condition, way[:position])) is None:
                    self._residues[number].append((condition, wanted))
                else:
                    column.append((1 << number, condition, wanted))  # type: ignore[arg-type]  # only a Match has a column
        self._residual = sum(1 << number for number in self._residues)
        self._lookups = [_lookup(field, asked, self._all) for (field, _), asked in columns.exact.items()]
        self._cells = [_ordered(field, asked, self._all) for field, asked in columns.ordered.items()]
        self._cells += [_mentioned(field, asked, self._all) for (field, _), asked in columns.mentioned.items()]

    def holding(self, values: Values) -> Iterator[int]:
        """Yield the positions of the rules that hold, in order, each once."""
        alive, value = self._all, values.value
        for field, get, otherwise in self._lookups:
            alive &= get(value(field), otherwise)
        for cell in self._cells:
            alive &= cell(values)
        last = -1
        for number in _bits(alive):
            owner = self._owners[number]
            if owner != last and (not self._residual >> number & 1 or self._remains(number, values)):
                last = owner
                yield owner

    def near(self, values: Values) -> Iterator[int]:
        """Yield the positions of the rules of which some way fails in one column at most."""
        once = twice = 0
        masks = [get(values.value(field), otherwise) for field, get, otherwise in self._lookups]
        for mask in [*masks, *(cell(values) for cell in self._cells)]:
            failed = self._all & ~mask
            twice |= once & failed
            once |= failed
        yield from dict.fromkeys(self._owners[number] for number in _bits(self._all & ~twice))

    def _remains(self, number: int, values: Values) -> bool:
        return all(evaluate(condition, values) is wanted for condition, wanted in self._residues[number])


def _bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def ways_of(rule: RuleLike) -> Sequence[Way]:
    """Return the ways in which a rule can hold; the default holds in the one that asks nothing."""
    return [()] if rule.when is None else ways(rule.when, wanted=True)


def ways(condition: Condition, *, wanted: bool) -> Sequence[Way]:
    """Return the ways in which the condition has that truth; what would have too many ways stays whole."""
    match condition:
        case Not(part=part):
            return ways(part, wanted=not wanted)
        case Named(part=part):
            return ways(part, wanted=wanted)
        case All(parts=parts) | Any(parts=parts):
            found = [ways(part, wanted=wanted) for part in parts]
            if isinstance(condition, All) is wanted:
                for longest in sorted(range(len(found)), key=lambda position: -len(found[position])):
                    if prod(map(len, found)) > _MOST_WAYS:
                        found[longest] = [((parts[longest], wanted),)]
                return [tuple(literal for way in ways for literal in way) for ways in product(*found)]
            if sum(map(len, found)) <= _MOST_WAYS:
                return [way for ways in found for way in ways]
    return [((condition, wanted),)]


class _Columns(NamedTuple):
    """What is asked of each field. A way has one matcher in a column of `exact` or `mentioned`: its second goes into a second one."""

    exact: dict[tuple[str, int], _Asked]
    ordered: dict[str, _Asked]
    mentioned: dict[tuple[str, int], _Asked]

    def of(self, condition: Condition, before: Way) -> _Asked | None:
        """Return the column that can tell the truth of a matcher, None when none can. `before` it stand others of the same way."""
        if not isinstance(condition, Match) or condition != Match(*_known(condition)):
            return None
        if condition.operator in OPPOSITE:
            return self.ordered[condition.field]
        nth = sum(isinstance(other, Match) and other.field == condition.field for other, _ in before)
        if condition.operator in ("is", "in", "exists"):
            return self.exact[condition.field, nth]
        return self.mentioned[condition.field, nth] if condition.operator == "mentions" else None


def _known(match: Match) -> tuple[str, str, Value | tuple[Scalar, ...], Source, bool]:
    """What this module knows of a matcher: one that says more, now or in time to come, is none of its business."""
    return match.field, match.operator, match.expected, match.source, match.personal


def _lookup(field: str, asked: _Asked, everything: int) -> tuple[str, Callable[[Value, int], int], int]:
    """Return a field, the function that finds the mask of a value of it, and the mask of the values that nobody names."""
    missing = otherwise = everything
    take: dict[Value, int] = defaultdict(int)
    drop: dict[Value, int] = defaultdict(int)
    for bit, match, wanted in asked:
        if match.operator == "exists" and match.expected is not wanted:
            otherwise &= ~bit
            continue
        missing &= ~bit
        if match.operator == "exists":
            continue
        otherwise &= ~bit if wanted else everything
        for expected in match.expected if match.operator == "in" else (match.expected,):  # type: ignore[union-attr]  # a tuple
            (take if wanted else drop)[expected] |= bit  # type: ignore[index]  # a scalar
    masks: dict[Value, int] = {value: (otherwise | take[value]) & ~drop[value] for value in {*take, *drop}}
    masks[None] = missing
    return field, masks.get, otherwise


OPPOSITE: Final = {"over": "at_most", "at_least": "under", "at_most": "over", "under": "at_least"}


def _ordered(field: str, asked: _Asked, everything: int) -> _Cell:
    """Return the masks of a field that is compared. Its thresholds cut the line into cells: below, at and above each of them."""
    thresholds = sorted({match.expected for _, match, _ in asked})  # type: ignore[type-var]  # numbers, or spans of time
    refused_below, refused_from = [0] * (2 * len(thresholds) + 2), [0] * (2 * len(thresholds) + 2)
    missing = everything
    for bit, match, wanted in asked:
        missing &= ~bit
        at = 2 * bisect_left(thresholds, match.expected) + 1  # type: ignore[type-var]  # as above
        operator = match.operator if wanted else OPPOSITE[match.operator]
        refused = refused_below if operator in ("over", "at_least") else refused_from
        refused[at + (operator in ("over", "at_most"))] |= bit
    below = list(accumulate(reversed(refused_below), or_))[::-1]
    masks = [everything & ~(below[cell + 1] | start) for cell, start in enumerate(accumulate(refused_from[:-1], or_))]

    def cell(values: Values) -> int:
        value = values.value(field)
        if value is None:
            return missing
        return masks[bisect_left(thresholds, value) + bisect_right(thresholds, value)]  # type: ignore[type-var,no-any-return]  # of like type

    return cell


def _mentioned(field: str, asked: _Asked, everything: int) -> _Cell:
    """Return the masks of a text: what no keyword is asked of, and what its keywords allow and deny."""
    missing = idle = everything
    take: dict[str, int] = defaultdict(int)
    drop: dict[str, int] = defaultdict(int)
    for bit, match, wanted in asked:
        missing &= ~bit
        idle &= ~bit if wanted else everything
        for word in match.expected:  # type: ignore[union-attr]  # a tuple of str
            (take if wanted else drop)[word] |= bit  # type: ignore[index]  # as above
    return _keyword_cell(field, missing, idle, dict(take), dict(drop))


def _keyword_cell(field: str, missing: int, idle: int, take: Mapping[str, int], drop: Mapping[str, int]) -> _Cell:
    def cell(values: Values) -> int:
        found = values.keywords(field)
        if found is None:
            return missing
        allowed, denied = idle, 0
        for word in found:
            allowed |= take.get(word, 0)
            if word in drop:
                denied |= drop[word]
        return allowed & ~denied

    return cell
