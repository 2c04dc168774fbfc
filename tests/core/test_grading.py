"""What a first message or call is taken for: kind, tier, promise, queue."""

import pytest

from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.facts import CallFacts, Contact, CustomerFacts
from engine.core.signals import CallArrived, MessageArrived
from engine.store.rows import CustomerRow
from tests.core.worlds import DAY, HOUR, MAIL, MINUTE, PHONE, WEDNESDAY, House, at, changed, facts, opened, rules_of, seen, shipped


def tier(decision: Decision) -> str | None:
    assert decision.ticket is not None
    return decision.ticket.tier


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("系统宕机,全公司无法使用", "urgent"),
        ("插座漏电", "urgent"),
        ("The system is down for everyone", "urgent"),
        ("There is an OUTAGE", "urgent"),
        ("系统是不是宕机了", "urgent"),
        ("你们的系统能不能别老宕机", "urgent"),
        ("无法使用", "urgent"),
        ("没想到又宕机了", "urgent"),
        ("已解决登录问题,但系统又宕机了", "urgent"),
        ("没有宕机,只是想问问发票", "general"),
        ("请问没有宕机吧", "general"),
        ("There is no outage, I only want an invoice", "general"),
        ("宕机的问题已解决,谢谢", "general"),
        ("不是宕机,是登录异常", "important"),
        ("登录时总是报错", "important"),
        ("我要投诉你们的客服", "important"),
        ("I have a complaint", "important"),
        ("请问营业时间", "general"),
        ("what are your opening hours?", "general"),
    ],
)
def test_the_words_of_a_message_grade_it(text: str, expected: str) -> None:
    assert tier(opened(text)) == expected


@pytest.mark.parametrize(
    ("impact", "kind", "segment", "expected"),
    [
        ("outage", "inquiry", None, "urgent"),
        ("safety", "inquiry", None, "urgent"),
        ("degraded", "inquiry", None, "important"),
        ("none", "inquiry", None, "general"),
        ("nonsense", "inquiry", None, "general"),
        ("none", "complaint", None, "important"),
        ("none", "after_sales", None, "important"),
        ("none", "incident", None, "important"),
        ("none", "suggestion", None, "general"),
        ("none", "inquiry", "vip", "important"),
        ("none", "suggestion", "vip", "general"),
    ],
)
def test_impact_kind_and_segment_grade_it_too(impact: str, kind: str, segment: str | None, expected: str) -> None:
    customer = CustomerFacts("C000001", known=True, segment=segment)
    assert tier(opened("你好", fields={"impact": impact, "kind": kind}, customer=customer)) == expected


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("我要退货", {}, "after_sales"),
        ("我要投诉", {}, "complaint"),
        ("建议增加夜间客服", {}, "suggestion"),
        ("请问几点关门", {}, "inquiry"),
        ("我要退货", {"kind": "care"}, "care"),
        ("我要退货", {"kind": "follow_up"}, "after_sales"),
        ("我要退货", {"kind": "made up"}, "after_sales"),
    ],
)
def test_the_kind_is_the_forms_if_it_is_a_need_else_the_rules(text: str, fields: dict[str, str], expected: str) -> None:
    ticket = opened(text, fields=fields).ticket
    assert ticket is not None
    assert ticket.kind == expected


@pytest.mark.parametrize(
    ("text", "queue"),
    [
        ("系统宕机", "tech_support"),
        ("我要退货", "after_sales"),
        ("建议增加夜间客服", "product"),
        ("登录时总是报错", "tech_support"),
        ("发票怎么开", "finance"),
        ("你好", "front_desk"),
    ],
)
def test_the_route_leads_to_the_right_department(text: str, queue: str) -> None:
    ticket = opened(text).ticket
    assert ticket is not None
    assert ticket.queue == queue


