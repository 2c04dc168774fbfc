"""Notices to colleagues: who stands in for a lead, what waits for the morning, what is gathered, and the words of a digest."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from engine.core.signals import StepDraft
from engine.runtime.digests import compose
from engine.store.rows import OutboxRow
from tests.policy_figures.house import MORNING
from tests.policy_figures.lab import Lab, probe

MATTERS = ("系统宕机", "打印机故障", "请问营业时间")


@probe(r"routing\.yaml:queues\.\w+\.(backup|lead)")
def with_the_lead_away(lab: Lab) -> Iterator[str]:
    for queue in lab.policy.queues.values():
        with lab.house() as house:
            number = house.mail("打印机故障")
            house.act(number, "assign", target=queue.id)
            house.tx.set_away(queue.lead, house.now, None, queue.lead)
            house.later(minutes=40)
        yield from house.log


@probe(r"sla\.yaml:escalations\[2\]")
def a_step_forgotten_for_days(lab: Lab) -> Iterator[str]:
    for matter in MATTERS:
        with lab.house() as house:
            number = house.mail(matter)
            house.act(number, "plan", "换主板", steps=(StepDraft("寄出", "qian", house.now + timedelta(hours=1)),))
            house.later(hours=49)
        yield from house.log


@probe(r"scripts\.yaml:limits\.digest")
def a_flood(lab: Lab) -> list[str]:
    with lab.house() as house:
        for n in range(6):
            house.mail("打印机故障", sender=f"c{n}@example.test")
            house.later(seconds=20)
        house.later(minutes=31)
    return house.log


@probe(r"scripts\.yaml:limits\.quiet")
def missed_at_night(lab: Lab) -> Iterator[str]:
    """Deadlines of every tier around the begin of the quiet hours, and in the midst of them."""
    for minutes in (8 * 60 + 30, 12 * 60 + 5, 14 * 60):  # 18:30, 22:05 and midnight in Shanghai
        for matter in MATTERS:
            with lab.house(now=MORNING + timedelta(minutes=minutes)) as house:
                house.mail(matter)
                house.later(hours=5)
            yield from house.log


@probe(r"scripts\.yaml:(scripts\.digest|notices\.digest)|company\.yaml|team\.yaml:agents\.\w+\.name")
def words_of_a_digest(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        for language in lab.policy.company.languages:
            for agent in lab.team.agents.values():
                row = OutboxRow("m1", "202603040001", "email", agent.id, agent.email, "", "k1", language, True, "breach_notice", MORNING)
                rows = [row, replace(row, id="m2", ticket="202603040002", content_id="k2")]
                yield from compose(house.world, rows, {"k1": "one", "k2": "two"}, MORNING)
