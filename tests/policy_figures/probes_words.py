"""Words: how they grade, what answers and commands they are taken for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import yaml
from msgspec.structs import replace

from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.fields import IMPACTS, NEEDS
from engine.core.signals import AgentActed, MessageArrived, Signal, StepDraft
from engine.policy import compile_files
from engine.runtime.gather import Gatherer, Origin
from tests.policy_figures.house import MAIL, MORNING, House
from tests.policy_figures.lab import Lab, probe

CHINESE, ENGLISH = "宕机", "outage"


def graded(lab: Lab, messages: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
    """What each message is taken for."""
    with lab.house() as house:
        origin = Origin("email", MAIL, "陈先生")
        first = MessageArrived(None, "email", "")
        facts = Gatherer(house.tx, house.world, MORNING).facts(None, first, origin)
        for text, fields in messages:
            signal = MessageArrived(None, "email", text, fields=fields)
            yield f"{text} {fields}: {taken_for(decide(None, signal, facts, lab.policy, MORNING))}"


def taken_for(decision: Decision) -> str:
    ticket = decision.ticket
    if ticket is None:
        return f"{decision.refused} {decision.commands}"
    return f"{ticket.kind} {ticket.tier} {ticket.queue} {ticket.assignee}"


@probe(r"intake\.yaml:kinds")
def kinds_by_words(lab: Lab) -> Iterator[str]:
    yield from graded(lab, [(word, {}) for word in ("你好", *lab.words(r"intake\.yaml:kinds.*mentions\[\d+\]"))])


@probe(r"sla\.yaml:(conditions|tiers)")
def tiers_by_words(lab: Lab) -> Iterator[str]:
    words = lab.words(r"sla\.yaml:(conditions|tiers).*mentions\[\d+\]")
    yield from graded(lab, [(word, {"kind": "suggestion"}) for word in ("你好", *words)])


@probe(r"routing\.yaml:routes")
def queues_by_words(lab: Lab) -> Iterator[str]:
    words = lab.words(r"routing\.yaml:routes.*mentions\[\d+\]")
    yield from graded(lab, [(word, {"kind": "inquiry"}) for word in ("你好", *words)])


@probe(r"(sla|routing)\.yaml:(conditions|tiers|routes)")
def tiers_and_queues_by_form(lab: Lab) -> Iterator[str]:
    forms = [{"kind": kind, "impact": impact} for kind in NEEDS for impact in ("", *IMPACTS)]
    yield from graded(lab, [("你好", form) for form in forms])


@probe(r"sla\.yaml:(conditions|tiers)")
def tiers_by_segment(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        for position, segment in enumerate(("vip", "new", "complaint")):
            house.know("王女士", segment, email=f"{position}@example.test")
        for position in range(4):
            for kind in NEEDS:
                house.mail("你好", sender=f"{position}@example.test", kind=kind)
                yield from house.brief()


@probe(r"intake\.yaml:negation\.negators")
def negators(lab: Lab) -> Iterator[str]:
    words = lab.words(r"intake\.yaml:negation\.negators\[\d+\]")
    yield from graded(lab, [(f"{word} {ENGLISH}" if word.isascii() else f"{word}{CHINESE}", {}) for word in words])


@probe(r"intake\.yaml:negation\.transparent")
def transparent_phrases(lab: Lab) -> Iterator[str]:
    for word in lab.words(r"intake\.yaml:negation\.transparent\[\d+\]"):
        keyword = f" {ENGLISH} " if word.isascii() else CHINESE
        yield from graded(lab, [(f"{word}{keyword}", {}), (f"{keyword}{word}", {})])


@probe(r"intake\.yaml:negation\.clause_breaks")
def clause_breaks(lab: Lab) -> Iterator[str]:
    marks = lab.words(r"intake\.yaml:negation\.clause_breaks\[\d+\]")
    yield from graded(lab, [(f"没有{mark}{CHINESE}", {}) for mark in marks if not mark.isalpha() or not mark.isascii()])
    yield from graded(lab, [(f"not {mark} {ENGLISH}", {}) for mark in marks])


@probe(r"intake\.yaml:negation\.resolved")
def resolved_words(lab: Lab) -> Iterator[str]:
    words = lab.words(r"intake\.yaml:negation\.resolved\[\d+\]")
    yield from graded(lab, [(f"{ENGLISH} {word}" if word.isascii() else f"{CHINESE}{word}", {}) for word in words])


def tried(house: House, signal: Signal, origin: Origin | None = None) -> str:
    """What would come of a signal, which leaves no trace."""
    ticket = house.tx.ticket(signal.ticket) if signal.ticket else None
    facts = Gatherer(house.tx, house.world, house.now).facts(ticket, signal, origin)
    decision = decide(ticket, signal, facts, house.world.policy, house.now)
    state = decision.ticket.state if decision.ticket else "no ticket"
    happened = [(event.type, getattr(event, "script", "")) for event in decision.events]
    wanted = [str(command) for command in decision.commands if type(command).__name__ == "SaveOptOut"]
    return f"{state} {happened} {wanted} {decision.refused}"


@probe(r"intake\.yaml:replies")
def replies(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = house.mail("请问营业时间")
        house.act(number, "resolve", "九点到六点")
        for word in lab.words(r"intake\.yaml:replies\.(confirm|object)\[\d+\]"):
            yield f"{word}: {tried(house, MessageArrived(number, 'email', word, trusted=True))}"
        for word in lab.words(r"intake\.yaml:replies\.doubt\[\d+\]"):
            said = f"yes {word}" if word.isascii() else f"满意{word}"
            yield f"{word}: {tried(house, MessageArrived(number, 'email', said, trusted=True))}"


@probe(r"intake\.yaml:replies\.thanks")
def thanks(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = house.mail("请问营业时间")
        house.handle(AgentActed(number, "contact", "zhao"))
        for word in lab.words(r"intake\.yaml:replies\.thanks\[\d+\]"):
            yield f"{word}: {tried(house, MessageArrived(number, 'email', word, trusted=True))}"


@probe(r"intake\.yaml:replies\.opt")
def opting_out_and_in(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = house.mail("请问营业时间")
        for word in (*lab.words(r"intake\.yaml:replies\.opt_\w+\[\d+\]"), "out"):
            if word == "out":
                house.tx.set_opt_out("email", MAIL, house.now)
            yield f"{word}: {tried(house, MessageArrived(number, 'email', word, trusted=True))}"
            yield f"{word}: {tried(house, MessageArrived(None, 'email', word), Origin('email', MAIL))}"
        for word in lab.words(r"intake\.yaml:replies\.opt_in\[\d+\]"):
            yield f"{word}: {tried(house, MessageArrived(number, 'email', word, trusted=True))}"


@probe(r"intake\.yaml:commands")
def commands_by_mail(lab: Lab) -> Iterator[str]:
    with lab.house() as house:
        number = house.mail("系统宕机")
        step = StepDraft("换主板", "qian", house.now.replace(hour=6))
        house.handle(AgentActed(number, "plan", "qian", "更换主板", steps=(step,)))
        house.act(number, "compensate", "延误", "wu", amount=Decimal(300))
        approval = house.newest("approval")
        for word in lab.words(r"intake\.yaml:commands\.\w+\[\d+\]"):
            text = f"{word} 1 已完成"
            signal = MessageArrived(number, "email", text, party="wu", trusted=True)
            yield f"{word}: {tried(house, signal)}"
            yield f"{word}: {tried(house, replace(signal, ticket=approval, party='qian'))}"


@probe(r"scripts\.yaml:glossary", only=True)
def words_the_glossary_rules(lab: Lab) -> Iterator[str]:
    """What validation says of scripts that say each forbidden word, to every audience and in both languages, and each prescribed one."""
    forbidden = lab.words(r"scripts\.yaml:glossary\.forbid.*words\[\d+\]")
    prescribed = lab.words(r"scripts\.yaml:glossary\.prescribe.*words\[\d+\]")
    scripts = {
        f"says-{position}-{audience}": {"audience": audience, "zh": word, "en": word}
        for position, word in enumerate(forbidden)
        for audience in ("customer", "agent", "team")
    }
    guides = {"guides": {"all": [name for name in scripts if not name.endswith("team")]}}
    extra = yaml.safe_dump({"version": 1, "scripts": scripts} | guides, allow_unicode=True)
    yield from (f"{item.path}: {item.message} {item.hint}" for item in compile_files({**lab.files, "scripts-x.yaml": extra}).diagnostics)
    shipped = lab.files["scripts.yaml"]
    for name in dict.fromkeys(lab.words(r"scripts\.yaml:glossary\.prescribe.*script(\[\d+\])?")):
        before, chinese, after = re.split(rf"(?m)(?<=^  {name}:\n)((?:    .*\n)*?    zh: ).*$", shipped, maxsplit=1)
        for word in prescribed:
            changed = {**lab.files, "scripts.yaml": f"{before}{chinese}{word}{after}"}
            yield from (f"{word} in {item.path}: {item.message}" for item in compile_files(changed).diagnostics)
