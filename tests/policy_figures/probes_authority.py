"""Authority: what everybody may grant at the limits, who is asked beyond them, and what becomes of that."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from engine.cli.words import Words
from tests.policy_figures.house import MORNING, House, rules, told
from tests.policy_figures.lab import Lab, probe

ABOUT = r"authority\.yaml|scripts\.yaml:(scripts|notices)\.approval|sla\.yaml:(deadlines\.approval|escalations\[4\])"
AMOUNTS = ("50", "51", "200", "201", "1000", "1001", "20000", "20001")
PEOPLE = (("wang", "wang"), ("lin", "wang"), ("zhao", "wang"), ("zhou", "wang"), ("li", "wang"))
"""Who grants, and who holds the ticket: the handler, anybody, the team leader, the manager, one with a role."""


def cases(house: House, matter: str) -> Iterator[tuple[str, str]]:
    """A ticket of its own for everybody, and who grants on it."""
    for place, (actor, holder) in enumerate(PEOPLE):
        number = house.mail(matter, sender=f"{len(house.log)}-{place}@example.test")
        house.act(number, "assign", target=holder, actor="zhao")
        yield number, actor


@probe(ABOUT)
def granted_at_the_limits(lab: Lab) -> Iterator[str]:
    for tell in (told, rules):
        for matter in ("我要投诉送货员", "请问营业时间"):
            for amount in AMOUNTS:
                with lab.house(tell=tell) as house:
                    for number, actor in cases(house, matter):
                        house.brief()
                        house.act(number, "compensate", "延误", actor, amount=Decimal(amount))
                        yield from house.brief()


@probe(ABOUT)
def exceptions_made(lab: Lab) -> Iterator[str]:
    names = lab.policy.authority.exceptions if lab.policy.authority else ()
    for english in (False, True):
        for matter in ("我要投诉送货员", "请问营业时间"):
            for name in names:
                with lab.house(english_team=english) as house:
                    for number, actor in cases(house, matter):
                        house.brief()
                        house.act(number, "except", "住院", actor, target=name)
                        yield from house.brief()


@probe(ABOUT)
def approvals_left_alone(lab: Lab) -> Iterator[str]:
    """By day and by night, what the team leader may grant and what only the manager may."""
    for english, now in ((False, MORNING), (True, MORNING), (False, MORNING + timedelta(hours=12))):
        for amount in ("300", "3000"):
            with lab.house(english_team=english, now=now) as house:
                number = house.mail("我要投诉送货员")
                house.act(number, "compensate", "延误", "wang", amount=Decimal(amount))
                house.later(hours=9)
            yield from house.log


@probe(ABOUT)
def approvals_decided_on(lab: Lab) -> Iterator[str]:
    """By every verdict, with and without a word, in either language."""
    for english in (False, True):
        for verdict, text in (("grant", ""), ("grant", "下不为例"), ("refuse", "不行")):
            with lab.house(english_team=english) as house:
                number = house.mail("我要投诉送货员")
                house.act(number, "compensate", "延误", "wang", amount=Decimal(300))
                house.act(house.newest("approval"), verdict, text, "zhao")
                house.act(number, "except", "住院", "wang", target="late_return")
                house.act(house.newest("approval"), verdict, text, "zhao")
                words = Words("en" if english else "zh", lab.policy, lab.team)
                yield from (words.script(row.script) for row in house.tx.messages(limit=100))
            yield from house.log
