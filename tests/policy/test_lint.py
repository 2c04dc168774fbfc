"""Advice: what is said never to hold first never does, and what plainly follows is found."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from msgspec.structs import replace

from engine.core.conditions import All, Any, Condition, Match, Named, Not, Source, Value, evaluate
from engine.policy.diagnostics import Problems
from engine.policy.lint import check_possible, check_reach
from tests.core.test_index import CONDITIONS, HERE, LISTS, MET, VALUES, rules_of, values_of
from tests.policy.support import codes, overlaid


def unreachable(conditions: Sequence[Condition]) -> list[str]:
    problems = Problems()
    check_reach(rules_of(conditions), problems)
    return [item.message.split("`")[1] for item in sorted(problems.all(), key=lambda item: item.message)]


@given(LISTS, VALUES, MET)
def test_a_rule_that_is_said_to_be_unreachable_is_never_the_first_that_holds(
    conditions: list[Condition], fields: dict[str, Value], met: frozenset[str] | None
) -> None:
    rules = rules_of(conditions)
    assert rules.match(values_of(fields, met)).id not in unreachable(conditions)


def asks(operator: str, expected: Value | tuple[object, ...]) -> Match:
    return Match("f", operator, expected, HERE)  # type: ignore[arg-type]  # what is expected is of any kind here


def both(*parts: Condition) -> Condition:
    return All(parts, HERE)


def no(part: Condition) -> Condition:
    return Not(part, HERE)


def impossible(condition: Condition) -> list[int]:
    """The lines of the parts that are said never to hold."""
    problems = Problems()
    check_possible([condition], problems)
    return [item.line for item in problems.all()]


def placed(condition: Condition) -> tuple[Condition, dict[int, tuple[Condition, bool]]]:
    """The condition with each part on a line of its own; by line, each part and the truth the whole wants of it."""
    parts: dict[int, tuple[Condition, bool]] = {}

    def place(part: Condition, wanted: bool) -> Condition:
        line = len(parts) + 1
        parts[line] = (part, wanted)
        moved = replace(part, source=Source("f", line))
        if isinstance(moved, All | Any):
            moved = replace(moved, parts=tuple(place(inner, wanted) for inner in moved.parts))
        elif isinstance(moved, Not | Named):
            moved = replace(moved, part=place(moved.part, wanted is isinstance(moved, Named)))
        return moved

    return place(condition, True), parts


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("first", "second", "follows"),
    [
        (asks("in", ("a", "b")), asks("is", "a"), True),
        (asks("in", ("a", "b")), asks("in", ("b", "a")), True),
        (asks("is", "a"), asks("in", ("a", "b")), False),
        (asks("mentions", ("a", "b")), asks("mentions", ("b",)), True),
        (asks("mentions", ("b",)), asks("mentions", ("a", "b")), False),
        (asks("over", 2), asks("over", 3), True),
        (asks("over", 3), asks("at_least", 3), False),
        (asks("at_least", 3), asks("over", 3), True),
        (asks("at_least", MINUTE), asks("over", 2 * MINUTE), True),
        (asks("under", 3), asks("at_most", 3), False),
        (asks("at_most", 3), asks("under", 3), True),
        (asks("under", 3), asks("under", 2), True),
        (asks("over", 3), asks("under", 3), False),
        (asks("exists", True), asks("is", "a"), True),
        (asks("exists", False), asks("is", "a"), False),
        (asks("exists", True), asks("exists", False), False),
        (asks("is", "a"), All((asks("is", "a"), Match("g", "is", "b", HERE)), HERE), True),
        (All((asks("is", "a"), Match("g", "is", "b", HERE)), HERE), asks("is", "a"), False),
        (Any((asks("is", "a"), Match("g", "is", "b", HERE)), HERE), Match("g", "is", "b", HERE), True),
        (Not(asks("is", "a"), HERE), Not(asks("is", "a"), HERE), True),
        (Not(asks("is", "a"), HERE), asks("is", "b"), True),
        (Not(asks("is", "a"), HERE), asks("is", "a"), False),
        (Not(asks("is", "a"), HERE), Not(asks("in", ("a", "b")), HERE), True),
        (Not(asks("in", ("a", "b")), HERE), Not(asks("is", "a"), HERE), False),
        (Not(asks("over", 3), HERE), asks("under", 2), True),
        (Not(asks("over", 3), HERE), asks("at_most", 3), True),
        (asks("at_most", 3), Not(asks("over", 3), HERE), True),
        (asks("over", 3), asks("between", (4, 5)), True),
        (asks("between", (1, 5)), asks("between", (2, 5)), True),
        (asks("between", (2, 5)), asks("between", (1, 5)), False),
        (asks("between", (2, 5)), asks("over", 3), False),
        (asks("over", 3), asks("is", 4), True),
        (asks("over", 3), asks("in", (3, 4)), False),
        (asks("has", ("a",)), asks("has", ("a", "b")), True),
        (asks("has", ("a", "b")), asks("has", ("a",)), False),
        (asks("mentions", ("a",)), asks("has", ("a",)), False),
        (Not(asks("exists", True), HERE), asks("is", "a"), False),
        (Match("g", "is", "a", HERE), asks("is", "a"), False),
    ],
)
def test_a_rule_is_unreachable_where_its_condition_follows_from_an_earlier_one(first: Condition, second: Condition, follows: bool) -> None:
    assert unreachable([first, second]) == (["r1"] if follows else [])


@pytest.mark.parametrize(
    ("condition", "never"),
    [
        (both(asks("is", "a"), asks("is", "b")), True),
        (both(asks("is", "a"), asks("in", ("a", "b"))), False),
        (both(asks("in", ("a", "b")), asks("in", ("c", "d"))), True),
        (both(asks("in", ("a", "b")), no(asks("is", "a"))), False),
        (both(asks("in", ("a", "b")), no(asks("is", "a")), no(asks("is", "b"))), True),
        (both(asks("is", True), asks("is", False)), True),
        (both(asks("over", 5), asks("under", 3)), True),
        (both(asks("at_least", 3), asks("under", 3)), True),
        (both(asks("at_least", 3), asks("at_most", 3)), False),
        (both(asks("over", MINUTE), asks("at_most", MINUTE)), True),
        (both(asks("between", (1, 2)), asks("over", 2)), True),
        (both(asks("between", (1, 2)), asks("at_least", 2)), False),
        (both(asks("over", 5), no(asks("over", 3))), True),
        (both(no(asks("over", 5)), no(asks("under", 3))), False),
        (both(asks("is", 2), asks("over", 3)), True),
        (both(asks("mentions", ("a",)), no(asks("mentions", ("a", "b")))), True),
        (both(asks("mentions", ("a", "b")), no(asks("mentions", ("a",)))), False),
        (both(asks("mentions", ("a",)), asks("mentions", ("b",))), False),
        (both(asks("has", ("a", "b")), no(asks("has", ("a",)))), True),
        (both(asks("within", "office"), no(asks("within", "office"))), True),
        (both(asks("exists", False), asks("is", "a")), True),
        (both(asks("exists", False), no(asks("is", "a"))), True),
        (both(asks("exists", False), no(asks("exists", True))), False),
        (both(asks("exists", True), no(asks("exists", False))), False),
        (both(asks("exists", True), no(asks("is", "a"))), False),
        (both(asks("is", "a"), Match("g", "is", "b", HERE)), False),
        (Any((both(asks("is", "a"), asks("is", "b")), asks("is", "c")), HERE), True),
        (Any((asks("is", "a"), asks("is", "b")), HERE), False),
        (both(Any((asks("is", "a"), asks("is", "b")), HERE), asks("is", "c")), True),
        (both(Any((asks("is", "a"), asks("is", "b")), HERE), asks("is", "b")), False),
        (no(Any((asks("is", "a"), no(asks("is", "a"))), HERE)), True),
        (no(both(asks("is", "a"), asks("is", "b"))), False),
        (both(asks("is", "z"), Any(tuple(asks("is", f"{number}") for number in range(40)), HERE)), False),  # too many ways to look at
        (both(Named("n", asks("is", "a"), HERE), no(asks("is", "a"))), True),
    ],
)
def test_a_condition_can_never_hold_where_its_matchers_of_one_field_exclude_each_other(condition: Condition, never: bool) -> None:
    assert bool(impossible(condition)) is never


@given(CONDITIONS, VALUES, MET)
def test_a_part_that_is_said_never_to_hold_never_does(condition: Condition, fields: dict[str, Value], met: frozenset[str] | None) -> None:
    numbered, parts = placed(condition)
    for number in impossible(numbered):
        part, wanted = parts[number]
        assert evaluate(part, values_of(fields, met)) is not wanted


def test_two_rules_together_may_leave_nothing_to_a_third() -> None:
    one, other = asks("is", "a"), Match("g", "is", "b", HERE)
    assert unreachable([one, other, Any((other, one), HERE)]) == ["r2"]


def test_a_list_that_is_too_long_to_compare_is_left_alone() -> None:
    assert unreachable([asks("is", "a")] * 600) == []


def test_what_is_not_sound_gets_no_advice() -> None:
    text = (
        "version: 1\nconditions:\n  unused: {field: customer.known, is: false}\nescalations: [{id: x, deadlines: [nothing], steps: []}]\n"
    )
    assert "CL655" not in codes(overlaid({"sla-a.yaml": text}))
