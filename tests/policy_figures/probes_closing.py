"""The end of a ticket: confirmation, survey, follow-up."""

from collections.abc import Iterator
from datetime import timedelta

from engine.core.signals import MessageArrived
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
