"""The index answers what the plain evaluator answers, for any rules and any values."""

from collections.abc import Sequence
from datetime import timedelta
from unittest.mock import patch

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from engine.core import index
from engine.core.compiled import Rule
from engine.core.conditions import All, Any, Condition, Match, Named, Not, Source, Value, Values, evaluate
from engine.core.facts import CallFacts, Contact, CustomerFacts
from engine.core.fields import FIELDS, IMPACTS, KINDS, OUTCOMES, STATES
from engine.core.index import Rules
from engine.core.tracing import Asked
from engine.core.tracing import asked as asked_of
from engine.core.values import MOST_TOLD, TicketValues, _first_match, first_match
from tests.core.test_conditions import Seen
from tests.core.worlds import PHONE, facts, shipped

HERE = Source("sla.yaml", 7, "tiers/0")
WORDS = ("a", "b", "c")
NUMBERS = (1, 2, 2.5, 3)
SPANS = tuple(timedelta(seconds=seconds) for seconds in (0, 30, 60, 90))
COMPARISONS = ("over", "under", "at_least", "at_most")


def asked(field: str, operators: Sequence[str], expected: st.SearchStrategy[object]) -> st.SearchStrategy[Match]:
    return st.builds(Match, st.just(field), st.sampled_from(operators), expected, st.just(HERE))


def some(words: Sequence[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=3).map(tuple)


MATCHERS = st.one_of(
    asked("word", ["is"], st.sampled_from(WORDS)),
    asked("word", ["in"], some(WORDS)),
    asked("flag", ["is"], st.booleans()),
    asked("number", ["is", *COMPARISONS], st.sampled_from(NUMBERS)),
    asked("number", ["in"], some(NUMBERS)),
    asked("span", COMPARISONS, st.sampled_from(SPANS)),
    asked("text", ["mentions"], some(WORDS)),
    asked("labels", ["has"], st.sampled_from(WORDS)),
    st.sampled_from(WORDS).map(lambda word: Match("word", "matches", word, HERE, pattern=re2.compile(word))),
    asked("word", ["is"], st.sampled_from(WORDS)).map(
        lambda match: Match(match.field, "is", match.expected, HERE, pattern=re2.compile("x"))
    ),
    *(asked(field, ["exists"], st.booleans()) for field in ("word", "flag", "number", "span", "text", "labels")),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    MATCHERS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: All(tuple(parts), HERE)),
        st.lists(inner, max_size=4).map(lambda parts: Any(tuple(parts), HERE)),
        inner.map(lambda part: Not(part, HERE)),
        inner.map(lambda part: Named("n", part, HERE)),
    ),
    max_leaves=14,
)
LISTS = st.lists(CONDITIONS, max_size=8)
VALUES = st.fixed_dictionaries(
    {
        "word": st.sampled_from((None, *WORDS, "d")),
        "flag": st.sampled_from((None, True, False)),
        "number": st.sampled_from((None, 0, *NUMBERS, 2.7, 9)),
        "span": st.sampled_from((None, *SPANS, timedelta(seconds=45), timedelta(hours=1))),
        "text": st.just("some"),
        "labels": st.none() | st.frozensets(st.sampled_from(WORDS)),
    }
)
MET = st.none() | st.frozensets(st.sampled_from(WORDS))


def values_of(fields: dict[str, Value], met: frozenset[str] | None) -> Values:
    return Seen({**fields, "text": None if met is None else "some"}, met)


def rules_of(conditions: Sequence[Condition]) -> Rules[Rule]:
    return Rules([*(Rule(f"r{number}", when, HERE) for number, when in enumerate(conditions)), Rule("default", None, HERE)])


def scanned(rules: Sequence[Rule], values: Values) -> list[Rule]:
    return [rule for rule in rules if rule.when is None or evaluate(rule.when, values)]


