"""Alerts: which figures and which complaints raise one, who hears of it in which words, what it opens, and when it is late or over."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

from msgspec.structs import replace

from engine.analysis.kpi.watch import changes
from engine.core.signals import KpiWatched
from engine.store import AnswerRow, FactRow
from tests.policy_figures.house import MORNING
from tests.policy_figures.lab import Lab, probe
from tests.policy_figures.probes_incidents import crowd

ABOUT = r"incidents\.yaml:groups.*|reports\.yaml:watch|scripts\.yaml:scripts\.alert_|sla\.yaml:.*alert"


@probe(r"incidents\.yaml:groups.*mentions")
def matters(lab: Lab) -> Iterator[str]:
    """A complaint and an inquiry with every word of a cluster."""
    for word in lab.words(r"incidents\.yaml:groups\[\d+\]\.when.*mentions\[\d+\]"):
        with lab.house() as house:
            for kind in ("complaint", "inquiry"):
                house.mail(word, sender=f"{kind}@example.test", kind=kind)
        yield from house.log


@probe(ABOUT)
def clusters(lab: Lab) -> Iterator[str]:
    """As many and as fast as just makes one, one fewer, and slower; on top of what is usual, of four weeks and of a little longer."""
    for count, late in ((5, 0), (5, 1), (4, 0), (6, 0)):
        with lab.house() as house:
            crowd(house, 1, "重复扣款", timedelta(days=1, minutes=late))
            crowd(house, count - 1, "投诉重复扣款", timedelta(0), start=1)
        yield from house.log
    yield from (str(group.alert) for group in lab.policy.groups)
    for before in (timedelta(days=28), timedelta(days=29)):
        with lab.house() as house:
            for index in range(40):
                house.mail("投诉重复扣款", sender=f"b{index}@example.test", kind="complaint")
            house.now += before
            for index in range(8):
                house.mail("投诉重复扣款", sender=f"d{index}@example.test", kind="complaint")
        yield from house.log


@probe(ABOUT)
def alerts(lab: Lab) -> Iterator[str]:
    """One of every watch and one of a cluster, for readers of either language, until long after somebody should have planned something, and
    until they are over.
    """
    for english in (False, True):
        for watch in lab.policy.reports.watches:
            with lab.house(english_team=english) as house:
                said = {"zh": "达成率:70%", "en": "attainment: 70%"}
                period = (MORNING - timedelta(days=7), MORNING)
                flagged = KpiWatched(None, watch.id, "fcr", {}, f"kpi:{watch.id}/fcr", 30, 0.7, "flagged", True, said, period)
                house.handle(flagged)
                house.later(days=3)
                house.handle(replace(flagged, ticket=house.newest("alert"), standing="met", significant=False))
            yield from house.log
        with lab.house(english_team=english) as house:
            for index in range(5):
                house.mail("投诉重复扣款", sender=f"c{index}@example.test", kind="complaint")
            house.later(days=3)
        yield from house.log


@probe(r"reports\.yaml:kpis")
def few(lab: Lab) -> Iterator[str]:
    """What the watches find in so few bad figures that it may be chance, and in one more."""
    for count, (outcome, wait) in product((9, 10), (("answered", 60), ("abandoned", 50))):
        with lab.house() as house:
            ticket = house.tx.ticket(house.mail("请问营业时间"))
            assert ticket is not None
            facts = [FactRow("response", MORNING, tier="general", value=timedelta(hours=1))] * count
            facts += [FactRow("call", MORNING, subject="inbound", outcome=outcome, value=timedelta(seconds=wait))] * count
            assert house.tx.keep_facts(ticket.number, ticket.seq, facts)
            for watch in lab.policy.reports.watches:
                yield from map(str, changes(house.tx, lab.policy, watch, MORNING + timedelta(minutes=1)))


@probe(r"reports\.yaml")
def reasons(lab: Lab) -> Iterator[str]:
    """What each watch finds in figures that are bad, a little bad, and bad by chance."""
    about: dict[str, Any] = {"kind": "complaint", "tier": "general", "queue": "front_desk"}
    with lab.house() as house:
        number = house.mail("请问营业时间")
        ticket = house.tx.ticket(number)
        assert ticket is not None
        facts = [FactRow("deadline", MORNING, **about, outcome=o, subject="plan") for o in ["met"] * 15 + ["breached"] * 5]
        facts += [FactRow("response", MORNING, **about, value=timedelta(minutes=m)) for m in [10] * 15 + [20] * 5]
        facts += [
            FactRow("call", MORNING, channel="phone_log", queue="hotline", subject="inbound", outcome=o, value=timedelta(seconds=s))
            for o, s in [("answered", 20)] * 9 + [("answered", 40)] * 5 + [("abandoned", 50)] * 3
        ]
        assert house.tx.keep_facts(number, ticket.seq, facts)
        for index in range(10):
            house.tx.keep_answer(AnswerRow(f"a{index}", "after-closure", "2026-03", {"speed": 3}, ""))
        for watch in lab.policy.reports.watches:
            for later in (timedelta(minutes=1), watch.window, timedelta(days=1, minutes=1), timedelta(days=7, minutes=1)):
                yield from map(str, changes(house.tx, lab.policy, watch, MORNING + later))
