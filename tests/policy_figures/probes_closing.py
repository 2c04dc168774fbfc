"""The end of a ticket: confirmation, survey, follow-up."""

import random
from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from engine.core.compiled import TimedRule
from engine.core.signals import MessageArrived, RuleDue
from engine.runtime import schedule
from engine.store import TicketQuery
from tests.policy_figures.house import MAIL, MOBILE, MORNING, House
from tests.policy_figures.lab import Lab, probe
from tests.policy_figures.probes_words import tried

ABOUT = r"survey\.yaml|scripts\.yaml:(scripts\.(survey|closed|confirmation)|notices)"


def solved(house: House, number: str, channel: str = "email") -> str:
    """Contact, result and the customer's yes."""
    house.act(number, "contact", "已电话联系")
    house.act(number, "resolve", "九点到六点")
    house.reply(number, "Y", channel)
    return number


@probe(r"sla\.yaml:deadlines\.confirmation|scripts\.yaml:(scripts\.(confirm|closed)|notices)")
def never_confirmed(lab: Lab) -> Iterator[str]:
    for text in ("请问营业时间", "what are your opening hours"):
        with lab.house() as house:
            house.act(house.mail(text), "resolve", "九点到六点")
            house.later(days=5)
        yield from house.log


@probe(ABOUT)
def survey_left_unanswered(lab: Lab) -> Iterator[str]:
    for channel in ("email", "sms"):
        for text in ("请问营业时间", "what are your opening hours"):
            with lab.house() as house:
                number = house.mail(text) if channel == "email" else house.sms(text)
                solved(house, number, channel)
                house.later(days=9)
            yield from house.log


@probe(ABOUT)
def survey_where_the_customer_is_reached(lab: Lab) -> list[str]:
    with lab.house() as house:
        house.know("陈先生", email=MAIL, phone=MOBILE)
        solved(house, house.mail("请问营业时间"))
        house.later(hours=2)
    return house.log


@probe(r"survey\.yaml:surveys\[0\]\.send")
def survey_around_the_quiet_hours(lab: Lab) -> Iterator[str]:
    quarters = [MORNING.replace(hour=0) + timedelta(minutes=15 * number) for number in range(96)]
    for now in quarters:
        with lab.house(now=now) as house:
            solved(house, house.mail("请问营业时间"))
        yield from (line for line in house.log if "SurveyScheduled" in line)


@probe(r"survey\.yaml:surveys\[0\]\.send")
def survey_of_a_customer_who_was_asked_before(lab: Lab) -> list[str]:
    with lab.house() as house:
        solved(house, house.mail("请问营业时间"))
        house.later(hours=2)
        solved(house, house.mail("请问地址"))
        house.later(hours=2)
    return house.log


@probe(r"survey\.yaml:surveys\[0\]\.send")
def survey_by_lot(lab: Lab) -> list[str]:
    with lab.house(share=0.995) as house:
        solved(house, house.mail("请问营业时间"))
        house.later(hours=2)
    return house.log


