"""What comes in for a ticket that is there: words, yes and no, opt-outs, agents' commands."""

import pytest
from msgspec.structs import replace

from engine.core import events as e
from engine.core.commands import SaveOptOut
from engine.core.decide import decide
from engine.core.facts import Contact
from engine.core.signals import MessageArrived
from tests.core.worlds import (
    CHANNELS,
    DAY,
    HOUR,
    MAIL,
    MINUTE,
    PHONE,
    WEDNESDAY,
    House,
    an_agent,
    changed,
    facts,
    opened,
    shipped,
    with_agents,
)

STRANGER = "somebody.else@example.test"


# ── yes and no ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_goes_round_again_and_yes_ends_it() -> None:
    house = House()
    number = house.resolved()
    house.mail("N 抬头不对", number)
    assert house.ticket(number).state == "in_progress"
    house.done(number, "resolve", text="已换开")
    house.mail("满意,谢谢", number)
    ticket = house.ticket(number)
    assert (ticket.state, ticket.objections, ticket.closed_at) == ("confirmed", 1, house.now)
    assert house.scripts(number, "customer") == [
        "promise",
        "confirmation_request",
        "objection_received",
        "confirmation_request",
        "closed_confirmed",
    ]
    assert "抬头不对" in house.words(house.messages(number, "lin", "customer_message")[0])


def test_a_late_yes_turns_unconfirmed_into_confirmed_and_is_surveyed() -> None:
    house = House()
    number = house.resolved()
    house.wait(4 * DAY)
    closed_at = house.ticket(number).closed_at
    assert house.ticket(number).state == "unconfirmed"
    house.mail("Y", number)
    ticket = house.ticket(number)
    assert (ticket.state, ticket.closed_at) == ("confirmed", closed_at)
    assert ticket.survey is not None


@pytest.mark.parametrize("end", ["unconfirmed", "confirmed"])
def test_a_late_no_takes_the_work_up_again(end: str) -> None:
    house = House()
    number = house.resolved() if end == "unconfirmed" else house.confirmed()
    house.wait(4 * DAY)
    assert house.ticket(number).state == end
    house.mail("没解决,又出现了", number)
    ticket = house.ticket(number)
    assert (ticket.state, ticket.reopened, ticket.closed_at, ticket.survey) == ("in_progress", 1, None, None)
    assert ticket.deadlines["response"].due == house.now + 2 * HOUR
    assert [key for key in house.timer_keys(number) if key.startswith("survey")] == []


def test_a_second_yes_is_only_heard() -> None:
    house = House()
    number = house.confirmed()
    house.mail("Y", number)
    assert house.names(number)[-2:] == ["message_received", "message_queued"]


@pytest.mark.parametrize("text", ["Y?", "是不是解决了", "好的,但是还是打不开", "收到", "Y/N"])
def test_what_is_not_plain_is_never_taken_for_a_yes(text: str) -> None:
    house = House()
    number = house.resolved()
    house.mail(text, number)
    assert house.ticket(number).state == "resolved"
    assert house.names(number)[-3:] == ["message_received", "deadline_started", "message_queued"]


def test_a_yes_before_there_is_a_result_confirms_nothing() -> None:
    house = House()
    number = house.mail("发票怎么开")
    house.mail("Y", number)
    assert house.ticket(number).state == "new"


def test_a_word_of_mouth_is_recorded_by_the_agent_who_heard_it() -> None:
    house = House()
    number = house.resolved()
    assert "what the customer objects to" in str(house.act(number, "object").refused)
    assert house.done(number, "object", text="电话里说还不行").objections == 1
    assert "cannot happen" in str(house.act(number, "confirm").refused)
    house.done(number, "resolve", text="再次处理")
    house.done(number, "confirm", text="电话里说好了")
    assert [event.by for event in house.log(number) if isinstance(event, e.CustomerConfirmed)] == ["zhao"]
    assert house.done(number, "object", text="又坏了").reopened == 1