@pytest.mark.parametrize(
    ("text", "response", "plan", "resolution"),
    [
        ("系统宕机", 10 * MINUTE, 2 * HOUR, 24 * HOUR),
        ("总是报错", 30 * MINUTE, 4 * HOUR, 48 * HOUR),
        ("你好", 2 * HOUR, 24 * HOUR, 72 * HOUR),
    ],
)
def test_a_tier_starts_its_clocks_at_the_opening(text: str, response: object, plan: object, resolution: object) -> None:
    ticket = opened(text).ticket
    assert ticket is not None
    dues = {name: clock.due - WEDNESDAY for name, clock in ticket.deadlines.items() if clock.due}
    assert dues == {"response": response, "plan": plan, "resolution": resolution}


@pytest.mark.parametrize(
    ("channel", "text", "now", "said"),
    [
        ("email", "总是报错", "03-04 10:00", "属于二级(重要),我们将在今天10:30前联系您,今天14:00前给出处理方案"),
        ("sms", "你好", "03-04 21:00", "属于三级(一般),我们将在今天23:00前联系您,明天21:00前给出答复"),
        ("sms", "The app malfunctions", "03-04 23:45", "We will contact you before tomorrow 00:15 and have a plan before"),
        ("email", "It is unusable", "03-04 10:00", "is graded urgent. We will contact you before today 10:10 and have a plan"),
    ],
)
def test_the_customer_is_told_the_promise_in_clock_time_in_their_language(channel: str, text: str, now: str, said: str) -> None:
    house = House(now=at(now))
    sender = MAIL if channel == "email" else PHONE
    number = house.take(channel, sender=sender, text=text)
    assert number is not None
    [message] = house.messages(number, "customer")
    assert (message.channel, message.address) == (channel, sender)
    assert said in house.words(message).replace("malfunction ", "")
    assert house.ticket(number).promised == {
        name: clock.due for name, clock in house.ticket(number).deadlines.items() if name in ("response", "plan")
    }


def test_a_phone_customer_gets_the_promise_by_text_message_where_there_is_one() -> None:
    house = House()
    number = house.call(agent="赵敏", text="登录异常")
    assert number is not None
    assert [(row.channel, row.address) for row in house.messages(number, "customer", "promise")] == [("sms", PHONE)]
    assert house.ticket(number).first_contact_at == house.now


def test_a_phone_customer_with_an_address_of_each_kind_hears_by_phone() -> None:
    house = House()
    with house.store.write() as tx:
        tx.add_customer(CustomerRow("C000009", "王", None, None, house.now))
        tx.add_address("C000009", "email", MAIL)
        tx.add_address("C000009", "phone", PHONE)
    number = house.call(text="登录异常")
    assert [row.channel for row in house.messages(number, "customer")] == ["sms"]


def test_without_text_messages_the_agent_says_the_promise_and_nothing_fails() -> None:
    house = House(senders=("email",))
    number = house.call(text="登录异常")
    assert number is not None
    assert house.messages(number, "customer") == []
    assert e.MessageSuppressed("customer", "promise", "unreachable") in house.log(number)
    assert house.ticket(number).state == "in_progress"
    assert house.ticket(number).promised == {}


def test_a_persons_other_tier_needs_a_reason_and_is_told_to_the_customer() -> None:
    house = House()
    number = house.mail("你好")
    assert house.act(number, "tier", target="urgent").refused is not None
    assert house.act(number, "tier", text="老客户", target="general").refused is not None
    assert house.act(number, "tier", text="老客户", target="nonsense").refused is not None
    ticket = house.done(number, "tier", text="老客户", target="urgent")
    assert (ticket.tier, ticket.tier_overridden) == ("urgent", True)
    assert ticket.deadlines["response"].due == WEDNESDAY + 10 * MINUTE
    assert ticket.promised["response"] == WEDNESDAY + 10 * MINUTE
    [message] = house.messages(number, "customer", "promise_changed")
    assert "一级(紧急),我们将在今天10:10前联系您,今天12:00前给出处理方案" in house.words(message)


def test_a_changed_promise_does_not_speak_of_what_is_done() -> None:
    house = House()
    number = house.mail("你好")
    house.done(number, "contact")
    house.done(number, "tier", text="客户着急", target="urgent")
    [message] = house.messages(number, "customer", "promise_changed")
    assert "联系您" not in house.words(message)
    assert set(house.log(number)[-1].deadlines) == {"plan"}  # type: ignore[attr-defined]  # it is a PromiseTold


