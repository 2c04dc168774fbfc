"""Rules of the house's own: what they do on which event, in which order, and what keeps them from running for ever."""

import json
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.decide.rules import ACTIONS, holds
from engine.core.facts import CustomerFacts
from engine.core.lifecycle import evolve
from engine.core.signals import ReceiptArrived, RuleDue
from engine.core.values import MOST_TOLD
from engine.policy.schema import schema
from engine.store import CustomerRow, StoredDecision
from tests.core.worlds import DAY, HOUR, POLICIES, WEDNESDAY, House, changed, facts, shipped

OWN = (POLICIES / "rules.yaml").read_text("utf-8")
INCIDENTS = (POLICIES / "incidents.yaml").read_text("utf-8")


def policy(*rules: str, depth: int = 4) -> Policy:
    """The shipped policy with these rules instead of its own."""
    text = f"version: 1\nchain: {{depth: {depth}}}\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules)
    return changed(("rules.yaml", OWN, text), ("incidents.yaml", INCIDENTS, "version: 1\n"))


def house(*rules: str, depth: int = 4, **more: Any) -> House:
    return House(policy(*rules, depth=depth), **more)


def own(found: House, number: str) -> list[e.RuleApplied | e.RuleObserved | e.RuleSkipped]:
    """What rules did to the ticket, in order."""
    return [event for event in found.log(number) if isinstance(event, e.RuleApplied | e.RuleObserved | e.RuleSkipped)]


def reasons(decision: StoredDecision) -> list[tuple[str, str]]:
    return [(reason["decided"], reason["rule"]) for reason in decision.reasons if reason["decided"].startswith(("rule", "no rule"))]


def test_a_rule_does_its_actions_in_order_when_the_event_was_decided() -> None:
    found = house(
        "{id: a, on: ticket_opened, do: [{add_tag: one}, {notify: [queue.lead, assignee], script: old_ticket}, {remove_tag: one}]}"
    )
    number = found.mail("你好")
    names = found.names(number)
    assert names[names.index("rule_applied") :] == ["rule_applied", "tag_added", "message_queued", "message_queued", "tag_removed"]
    assert own(found, number) == [
        e.RuleApplied("a", ("add_tag: one", "notify: [queue.lead, assignee], script: old_ticket", "remove_tag: one"))
    ]
    assert found.ticket(number).tags == ()
    assert {row.party for row in found.messages(number, script="old_ticket")} == {"zhao", found.ticket(number).assignee}


def test_rules_run_after_routing_and_see_the_ticket_that_came_of_it() -> None:
    found = house(
        "{id: a, on: ticket_opened, when: [{field: ticket.queue, is: tech_support}, {field: ticket.tier, is: urgent}], do: [{add_tag: x}]}"
    )
    assert found.ticket(found.mail("系统宕机")).tags == ("x",)
    assert found.ticket(found.mail("你好", sender="b@example.test")).tags == ()


def test_a_rule_that_does_not_hold_says_what_came_near() -> None:
    found = house(
        "{id: a, on: ticket_opened, when: [{field: ticket.kind, is: care}, {field: ticket.channel, is: email}], do: [{add_tag: x}]}"
    )
    [decision] = found.decisions(found.mail("你好"))
    assert reasons(decision) == [("no rule held on ticket_opened", "rules")]
    [reason] = [one for one in decision.reasons if one["decided"].startswith("no rule")]
    [(rule, leaves)] = reason["asked"]["nearest"]
    assert (rule, [leaf["what"] for leaf in leaves], leaves[0]["source"]["path"]) == ("a", ["ticket.kind is care"], "rules[0].when[0]")


def test_of_many_rules_only_those_that_came_near_are_told() -> None:
    many = [
        f"{{id: r{n}, on: noted, when: [{{field: ticket.kind, is: care}}, {{field: ticket.tier, is: urgent}}], do: [{{add_tag: x}}]}}"
        for n in range(MOST_TOLD)
    ]
    found = house(*many, "{id: near, on: ticket_opened, when: {field: ticket.kind, is: complaint}, do: [{add_tag: x}]}")
    [decision] = found.decisions(found.mail("你好"))
    [reason] = [one for one in decision.reasons if one["decided"].startswith("no rule")]
    assert [rule for rule, _ in reason["asked"]["traces"]] == ["near"]


def test_what_is_observed_is_told_and_not_done() -> None:
    found = house("{id: a, mode: observe, on: ticket_opened, do: [{add_tag: x}, {open: {kind: task, queue: finance}}]}")
    number = found.mail("你好")
    assert own(found, number) == [e.RuleObserved("a", ("add_tag: x", "open: {kind: task, queue: finance}"))]
    assert found.ticket(number).tags == ()
    assert reasons(found.decisions(number)[0]) == [("rule observed: nothing is done", "a")]