def test_what_came_with_the_yes_or_no_is_kept() -> None:
    decision = opened("你好")
    for action, text in (("resolve", "N 见附图"), ("resolve", "Y")):
        house = House()
        number = house.mail("你好")
        house.done(number, action, text="已处理")
        ticket = house.ticket(number)
        reply = MessageArrived(number, "email", text, trusted=True, attachments=(("ab12", "图.jpg"),))
        decision = decide(ticket, reply, facts(), shipped(), house.now)
        assert [event.type for event in decision.events].count("noted") == 1


# ── who is proven ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["Y", "N 还不行", "退订"])
def test_unproven_mail_confirms_nothing_objects_to_nothing_and_opts_nobody_out(text: str) -> None:
    house = House()
    number = house.resolved()
    sent = house.messages(number, "customer", "confirmation_request")[0]
    with house.store.write() as tx:
        tx.message_sent(sent.id, "<id@example.test>", house.now)
    house.mail(text, sender=STRANGER, references=("<id@example.test>",))
    assert house.ticket(number).state == "resolved"
    assert house.names(number)[-3:] == ["message_received", "deadline_started", "message_queued"]
    with house.store.read() as reader:
        assert not reader.opted_out("email", MAIL)


def test_unproven_words_are_heard_all_the_same() -> None:
    house = House()
    number = house.mail("你好")
    house.done(number, "hold", target="waiting_customer")
    decision = decide(house.ticket(number), MessageArrived(number, "email", "补充材料"), facts(), shipped(), house.now)
    assert decision.ticket is not None
    assert decision.ticket.state == "in_progress"


def test_what_a_customer_writes_to_nobodys_ticket_goes_to_the_lead() -> None:
    house = House(now=WEDNESDAY + 12 * HOUR)
    number = house.mail("你好")
    house.mail("在吗", number)
    assert [row.party for row in house.messages(number, script="customer_message")] == ["zhao"]


def test_an_automats_reply_is_kept_and_not_answered() -> None:
    house = House()
    number = house.resolved()
    before = len(house.messages())
    house.mail("Y", number, automatic=True)
    assert house.ticket(number).state == "resolved"
    assert house.names(number)[-1] == "message_received"
    assert len(house.messages()) == before


# ── opting out ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_opts_out_of_text_messages_hears_by_mail() -> None:
    house = House()
    with house.store.write() as tx:
        row = tx.find_customer("phone", PHONE)
        assert row is None
    number = house.sms("登录异常") or ""
    customer = house.ticket(number).customer
    with house.store.write() as tx:
        tx.add_address(customer or "", "email", MAIL)
    house.sms("T")
    assert house.names(number)[-2:] == ["message_queued", "opted_out"]
    assert house.scripts(number, "customer") == ["promise", "opted_out"]
    second = house.call(text="又报错了") or ""
    assert [(row.channel, row.script) for row in house.messages(second, "customer")] == [("email", "promise")]
    house.done(number, "write", text="请重启路由器")
    assert house.messages(number, "customer")[-1].channel == "sms"
    for channel in ("email", "sms"):  # the one that the agent prefers
        house.done(second, "write", text="请重启路由器", channel=channel)
        assert house.messages(second, "customer")[-1].channel == channel


def test_an_opt_out_is_confirmed_once_and_can_be_taken_back() -> None:
    house = House()
    number = house.sms("登录异常") or ""
    for word in ("T", "退订", "恢复订阅"):
        house.sms(word)
    assert house.scripts(number, "customer").count("opted_out") == 1
    assert [event.type for event in house.log(number) if event.type.startswith("opted")] == ["opted_out", "opted_out", "opted_in"]
    house.done(number, "progress", text="已派人处理")
    assert house.messages(number, "customer")[-1].script == "progress"


def test_an_opt_out_of_one_whose_address_was_erased_is_only_heard() -> None:
    ticket = opened("你好").ticket
    message = MessageArrived("202603040001", "sms", "T", trusted=True)
    decision = decide(ticket, message, facts(contact=Contact()), shipped(), WEDNESDAY)
    assert [event.type for event in decision.events] == ["message_received", "message_queued"]