def test_no_changed_promise_without_one_that_was_told() -> None:
    house = House(senders=())
    number = house.mail("你好")
    house.done(number, "tier", text="客户着急", target="urgent")
    assert house.messages(number) == []


def test_every_grading_is_explained_with_rule_file_line_and_what_was_seen() -> None:
    decision = opened("系统宕机,没有人管")
    [graded] = [reason for reason in decision.reasons if reason.decided == "tier: urgent"]
    assert graded.rule == "urgent"
    assert str(graded.source).startswith("sla.yaml:")
    [(rule, trace)] = graded.asked.traces
    assert rule == "urgent"
    [words] = seen(trace, lambda node: node.what.startswith("ticket.text mentions"))
    assert words.actual == frozenset({"宕机"})
    assert words.source.file == "sla.yaml"
    assert {reason.decided: str(reason.source).partition(":")[0] for reason in decision.reasons} == {
        "kind: inquiry": "intake.yaml",
        "tier: urgent": "sla.yaml",
        "deadline response": "sla.yaml",
        "deadline plan": "sla.yaml",
        "deadline resolution": "sla.yaml",
        "queue: tech_support": "routing.yaml",
        "assignee: qian": "routing.yaml",
        "message: assignment to qian": "scripts.yaml",
        "message: promise to customer": "scripts.yaml",
        "may be an incident: service-down": "incidents.yaml",
        "no rule held on ticket_opened": "rules.yaml",
    }
    assert all(reason.source is not None and reason.source.line > 0 for reason in decision.reasons)
    assert [reason.seq for reason in decision.reasons if reason.decided.startswith("deadline")] == [2, 3, 4]


@pytest.mark.parametrize(
    ("customer", "text", "fields", "expected"),
    [
        (None, "hello there", {}, "en"),
        (None, "你好", {}, "zh"),
        (None, "hello there", {"language": "zh"}, "zh"),
        (None, "hello there", {"language": "fr"}, "zh"),
        (CustomerFacts("C1", True, language="en"), "12345", {}, "en"),
        (None, "12345", {}, "zh"),
    ],
)
def test_a_ticket_speaks_the_customers_language(customer: CustomerFacts | None, text: str, fields: dict[str, str], expected: str) -> None:
    ticket = opened(text, fields=fields, customer=customer).ticket
    assert ticket is not None
    assert ticket.language == expected


def test_an_empty_message_opens_nothing_and_one_with_a_file_does() -> None:
    assert opened("  ").refused is not None
    with_file = opened("", attachments=(("ab12", "照片.jpg"),))
    assert isinstance(with_file.events[-1], e.Noted)
    assert opened("", subject="登录异常").ticket is not None


def test_what_the_customer_wants_and_by_when_is_kept_and_shown_to_the_agent() -> None:
    house = House()
    number = house.mail("登录异常", fields={"wish": "今天恢复", "expected_by": "下班前"})
    [assignment] = house.messages(number, script="assignment")
    assert "诉求:今天恢复" in house.words(assignment)
    assert "期望时间:下班前" in house.words(assignment)
    house.done(number, "assign", "zhou", target="wu")
    assert "诉求:今天恢复" in house.words(house.messages(number, "wu", "assignment")[0])


def test_an_automat_gets_no_answer_but_a_ticket() -> None:
    decision = opened("系统宕机", automatic=True)
    assert decision.ticket is not None
    assert [event.party for event in decision.events if isinstance(event, e.MessageQueued)] == ["qian"]
    assert decision.ticket.promised == {}


def call(outcome: str, direction: str = "inbound", known: bool = True, policy: Policy | None = None, **more: object) -> Decision:
    record = CallFacts(direction, outcome, "hotline", 12 * MINUTE, MINUTE)
    customer = CustomerFacts("C000001", known=known)
    signal = CallArrived(None, "phone_log", **more)  # type: ignore[arg-type]  # the table gives each its own type
    contact = Contact("", {"phone_log": PHONE, "sms": PHONE})
    return decide(None, signal, facts(call=record, customer=customer, contact=contact), policy or shipped(), WEDNESDAY)


