"""Matchers have three truth values, and what explain shows is what was evaluated."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from engine.core.compiled import Script
from engine.core.conditions import All, Any, Condition, Match, Named, Not, Source, Value, evaluate
from engine.core.contacts import from_text, to_text
from engine.core.draft import Draft
from engine.core.facts import CallFacts, Contact, CustomerFacts
from engine.core.tracing import asked, failed, show, trace
from engine.core.values import TicketValues
from tests.core.worlds import MINUTE, PHONE, WEDNESDAY, facts, opened, seen, shipped

HERE = Source("sla.yaml", 7, "tiers/0")


class Seen:
    """Values given by hand."""

    def __init__(self, fields: dict[str, Value], words: frozenset[str] | None = None) -> None:
        self.fields, self.words = fields, words

    def value(self, field: str) -> Value:
        return self.fields.get(field)

    def keywords(self, field: str) -> frozenset[str] | None:
        return self.words


def ask(operator: str, expected: object, actual: Value, **more: object) -> bool | None:
    match = Match("f", operator, expected, HERE, **more)  # type: ignore[arg-type]  # the table gives each its own type
    return evaluate(match, Seen({"f": actual}))


@pytest.mark.parametrize(
    ("operator", "expected", "actual", "result"),
    [
        ("is", "vip", "vip", True),
        ("is", "vip", "new", False),
        ("is", "vip", None, None),
        ("in", ("a", "b"), "b", True),
        ("in", ("a", "b"), "c", False),
        ("has", "x", frozenset({"x"}), True),
        ("has", "x", frozenset({"y"}), False),
        ("over", 3, 4, True),
        ("over", 3, 3, False),
        ("under", 3, 2, True),
        ("at_least", 3, 3, True),
        ("at_most", 3, 3, True),
        ("at_most", 3, 4, False),
        ("over", timedelta(minutes=1), timedelta(minutes=2), True),
        ("exists", True, "x", True),
        ("exists", False, "x", False),
        ("exists", True, None, False),
        ("exists", False, None, True),
    ],
)
def test_an_operator_asks_one_thing_of_a_value(operator: str, expected: object, actual: Value, result: bool | None) -> None:
    assert ask(operator, expected, actual) is result


def test_a_pattern_is_searched_for_and_what_it_met_is_not_shown() -> None:
    pattern = re2.compile("^[+]86")
    match = Match("customer.phone", "matches", "^[+]86", HERE, personal=True, pattern=pattern)
    assert evaluate(match, Seen({"customer.phone": PHONE})) is True
    assert trace(match, Seen({"customer.phone": PHONE})).actual is None
    assert evaluate(Match("f", "matches", "x", HERE), Seen({"f": "x"})) is False
    exists = Match("customer.phone", "exists", True, HERE, personal=True)
    assert trace(exists, Seen({"customer.phone": PHONE})).actual is None


def test_keywords_that_were_met_are_shown_for_they_are_the_policys() -> None:
    match = Match("ticket.text", "mentions", ("宕机", "瘫痪"), HERE, personal=True)
    met = trace(match, Seen({}, frozenset({"宕机", "other"})))
    assert (met.result, met.actual, met.personal) == (True, frozenset({"宕机"}), False)
    assert trace(match, Seen({}, frozenset())).result is False
    assert trace(match, Seen({})).result is None


def leaf(name: str) -> Match:
    return Match(name, "is", True, HERE)


LEAVES = st.sampled_from([leaf(name) for name in ("true", "false", "missing")])
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts), HERE)),
        st.lists(inner, max_size=3).map(lambda parts: Any(tuple(parts), HERE)),
        inner.map(lambda part: Not(part, HERE)),
        inner.map(lambda part: Named("n", part, HERE)),
    ),
    max_leaves=12,
)
TRUTH = Seen({"true": True, "false": False})


class Counted(Seen):
    """Keeps which fields were asked."""

    def __init__(self) -> None:
        super().__init__(TRUTH.fields)
        self.asked: list[str] = []

    def value(self, field: str) -> Value:
        self.asked.append(field)
        return super().value(field)


@dataclass(frozen=True)
class Rule:
    """A rule of a list; the default has no condition."""

    id: str
    when: Condition | None


@given(CONDITIONS)
def test_what_is_explained_is_what_was_evaluated(condition: Condition) -> None:
    assert trace(condition, TRUTH).result is evaluate(condition, TRUTH)


@given(CONDITIONS)
def test_what_lies_behind_the_deciding_part_is_not_reached_and_not_evaluated(condition: Condition) -> None:
    counted = Counted()
    found = trace(condition, counted)
    everything = seen(found, lambda node: True)
    leaves = [node for node in everything if node.what.startswith(("true", "false", "missing"))]
    assert counted.asked == [node.what.split()[0] for node in leaves if node.reached]
    for node in everything:
        ends = {"all": False, "any": True}.get(node.what)
        reached = [part.reached for part in node.parts]
        assert reached == sorted(reached, reverse=True)
        if node.reached and False in reached:
            assert node.parts[reached.index(False) - 1].result is ends is node.result
        assert node.reached or not any(reached)
        assert node.reached or node.result is None


@given(CONDITIONS)
def test_some_leaf_failed_exactly_where_the_condition_does_not_hold(condition: Condition) -> None:
    leaves = failed(condition, TRUTH)
    assert (leaves == ()) is (evaluate(condition, TRUTH) is True)
    assert all(leaf.reached and leaf.result is not True for leaf in leaves)


@pytest.mark.parametrize(
    ("condition", "missed"),
    [
        (leaf("true"), []),
        (All((leaf("false"), leaf("true"), leaf("missing")), HERE), ["false is true", "missing is true"]),
        (Any((All((leaf("false"), leaf("false")), HERE), leaf("false")), HERE), ["false is true"]),
        (Any((leaf("missing"), leaf("false")), HERE), ["false is true"]),
        (Any((), HERE), ["any"]),
        (Not(All((leaf("true"), leaf("true")), HERE), HERE), ["not"]),
        (Named("vip", leaf("missing"), HERE), ["missing is true"]),
    ],
)
def test_a_near_miss_is_told_by_exactly_the_leaves_that_failed(condition: Condition, missed: list[str]) -> None:
    assert [node.what for node in failed(condition, TRUTH)] == missed


def test_of_a_list_the_rules_asked_are_told_and_those_behind_the_match_counted() -> None:
    rules = [
        Rule("first", leaf("false")),
        Rule("second", leaf("true")),
        *(Rule(f"r{n}", leaf("true")) for n in range(7)),
        Rule("rest", None),
    ]
    told = asked(rules, 1, TRUTH)
    assert [(id, found.result) for id, found in told.traces] == [("first", False), ("second", True)]
    assert (told.behind, told.first_behind, told.nearest) == (8, ("r0", "r1", "r2", "r3", "r4"), ())


@pytest.mark.parametrize("matched", [5, None])
def test_where_no_condition_held_the_nearest_are_told_fewest_failures_first_then_by_order(matched: int | None) -> None:
    far = All((leaf("false"),) * 3, HERE)
    near = All((leaf("true"), leaf("false")), HERE)
    rules = [Rule("far", far), Rule("two", All((leaf("false"),) * 2, HERE)), Rule("near", near), Rule("also", near), Rule("further", far)]
    told = asked([*rules, Rule("rest", None)] if matched else rules, matched, TRUTH)
    assert [id for id, _ in told.nearest] == ["near", "also", "two"]
    assert [node.what for node in told.nearest[0][1]] == ["false is true"]
    assert (told.behind, len(told.traces)) == (0, 5)


@pytest.mark.parametrize("operator", ["is", "in", "matches"])
def test_what_a_personal_field_is_compared_with_is_masked_for_it_may_be_the_customers(operator: str) -> None:
    expected = (PHONE,) if operator == "in" else PHONE
    match = Match("customer.phone", operator, expected, HERE, personal=True, pattern=re2.compile(PHONE[-4:]))
    found = trace(All((match, match), HERE), Seen({"customer.phone": PHONE}))
    assert PHONE[-7:] not in str([node.what for node in seen(found, lambda node: True)])
    assert found.result is True


@given(CONDITIONS, CONDITIONS)
def test_missing_follows_kleenes_logic(left: Condition, right: Condition) -> None:
    both = evaluate(All((left, right), HERE), TRUTH)
    either = evaluate(Any((left, right), HERE), TRUTH)
    order = {False: 0, None: 1, True: 2}
    values = [evaluate(left, TRUTH), evaluate(right, TRUTH)]
    assert order[both] == min(order[value] for value in values)
    assert order[either] == max(order[value] for value in values)
    negated = evaluate(Not(left, HERE), TRUTH)
    assert negated is (None if values[0] is None else not values[0])


def test_a_trace_says_in_the_words_of_the_policy_what_was_asked_where() -> None:
    condition = Named("vip", Any((Not(Match("a", "in", ("x", "y"), HERE), HERE),), HERE), HERE)
    found = trace(condition, Seen({"a": "x"}))
    assert [node.what for node in seen(found, lambda node: True)] == ["use vip", "any", "not", "a in [x, y]"]
    assert str(found.source) == "sla.yaml:7"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "missing"),
        (True, "true"),
        (False, "false"),
        (("b", "a"), "[b, a]"),
        (frozenset({"b", "a"}), "[a, b]"),
        (timedelta(minutes=10), "0:10:00"),
        (3, "3"),
    ],
)
def test_values_are_shown_as_policies_write_them(value: object, text: str) -> None:
    assert show(value) == text


def test_a_matcher_sees_ticket_customer_and_call() -> None:
    ticket = opened("系统宕机", subject="紧急").ticket
    call = CallFacts("inbound", "answered", "", MINUTE, MINUTE)
    contact = Contact("", {"sms": PHONE, "email": "a@b.test", "fax": "1"})
    known = facts(call=call, contact=contact, customer=CustomerFacts("C1", True, "vip"))
    values = TicketValues(shipped(), known, ticket, "系统宕机", {"answer.lowest": 2})
    assert {name: values.value(name) for name in ("ticket.tier", "ticket.queue", "customer.segment", "answer.lowest")} == {
        "ticket.tier": "urgent",
        "ticket.queue": "tech_support",
        "customer.segment": "vip",
        "answer.lowest": 2,
    }
    assert (values.value("customer.phone"), values.value("customer.email")) == (PHONE, "a@b.test")
    assert (values.value("call.direction"), values.value("call.queue")) == ("inbound", None)
    assert values.keywords("ticket.text") == values.keywords("ticket.text")
    nobody = TicketValues(shipped(), facts(customer=None), None, "")
    assert (nobody.value("customer.known"), nobody.value("ticket.kind"), nobody.keywords("ticket.text")) == (False, None, None)


def test_a_script_speaks_the_language_and_the_channel_or_what_comes_next() -> None:
    body = shipped().scripts["confirmation_request"].bodies
    script = Script("s", "customer", body, HERE)
    assert script.body("sms", "en", "zh") is body["sms", "en"]
    assert script.body("fax", "en", "zh") is body["", "en"]
    assert script.body("sms", "fr", "zh") is body["sms", "zh"]
    only = Script("s", "customer", {("sms", "en"): body["sms", "en"]}, HERE)
    assert only.body("email", "fr", "zh") is body["sms", "en"]
    assert Script("s", "customer", {}, HERE).body("sms", "zh", "zh") is None


def test_a_text_is_given_in_the_language_or_the_companys_or_any() -> None:
    policy = shipped()
    assert policy.text({"zh": "甲", "en": "A"}, "en") == "A"
    assert policy.text({"zh": "甲", "en": "A"}, "fr") == "甲"
    assert policy.text({"fr": "Ah"}, "en") == "Ah"
    assert policy.text({}, "en") == ""


def test_a_contact_comes_back_as_it_was_kept_and_an_erased_one_is_nobody() -> None:
    contact = Contact("王芳", {"sms": PHONE})
    assert from_text(to_text(contact)) == contact
    assert from_text("") == Contact()


def test_nothing_is_decided_about_a_ticket_before_it_is_opened() -> None:
    draft = Draft(None, facts(), shipped(), WEDNESDAY, lambda draft, before, event: None)
    with pytest.raises(AssertionError, match="opened before anything else"):
        _ = draft.ticket
