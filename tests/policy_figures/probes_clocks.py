"""Clocks: tickets of every tier left alone, worked on, paused, moved; steps, tasks and calls that are owed."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from engine.core.calendar import ALWAYS
from engine.core.signals import CustomerChanged, StepDraft, TimerFired
from tests.policy_figures.house import MAIL, MORNING, House
from tests.policy_figures.lab import Lab, probe

MATTERS = {"urgent": "系统宕机", "important": "打印机故障", "general": "请问营业时间"}
IN_ENGLISH = {"urgent": "total outage", "important": "a malfunction", "general": "what are your opening hours"}
ABOUT = r"sla\.yaml|company\.yaml|routing\.yaml:(queues|assignment)|scripts\.yaml|team\.yaml"


def steps(house: House) -> tuple[StepDraft, ...]:
    return (StepDraft("寄出备件", "qian", house.now + timedelta(hours=1)), StepDraft("上门安装", "wu", house.now + timedelta(hours=3)))


def left_alone(lab: Lab, tier: str, hours: int) -> list[str]:
    with lab.house() as house:
        house.mail(MATTERS[tier])
        house.later(hours=hours)
    return house.log


@probe(ABOUT)
def urgent_left_alone(lab: Lab) -> list[str]:
    return left_alone(lab, "urgent", 8)


@probe(ABOUT)
def important_left_alone(lab: Lab) -> list[str]:
    return left_alone(lab, "important", 9)


@probe(ABOUT)
def general_left_alone(lab: Lab) -> list[str]:
    return left_alone(lab, "general", 29)


@probe(ABOUT)
def left_alone_with_an_english_team(lab: Lab) -> Iterator[str]:
    for matter in IN_ENGLISH.values():
        with lab.house(english_team=True) as house:
            house.mail(matter)
            house.later(hours=5)
        yield from house.log


@probe(r"sla\.yaml:(escalations|deadlines)")
def taken_up_late(lab: Lab) -> list[str]:
    """Who takes a missed ticket up ends what repeats until then, and nothing else."""
    with lab.house() as house:
        number = house.mail(MATTERS["urgent"])
        house.later(hours=3)
        house.act(number, "note", "我来处理", actor="wang")
        house.later(hours=5)
    return house.log


@probe(r"sla\.yaml:(tiers.*(budgets|calendar)|deadlines\.progress|escalations\[1\])|scripts\.yaml:notices")
def progress_forgotten(lab: Lab) -> Iterator[str]:
    for tier, days in (("urgent", 1), ("important", 3), ("general", 6)):
        with lab.house() as house:
            number = house.mail(MATTERS[tier])
            house.later(minutes=5)
            house.act(number, "contact", "已电话联系")
            house.later(days=days)
        yield from house.log


@probe(r"sla\.yaml:(deadlines|escalations)|scripts\.yaml:notices")
def worked_on(lab: Lab) -> list[str]:
    """Every event that starts, resets or stops a clock, well apart in time."""
    with lab.house() as house:
        number = house.mail(MATTERS["important"])
        house.later(minutes=10)
        house.reply(number, "还有一点:昨天就这样了")
        house.later(minutes=10)
        house.act(number, "contact", "已电话联系")
        house.later(minutes=10)
        house.act(number, "plan", "更换主板", steps=steps(house))
        house.later(minutes=10)
        house.act(number, "progress", "备件已寄出")
        house.later(minutes=10)
        house.act(number, "contact", "又联系一次")
        house.later(minutes=10)
        house.act(number, "done", target="1")
        house.later(minutes=10)
        house.act(number, "resolve", "已更换")
        house.later(minutes=10)
        house.reply(number, "N 还是打不开")
        house.later(minutes=10)
        house.act(number, "resolve", "再次更换")
        house.later(minutes=10)
        house.reply(number, "Y")
        house.later(minutes=10)
        house.act(number, "reopen", "又坏了")
        house.later(hours=5)
    return house.log


@probe(r"sla\.yaml:deadlines")
def resolved_at_once(lab: Lab) -> list[str]:
    with lab.house() as house:
        house.act(house.mail(MATTERS["general"]), "resolve", "九点到六点")
        house.later(hours=3)
        house.act(house.mail(MATTERS["general"], sender="b@example.test"), "contact", "已告知")
        house.later(hours=3)
    return house.log


@probe(r"sla\.yaml:deadlines\.\w+\.pauses_in")
def waiting(lab: Lab) -> Iterator[str]:
    for state in ("waiting_customer", "waiting_supplier", "on_hold"):
        with lab.house() as house:
            number = house.mail(MATTERS["important"])
            house.act(number, "contact", "已电话联系")
            house.later(hours=1)
            house.act(number, "hold", "等客户寄回", target=state)
            house.later(hours=3)
            house.act(number, "resume")
            house.later(hours=8)
        yield from house.log


@probe(r"sla\.yaml:(deadlines\.plan_step|escalations\[2\])|scripts\.yaml:notices\.plan")
def steps_forgotten(lab: Lab) -> list[str]:
    with lab.house() as house:
        number = house.mail(MATTERS["general"])
        house.act(number, "contact", "已电话联系")
        house.act(number, "plan", "更换主板", steps=steps(house))
        house.later(minutes=30)
        house.act(number, "done", target="1")
        house.later(hours=30)
    return house.log


@probe(r"sla\.yaml:(deadlines\.task|escalations\[2\])|scripts\.yaml:notices\.task|routing\.yaml:queues")
def tasks_forgotten(lab: Lab) -> list[str]:
    with lab.house() as house:
        number = house.mail(MATTERS["general"])
        house.act(number, "task", "请核对账单", actor="zhao", target="finance")
        house.act(number, "task", "请查库存", actor="zhao", target="product", due=house.now + timedelta(hours=4))
        house.later(hours=50)
    return house.log


@probe(r"sla\.yaml:deadlines\.task|scripts\.yaml")
def tasks_done(lab: Lab) -> list[str]:
    with lab.house() as house:
        number = house.mail(MATTERS["general"])
        house.act(number, "task", "请核对账单", actor="zhao", target="finance")
        (task,) = house.tx.ticket(number).tasks  # type: ignore[union-attr]  # it was just opened
        house.later(hours=1)
        house.act(task, "contact", "问过客户", actor="lin")
        house.act(task, "resolve", "没有多扣", actor="lin")
        house.later(hours=2)
    return house.log


@probe(r"intake\.yaml:calls|sla\.yaml:(deadlines\.call_back|escalations\[3\])|scripts\.yaml")
def calls(lab: Lab) -> Iterator[str]:
    """Every kind of call, of customers who are known and of strangers, and what is owed then left alone."""
    with lab.house() as house:
        house.know("王女士", language="zh", phone="+8613900000091")
        house.know("Ms Wang", language="en", phone="+8613900000092")
        house.know("李先生", phone="+8613900000093")
        for direction in ("inbound", "outbound"):
            for outcome in ("answered", "abandoned", "no_answer", "busy", "failed"):
                for sender in ("+8613900000091", "+8613900000092", f"+86139000001{len(house.log):02.0f}"[:14]):
                    house.call(direction, outcome, sender=sender)
        yield from house.brief()
        house.call("inbound", "abandoned", sender="+8613900000093")
        house.later(hours=6)
        yield from house.log


@probe(r"intake\.yaml:calls")
def calls_on_a_ticket(lab: Lab) -> Iterator[str]:
    for direction in ("inbound", "outbound"):
        for outcome in ("answered", "no_answer", "busy", "failed", "abandoned"):
            with lab.house() as house:
                house.call(direction, outcome, house.sms("请问营业时间"))
                house.later(hours=3)
            yield from house.log


@probe(r"sla\.yaml:deadlines\.(call_back|confirmation|follow_up)")
def owed_and_done(lab: Lab) -> Iterator[str]:
    """A call given back, a follow-up made, a result taken back before the customer said anything."""
    with lab.house() as house:
        house.know("王女士", phone="+8613900000091")
        house.call("inbound", "abandoned", sender="+8613900000091")
        house.later(minutes=5)
        house.call("outbound", "answered", house.newest("call_back"), sender="+8613900000091")
        house.later(hours=6)
        yield from house.brief()
        number = house.mail(MATTERS["general"])
        house.act(number, "resolve", "九点到六点")
        house.later(hours=1)
        house.act(number, "reopen", "弄错了")
        house.later(hours=1)
        house.act(number, "resolve", "九点到五点")
        house.reply(number, "Y")
        house.later(hours=2)
        house.reply(number, "1 1 1")
        house.later(hours=5)
        house.act(house.newest("follow_up"), "contact", "已致歉", actor="li")
        house.later(hours=60)
        yield from house.log


@probe(r"sla\.yaml:(on_tier_change|tiers)|scripts\.yaml")
def moved_to_another_tier(lab: Lab) -> Iterator[str]:
    for before, after in (("general", "important"), ("important", "urgent"), ("urgent", "general")):
        with lab.house() as house:
            number = house.mail(MATTERS[before])
            house.later(minutes=5)
            house.act(number, "tier", "客户来电说明", target=after)
            house.later(hours=3)
        yield from house.log


@probe(r"sla\.yaml:(deadlines\.next_response|tiers|conditions\.vip)")
def written_on(lab: Lab) -> Iterator[str]:
    """Customers of every tier write again, before and after the first contact; each answer of ours, and none."""
    for matter in (*MATTERS.values(), "我有个建议", "发票开错了"):
        for answer in ("contact", "plan", "progress", "resolve", "note"):
            with lab.house() as house:
                number = house.mail(matter)
                house.reply(number, "在吗")
                house.act(number, "contact", "已电话联系")
                house.later(minutes=5)
                house.reply(number, "还有一个问题")
                house.later(minutes=5)
                house.act(number, answer, "明天上门")
                house.reply(number, "几点")
                house.act(number, "reopen", "还没好")
                house.later(hours=5)
            yield from house.log


@probe(r"sla\.yaml:(deadlines\.next_response|conditions\.vip)")
def written_on_by_a_vip(lab: Lab) -> list[str]:
    with lab.house() as house:
        house.know("王总", "vip", email=MAIL)
        number = house.mail(MATTERS["general"])
        house.act(number, "contact", "已电话联系")
        house.reply(number, "还有一个问题")
        house.later(hours=1)
    return house.log


@probe(r"sla\.yaml:on_(queue|customer)_change")
def moved_to_another_queue_or_customer(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = house.mail(MATTERS["general"])
        house.act(number, "contact", "已电话联系")
        house.reply(number, "还有一个问题")
        house.later(minutes=5)
        house.act(number, "assign", target="finance")
        house.later(minutes=5)
        house.act(number, "assign", target="front_desk")
        customer = house.tx.ticket(number).customer or ""  # type: ignore[union-attr]  # it was just opened
        house.tx.update_customer(replace(house.tx.customer(customer), segment="vip"))  # type: ignore[arg-type,type-var]  # it is there
        house.handle(CustomerChanged(number, customer))
        house.later(minutes=5)
    yield from house.log


@probe(r"sla\.yaml:on_calendar_change")
def counted_on_another_calendar(lab: Lab) -> list[str]:
    with lab.house() as house:
        number = house.mail(MATTERS["important"])
        house.act(number, "contact", "已电话联系")
        house.later(minutes=5)
        calendars = {**house.world.policy.calendars, "cn_office": ALWAYS}
        house.world = replace(house.world, policy=replace(house.world.policy, calendars=calendars))
        house.handle(TimerFired(number, "calendars", house.now))
        house.later(hours=6)
    return house.log


@probe(r"sla\.yaml:on_later_promise|sla\.yaml:deadlines\.\w+\.promised|scripts\.yaml:(notices|scripts)\.promise_moved")
def later_than_promised(lab: Lab) -> Iterator[str]:
    for matter in (MATTERS["important"], IN_ENGLISH["important"]):
        for channel in ("email", "sms"):
            with lab.house() as house:
                number = house.mail(matter) if channel == "email" else house.sms(matter)
                house.act(number, "hold", "等备件")
                house.later(minutes=20)
                house.act(number, "resume")
                house.later(minutes=20)
            yield from house.log


@probe(r"scripts\.yaml:scripts\.promise_moved")
def later_response_than_promised(lab: Lab) -> Iterator[str]:
    """Where the response pauses too, the words for it are said."""
    kind = lab.policy.deadlines["response"]
    waits = {**lab.policy.deadlines, "response": replace(kind, pauses_in=frozenset({"on_hold"}))}
    for matter in (MATTERS["important"], IN_ENGLISH["important"]):
        with lab.house() as house:
            house.world = replace(house.world, policy=replace(house.world.policy, deadlines=waits))
            number = house.mail(matter)
            house.act(number, "hold", "等备件")
            house.later(minutes=20)
            house.act(number, "resume")
        yield from house.log


@probe(r"sla\.yaml:deadlines\.survey_sending")
def surveys_sent_and_not(lab: Lab) -> Iterator[str]:
    for word in ("", "退订"):
        with lab.house() as house:
            number = house.mail(MATTERS["general"])
            house.act(number, "resolve", "九点到六点")
            house.reply(number, "Y")
            house.later(minutes=5)
            house.reply(number, word or "谢谢")
            house.later(hours=3)
        yield from house.log


@probe(r"\.calendar|team\.yaml")
def at_night(lab: Lab) -> Iterator[str]:
    """At two in the morning before a holiday: whose clocks run, who is there, who comes first."""
    for matter in (*MATTERS.values(), "我要退货", "我有个建议", "发票开错了"):
        with lab.house(now=MORNING.replace(hour=18)) as house:
            number = house.mail(matter)
            house.later(hours=20)
            house.act(number, "contact", "已电话联系")
            house.later(hours=20)
        yield from house.log
