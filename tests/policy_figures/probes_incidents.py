"""Incidents and major complaints: what makes one, whom it tells what and when, and how it ends."""

from collections.abc import Iterator
from datetime import timedelta

from engine.cli.words import Words
from engine.core.signals import AgentActed, TicketRequested
from engine.store import TicketQuery
from tests.policy_figures.house import House
from tests.policy_figures.lab import Lab, probe

ABOUT = r"incidents\.yaml|scripts\.yaml:scripts\.(incident_|major_)|sla\.yaml:.*incident"
OUTAGE = {"zh": "系统宕机了", "en": "an outage"}
FAULT = {"zh": "登录报错", "en": "an error"}


def crowd(house: House, count: int, text: str, every: timedelta, start: int = 0) -> list[str]:
    """Tickets of so many customers, one after the other."""
    numbers = []
    for index in range(start, start + count):
        numbers.append(house.mail(text, sender=f"c{index}@example.test", kind="inquiry" if index else "complaint"))
        house.at(house.now + every)
    return numbers


def opened(house: House) -> str:
    """The number of an incident that a person opens."""
    return house.handle(TicketRequested("incident", "tech_support", "支付故障", "email", "zh", actor="qian")) or ""


@probe(ABOUT)
def how_incidents_come_about(lab: Lab) -> Iterator[str]:
    """As many and as fast as just makes one, one fewer, and slower."""
    for text, count, span in ((OUTAGE["zh"], 5, 30), (OUTAGE["zh"], 6, 30), (FAULT["zh"], 20, 60), (FAULT["zh"], 21, 60)):
        for last in (timedelta(0), timedelta(minutes=1)):
            with lab.house() as house:
                crowd(house, 1, text, timedelta(minutes=span) + last, start=1)
                crowd(house, count - 2, text, timedelta(0), start=2)
                crowd(house, 2, text, timedelta(0), start=count)
                house.later(seconds=1)
            yield from house.log


@probe(ABOUT)
def what_customers_hear(lab: Lab) -> Iterator[str]:
    for language in ("zh", "en"):
        for texts in (OUTAGE, FAULT):
            with lab.house() as house:
                crowd(house, 6 if texts is OUTAGE else 21, texts[language], timedelta(0), start=1)
                house.later(minutes=1)
                for number in [one.number for one in house.tx.tickets(TicketQuery(kind="incident"))]:
                    house.act(number, "progress", "正在更换设备。")
                    house.later(hours=3, minutes=3)
                    house.act(number, "resolve", "已恢复。")
                    house.later(minutes=1)
            yield from house.log


@probe(ABOUT)
def an_incident_that_lasts(lab: Lab) -> Iterator[str]:
    """With somebody who takes it up and without, by day and by night, for readers of either language."""
    for english in (False, True):
        for taken in (False, True):
            with lab.house(english_team=english) as house:
                number = opened(house)
                ticket = house.mail("请问发票" if not english else "about an invoice")
                house.handle(AgentActed(ticket, "join", "qian", target=number))
                house.later(hours=5, minutes=30)
                if taken:
                    house.act(number, "note", "在处理")
                house.later(hours=3)
                house.handle(AgentActed(ticket, "leave", "qian"))
                house.later(hours=5)
            yield from house.log


@probe(ABOUT)
def major_complaints(lab: Lab) -> Iterator[str]:
    """By every word that makes one, from whoever reads either language, contacted at once or late or not at all."""
    for english in (False, True):
        for contacted in (1, 20, 300):
            with lab.house(english_team=english) as house:
                number = house.mail("我要投诉,找媒体曝光", kind="complaint")
                house.later(minutes=contacted)
                house.act(number, "contact", "已致歉", actor="li")
                house.later(hours=5)
                house.act(number, "resolve", "已退款", actor="li")
                house.later(minutes=1)
                house.reply(number, "N")
            yield from house.log


@probe(r"incidents\.yaml:.*(mentions|kind|is|in|field|tag|on\[|use)")
def words_of_groups_and_major_complaints(lab: Lab) -> Iterator[str]:
    words = lab.words(r"incidents\.yaml:.*mentions\[\d+\]")
    for kind in ("complaint", "inquiry"):
        with lab.house() as house:
            for position, word in enumerate(("你好", OUTAGE["zh"], *words)):
                house.mail(word, sender=f"w{position}@example.test", kind=kind)
        yield from house.log


@probe(r"incidents\.yaml:major_complaints")
def what_becomes_major_later(lab: Lab) -> Iterator[str]:
    """What is not solved again and again, whatever else is heard of it."""
    for english in (False, True):
        with lab.house(english_team=english) as house:
            number = house.mail("请问物流到哪了")
            for _ in range(4):
                house.act(number, "resolve", "已处理")
                house.reply(number, "N")
                house.reply(number, "你们快一点")
            house.act(number, "resolve", "已处理")
            house.act(number, "reopen", "又坏了")
            house.later(hours=5)
        yield from house.log


@probe(r"label|incidents\.yaml|sla\.yaml:deadlines\.incident")
def labels_of_incidents(lab: Lab) -> Iterator[str]:
    for language in ("zh", "en"):
        words = Words(language, lab.policy, lab.team)
        yield words.deadline("incident")
        yield from (words.text(group.label) for group in lab.policy.groups)
        for script in ("incident_opened", "incident_update", "incident_recovered", "major_complaint", "major_complaint_waits"):
            yield words.script(script)
