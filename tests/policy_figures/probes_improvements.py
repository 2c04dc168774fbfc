"""Measures of improvement: with a date, without, moved, carried out and left alone; what follows incidents and complaints."""

from collections.abc import Iterator
from datetime import timedelta

from engine.core.signals import TicketRequested
from tests.policy_figures.house import House
from tests.policy_figures.lab import Lab, probe

ABOUT = r"sla\.yaml:(deadlines\.improvement|escalations\[6\])|rules\.yaml:rules\[[5-9]\]"


def measure(house: House, days: int | None, assignee: str | None = "zhao") -> str:
    due = None if days is None else house.now + timedelta(days=days)
    request = TicketRequested("improvement", "after_sales", "派单写明型号", "email", "zh", due=due, assignee=assignee, actor="zhou")
    return house.handle(request) or ""


def words(house: House, kind: str) -> str:
    """What the newest ticket of a kind says is to be done."""
    ticket = house.tx.ticket(house.newest(kind))
    description = ticket.description if ticket is not None else None
    return house.tx.contents([description])[description] if description is not None else ""


@probe(ABOUT)
def measures_left_alone(lab: Lab) -> Iterator[str]:
    for english in (False, True):
        for days in (20, None):
            with lab.house(english_team=english) as house:
                measure(house, days)
                house.later(days=47)
            yield from house.log


@probe(ABOUT)
def measures_moved_taken_up_and_carried_out(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = measure(house, 20)
        house.later(days=19)
        house.act(number, "improve", actor="zhou", due=house.now + timedelta(days=10))
        house.later(days=12)
        house.act(number, "note", "在做", actor="zhao")
        house.later(days=20)
        house.act(number, "resolve", "已完成", actor="zhao")
        house.later(days=30)
        in_time = measure(house, 20)
        house.later(days=9)
        house.act(in_time, "resolve", "已完成", actor="zhao")
        house.later(days=30)
    yield from house.log


@probe(ABOUT)
def what_an_incident_teaches(lab: Lab) -> Iterator[str]:
    """Recovered, and cancelled; what its tickets become."""
    for english in (False, True):
        for action in ("resolve", "close"):
            with lab.house(english_team=english) as house:
                title = "an outage of payments" if english else "支付故障"
                incident = (
                    house.handle(TicketRequested("incident", "tech_support", title, "email", "en" if english else "zh", actor="qian")) or ""
                )
                ticket = house.mail("about an invoice" if english else "请问发票")
                house.act(ticket, "join", target=incident)
                house.act(incident, action, "done")
                house.later(days=1)
                yield words(house, "improvement")
            yield from house.log


@probe(ABOUT)
def after_a_complaint(lab: Lab) -> Iterator[str]:
    """Confirmed, closed by a person, left unconfirmed, worked on again; and another ticket."""
    for text in ("我要投诉送货员", "I want to make a complaint about the courier", "请问营业时间"):
        for end in ("confirm", "close", "none", "reopen"):
            with lab.house() as house:
                number = house.mail(text)
                house.act(number, "resolve", "九点到六点")
                if end != "none":
                    house.act(number, "close" if end == "reopen" else end, "好")
                house.later(days=3)
                if end == "reopen":
                    house.act(number, end, "又来了")
                house.later(days=9)
                yield words(house, "care")
            yield from house.log
