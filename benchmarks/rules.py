"""Decisions per second of processor time on one core: `python benchmarks/rules.py [--sizes 20,200,2000,20000] [--seconds 1]`.

The same rules (kinds, channels, segments, queues, spans of time, keywords in Chinese and English, some `any` and `not`) decide the same
100,000 seeded tickets, one at a time, by closedloop, zen-engine, datalogic-py, CEL (common-expression-language) and rule-engine in one
run; what is not installed is named and left out. Every ticket that a rival is timed on is compared with closedloop's answer, and a
difference ends the run; a slow rival is timed on the first tickets only, and their number is printed. A decision of closedloop is a rule
with its id and place; what it takes to search the text for keywords, and to see through width, case and negation, is in its time, while
the others get texts in which a plain search finds the same. All fields have values: the others know no missing ones.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from importlib import import_module
from itertools import product
from pathlib import Path
from random import Random
from time import process_time
from types import ModuleType
from typing import NamedTuple

import click
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.core.compiled import Policy, Rule
from engine.core.conditions import All, Any, Condition, Match, Not, Source, Value, evaluate
from engine.core.facts import CustomerFacts, Facts
from engine.core.index import Rules
from engine.core.text import KeywordIndex, Negation
from engine.core.values import TicketValues, first_match
from engine.policy import compile_policy
from engine.resources import shipped_policies

TICKETS = 100_000
CHOICES: dict[str, tuple[str, ...]] = {
    "ticket.kind": ("inquiry", "complaint", "after_sales", "suggestion", "care", "incident"),
    "ticket.channel": ("email", "sms", "phone_log", "web", "app"),
    "ticket.impact": ("none", "degraded", "outage", "safety"),
    "ticket.language": ("zh", "en"),
    "customer.segment": ("vip", "new", "complaint", "regular"),
    "call.queue": tuple(f"line-{number}" for number in range(100)),
}
SPANS = {"call.wait": 600, "call.talk": 3600}
THINGS = ("登录", "支付", "发票", "订单", "退款", "物流", "密码", "优惠券", "合同", "账户", "打印", "屏幕", "网络", "安装", "升级")
FAULTS = ("失败", "异常", "延迟", "错误", "中断", "丢失", "卡顿", "重复")
NAMES = ("login", "payment", "invoice", "order", "refund", "parcel", "password", "coupon", "contract", "account", "printer", "screen")
TROUBLES = ("failure", "delay", "mistake", "outage", "loss", "freeze", "duplicate", "crash")
KEYWORDS = (*map("".join, product(THINGS, FAULTS)), *map(" ".join, product(NAMES, TROUBLES)))
FILLERS = ("您好,请帮忙看看", "昨天下午开始,急用", "麻烦尽快处理,谢谢", "hello, please have a look", "since this morning, and it is urgent")

Ticket = dict[str, Value]
Decide = Callable[[int], str]


class Rival(NamedTuple):
    """Another engine: its module, and what makes of the rules and tickets a function from a ticket's number to a rule's id."""

    name: str
    module: str
    make: Callable[[ModuleType, Sequence[Rule], Sequence[Ticket]], Decide]


def made_rules(count: int) -> list[Rule]:
    """Rules of one to three matchers, the same in every run; the last one is the default."""
    draw = Random(2)  # noqa: S311 - cases for a benchmark, not secrets
    rules = [Rule(f"r{number}", _made_condition(draw, _place(number)), _place(number)) for number in range(count - 1)]
    return [*rules, Rule("default", None, _place(count))]


def _place(number: int) -> Source:
    return Source("routing.yaml", 3 * number + 7, f"routes[{number}]")


def _made_condition(draw: Random, here: Source) -> Condition:
    fields = draw.sample([*CHOICES, *SPANS], draw.randint(1, 2))
    parts: list[Condition] = [_made_match(draw, field, here) for field in fields]
    parts.append(_made_match(draw, draw.choice(("ticket.text", "call.queue")), here))
    if draw.random() < 0.1:
        parts[0] = Not(parts[0], here)
    if draw.random() < 0.1:
        parts[-1] = Any((parts[-1], _made_match(draw, "ticket.text", here)), here)
    return All(tuple(parts), here)


def _made_match(draw: Random, field: str, here: Source) -> Match:
    if field == "ticket.text":
        return Match(field, "mentions", tuple(draw.sample(KEYWORDS, draw.randint(1, 3))), here, personal=True)
    if field in SPANS:
        operator = draw.choice(("over", "under", "at_least", "at_most"))
        return Match(field, operator, timedelta(seconds=draw.randrange(0, SPANS[field], 30)), here)
    choices = CHOICES[field]
    several = draw.random() < 0.3 and len(choices) > 2
    return Match(field, "in", tuple(draw.sample(choices, 2)), here) if several else Match(field, "is", draw.choice(choices), here)


def made_tickets(count: int) -> list[Ticket]:
    """Tickets with a value for every field, the same in every run."""
    draw = Random(1)  # noqa: S311 - as above
    tickets: list[Ticket] = []
    for _ in range(count):
        ticket: Ticket = {field: draw.choice(choices) for field, choices in CHOICES.items()}
        ticket |= {field: timedelta(seconds=draw.randrange(most)) for field, most in SPANS.items()}
        said = [draw.choice(FILLERS), *draw.sample(KEYWORDS, draw.randint(0, 2)), draw.choice(FILLERS)]
        tickets.append({**ticket, "ticket.text": ", ".join(said)})
    return tickets


class Ours:
    """The engine's own way to a decision: the values of a ticket, and the rule that holds."""

    def __init__(self, rules: Sequence[Rule], tickets: Sequence[Ticket]) -> None:
        self.rules, self.tickets = Rules(rules), tickets
        shipped = compile_policy(shipped_policies()).policy
        assert shipped is not None  # noqa: S101 - the shipped policies are sound, or nothing here means anything
        self.policy: Policy = replace(shipped, keywords=KeywordIndex(KEYWORDS, Negation(("没有", "no"), ("没有人",), (",",), ("已修复",))))
        self.facts = Facts("", 0.5, "", {}, {}, (), customer=CustomerFacts("C1", known=True))

    def values(self, number: int) -> TicketValues:
        """What a decision sees of a ticket."""
        ticket = self.tickets[number]
        return TicketValues(self.policy, self.facts, None, str(ticket["ticket.text"]), ticket)

    def decide(self, number: int) -> str:
        """The rule's id, by the index."""
        return self.rules.match(self.values(number)).id

    def scan(self, number: int) -> str:
        """The rule's id, by the plain evaluator."""
        values = self.values(number)
        return next(rule.id for rule in self.rules if rule.when is None or evaluate(rule.when, values))

    def explain(self, number: int) -> str:
        """The rule's id, with what is kept of the rules that were asked."""
        return first_match(self.rules, self.values(number))[0].id