@given(LISTS, VALUES, MET, st.integers(1, 4))
def test_the_index_finds_what_asking_each_rule_finds(
    conditions: list[Condition], fields: dict[str, Value], met: frozenset[str] | None, block: int
) -> None:
    rules, values = rules_of(conditions), values_of(fields, met)
    holding = scanned(rules, values)
    with patch.object(index, "_BLOCK", block):
        assert rules.matches(values) == holding
    assert rules.match(values) is holding[0]
    assert rules[rules.position(values)] is holding[0]


@given(CONDITIONS, VALUES, MET)
def test_one_index_answers_for_one_condition_as_the_evaluator_does_in_all_three_truths(
    condition: Condition, fields: dict[str, Value], met: frozenset[str] | None
) -> None:
    values = values_of(fields, met)
    rules = Rules([Rule("yes", condition, HERE), Rule("no", Not(condition, HERE), HERE), Rule("default", None, HERE)])
    assert rules.match(values).id == {True: "yes", False: "no", None: "default"}[evaluate(condition, values)]


def test_a_condition_with_too_many_ways_to_hold_is_asked_whole() -> None:
    either = [Any(tuple(Match(f"f{part}", "is", word, HERE) for word in WORDS), HERE) for part in range(6)]
    rules = rules_of([All((Match("sure", "is", True, HERE), *either), HERE), Any(tuple(either * 3), HERE)])
    fields: dict[str, Value] = {"sure": True, **{f"f{part}": "b" for part in range(6)}}
    assert rules.match(Seen(fields)).id == "r0"
    assert rules.match(Seen({**fields, "f5": "x"})).id == "r1"
    assert rules.match(Seen({"sure": True})).id == "default"


@pytest.mark.parametrize(("met", "first"), [({"a"}, "both"), ({"b"}, "neither"), ({"a", "c"}, "neither"), (None, "default")])
def test_keywords_allow_and_deny(met: set[str] | None, first: str) -> None:
    mentions = {word: Match("text", "mentions", (word,), HERE) for word in WORDS}
    both = All((mentions["a"], Not(mentions["c"], HERE)), HERE)
    rules = Rules([Rule("both", both, HERE), Rule("neither", Not(both, HERE), HERE), Rule("default", None, HERE)])
    assert rules.match(values_of({}, None if met is None else frozenset(met))).id == first


def test_a_list_without_a_default_that_holds_for_nothing_is_a_fault_of_the_compiler() -> None:
    with pytest.raises(AssertionError, match="ends with a default"):
        Rules([Rule("a", Match("word", "is", "a", HERE), HERE)]).match(Seen({}))


def test_rules_are_a_tuple_like_any_other() -> None:
    rules = rules_of([])
    assert rules == tuple(rules)
    assert hash(rules) == hash(tuple(rules))


def fields_is(**expected: Value) -> All:
    return All(tuple(Match(name, "is", value, HERE) for name, value in expected.items()), HERE)


def test_near_are_rules_of_which_one_field_fails_and_none_from_the_given_place_on() -> None:
    rules = rules_of([fields_is(a=1, b=1, c=1), fields_is(a=1, b=2, c=2), fields_is(a=1, b=1, c=2), fields_is(a=1, b=1, c=3)])
    values = Seen({"a": 1, "b": 1, "c": 2})
    assert [rule.id for rule in rules.near(values, 3)] == ["r0", "r1", "r2"]
    assert [rule.id for rule in rules.near(values, 1)] == ["r0"]
    assert [rule.id for rule in rules.near(Seen({"a": 1, "b": 3, "c": 3}), 9)] == ["r3", "default"]


def test_every_rule_that_was_asked_is_told_of_a_short_list_and_the_near_ones_of_a_long_one() -> None:
    far = [fields_is(a=0, b=0) for _ in range(2 * MOST_TOLD)]
    close = [fields_is(a=1, b=0) for _ in range(2 * MOST_TOLD)]
    values = TicketValues(shipped(), facts(), None, None, {"a": 1, "b": 1})
    rule, told = first_match(rules_of(far[:3]), values)
    assert (rule.id, [name for name, _ in told.traces]) == ("default", ["r0", "r1", "r2"])
    rule, told = first_match(rules_of([*far, *close, fields_is(a=1, b=1)]), values)
    assert rule.id == f"r{4 * MOST_TOLD}"
    assert [name for name, _ in told.traces] == [*(f"r{2 * MOST_TOLD + number}" for number in range(MOST_TOLD)), rule.id]