FORMS = facts(contact=Contact("陈先生", {"email": MAIL, "sms": PHONE, "web": MAIL}), channels={**CHANNELS, "web": "email"})
"""What is known of somebody who is reached by mail and text message, and came by a form."""


@pytest.mark.parametrize(("channel", "ended"), [("web", ["email", "sms"]), ("sms", ["sms"])])
def test_an_opt_out_ends_the_channel_it_came_by_and_by_a_form_all_that_reach_them(channel: str, ended: list[str]) -> None:
    said = MessageArrived("202603040001", channel, "退订", trusted=True)
    decision = decide(opened("你好").ticket, said, FORMS, shipped(), WEDNESDAY)
    assert [command.channel for command in decision.commands if isinstance(command, SaveOptOut)] == ended
    assert [event.type for event in decision.events] == ["message_queued", "opted_out"] * len(ended)


def test_files_beside_an_opt_out_word_are_heard_of() -> None:
    said = MessageArrived("202603040001", "email", "退订", trusted=True, attachments=(("0" * 64, "合同.pdf"),))
    decision = decide(opened("你好").ticket, said, facts(), shipped(), WEDNESDAY)
    assert [event.type for event in decision.events] == ["message_queued", "opted_out", "message_received", "noted", "message_queued"]


def test_an_opt_out_word_in_a_form_of_nobody_proven_ends_nothing_and_is_read() -> None:
    decision = opened("退订", channel="web", contact=FORMS.contact, channels=FORMS.channels)
    assert decision.ticket is not None
    assert not [command for command in decision.commands if isinstance(command, SaveOptOut)]
    assert opened("退订").ticket is None


# ── agents by mail ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("已联系 客户说下午在家", "customer_contacted"),
        ("Contact: spoke with her", "customer_contacted"),
        ("方案:更换主板", "plan_recorded"),
        ("备注 留意", "noted"),
        ("解决 已更换", "result_reported"),
        ("done all is well", "result_reported"),
    ],
)
def test_an_agents_mail_acts_by_its_first_word_and_is_receipted(text: str, event: str) -> None:
    house = House()
    number = house.mail("登录异常")
    agent = house.ticket(number).assignee or ""
    house.mail(text, number, by=agent)
    assert event in house.names(number)
    assert house.scripts(number, agent)[-1] == "agent_receipt"


def test_a_plan_by_mail_has_its_steps_with_who_and_when() -> None:
    house = House()
    number = house.mail("登录异常")
    house.mail("方案 更换主板\n- 寄出备件; wu; 2026-03-05 09:00\n* 上门安装；qian；2026-03-06 17:30", number, by="qian")
    plan = house.ticket(number).plan
    assert plan is not None
    assert [(step.who, step.due.isoformat()) for step in plan.steps] == [
        ("wu", "2026-03-05T01:00:00+00:00"),
        ("qian", "2026-03-06T09:30:00+00:00"),
    ]
    [told] = house.messages(number, "customer", "plan")
    assert "更换主板;1. 寄出备件(明天09:00前);2. 上门安装" in house.words(told)
    house.mail("完成 1 已寄", number, by="qian")
    assert house.words(house.messages(number, "qian", "agent_receipt")[-1]).endswith("已记录:完成 1 已寄")
    done = house.ticket(number).plan
    assert done is not None
    assert [step.done_at is not None for step in done.steps] == [True, False]
    house.mail("done", number, by="qian")
    assert "没有写是方案的第几步：未完成的有 2" in house.words(house.messages(number, "qian", "agent_refused")[-1])
    house.mail("plan x\n- 安装; wu; 2026-02-30 9:00", number, by="qian")
    assert "步骤 `安装` 的时间不正确" in house.words(house.messages(number, "qian", "agent_refused")[-1])
    house.mail("plan x\n- 安装; wu; 2026-03-30 9:05", number, by="qian")
    again = house.ticket(number).plan
    assert again is not None
    assert again.steps[0].due.isoformat() == "2026-03-30T01:05:00+00:00"


