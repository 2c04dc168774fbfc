"""Builds the rules of the house's own (`rules.yaml`), and checks that what they say can be done."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.core.compiled import Action, Draw, EventRule, OwnRule, TimedRule
from engine.core.conditions import All, Condition, Match, Not
from engine.core.decide.rules import ACTIONS
from engine.core.fields import OPEN_STATES, SURVEY
from engine.core.index import Rules
from engine.policy.conditions import Conditions
from engine.policy.cron import slots
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.document import Document
from engine.policy.nodes import Node, Plain
from engine.policy.said import said
from engine.policy.units import duration, share
from engine.policy.values import Values


class OwnRules:
    """Builds one rule after the other; every problem is reported.

    `timed_fields` are the fields and spans that only rules by the clock ask; complete where all other conditions were built before.
    """

    def __init__(self, document: Document, languages: tuple[str, ...], problems: Problems, conditions: Conditions) -> None:
        self._document = document
        self._languages = languages
        self._problems = problems
        self._conditions = conditions
        self._values = Values(languages, problems)
        self.timed_fields: frozenset[str] = frozenset()

    def build(self) -> tuple[OwnRule, ...]:
        """Return the rules in the order in which they are done."""
        nodes = self._document.entries("rules")
        if self._document.ids("rules") == frozenset(nodes):
            self._check_timers(nodes.values())
        timed = {id: node for id, node in nodes.items() if "every" in node.map}
        rules = {id: self._rule(node) for id, node in nodes.items() if id not in timed}
        majors = [rule for node in self._document.entries("major_complaints").values() for rule in self._major(node)]
        before = self._asked()
        asking = [self._survey(node) for node in self._document.entries("surveys").values() if "every" in node.map]
        rules |= {id: self._rule(node) for id, node in timed.items()}
        self.timed_fields = self._asked() - before
        return (*(rules[id] for id in nodes), *majors, *asking)

    def _asked(self) -> frozenset[str]:
        return frozenset((*self._conditions.fields, *self._conditions.spans))

    def _rule(self, node: Node) -> OwnRule:
        on, every = node.get("on"), node.get("every")
        if (on is None) == (every is None):
            hint = "write `on: EVENT`, or `every: {cron: …}` with `for: tickets` or `for: customers`"
            self._problems.add("CL330", node, "the rule has neither `on` nor `every`, or both", hint)
        do = tuple(self._action(action, node.string("for") == "customers") for action in node["do"].items)
        id, when, source, mode = node.string("id"), self._when(node, every), node.source, node.string("mode", "live")
        if every is None:
            heard = tuple(f"timer {one['timer'].text}" if one.map else one.text for one in on.items) if on else ()
            return EventRule(id, when, source, mode, do, on=heard)
        return self._timed(node, every, when, mode, do, node.string("for"))

    def _timed(
        self, node: Node, every: Node, when: Condition | None, mode: str, do: tuple[Action, ...], subject: str, draw: Draw | None = None
    ) -> TimedRule:
        clock = slots(every, self._document, self._problems)
        return TimedRule(node.string("id"), when, node.source, mode, do, subject=subject, draw=draw, **clock)

    def _survey(self, node: Node) -> TimedRule:
        """Return the rule that a survey by the clock stands for: whom it draws gets a ticket that is the invitation."""
        id, send = node.string("id"), node["send"]
        self._check_free(node["id"])
        when = self._conditions.compile(node["when"], "rules for customers")
        draw = Draw(share(send.string("sample", "100%")), int(send.string("at_least", "0")), send.string("by", "customer.segment"))
        do = Action("open", f"survey: {id}", {"kind": SURVEY, "queue": "", "survey": id})
        return self._timed(node, node["every"], when, "live", (do,), "customers", draw)

    def _major(self, node: Node) -> Iterator[EventRule]:
        """Yield the rules that a kind of major complaint stands for: what is done at once, and each step of its chain."""
        id, tag, queue, tier = (node.string(key) for key in ("id", "tag", "queue", "tier"))
        self._check_free(node["id"])
        steps = node.each("chain")
        do = [_simple("add_tag", tag), _simple("reassign", queue), *([_simple("raise_tier", tier)] if tier else [])]
        do += [self._action(action, False) for action in node.each("do")]
        for number, step in enumerate(steps, 1):
            do.append(_simple("start_timer", f"{id}.{number}", step.string("after")))
        new = Not(Match("ticket.tags", "has", (tag,), node.source), node.source)
        yield EventRule(id, self._and(node, new), node.source, "live", tuple(do), on=node.strings("on") or ("ticket_opened",))
        for number, step in enumerate(steps, 1):
            still = Match("ticket.state", "in", OPEN_STATES, step.source)
            taken = tuple(self._action(action, False) for action in step["do"].items)
            yield EventRule(f"{id}.{number}", self._and(step, still), step.source, "live", taken, on=(f"timer {id}.{number}",))

    def _check_free(self, id: Node) -> None:
        if id.text in (self._document.ids("rules") or ()):
            message = said("a rule is called `{id}` too", id=id.text)
            self._problems.add("CL390", id, message, "give one of them another name: a rule is known by its id")

    def _and(self, node: Node, condition: Condition) -> Condition:
        """Return a condition of ours and, where there is one, that of the policy."""
        when = self._conditions.compile(node["when"], "rules") if "when" in node.map else None
        return condition if when is None else All((when, condition), node.source)

    def _when(self, node: Node, every: Node | None) -> Condition | None:
        when, section = node.get("when"), "rules" if every is None else f"rules for {node.string('for')}"
        if when is not None:
            return self._conditions.compile(when, section)
        if every is not None:
            hint = "add `when: …`: without it, the rule would run for every one of them"
            self._problems.add("CL312", node, "the rule has no condition", hint)
        return None

    def _check_timers(self, nodes: Iterable[Node]) -> None:
        actions = [action for node in nodes for action in node["do"].items]
        started = frozenset(action.string("start_timer") for action in actions if "start_timer" in action.map)
        for timer in (one["timer"] for node in nodes for one in node.each("on") if one.map):
            if timer.text not in started:
                hint: str = suggestion(timer.text, started)
                hint = hint or said("start it in another rule: `{{start_timer: {timer}, after: 2h}}`", timer=timer.text)
                self._problems.add("CL332", timer, said("no rule starts the timer `{timer}`", timer=timer.text), hint)

    def _action(self, node: Node, of_customer: bool) -> Action:
        names = [name for name in ACTIONS if name in node.map]
        if len(names) != 1:
            hint: str = said("write one of {actions} in each entry", actions=", ".join(ACTIONS))
            self._problems.add("CL331", node, "the action says nothing to do, or several things", hint)
            return Action("", "", {})
        name = names[0]
        if of_customer and name != "open":
            hint = "a rule for customers can only `open` a ticket; let another rule go on that: `on: ticket_opened`"
            self._problems.add("CL334", node.keys[name], said("`{action}` needs a ticket", action=name), hint, path=node.path)
        if name == "set_field" and (language := node[name].get("ticket.language")) is not None:
            self._problems.unknown("CL336", language, "language", self._languages)
        entries = {**node[name].map, **node.map}
        values = {key: one.text for key, one in entries.items() if not isinstance(one.value, (bool, dict, list))}
        return Action(
            name,
            ", ".join(f"{key}: {_words(one.plain())}" for key, one in node.map.items()),
            values,
            recipients=self._values.recipients(node.get("notify")),
            text=self._values.text(node[name].get("text")),
            after=duration(node.string("after", "0m")),
        )


def _simple(name: str, value: str, after: str = "0m") -> Action:
    """Return an action that the policy implies, with the words of one that it says."""
    words = f"{name}: {value}{f', after: {after}' if name == 'start_timer' else ''}"
    return Action(name, words, {name: value}, after=duration(after))


def parts(rules: tuple[OwnRule, ...], document: Document) -> dict[str, Any]:
    """Return what of a policy is made of its own rules, by its name there."""
    chain = document.single("chain")
    depth = {} if chain is None else {"chain_depth": int(chain.string("depth"))}
    return {"rules": rules, "triggers": triggers(rules), **depth}


def triggers(rules: Iterable[OwnRule]) -> Mapping[str, Rules[EventRule]]:
    """Return the rules that follow events and are no drafts, by what they go on."""
    found: dict[str, list[EventRule]] = {}
    for rule in rules:
        if isinstance(rule, EventRule) and rule.mode != "draft":
            for on in rule.on:
                found.setdefault(on, []).append(rule)
    return {on: Rules(those) for on, those in found.items()}


def _words(value: Plain) -> str:
    """Return a value as the policy has it, in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_words(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_words, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
