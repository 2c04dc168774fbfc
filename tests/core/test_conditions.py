"""Matchers have three truth values, and what explain shows is what was evaluated."""

import typing
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from engine.core.conditions import All, Any, Condition, Match, Named, Not, Source, Value, evaluate
from engine.core.contacts import from_text, to_text
from engine.core.draft import Draft
from engine.core.facts import CallFacts, Contact, CustomerFacts
from engine.core.scripts import Script
from engine.core.tracing import asked, failed, show, trace
from engine.core.values import TicketValues, first_match
from tests.core.worlds import DAY, HOUR, MINUTE, PHONE, WEDNESDAY, House, at, changed, facts, opened, rules_of, seen, shipped

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
        ("has", ("x",), frozenset({"x"}), True),
        ("has", ("x",), frozenset({"y"}), False),
        ("has", ("x", "y"), frozenset({"x", "y", "z"}), True),
        ("has", ("x", "y"), frozenset({"x", "z"}), False),
        ("has", ("x",), None, None),
        ("between", (2, 4), 2, True),
        ("between", (2, 4), 4, True),
        ("between", (2, 4), 5, False),
        ("between", (2, 4), None, None),
        ("between", (MINUTE, HOUR), HOUR, True),
        ("between", (MINUTE, HOUR), HOUR + timedelta(microseconds=1), False),
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


@given(st.integers(), st.integers(), st.integers())
def test_between_is_at_least_and_at_most(low: int, high: int, actual: int) -> None:
    both = (ask("at_least", low, actual), ask("at_most", high, actual))
    assert ask("between", (low, high), actual) is all(both)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("03-04 08:59", False),
        ("03-04 09:00", True),
        ("03-04 11:59", True),
        ("03-04 12:00", False),
        ("03-04 18:00", False),
        ("03-08 10:00", False),
        ("02-28 10:00", True),
    ],
)
def test_within_a_calendar_is_while_it_is_open(moment: str, is_open: bool) -> None:
    within = Match("now", "within", "cn_office", HERE, test=shipped().calendars["cn_office"].is_open)
    assert evaluate(within, Seen({"now": at(moment)})) is is_open
    assert trace(within, Seen({"now": at(moment)})).actual == at(moment)
    assert evaluate(Not(within, HERE), Seen({"now": at(moment)})) is not is_open


@pytest.mark.parametrize("told", [True, False, None])
def test_a_predicate_has_three_answers_and_its_text_is_not_shown(told: bool | None) -> None:
    satisfies = Match("ticket.text", "satisfies", "crm.shouting", HERE, personal=True, test=lambda text: told)
    found = trace(satisfies, Seen({"ticket.text": "HELP"}))
    assert (found.result, found.actual) == (told, None)


@given(st.sampled_from(["between", "within", "satisfies", "has", "is", "over", "matches", "mentions"]))
def test_not_of_what_is_missing_stays_missing(operator: str) -> None:
    match = Match("f", operator, ("x", "y"), HERE, test=(lambda value: True) if operator in {"within", "satisfies"} else None)
    assert evaluate(match, Seen({})) is None
    assert evaluate(Not(match, HERE), Seen({})) is None


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
        (timedelta(minutes=10), "10m"),
        (timedelta(days=1, hours=4), "1d 4h"),
        (timedelta(0), "0s"),
        (-timedelta(hours=1), "-1h"),
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
    assert values.keywords("ticket.subject") is None
    nobody = TicketValues(shipped(), facts(customer=None), None, "")
    assert (nobody.value("customer.known"), nobody.value("ticket.kind"), nobody.keywords("ticket.text")) == (False, None, None)


def came_true(condition: str, moment: datetime = WEDNESDAY, text: str = "发票", **more: typing.Any) -> bool:
    """Whether the condition, as policies write it, holds for a ticket that is opened now."""
    rule = f"  - {{id: asked, when: {condition}, queue: finance}}\n"
    policy = changed(("routing.yaml", "routes:\n", f"routes:\n{rule}"))
    return rules_of(opened(text, policy, moment, **more)).get("queue: finance") == "asked"