def test_a_draft_is_neither_done_nor_told() -> None:
    found = house("{id: a, mode: draft, on: ticket_opened, do: [{add_tag: x}]}")
    number = found.mail("你好")
    assert (own(found, number), reasons(found.decisions(number)[0])) == ([], [])


def test_a_rule_runs_once_in_a_chain_and_says_so_once() -> None:
    found = house(
        "{id: a, on: [tag_added, ticket_opened], do: [{add_tag: one}]}", "{id: b, on: tag_added, do: [{add_tag: two}, {add_tag: three}]}"
    )
    number = found.mail("你好")
    assert found.ticket(number).tags == ("one", "two", "three")
    assert [(event.rule, type(event).__name__) for event in own(found, number)] == [
        ("a", "RuleApplied"),
        ("a", "RuleSkipped"),
        ("b", "RuleApplied"),
        ("b", "RuleSkipped"),
    ]
    assert ("rule skipped: again", "a") in reasons(found.decisions(number)[0])


def test_only_so_many_rules_follow_from_each_other() -> None:
    names = ["t0", "t1", "t2", "t3"]
    rules = [f"{{id: {b}, on: tag_added, when: {{field: ticket.tags, has: {a}}}, do: [{{add_tag: {b}}}]}}" for a, b in pairwise(names)]
    rules.append("{id: t0, on: ticket_opened, do: [{add_tag: t0}]}")
    shallow, deep = house(*rules, depth=2), house(*rules, depth=4)
    numbers = shallow.mail("你好"), deep.mail("你好")
    assert shallow.ticket(numbers[0]).tags == ("t0", "t1")
    assert own(shallow, numbers[0])[-1] == e.RuleSkipped("t2", "too_deep")
    assert deep.ticket(numbers[1]).tags == ("t0", "t1", "t2", "t3")
    [skipped] = [one for one in shallow.decisions(numbers[0])[0].reasons if one["decided"] == "rule skipped: too_deep"]
    assert dict(skipped["values"]) == {"on": "tag_added", "depth": "2"}


def test_a_chain_goes_on_to_the_tickets_that_rules_open() -> None:
    found = house(
        "{id: a, on: ticket_opened, do: [{open: {kind: care, queue: finance, text: {zh: 关怀}}}, {open: {kind: task, queue: product}}]}",
        "{id: b, on: task_opened, do: [{add_tag: deep}]}",
        depth=1,
    )
    number = found.mail("你好")
    care, task = (f"{number[:-1]}{int(number[-1]) + step}" for step in (1, 2))
    assert [(found.ticket(one).kind, found.ticket(one).queue, found.ticket(one).parent) for one in (care, task)] == [
        ("care", "finance", number),
        ("task", "product", number),
    ]
    assert own(found, care) == [e.RuleSkipped("a", "again")]
    assert own(found, task) == [e.RuleSkipped("b", "too_deep")]
    facts = found.decisions(task)[0].facts
    assert (facts["ran"], facts["depth"]) == (["a"], 1)
    assert found.decisions(care)[0].reasons[0]["rule"] == "a"


def test_a_rule_does_all_it_says_or_nothing() -> None:
    found = house("{id: a, on: ticket_closed, do: [{add_tag: x}, {raise_tier: 1}]}")
    number = found.mail("你好")
    found.done(number, "close", text="误报")
    assert own(found, number) == [e.RuleSkipped("a", "refused")]
    assert found.ticket(number).tags == ()
    assert found.ticket(number).state == "closed"


@pytest.mark.parametrize(
    ("target", "text", "before", "after"),
    [
        ("1", "你好", "general", "important"),
        ("2", "你好", "general", "urgent"),
        ("9", "你好", "general", "urgent"),
        ("urgent", "你好", "general", "urgent"),
        ("important", "系统宕机", "urgent", "urgent"),
        ("1", "系统宕机", "urgent", "urgent"),
    ],
)
def test_a_tier_is_raised_and_never_lowered(target: str, text: str, before: str, after: str) -> None:
    found = house(f"{{id: a, on: noted, do: [{{raise_tier: {target}}}]}}")
    number = found.mail(text)
    assert found.ticket(number).tier == before
    found.done(number, "note", text="记一笔")
    assert found.ticket(number).tier == after
    told = found.scripts(number, "customer")
    assert told == (["promise"] if before == after else ["promise", "promise_changed"])


def test_work_of_the_house_has_no_tier_to_raise_and_keeps_its_kind() -> None:
    found = house("{id: a, on: task_opened, do: [{raise_tier: 1}]}", "{id: b, on: task_opened, do: [{set_field: {ticket.kind: care}}]}")
    number = found.mail("你好")
    found.done(number, "task", text="请核对", target="finance")
    assert own(found, f"{number[:-1]}2") == [e.RuleSkipped("a", "refused"), e.RuleSkipped("b", "refused")]


