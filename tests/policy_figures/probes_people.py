"""People: who gets a ticket, who hears of it, and how much anybody hears."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from engine.core.commands import StartTimer
from engine.core.decide import decide
from engine.core.fields import NEEDS
from engine.core.routing import ASSIGN_TIMER
from engine.core.signals import MessageArrived
from engine.runtime.gather import Gatherer, Origin
from tests.policy_figures.house import MAIL, MORNING
from tests.policy_figures.lab import Lab, probe
from tests.policy_figures.probes_words import taken_for

TEXTS = ("你好", "系统宕机", "发票开错了", "打印机故障")


@probe(r"routing\.yaml|team\.yaml")
def who_gets_it(lab: Lab) -> Iterator[str]:
    """Two customers of each need in turn, and their next ones: load and who served them before tell."""
    for text in TEXTS:
        for kind in NEEDS:
            with lab.house() as house:
                for sender in ("a", "b", "b", "a", "a", "b"):
                    house.mail(text, sender=f"{sender}@example.test", kind=kind)
            yield from (line for line in house.log if "Assigned" in line or "Routed" in line)


@probe(r"routing\.yaml:assignment|team\.yaml:.*skills")
def who_gets_it_by_load(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        gatherer = Gatherer(house.tx, house.world, house.now)
        signal = MessageArrived(None, "email", "系统宕机")
        facts = gatherer.facts(None, signal, Origin("email", MAIL))
        for text in (*TEXTS, "我要退货"):
            for loads in ((0, 0), (20, 0), (0, 20), (20, 20), (19, 19), (21, 20), (3, 2)):
                for last in (None, "qian", "wu", "wang"):
                    agents = {id: replace(agent, load=loads[position % 2]) for position, (id, agent) in enumerate(facts.agents.items())}
                    changed = replace(facts, agents=agents, last_agent=last)
                    decision = decide(None, replace(signal, text=text), changed, lab.policy, house.now)
                    asked_again = [one for one in decision.commands if isinstance(one, StartTimer) and one.key == ASSIGN_TIMER]
                    yield f"{text} {loads} {last}: {taken_for(decision)} {asked_again}"


@probe(r"routing\.yaml:queues")
def who_spills_over(lab: Lab) -> Iterator[str]:
    """Nobody of the queue is there for so many minutes, everybody else is."""
    with lab.house() as house:
        gatherer = Gatherer(house.tx, house.world, house.now)
        signal = MessageArrived(None, "email", "你好")
        facts = gatherer.facts(None, signal, Origin("email", MAIL))
        for queue in lab.policy.queues:
            for minutes in range(100, 110):
                back = house.now + timedelta(minutes=minutes)
                gone = {
                    id: replace(agent, available=False, next_available=back) if queue in agent.queues else agent
                    for id, agent in facts.agents.items()
                }
                yield f"{queue} {minutes}: {taken_for(decide(None, signal, replace(facts, agents=gone), lab.policy, house.now))}"


@probe(r"routing\.yaml:(assignment|queues)|team\.yaml|sla\.yaml:escalations", only=False)
def nobody_answers(lab: Lab) -> Iterator[str]:
    """Tickets of every queue, left until they were missed and given to somebody else."""
    for text in ("你好", "我要退货", "我有个建议", "发票开错了", "打印机故障"):
        with lab.house() as house:
            house.mail(text)
            house.later(hours=3)
        yield from house.log


@probe(r"team\.yaml")
def everybody_helps_out(lab: Lab) -> Iterator[str]:
    """Where all work in every queue, by day and by night: the hours of those, too, whom no ticket reaches otherwise."""
    agents = {id: replace(agent, queues=tuple(lab.policy.queues)) for id, agent in lab.team.agents.items()}
    crowd = replace(lab, team=replace(lab.team, agents=agents))
    for now in (MORNING, MORNING.replace(hour=18)):
        with crowd.house(now=now) as house:
            for number in range(2 * len(agents)):
                house.mail("你好", sender=f"{number}@example.test")
        yield from house.log


@probe(r"team\.yaml|routing\.yaml:queues")
def asked_in_person(lab: Lab) -> Iterator[str]:
    """A task for every agent and every queue, in either language."""
    for english in (False, True):
        with lab.house(english_team=english) as house:
            number = house.mail("你好")
            for target in (*lab.team.agents, *lab.policy.queues):
                house.act(number, "task", "请协助", target=target, actor="zhao")
                house.act(number, "assign", target=target, actor="zhao")
        yield from house.log


@probe(r"scripts\.yaml:limits|team\.yaml")
def flooded(lab: Lab) -> Iterator[str]:
    """More automatic messages than anybody may get, and some more after a while."""
    with lab.house() as house:
        number = house.mail("你好")
        for _ in range(15):
            house.act(number, "progress", "备件在路上", actor="zhao")
        for span in (timedelta(minutes=61), timedelta(minutes=30)):
            house.now += span
            house.act(number, "progress", "备件在路上", actor="zhao")
        yield from house.brief()
        number = house.mail("你好", sender="b@example.test")
        for _ in range(63):
            house.reply(number, "在吗", sender="b@example.test")
        yield from (line for line in house.log if "Message" in line)