@pytest.mark.parametrize("text", ["收到,我看一下", "contacted her already", "方程式"])
def test_a_mail_without_a_command_is_kept_and_says_which_there_are(text: str) -> None:
    house = House()
    number = house.mail("登录异常")
    house.mail(text, number, by="qian")
    assert house.names(number)[-2:] == ["message_received", "message_queued"]
    assert "resolve, 解决" in house.words(house.messages(number, "qian", "agent_refused")[0])


def test_a_command_that_is_not_allowed_changes_nothing_at_all_and_says_so() -> None:
    house = House()
    number = house.mail("登录异常")
    house.wait(HOUR)
    house.done(number, "resolve", "wu", "已恢复")
    before = house.ticket(number)
    house.mail("方案 更换主板", number, by="qian", attachments=())
    after = house.ticket(number)
    assert house.names(number)[-2:] == ["message_received", "message_queued"]
    assert (after.plan, after.acknowledged_at, after.state) == (None, before.acknowledged_at, "resolved")
    assert "`plan_recorded` 不能发生在工单" in house.words(house.messages(number, "qian", "agent_refused")[0])
    with house.store.read() as reader:
        assert "plan" not in [kind for _, kind, _ in reader.content_of(number)]


def test_a_file_that_comes_with_a_command_is_kept() -> None:
    house = House()
    number = house.mail("登录异常")
    reply = MessageArrived(number, "email", "备注 见附件", party="qian", trusted=True, attachments=(("ab", "图.png"),))
    decision = decide(house.ticket(number), reply, facts(), shipped(), house.now)
    assert [event.type for event in decision.events].count("noted") == 2


def test_an_agents_mail_from_another_address_does_nothing_and_the_agent_is_told() -> None:
    house = House()
    number = house.mail("登录异常")
    house.mail("解决 已恢复", number, by="qian", sender=MAIL)
    assert house.ticket(number).state == "new"
    [refusal] = house.messages(number, "qian", "agent_refused")
    assert "邮件不是从 `team.yaml` 中您的地址发来的" in house.words(refusal)
    assert refusal.address == "qian@example.test"


def test_the_token_of_another_ticket_or_with_another_party_proves_nothing() -> None:
    house = House()
    first, second = house.resolved(), house.mail("你好", sender="b@example.test")
    number, party, signature = house.tokens.make(second, "customer").split(".")
    for forged in (f"{first}.{party}.{signature}", f"{number}.{house.tokens.make(second, 'qian').split('.')[1]}.{signature}"):
        opened_anew = house.mail("Y", tokens=(forged, "", "x.y.z"), sender=STRANGER)
        assert opened_anew not in (first, second)
    assert house.ticket(first).state == "resolved"


def test_an_agents_answer_at_night_does_not_wake_an_automat() -> None:
    house = House()
    number = house.mail("登录异常")
    house.mail("自动回复:我在休假", number, by="qian", automatic=True)
    assert house.names(number)[-1] == "message_received"


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_gets_more_automatic_messages_than_the_limit_within_the_span() -> None:
    policy = changed(("scripts.yaml", "{per_customer: 12, per_agent: 60, within: 1h}", "{per_customer: 3, per_agent: 2, within: 1h}"))
    house = House(policy, with_agents(an_agent("ann", "front_desk", "finance")))
    number = house.mail("你好")
    for _ in range(5):
        house.act(number, "progress", "ann", "还在查")
    assert len(house.messages(number, "customer")) == 3
    refused = house.act(number, "progress", "ann", "还在查")
    assert "cannot be reached" in str(refused.refused)
    house.wait(HOUR + MINUTE)
    house.done(number, "progress", "ann", "还在查")
    assert len(house.messages(number, "customer")) == 4