def test_fields_are_set_where_they_differ() -> None:
    found = house("{id: a, on: noted, do: [{set_field: {ticket.impact: outage, ticket.kind: incident, ticket.language: zh}}]}")
    number = found.mail("你好")
    found.done(number, "note", text="全公司")
    ticket = found.ticket(number)
    assert (ticket.impact, ticket.kind, ticket.language) == ("outage", "incident", "zh")
    assert [event for event in found.log(number) if isinstance(event, e.FieldSet)] == [
        e.FieldSet("impact", "outage"),
        e.FieldSet("kind", "incident"),
    ]


def test_a_tag_is_given_once() -> None:
    found = house("{id: a, on: noted, do: [{add_tag: x}, {add_tag: x}, {remove_tag: y}]}")
    number = found.mail("你好")
    found.done(number, "note", text="一")
    found.done(number, "note", text="二")
    assert found.names(number).count("tag_added") == 1
    assert found.ticket(number).tags == ("x",)


def test_a_ticket_is_given_to_somebody_else_or_to_another_queue() -> None:
    found = house(
        "{id: a, on: noted, when: {field: ticket.queue, is: tech_support}, do: [{reassign: true}]}",
        "{id: b, on: plan_recorded, do: [{reassign: finance}]}",
    )
    number = found.mail("系统宕机")
    before = found.ticket(number).assignee
    found.done(number, "note", text="联系不上")
    assert found.ticket(number).assignee not in (before, None)
    found.done(number, "plan", text="退款")
    assert (found.ticket(number).queue, found.ticket(number).assignee) == ("finance", "lin")


def test_a_timer_goes_on_later_and_may_start_itself_again() -> None:
    found = house(
        "{id: a, on: ticket_opened, do: [{start_timer: look, after: 2h}]}",
        "{id: b, on: {timer: look}, when: {field: ticket.state, is: new}, do: [{run_script: still_there}, {start_timer: look, after: 2h}]}",
    )
    number = found.mail("你好")
    assert "rule/look" in found.timer_keys(number)
    found.wait(5 * HOUR)
    assert found.scripts(number, "customer").count("still_there") == 2
    assert [event for event in found.log(number) if isinstance(event, e.TimerElapsed)] == [e.TimerElapsed("look")] * 2
    found.done(number, "contact", text="已联系")
    found.wait(DAY)
    assert found.scripts(number, "customer").count("still_there") == 2


def test_a_webhook_tells_a_program_what_has_happened_and_nobodys_data() -> None:
    found = house("{id: a, on: ticket_opened, do: [{add_tag: x}, {webhook: crm}]}")
    found.world = replace(found.world, channels={**found.world.channels, "webhook": "webhook"}, senders=("email", "sms", "webhook"))
    number = found.mail("你好,我是陈先生,电话13912345678")
    [row] = found.messages(number, "webhook")
    assert (row.channel, row.address, row.subject, row.automatic) == ("webhook", "crm", "", True)
    assert json.loads(found.words(row)) == {
        "event": "ticket_opened",
        "rule": "a",
        "ticket": number,
        "kind": "inquiry",
        "state": "new",
        "tier": "general",
        "queue": "front_desk",
        "tags": ["x"],
        "at": found.now.isoformat(),
    }
    before = len(found.messages(number))
    found.handle(ReceiptArrived(number, row.id, "webhook", "failed", "404"))
    assert found.names(number)[-1] == "message_failed"
    assert len(found.messages(number)) == before


def test_a_webhook_that_no_channel_carries_is_on_record() -> None:
    found = house("{id: a, on: ticket_opened, do: [{webhook: crm}]}")
    number = found.mail("你好")
    assert e.MessageSuppressed("webhook", "crm", "unreachable") in found.log(number)


def test_the_record_of_a_decision_by_rules_replays() -> None:
    found = house("{id: a, on: ticket_opened, do: [{add_tag: x}, {set_field: {ticket.impact: safety}}, {remove_tag: x}, {add_tag: y}]}")
    found.mail("你好")
    with found.store.read() as reader:
        assert reader.integrity(evolve) == []


def test_every_action_of_the_policy_language_is_done_by_something() -> None:
    action = schema("rules")["$defs"]["actions"]["items"]
    assert set(action["properties"]) - {"script", "after"} == set(ACTIONS)


BY_CLOCK = "{{id: a, mode: {mode}, every: {{cron: '0 9 * * *'}}, for: {subject}, when: {{field: {field}, is: {value}}}, do: [{do}]}}"


