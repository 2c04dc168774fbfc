"""The house's own rules: on events, one from another, and by the clock."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from engine.cli.words import Words
from engine.core.compiled import Action, EventRule
from engine.core.conditions import Match, Source
from engine.core.fields import OPEN_STATES
from engine.core.index import Rules
from engine.core.model import SYSTEM
from engine.runtime import schedule
from engine.store import TicketQuery
from tests.policy_figures.house import MAIL, House
from tests.policy_figures.lab import Lab, probe

ABOUT = r"rules\.yaml|scripts\.yaml:scripts\.(vip_complaint|objected_again|still_there|old_ticket)"
TEXTS = {"zh": "我要投诉送货员", "en": "I want to make a complaint about the courier"}
MOMENT = timedelta(seconds=30)
SOURCE = Source("rules.yaml", 1)


def customers(house: House) -> None:
    house.know("王总", "vip", "zh", email=MAIL)
    house.know("Mr Wang", "vip", "en", email="wang@example.test")
    house.know("陈先生", None, "zh", email="b@example.test")


@probe(ABOUT)
def complaints(lab: Lab) -> Iterator[str]:
    """By whoever complains, in either language, with a team that reads either; by night nobody has the ticket."""
    for english in (False, True):
        for hour in (0, 10):
            with lab.house(english_team=english) as house:
                house.now += timedelta(hours=hour)
                customers(house)
                for sender in (MAIL, "wang@example.test", "b@example.test"):
                    for text in (*TEXTS.values(), "请问营业时间"):
                        house.mail(text, sender=sender)
            yield from house.log


@probe(ABOUT)
def never_satisfied(lab: Lab) -> Iterator[str]:
    """A no to every result, thrice."""
    for english in (False, True):
        for text in ("请问营业时间", "我要投诉送货员"):
            with lab.house(english_team=english) as house:
                number = house.mail(text)
                for _ in range(3):
                    house.act(number, "resolve", "九点到六点")
                    house.reply(number, "N")
            yield from house.log


@probe(ABOUT)
def waiting(lab: Lab) -> Iterator[str]:
    """For the customer, or for something else, with an answer in time and without."""
    for text in ("请问营业时间", "what are your opening hours"):
        for state in ("waiting_customer", "on_hold"):
            for answers in (False, True):
                with lab.house() as house:
                    number = house.mail(text)
                    house.act(number, "hold", target=state)
                    if answers:
                        house.later(days=1)
                        house.reply(number, "会员号是8890")
                        house.act(number, "hold", target="on_hold")
                    house.later(days=3, minutes=2)
                yield from house.log


@probe(r"scripts\.yaml:scripts\.\w+\.label|rules\.yaml")
def labels_of_what_is_sent(lab: Lab) -> Iterator[str]:
    """The names that the outbox prints for what rules and surveys send."""
    for language in ("zh", "en"):
        words = Words(language, lab.policy, lab.team)
        for action in (action for rule in lab.policy.rules for action in rule.do):
            yield from (words.script(action.values[key]) for key in ("script", "run_script") if key in action.values)
        yield from (words.script(script) for survey in lab.policy.surveys for script in survey.scripts.values())
        yield from (words.script(watch.alert.script) for watch in lab.policy.reports.watches if watch.alert.script)


@probe(r"rules\.yaml:chain", only=True)
def one_from_another(lab: Lab) -> list[str]:
    """A dozen rules, each of which goes on what the one before it does."""
    first = EventRule("r0", None, SOURCE, "live", (_tag(0),), on=("ticket_opened",))
    rest = [EventRule(f"r{n}", _tagged(n - 1), SOURCE, "live", (_tag(n),), on=("tag_added",)) for n in range(1, 12)]
    chain = {"ticket_opened": Rules([first]), "tag_added": Rules(rest)}
    with replace(lab, policy=replace(lab.policy, triggers=chain)).house() as house:
        house.mail("你好")
    return house.log


def _tagged(number: int) -> Match:
    return Match("ticket.tags", "has", (f"t{number}",), SOURCE)


def _tag(number: int) -> Action:
    return Action("add_tag", f"add_tag: t{number}", {"add_tag": f"t{number}"})


@probe(ABOUT)
def by_the_clock(lab: Lab) -> Iterator[str]:
    """Who is found two weeks and a quarter later, what is done for them, and which slots are run after a pause."""
    live = tuple(replace(rule, mode="live") for rule in lab.policy.rules)
    for policy, english in ((lab.policy, False), (replace(lab.policy, rules=live), False), (replace(lab.policy, rules=live), True)):
        with replace(lab, policy=policy).house(english_team=english) as house:
            customers(house)
            start, numbers = house.now, {}
            for sender in (MAIL, "wang@example.test", "b@example.test"):
                numbers[sender] = house.mail(TEXTS["en" if sender.startswith("wang") else "zh"], sender=sender)
                house.act(numbers[sender], "resolve", "已处理")
            old = house.mail("请问营业时间", sender="c@example.test")
            house.act(old, "hold", target="waiting_customer")
            house.later(days=1)
            for sender, number in numbers.items():
                house.reply(number, "Y", sender=sender)
            # The ticket is that old, then their last ticket is, their last word, and what was opened for them.
            for count, days in enumerate((14, 90, 91, 181), 1):
                house.at(start + timedelta(days=days) + count * MOMENT)
                yield from slots(house)
                run_all(house)
        yield from house.log


def run_all(house: House) -> None:
    """Run the rules for whom they hold, and end at once what they open, so that nothing is escalated."""
    for rule in house.world.policy.timed_rules:
        for signal in list(schedule.held(house.tx, house.world, rule, house.now, house.now)):
            house.log.append(f"{signal.rule} {signal.ticket} {signal.customer}")
            house.handle(signal)
    for ticket in house.tx.tickets(TicketQuery(states=OPEN_STATES)):
        if ticket.parent is None and ticket.opened_by == SYSTEM:
            house.act(ticket.number, "close", "已安排")


def slots(house: House) -> Iterator[str]:
    policy, now = house.world.policy, house.now
    yield f"{sorted(schedule.upcoming(policy, now).items())}"
    for rule in policy.timed_rules:
        latest = now.replace(minute=0)
        for passed in (timedelta(0), timedelta(days=2)):
            yield f"{rule.id} {[str(slot) for slot in schedule.to_run(rule, now - timedelta(days=30), latest + passed)]}"