def a_customer(**more: typing.Any) -> CustomerFacts:
    return CustomerFacts("C1", True, **more)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{field: now, within: cn_office}", True),
        ("{not: {field: now, within: cn_office}}", False),
        ("{field: ticket.opened_at, within: 24x7}", True),
        ("{field: ticket.age, under: 1s}", True),
        ("{field: ticket.age, between: [0s, 0s]}", True),
        ("{field: ticket.objections, between: [0, 0]}", True),
        ("{field: ticket.reopened, at_least: 1}", False),
        ("{field: ticket.assignee, exists: false}", True),
        ("{field: ticket.subject, mentions: [发票]}", True),
        ("{field: ticket.subject, mentions: [退款]}", False),
        ("{field: ticket.wish, matches: 今天}", True),
        ("{field: customer.language, is: en}", True),
        ("{field: customer.since, over: 29d}", True),
        ("{field: customer.last_contact, between: [3d, 3d]}", True),
        ("{field: customer.tickets, last: 2d, at_least: 2}", True),
        ("{field: customer.tickets, last: 2d, is: 3}", False),
        ("{all: [{field: customer.tickets, last: 1d, is: 1}, {field: customer.tickets, last: 9d, is: 3}]}", True),
    ],
)
def test_a_matcher_asks_the_moment_and_the_history(condition: str, holds: bool) -> None:
    customer = a_customer(
        language="en",
        since=WEDNESDAY - 30 * DAY,
        last_contact_at=WEDNESDAY - 3 * DAY,
        tickets=tuple(WEDNESDAY - days * DAY for days in (1, 2, 8)),
    )
    assert came_true(condition, customer=customer, subject="发票", fields={"wish": "今天之内"}) is holds


@pytest.mark.parametrize("condition", ["over: 0s", "under: 9d", "exists: true"])
@pytest.mark.parametrize("field", ["customer.since", "customer.last_contact"])
def test_a_history_that_nobody_knows_is_missing(field: str, condition: str) -> None:
    assert not came_true(f"{{field: {field}, {condition}}}", customer=a_customer())
    assert not came_true(f"{{field: {field}, {condition}}}", customer=None)


def test_the_count_over_a_span_of_nobody_is_missing() -> None:
    assert not came_true("{field: customer.tickets, last: 2d, at_least: 0}", customer=None)
    assert came_true("{field: customer.tickets, last: 2d, at_least: 0}", customer=a_customer())


def test_without_the_present_what_depends_on_it_is_missing() -> None:
    ticket = opened("发票").ticket
    values = TicketValues(shipped(), facts(customer=a_customer(since=WEDNESDAY)), ticket, "发票")
    assert [values.value(name) for name in ("now", "ticket.age", "ticket.opened_at", "customer.since")] == [None] * 4


def test_labels_of_a_plugin_are_a_set_and_its_other_values_as_they_are() -> None:
    told = {"crm.tags": ("gold", "loud"), "crm.score": 3, "crm.level": "a"}
    values = TicketValues(shipped(), facts(extra=told), None, None)
    assert (values.value("crm.tags"), values.value("crm.score"), values.value("crm.level")) == (frozenset({"gold", "loud"}), 3, "a")


def test_a_ticket_ages_and_is_asked_by_who_holds_it() -> None:
    policy = changed(("routing.yaml", "routes:\n", "routes:\n  - {id: old, when: {field: ticket.age, at_least: 2h}, queue: finance}\n"))
    house = House(policy)
    number = house.mail("发票怎么开")
    draft = Draft(house.ticket(number), facts(), policy, WEDNESDAY + 2 * HOUR, lambda draft, before, event: None)
    values = draft.values()
    assert values.value("ticket.age") == 2 * HOUR
    assert values.value("ticket.opened_at") == WEDNESDAY
    assert values.value("ticket.assignee") == house.ticket(number).assignee
    assert first_match(policy.routes, values)[0].id == "old"


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