def test_the_limit_counts_within_one_decision_too_and_over_all_channels() -> None:
    narrow = ("scripts.yaml", "{per_customer: 12, per_agent: 60, within: 1h}", "{per_customer: 1, per_agent: 1, within: 1h}")
    policy = changed(narrow, ("scripts.yaml", "  digest: {after: 3, within: 5m}\n", ""))
    house = House(policy, with_agents(an_agent("ann", "front_desk", "finance")))
    number = house.mail("你好")
    assert house.scripts(number) == ["assignment", "promise"]
    house.done(number, "resolve", "ann", "已处理")
    assert house.scripts(number) == ["assignment", "promise"]
    suppressed = [(event.party, event.script, event.reason) for event in house.log(number) if isinstance(event, e.MessageSuppressed)]
    assert suppressed == [("customer", "confirmation_request", "capped"), ("ann", "undelivered", "capped")]


def test_what_an_agent_writes_themselves_is_sent_always_and_is_a_contact() -> None:
    house = House()
    number = house.sms("登录异常") or ""
    house.sms("T")
    assert "what to write" in str(house.act(number, "write").refused)
    ticket = house.done(number, "write", text="请重启路由器")
    assert ticket.first_contact_at == house.now
    [message] = [row for row in house.messages(number) if row.script is None]
    assert (message.automatic, house.words(message)) == (False, "请重启路由器")
    assert [event.channel for event in house.log(number) if isinstance(event, e.CustomerContacted)] == ["sms"]
    unreachable = House(senders=())
    number = unreachable.mail("你好")
    assert "cannot be reached" in str(unreachable.act(number, "write", text="您好").refused)


def test_a_result_that_reaches_nobody_is_told_to_the_owner() -> None:
    house = House(senders=("email",))
    number = house.call(text="登录异常") or ""
    house.done(number, "resolve", "qian", "已恢复")
    assert house.scripts(number, "qian")[-1:] == ["undelivered"] or house.scripts(number, "wu")[-1:] == ["undelivered"]


def test_a_subject_is_one_line_whatever_the_customer_wrote() -> None:
    house = House()
    number = house.mail("你好", subject="订单\r\nBcc: all@example.test")
    house.done(number, "write", text="您好")
    assert house.messages(number)[-1].subject == "Re: 订单 Bcc: all@example.test"
    plain = house.mail("你好", sender="b@example.test")
    house.done(plain, "write", text="您好")
    assert house.messages(plain)[-1].subject == plain


def test_a_script_that_cannot_be_filled_in_costs_its_message_only() -> None:
    policy = shipped()
    scripts = {**policy.scripts, "promise": policy.scripts["breach_notice"]}
    decision = opened("系统宕机", replace(policy, scripts=scripts))
    assert decision.ticket is not None
    assert [event.reason for event in decision.events if isinstance(event, e.MessageSuppressed)] == ["unspeakable"]
    [reason] = [reason for reason in decision.reasons if reason.decided == "no message: promise to customer"]
    assert "deadline" in dict(reason.values)["fault"]
    assert decision.ticket.promised == {}


def test_a_script_without_any_text_costs_its_message_only() -> None:
    policy = shipped()
    empty = replace(policy.scripts["promise"], bodies={})
    decision = opened("系统宕机", replace(policy, scripts={**policy.scripts, "promise": empty}))
    assert [event.reason for event in decision.events if isinstance(event, e.MessageSuppressed)] == ["no_text"]


def test_an_occasion_without_a_script_sends_nothing() -> None:
    policy = changed(("scripts.yaml", "  promise: promise\n", ""))
    decision = opened("系统宕机", policy)
    assert [event.party for event in decision.events if isinstance(event, e.MessageQueued)] == ["qian"]


def test_an_agent_without_mail_is_reached_by_nothing_yet() -> None:
    house = House(senders=("sms",))
    number = house.sms("系统宕机") or ""
    assert e.MessageSuppressed("qian", "assignment", "unreachable") in house.log(number)