@probe(r"survey\.yaml:surveys\[0\]\.(when|id)")
def survey_only_of_who_confirmed(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        house.act(house.mail("请问营业时间"), "close", "重复工单")
        number = house.mail("请问地址")
        house.act(number, "resolve", "人民路1号")
        house.later(days=4)
    yield from house.log


@probe(r"survey\.yaml:.*(low_score|questions)")
def survey_answers(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = solved(house, house.mail("请问营业时间"))
        house.later(hours=2)
        for answer in ("5 5 5", "4 5 5 谢谢", "5 3 5", "5 5 2", "1 1 1", "6 6 6", "1: 5\n2: 4\n3: 5\n4: 很好"):
            yield f"{answer}: {tried(house, MessageArrived(number, 'email', answer, trusted=True))}"


@probe(r"survey\.yaml|sla\.yaml:(deadlines\.follow_up|escalations\[3\])|scripts\.yaml:scripts\.survey|routing\.yaml:routes")
def low_score_left_alone(lab: Lab) -> Iterator[str]:
    for now, score in ((MORNING, "5 2 5 态度一般"), (MORNING + timedelta(days=3, hours=8), "3 5 5"), (MORNING, "5 4 5")):
        with lab.house(now=now) as house:
            number = solved(house, house.mail("请问营业时间"))
            house.later(hours=15)
            house.reply(number, score)
            house.later(hours=54)
        yield from house.log


@probe(r"survey\.yaml:surveys\[0\]\.together")
def answers_that_wait_for_others(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        for nth in range(7):
            number = solved(house, house.mail("请问营业时间", sender=f"c{nth}@example.test"))
            house.later(hours=2)
            house.reply(number, "5 5 5", sender=f"c{nth}@example.test")
            house.settle()
            yield f"{nth}: {len(house.tx.answers())}"


RELATIONSHIP = r"survey\.yaml:surveys\[1\]|scripts\.yaml:scripts\.(relationship|survey_thanks)"
RELATED = (
    "5 4 4 5 4 3 4 5 9 AC 谢谢",
    "0 4 4 5 4 3 4 5 9 A",
    "1 4 4 5 4 3 4 5 0 B",
    "5 4 4 5 4 3 4 5 10 BC",
    "5 4 4 5 4 3 4 5 11 A",
    "5 4 4 5 4 3 4 5 9 D",
    "6 5 5 5 5 5 5 5 5 A",
    "1:5 2:1 3:2 4:3 5:4 6:3 7:2 8:1 9:5 10:C",
)


def relationship(house: House) -> TimedRule:
    return next(rule for rule in house.world.policy.timed_rules if rule.draw is not None)


def invite(house: House) -> list[str]:
    """Let the survey's hour come; return the tickets that are invitations."""
    for signal in schedule.held(house.tx, house.world, relationship(house), house.now, house.now):
        house.handle(signal)
    return [ticket.number for ticket in house.tx.tickets(TicketQuery(kind="survey", limit=100))]


LONG_AGO = 100  # days: longer than one customer is not asked again


def asked_long_ago(house: House, text: str, channel: str) -> None:
    """A customer who was heard of, but not asked for long."""
    language = "zh" if text[0] > "z" else "en"
    house.know("陈先生", None, language, **({"email": MAIL} if channel == "email" else {"phone": MOBILE}))
    solved(house, house.mail(text) if channel == "email" else house.sms(text), channel)
    house.later(days=LONG_AGO)
    house.brief()


@probe(RELATIONSHIP)
def customers_asked_by_the_clock(lab: Lab) -> Iterator[str]:
    for text in ("请问营业时间", "what are your opening hours"):
        for channel in ("email", "sms"):
            with lab.house() as house:
                asked_long_ago(house, text, channel)
                for number in invite(house):
                    house.later(days=8)
                    for answer in RELATED:
                        yield f"{answer}: {tried(house, MessageArrived(number, channel, answer, trusted=True))}"
                    house.later(days=1)
                    house.reply(number, RELATED[0], channel)
            yield from house.log
            with lab.house() as house:
                asked_long_ago(house, text, channel)
                invite(house)
                house.later(days=20)
            yield from house.log


@probe(r"survey\.yaml:surveys\[1\]\.send")
def the_hour_at_which_they_are_asked(lab: Lab) -> Iterator[str]:
    for half_hours in range(48):
        with lab.house() as house:
            asked_long_ago(house, "请问营业时间", "email")
            house.later(minutes=30 * half_hours)
            invite(house)
        yield from (line for line in house.log if "Survey" in line)


@probe(r"survey\.yaml:surveys\[1\]\.(send|when)")
def who_was_asked_or_heard_of_lately(lab: Lab) -> Iterator[str]:
    first = MORNING + timedelta(hours=1)  # when the survey after closure goes out
    for days in (5, 89, 90, 170, 179, 180, 181):
        with lab.house() as house:
            solved(house, house.mail("请问营业时间"))
            house.at(first + timedelta(days=days))
            house.brief()
            invite(house)
        yield from house.log
    with lab.house() as house:
        house.know("陈先生", email=MAIL)
        house.later(days=200)
        house.mail("请问营业时间")
        house.brief()
        invite(house)
    yield from house.log


@probe(r"survey\.yaml:surveys\[1\]\.send")
def who_is_drawn_by_the_clock(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        rule = relationship(house)
        chance = random.Random(3)
        for size in (5, 29, 30, 31, 149, 155, 1_000):
            group = [RuleDue(None, rule.id, house.now, str(nth)) for nth in range(size)]
            yield f"{size}: {len(schedule.drawn(group, rule.draw, chance))}"
        for nth, (segment, language) in enumerate((("vip", "zh"), ("vip", "en"), ("vip", "zh"), (None, "en"))):
            house.know(f"c{nth}", segment, language, email=f"c{nth}@example.test")
            house.mail("请问营业时间", sender=f"c{nth}@example.test")
        some = replace(rule, draw=replace(rule.draw, share=0.5, at_least=0)) if rule.draw else rule
        yield f"{len(schedule.held(house.tx, house.world, some, house.now, house.now))}"