@given(st.lists(CONDITIONS, max_size=4), st.lists(st.builds(values_of, VALUES, MET), min_size=2, max_size=4))
def test_what_is_remembered_for_equal_answers_is_what_would_be_seen_anew(conditions: list[Condition], asking: list[Values]) -> None:
    rules = rules_of(conditions)
    for values in [*asking, *asking]:
        assert rules.remembered(_seen, values) == _seen(rules, values)


def _seen(rules: Rules[Rule], values: Values) -> tuple[int, Asked]:
    position = rules.position(values)
    return position, asked_of(rules, position, values)


def test_rules_that_are_answered_alike_are_evaluated_once_and_memory_is_bounded() -> None:
    rules, found = rules_of([fields_is(a=1)]), []

    def find(rules: Rules[Rule], values: Values) -> str:
        found.append(values.value("a"))
        return rules.match(values).id

    with patch.object(index, "_MOST_REMEMBERED", 2):
        asked = [rules.remembered(find, Seen({"a": value})) for value in (1, 2, 1, 3, 1)]
    assert asked == ["r0", "default", "r0", "default", "r0"]
    assert found == [1, 2, 3, 1]


def test_answers_that_are_personal_and_long_lists_are_not_remembered() -> None:
    for rules in (rules_of([Match("phone", "is", PHONE, HERE, personal=True)]), rules_of([fields_is(a=1)] * 101)):
        first, again = (rules.remembered(lambda rules, values: object(), Seen({"phone": PHONE, "a": 1})) for _ in range(2))
        assert first is not again


TICKETS = st.fixed_dictionaries(
    {
        "ticket.kind": st.sampled_from((None, *KINDS)),
        "ticket.channel": st.sampled_from((None, "email", "sms", "phone_log")),
        "ticket.impact": st.sampled_from((None, *IMPACTS)),
        "ticket.tier": st.sampled_from((None, "urgent", "important", "general")),
        "ticket.state": st.sampled_from((None, *STATES)),
    }
)
CALLS = st.none() | st.builds(
    CallFacts,
    st.sampled_from(("inbound", "outbound")),
    st.sampled_from(OUTCOMES),
    st.sampled_from(("", "hotline")),
    st.integers(0, 120).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(0, 120).map(lambda seconds: timedelta(seconds=seconds)),
)
CUSTOMERS = st.none() | st.builds(CustomerFacts, st.just("C1"), st.booleans(), st.sampled_from((None, "vip", "new", "complaint")))
PARTS = (
    "系统",
    "宕机",
    "无法使用",
    "没有",
    "投诉",
    "发票",
    "退货",
    "报错",
    "建议",
    ",",
    "outage",
    " error ",
    " billing ",
    "no ",
    "已恢复",
    "warranty ",
)
TEXTS = st.none() | st.lists(st.sampled_from(PARTS), max_size=6).map("".join)


@given(TICKETS, CALLS, CUSTOMERS, TEXTS)
def test_the_shipped_rules_decide_any_ticket_as_the_evaluator_does(
    ticket: dict[str, Value], call: CallFacts | None, customer: CustomerFacts | None, text: str | None
) -> None:
    policy = shipped()
    known = facts(call=call, customer=customer, contact=Contact("", {"sms": PHONE}))
    values = TicketValues(policy, known, None, text, ticket)
    assert set(ticket) <= set(FIELDS)
    for rules in (policy.kinds, policy.calls, policy.tiers, policy.routes):
        assert isinstance(rules, Rules)
        assert rules.matches(values) == scanned(rules, values)
        rule, told = first_match(rules, values)
        assert rule is scanned(rules, values)[0]
        assert (rule, told) == _first_match(rules, values)
        assert [name for name, _ in told.traces] == [other.id for other in rules[: rules.index(rule) + 1] if other.when is not None]
