"""Advice: what is said never to hold first never does, and what plainly follows is found."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given

from engine.core.conditions import All, Any, Condition, Match, Not, Value
from engine.policy.diagnostics import Problems
from engine.policy.lint import check_reach
from tests.core.test_index import HERE, LISTS, MET, VALUES, rules_of, values_of
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
        (Not(asks("is", "a"), HERE), asks("is", "b"), False),
        (Match("g", "is", "a", HERE), asks("is", "a"), False),
    ],
)
def test_a_rule_is_unreachable_where_its_condition_follows_from_an_earlier_one(first: Condition, second: Condition, follows: bool) -> None:
    assert unreachable([first, second]) == (["r1"] if follows else [])


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
