"""What people read: every message in every language over every channel, the labels of tables and forms, calendars."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.cli.words import Words
from engine.core.arithmetic import reckon
from engine.core.calendar import CalendarUnknown
from engine.policy.vocabulary import ALWAYS_NAME
from engine.store import TicketQuery
from tests.policy_figures.house import MORNING, House, rules
from tests.policy_figures.lab import Lab, probe
from tests.policy_figures.probes_clocks import MATTERS, steps
from tests.policy_figures.probes_closing import solved

LANGUAGES = ("zh", "en")


def said(house: House, language: str, channel: str) -> None:
    """A ticket on which every message is sent that a ticket can bring about."""
    texts = {"zh": "打印机故障", "en": "a malfunction"}
    write = house.mail if channel == "email" else house.sms
    number = write(texts[language])
    house.reply(number, "在吗", channel)
    house.act(number, "claim")
    house.act(number, "contact", "已电话联系")
    house.act(number, "plan", "更换主板", steps=steps(house))
    house.act(number, "progress", "备件已寄出")
    house.bounce(number)
    house.act(number, "tier", "客户来电说明", target="urgent")
    house.act(number, "task", "请核对账单", target="finance")
    for task in house.tx.ticket(number).tasks:  # type: ignore[union-attr]  # it was just opened
        house.act(task, "resolve", "没有多扣", actor="lin")
    house.reply(number, "已联系 说好明天", party="qian")
    house.reply(number, "接受", party="qian")
    house.reply(number, "今天天气不错", party="qian")
    house.act(number, "resolve", "已更换")
    house.later(hours=30)
    house.reply(number, "N 还是打不开", channel)
    house.act(number, "resolve", "再次更换")
    house.reply(number, "Y", channel)
    house.later(days=4)
    house.reply(number, "5 5 5 thanks", channel)
    house.reply(number, "T", channel)


@probe(r"scripts\.yaml|company\.yaml|survey\.yaml|label|team\.yaml:.*name")
def every_message(lab: Lab) -> Iterator[str]:
    for channel in ("email", "sms"):
        for language in LANGUAGES:
            with lab.house(english_team=language == "en") as house:
                said(house, language, channel)
            yield from house.log


@probe(r"scripts\.yaml:scripts")
def every_message_where_little_is_known(lab: Lab) -> Iterator[str]:
    for language in LANGUAGES:
        with lab.house(english_team=language == "en", now=MORNING + timedelta(days=3)) as house:
            house.mail({"zh": "我要退货", "en": "I want a refund"}[language], name="")
            house.later(days=3)
        yield from house.log


@probe(r"scripts\.yaml:scripts")
def messages_over_a_channel_without_texts_of_its_own(lab: Lab) -> Iterator[str]:
    for text in ("你好", "hello"):
        with lab.house() as house:
            house.over("app")
            number = house.mail(text)
            house.act(number, "resolve", "已更换")
            house.reply(number, "Y", "app")
            house.later(days=4)
        yield from house.log


@probe(r"label|team\.yaml:.*name")
def labels_of_tables(lab: Lab) -> Iterator[str]:
    """The names that the commands print for what the tickets of a day show."""
    for language in LANGUAGES:
        words = Words(language, lab.policy, lab.team)
        with lab.house(english_team=language == "en") as house:
            said(house, language, "email")
            house.sms("我要退货")
            house.know("王女士", phone="+8613900000091")
            house.call("inbound", "abandoned", sender="+8613900000091")
            house.later(hours=30)
            solved(house, house.mail("你好", sender="b@example.test"))
            waiting = house.mail("你好", sender="f@example.test")
            house.act(waiting, "hold")
            house.later(hours=1)
            house.act(waiting, "resume")
            house.act(waiting, "contact")
            house.reply(waiting, "还有一个问题")
            unhappy = solved(house, house.mail("你好", sender="e@example.test"))
            house.later(hours=24)
            house.reply(unhappy, "1 1 1")
            house.act(house.mail("你好", sender="d@example.test"), "resolve", "九点到六点")
            house.later(days=4)
            for queue in lab.policy.queues:
                house.act(house.mail("你好", sender="c@example.test"), "assign", target=queue)
            for ticket in house.tx.tickets(TicketQuery(limit=10_000)):
                yield f"{words.tier(ticket.tier)} {words.queue(ticket.queue)} {words.party(ticket.assignee)}"
                yield from (words.deadline(clock) for clock in ticket.deadlines)
                yield from (words.event(kept.event) for kept in house.tx.events(ticket.number))
            yield from (words.script(row.script) for row in house.tx.messages(limit=10_000))


@probe(r"[.\]]id$", only=True)
def rules_named_in_explanations(lab: Lab) -> Iterator[str]:
    """The names of rules, by which `engine explain` says why."""
    with lab.house(tell=rules) as house:
        said(house, "zh", "email")
        house.know("王女士", phone="+8613900000091")
        for outcome in ("answered", "abandoned"):
            for direction in ("inbound", "outbound"):
                house.call(direction, outcome, sender="+8613900000091")
        for text in (*MATTERS.values(), "我要退货", "我有个建议", "我要投诉", "发票开错了", "你好"):
            house.mail(text, sender="b@example.test")
        house.mail("打印机故障", sender="b@example.test", kind="inquiry")
        solved(house, house.mail("请问营业时间", sender="c@example.test"))
        house.later(hours=60)
    yield from house.log


@probe(r"calendars/.*(timezone|weekly|holidays|off|workdays|provisional|source)|company\.yaml:company\.timezone")
def hours_of_calendars(lab: Lab) -> Iterator[str]:
    """Every minute of a week, ten o'clock of every day of the years that are known, and the hours of a year."""
    for name, calendar in lab.policy.calendars.items():
        monday = datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)
        minutes = (calendar.is_open(monday + timedelta(minutes=minute)) for minute in range(7 * 24 * 60))
        yield f"{name} {calendar.timezone} " + "".join("01"[is_open] for is_open in minutes)
        if name != ALWAYS_NAME:
            yield from _days(calendar)


def _days(calendar) -> Iterator[str]:
    for year in range(2023, 2029):
        first = datetime(year, 1, 1, 10, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)
        try:
            yield f"{year} " + "".join("01"[calendar.is_open(first + timedelta(days=day))] for day in range(365))
        except CalendarUnknown as error:
            yield f"{year} {error}"


@probe(r"calendars/.*\.name", only=True)
def holidays_named_in_explanations(lab: Lab) -> Iterator[str]:
    """The names of holidays and make-up workdays, by which `engine explain` says where the time of a deadline went."""
    for calendar in lab.policy.calendars.values():
        for year in calendar.holidays:
            first, last = (datetime(year, month, 1, tzinfo=ZoneInfo(calendar.timezone)) for month in (1, 12))
            for step in reckon(calendar, first, calendar.elapsed(first, last)).steps:
                yield from (f"{step.start}: {Words(language, lab.policy).text(name)}" for language in LANGUAGES for name in step.names)