def short(field: str) -> str:
    """A name without a dot, which the others read as nesting."""
    return field.replace(".", "_")


def plain(value: object) -> object:
    """A value as the others know it: spans as seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def plain_tickets(tickets: Sequence[Ticket]) -> list[dict[str, object]]:
    """The tickets as the others take them."""
    return [{short(field): plain(value) for field, value in ticket.items()} for ticket in tickets]


SIGNS = {"is": "==", "over": ">", "under": "<", "at_least": ">=", "at_most": "<="}


def expression(condition: Condition, contains: str, conjunctions: tuple[str, str, str]) -> str:
    """A condition as text, in a language that writes `contains` and the words for and, or and not in this way."""
    match condition:
        case Match(field=field, operator="mentions", expected=tuple(words)):
            return (
                "(" + conjunctions[1].join(contains.format(text=short(field), word=json.dumps(w, ensure_ascii=False)) for w in words) + ")"
            )
        case Match(field=field, operator="in", expected=expected):
            return f"{short(field)} in {json.dumps(expected)}"
        case Match(field=field, operator=operator, expected=expected):
            return f"{short(field)} {SIGNS[operator]} {json.dumps(plain(expected))}"
        case All(parts=parts) | Any(parts=parts):
            joint = conjunctions[0] if isinstance(condition, All) else conjunctions[1]
            return "(" + joint.join(expression(part, contains, conjunctions) for part in parts) + ")"
        case Not(part=part):
            return f"{conjunctions[2]}({expression(part, contains, conjunctions)})"
        case _:
            raise TypeError(condition)


def zen(library: ModuleType, rules: Sequence[Rule], tickets: Sequence[Ticket]) -> Decide:
    """One decision table, first hit: a column for each field, and one of free expressions for what no column can say."""
    fields = [*CHOICES, *SPANS]
    inputs = [{"id": short(field), "name": field, "field": short(field)} for field in fields] + [{"id": "free", "name": "free"}]
    rows = []
    for rule in rules:
        row = {"_id": rule.id, "rule": json.dumps(rule.id), **{entry["id"]: "" for entry in inputs}}
        parts = rule.when.parts if isinstance(rule.when, All) else ()
        free = []
        for part in parts:
            if isinstance(part, Match) and not row.get(short(part.field), "not a column"):
                values = ", ".join(json.dumps(item) for item in part.expected) if isinstance(part.expected, tuple) else None
                row[short(part.field)] = values or f"{SIGNS[part.operator].replace('==', '')} {json.dumps(plain(part.expected))}".strip()
            else:
                free.append(part)
        row["free"] = " and ".join(expression(part, "contains({text}, {word})", (" and ", " or ", "not ")) for part in free)
        rows.append(row)
    content = {"hitPolicy": "first", "inputs": inputs, "outputs": [{"id": "rule", "name": "rule", "field": "rule"}], "rules": rows}
    ends = [{"id": "in", "type": "inputNode", "name": "in"}, {"id": "out", "type": "outputNode", "name": "out"}]
    edges = [{"id": "1", "sourceId": "in", "targetId": "table"}, {"id": "2", "sourceId": "table", "targetId": "out"}]
    table = {"id": "table", "type": "decisionTableNode", "name": "table", "content": content}
    decision = library.ZenEngine().create_decision(json.dumps({"nodes": [*ends, table], "edges": edges}))
    known = plain_tickets(tickets)
    return lambda number: decision.evaluate(known[number])["result"]["rule"]


def json_logic(condition: Condition) -> object:
    """A condition as JSONLogic."""
    match condition:
        case Match(field=field, operator="mentions", expected=tuple(words)):
            return {"or": [{"in": [word, {"var": short(field)}]} for word in words]}
        case Match(field=field, operator=operator, expected=expected):
            return {SIGNS.get(operator, operator): [{"var": short(field)}, plain(expected)]}
        case All(parts=parts) | Any(parts=parts):
            return {"and" if isinstance(condition, All) else "or": [json_logic(part) for part in parts]}
        case Not(part=part):
            return {"!": [json_logic(part)]}
        case _:
            raise TypeError(condition)


def datalogic(library: ModuleType, rules: Sequence[Rule], tickets: Sequence[Ticket]) -> Decide:
    """One `if` of all the rules, asked of dictionaries."""
    chain = [item for rule in rules if rule.when is not None for item in (json_logic(rule.when), rule.id)]
    compiled = library.Engine().compile({"if": [*chain, "default"]})
    known = plain_tickets(tickets)
    return lambda number: compiled.evaluate(known[number])


def cel(library: ModuleType, rules: Sequence[Rule], tickets: Sequence[Ticket]) -> Decide:
    """A program for each rule, asked in order: one program of all is nested too deeply for it."""
    words = ("{text}.contains({word})", (" && ", " || ", "!"))
    programs = [(library.compile(expression(rule.when, *words)), rule.id) for rule in rules if rule.when is not None]
    known = plain_tickets(tickets)

    def decide(number: int) -> str:
        context = library.Context(known[number])
        return next((name for program, name in programs if program.execute(context)), "default")

    return decide


def rule_engine(library: ModuleType, rules: Sequence[Rule], tickets: Sequence[Ticket]) -> Decide:
    """A rule for each rule, asked in order."""
    words = ("{word} in {text}", (" and ", " or ", "not "))
    compiled = [(library.Rule(expression(rule.when, *words)), rule.id) for rule in rules if rule.when is not None]
    known = plain_tickets(tickets)
    return lambda number: next((name for rule, name in compiled if rule.matches(known[number])), "default")


RIVALS = (
    Rival("zen-engine", "zen", zen),
    Rival("datalogic-py", "datalogic_py", datalogic),
    Rival("CEL (Rust)", "cel", cel),
    Rival("rule-engine", "rule_engine", rule_engine),
)


def timed(decide: Decide, count: int, seconds: float) -> tuple[float, list[str]]:
    """Decisions per second, and what was decided: of all the tickets, or of the first ones when that takes longer than `seconds`."""
    decide(0)
    found: list[str] = []
    begun = process_time()
    for number in range(count):
        found.append(decide(number))
        if number % 16 == 0 and process_time() - begun >= seconds:
            break
    return len(found) / (process_time() - begun), found


def lines(size: int, tickets: Sequence[Ticket], seconds: float) -> Iterator[str]:
    """Measure all of them at one size. Raises ClickException when two decide differently."""
    rules = made_rules(size)
    ours = Ours(rules, tickets)
    fastest, decided = timed(ours.decide, len(tickets), float("inf"))
    yield f"{size:,} rules; the default decides {decided.count('default') / len(decided):.0%} of the tickets"
    yield f"  closedloop                  {fastest:>10,.0f} /s"
    for name, decide in (("closedloop, with its trace", ours.explain), ("closedloop, plain scan", ours.scan)):
        rate, found = timed(decide, len(tickets), seconds)
        _agree(name, found, decided)
        yield f"  {name:<28}{rate:>10,.0f} /s  on {len(found):,} tickets, all agree"
    for rival in RIVALS:
        try:
            library = import_module(rival.module)
        except ImportError:
            yield f"  {rival.name:<28}not installed, left out"
            continue
        rate, found = timed(rival.make(library, rules, tickets), len(tickets), seconds)
        _agree(rival.name, found, decided)
        times = f"closedloop is {fastest / rate:,.1f} times as fast"
        yield f"  {rival.name:<28}{rate:>10,.0f} /s  on {len(found):,} tickets, all agree; {times}"


def _agree(name: str, found: Sequence[str], decided: Sequence[str]) -> None:
    for number, (theirs, expected) in enumerate(zip(found, decided, strict=False)):
        if theirs != expected:
            raise click.ClickException(f"{name} decides ticket {number} by {theirs}, closedloop by {expected}")


@click.command(help=__doc__)
@click.option("--sizes", default="20,200,2000,20000", show_default=True, help="How many rules, several with commas between.")
@click.option("--seconds", default=1.0, show_default=True, help="How long each rival is measured at most.")
@click.option("--tickets", default=TICKETS, show_default=True, help="How many tickets are decided.")
def main(sizes: str, seconds: float, tickets: int) -> None:
    """Measure all and print a line each."""
    made = made_tickets(tickets)
    for size in sizes.split(","):
        for line in lines(int(size), made, seconds):
            click.echo(line)


if __name__ == "__main__":
    main()