def test_a_rule_by_the_clock_is_done_to_the_ticket_it_holds_for_and_no_other() -> None:
    rule = BY_CLOCK.format(mode="live", subject="tickets", field="ticket.tier", value="general", do="{add_tag: old}, {remove_tag: young}")
    found = house(rule, "{id: b, on: tag_added, do: [{add_tag: told}]}")
    number, urgent = found.mail("你好"), found.mail("系统宕机", sender="b@example.test")
    assert found.handle(RuleDue(number, "a", found.now)).first.refused is None
    assert found.ticket(number).tags == ("old", "told")
    for ticket, name in ((urgent, "a"), (number, "gone")):
        assert found.handle(RuleDue(ticket, name, found.now)).first.refused == f"the rule {name} does not hold here any more"


@pytest.mark.parametrize(("language", "text"), [("en", "Care"), ("fr", "关怀"), (None, "关怀")])
def test_a_rule_by_the_clock_opens_a_ticket_for_a_customer_in_their_language(language: str | None, text: str) -> None:
    do = "{open: {kind: care, queue: finance, text: {zh: 关怀, en: Care}}}"
    found = house(BY_CLOCK.format(mode="live", subject="customers", field="customer.segment", value="vip", do=do))
    with found.store.write() as tx:
        tx.add_customer(CustomerRow("C000009", "王总", "vip", language, found.now))
        tx.add_address("C000009", "phone", "+8613900000009")
    outcome = found.handle(RuleDue(None, "a", found.now, "C000009"))
    assert [reason.decided for reason in outcome.first.reasons] == ["rule applied"]
    ticket = outcome.handled[1].decision.ticket
    assert ticket is not None
    assert (ticket.customer, ticket.channel, ticket.queue) == ("C000009", "sms", "finance")
    with found.store.read() as reader:
        assert list(reader.contents([ticket.description or ""]).values()) == [text]


def test_an_observed_rule_by_the_clock_opens_nothing() -> None:
    do = "{open: {kind: care, queue: finance}}"
    found = house(BY_CLOCK.format(mode="observe", subject="customers", field="customer.segment", value="vip", do=do))
    with found.store.write() as tx:
        tx.add_customer(CustomerRow("C000009", "王总", "vip", None, found.now))
    outcome = found.handle(RuleDue(None, "a", found.now, "C000009"))
    assert len(outcome.handled) == 1
    assert dict(outcome.first.reasons[0].values) == {"actions": "open: {kind: care, queue: finance}"}
    assert found.handle(RuleDue(None, "a", found.now, "C000001")).first.refused is not None


def test_whether_a_rule_holds_for_a_customer_is_asked_of_the_facts() -> None:
    do = "{open: {kind: care, queue: finance}}"
    rule, *_ = policy(BY_CLOCK.format(mode="live", subject="customers", field="customer.segment", value="vip", do=do)).timed_rules
    for segment, expected in (("vip", True), ("new", False), (None, False)):
        assert holds(rule, None, facts(customer=CustomerFacts("C1", known=True, segment=segment)), shipped(), WEDNESDAY) is expected


def test_what_becomes_of_a_rules_own_message_sets_off_the_same_rule_no_more() -> None:
    found = house("{id: a, on: [message_sent, message_failed], do: [{notify: [manager], script: old_ticket}]}")
    number = found.mail("你好")
    promise = found.messages(number, script="promise")[0]
    found.handle(ReceiptArrived(number, promise.id, "customer", "sent"))
    [notice] = found.messages(number, script="old_ticket")
    found.handle(ReceiptArrived(number, notice.id, "zhou", "failed", "550"))
    assert own(found, number)[-1] == e.RuleSkipped("a", "again")
    assert len(found.messages(number, script="old_ticket")) == 1
    found.handle(ReceiptArrived(number, promise.id, "customer", "failed", "550"))
    assert len(found.messages(number, script="old_ticket")) == 2


def test_an_automat_is_not_answered_by_a_rule() -> None:
    found = house(
        "{id: a, on: [ticket_opened, message_received], do: [{run_script: still_there}, {notify: [manager], script: old_ticket}]}"
    )
    number = found.mail("系统通知", automatic=True)
    assert e.MessageSuppressed("customer", "still_there", "automatic") in found.log(number)
    found.mail("外出自动回复", number, automatic=True)
    assert found.scripts(number, "customer") == []
    assert found.scripts(number, "zhou") == ["old_ticket", "old_ticket"]
    found.mail("我又来了", number)
    assert "still_there" in found.scripts(number, "customer")


def test_a_rule_may_go_on_a_timer_or_on_something_else() -> None:
    found = house(
        "{id: a, on: ticket_opened, do: [{start_timer: look, after: 2h}]}",
        "{id: b, on: [noted, {timer: look}], do: [{add_tag: seen}, {notify: [manager], script: old_ticket}]}",
    )
    number = found.mail("你好")
    found.done(number, "note", text="记一笔")
    found.wait(3 * HOUR)
    assert found.scripts(number, "zhou").count("old_ticket") == 2