@pytest.mark.parametrize(
    ("outcome", "direction", "known", "kind"),
    [
        ("answered", "inbound", False, "inquiry"),
        ("abandoned", "inbound", True, "call_back"),
        ("no_answer", "inbound", True, "call_back"),
        ("busy", "inbound", True, "call_back"),
        ("failed", "inbound", True, None),
        ("abandoned", "inbound", False, None),
        ("answered", "outbound", True, None),
        ("no_answer", "outbound", True, None),
    ],
)
def test_a_call_leads_to_what_the_first_rule_says(outcome: str, direction: str, known: bool, kind: str | None) -> None:
    decision = call(outcome, direction, known)
    assert (decision.ticket.kind if decision.ticket else None) == kind
    assert (decision.refused is None) == (kind is not None)


def test_a_missed_call_has_its_own_clock_queue_and_words() -> None:
    decision = call("abandoned")
    assert decision.ticket is not None
    assert decision.ticket.queue == "front_desk"
    assert decision.ticket.deadlines["call_back"].due == WEDNESDAY + 30 * MINUTE
    assert [(event.party, event.script) for event in decision.events if isinstance(event, e.MessageQueued)][-1] == (
        "customer",
        "missed_call",
    )
    assert "call opens call_back" in rules_of(decision)


def test_the_words_for_a_missed_call_are_those_its_rule_names() -> None:
    policy = changed(("intake.yaml", "script: missed_call}", "script: closed_confirmed}"))
    decision = call("busy", policy=policy)
    assert [event.script for event in decision.events if isinstance(event, e.MessageQueued)][-1] == "closed_confirmed"


def test_a_need_that_an_agent_registers_is_opened_whatever_the_rule() -> None:
    decision = call("abandoned", text="投诉你们", agent="zhao", fields={"kind": "complaint"})
    assert decision.ticket is not None
    assert (decision.ticket.kind, decision.ticket.opened_by) == ("complaint", "zhao")
    assert "missed_call" not in [event.script for event in decision.events if isinstance(event, e.MessageQueued)]
    unrecorded = decide(None, CallArrived(None, "phone_log", "投诉", fields={"kind": "complaint"}), facts(), shipped(), WEDNESDAY)
    assert unrecorded.ticket is not None
    assert "call_noted" not in [event.type for event in unrecorded.events]


def test_an_opt_out_or_in_of_a_stranger_opens_no_ticket_and_takes_no_number() -> None:
    house = House()
    for word, out in (("退订", True), (" T ", True), ("恢复订阅", False), ("TD", True)):
        assert house.sms(word) is None
        with house.store.read() as reader:
            assert reader.opted_out("sms", PHONE) is out
    assert house.sms("登录异常") == "202603040001"


def test_a_stranger_who_wants_nothing_automatic_gets_nothing_automatic() -> None:
    house = House()
    house.sms("退订")
    number = house.sms("登录异常")
    assert house.messages(number, "customer") == []
    assert e.MessageSuppressed("customer", "promise", "opted_out") in house.log(number or "")


def test_an_opt_out_word_from_nowhere_is_a_message() -> None:
    decision = decide(None, MessageArrived(None, "email", "退订"), facts(contact=Contact()), shipped(), WEDNESDAY)
    assert decision.ticket is not None
    assert decision.ticket.contact is None


def test_a_tier_counts_on_the_calendar_it_names() -> None:
    policy = changed(("sla.yaml", "calendar: 24x7               # or cn_office", "calendar: cn_office   # or 24x7"))
    ticket = opened("登录异常", policy, at("03-06 17:50")).ticket
    assert ticket is not None
    assert ticket.deadlines["response"].due == at("03-09 09:20")
    assert ticket.deadlines["plan"].due - at("03-06 17:50") > DAY  # type: ignore[operator]  # it is not paused
