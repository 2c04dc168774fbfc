"""Builds the compiled parts of a policy out of sound entries, and checks what no schema and no table of references can tell."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from engine.core.alerts import AlertRule, Opens
from engine.core.answers import ReplyWords, Scale
from engine.core.calendar import Calendar
from engine.core.compiled import (
    Assignment,
    Budget,
    CallRule,
    Company,
    DeadlineKind,
    KindRule,
    LowScore,
    OwnRule,
    Question,
    Queue,
    Route,
    Rule,
    Survey,
    Tier,
)
from engine.core.escalations import Escalation, EscalationStep, Gathering, Limits, Opening, Quiet
from engine.core.grants import Authority
from engine.core.grouping import IncidentGroup, Incidents
from engine.core.text import Negation
from engine.policy.authority import compile_authority
from engine.policy.calendars import zone
from engine.policy.conditions import Conditions, check_order, rule_condition
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.own_rules import OwnRules
from engine.policy.said import said
from engine.policy.units import duration
from engine.policy.values import Values

OneRule = TypeVar("OneRule", bound=Rule)


class Builder:
    """Builds part after part; every problem is reported, and what is not sound is left out."""

    def __init__(self, document: Document, languages: tuple[str, ...], problems: Problems, calendars: Mapping[str, Calendar]) -> None:
        self._document = document
        self._languages = languages
        self._problems = problems
        self.values = Values(languages, problems)
        self._conditions = Conditions(document, languages, problems, calendars)

    @property
    def keywords(self) -> tuple[str, ...]:
        """Every keyword that some condition mentions; complete once all rules are built."""
        return tuple(self._conditions.keywords)

    @property
    def fields(self) -> frozenset[str]:
        """Every field that some condition asks; complete once all rules are built."""
        return frozenset(self._conditions.fields)

    @property
    def spans(self) -> Mapping[str, timedelta]:
        """The span of every counted field, by its name; complete once all rules are built."""
        return dict(self._conditions.spans)

    def kinds(self) -> tuple[KindRule, ...]:
        """Return the rules that say what kind of need a message is."""
        return tuple(self._rule(KindRule, node, "kinds") for node in self._rules("kinds"))

    def calls(self) -> tuple[CallRule, ...]:
        """Return the rules that say what a call leads to."""
        return tuple(self._call(node) for node in self._rules("calls"))

    def tiers(self) -> tuple[Tier, ...]:
        """Return the tiers in the order they are asked."""
        return tuple(self._tier(node) for node in self._rules("tiers"))

    def deadlines(self) -> dict[str, DeadlineKind]:
        """Return the kinds of deadline by name."""
        return {name: self._deadline(name, node) for name, node in self._document.entries("deadlines").items()}

    def escalations(self) -> tuple[Escalation, ...]:
        """Return the escalations; report a deadline that stands in two of them."""
        seen: dict[str, Node] = {}
        for deadline in self._document.find("escalations.*.deadlines.*"):
            if deadline.text in seen:
                hint = said("it stands in {place} already; keep one of them", place=seen[deadline.text].source)
                self._problems.add("CL320", deadline, said("the deadline `{deadline}` is escalated twice", deadline=deadline.text), hint)
            seen.setdefault(deadline.text, deadline)
        return tuple(
            self.values.make(Escalation, node, id=name, steps=self._steps(node))
            for name, node in self._document.entries("escalations").items()
        )

    def queues(self, common: Assignment | None) -> dict[str, Queue]:
        """Return the queues by id; what their own assignment leaves out is as in the common one."""
        return {name: self._queue(name, node, common) for name, node in self._document.entries("queues").items()}

    def routes(self) -> tuple[Route, ...]:
        """Return the routes in the order they are asked."""
        return tuple(self._rule(Route, node, "routes", skills=skills(node.get("skills"))) for node in self._rules("routes"))

    def surveys(self) -> tuple[Survey, ...]:
        """Return the surveys."""
        return tuple(filter(None, (self._survey(node) for node in self._document.entries("surveys").values())))

    def incidents(self) -> tuple[Incidents | None, tuple[IncidentGroup, ...]]:
        """Return what is done with an incident, and which tickets make one, in the order in which they are asked."""
        node, found = self._document.single("incidents"), self._document.entries("groups")
        if found and not self._document.has("incidents"):
            self._problems.lacking("incidents")
        scripts = {key: script.text for key, script in node["scripts"].map.items()} if node else {}
        return self.values.optional(Incidents, node, scripts=scripts), tuple(self._group(id, group) for id, group in found.items())

    def alert(self, node: Node) -> AlertRule:
        """Return what is done when an alert is raised, for what is watched and for clusters."""
        opened = node.get("open")
        opens = self.values.optional(Opens, opened, queue=opened.string("queue", node.string("queue")) if opened else "")
        return self.values.make(AlertRule, node, opens=opens)

    def own_rules(self) -> tuple[tuple[OwnRule, ...], frozenset[str]]:
        """Return the rules of the house's own, and what only those by the clock ask: to be built behind everything else."""
        own = OwnRules(self._document, self._languages, self._problems, self._conditions)
        return own.build(), own.timed_fields

    def authority(self) -> Authority | None:
        """Return who may grant what; None where the policy gives nobody any authority."""
        return compile_authority(self._document, self.values, self._problems, self._conditions)

    def limits(self) -> Limits | None:
        """Return how many automatic messages one address may get, and when notices wait or go together."""
        node, make = self._document.single("limits"), self.values.optional
        if node is None:
            return None
        digest, quiet = make(Gathering, node.get("digest")), node.get("quiet")
        exempt = make(Quiet, quiet, exempt=quiet.strings("except") if quiet else ())
        return self.values.make(Limits, node["automatic_messages"], digest=digest, quiet=exempt)

    def _rules(self, section: str) -> list[Node]:
        """Return the entries of a list of rules; its order is only judged when all of them are sound."""
        sound = self._document.entries(section)
        if self._document.ids(section) == frozenset(sound):
            check_order(list(sound.values()), section, self._problems)
        return list(sound.values())

    def _rule(self, kind: type[OneRule], node: Node, section: str, **known: Any) -> OneRule:
        return self.values.make(kind, node, when=rule_condition(node, section, self._conditions, self._problems), **known)

    def _call(self, node: Node) -> CallRule:
        ways = [key for key in ("open", "contact", "ignore") if key in node.map]
        if len(ways) != 1:
            hint = "write one of `open: {kind: …}`, `contact: true`, `ignore: true`"
            self._problems.add("CL202", node, "the rule does not say what the call leads to", hint)
        if (opened := node.get("open")) is None:
            return self._rule(CallRule, node, "calls", notes_contact="contact" in node.map)
        queue, script = (opened.string(key) or None for key in ("queue", "script"))
        return self._rule(CallRule, node, "calls", opens=opened.string("kind"), queue=queue, script=script)

    def _tier(self, node: Node) -> Tier:
        tier = self._rule(Tier, node, "tiers")
        if {"response", "plan"} <= tier.budgets.keys() and tier.budgets["response"] > tier.budgets["plan"]:
            message = "the response is promised later than the plan"
            self._problems.add("CL651", node["budgets"]["response"], message, "is one of the two figures a slip?")
        return tier

    def _deadline(self, name: str, node: Node) -> DeadlineKind:
        self._check_length(name, node)
        if "remind" in node.map and "remind_script" not in node.map:
            message = "`remind` needs the key `remind_script` beside it"
            self._problems.add("CL202", node.keys["remind"], message, "add `remind_script: …`", path=node.path)
        promised, budgets = node.get("promised"), node.each("budgets")
        return self.values.make(
            DeadlineKind,
            node,
            name=name,
            budgets=tuple(self._budget(name, number, item) for number, item in enumerate(budgets, 1)),
            promised=promised.value is True if promised else "ticket_opened" in node.strings("starts"),
        )

    def _budget(self, deadline: str, number: int, node: Node) -> Budget:
        """Build one of a deadline's own budgets; its id is how decisions and tests name it."""
        when = self._conditions.compile(node["when"], "deadlines")
        return self.values.make(Budget, node, id=f"{deadline}.budget.{number}", when=when)

    def _check_length(self, name: str, node: Node) -> None:
        """Report a deadline that neither has a budget nor gets one from any tier, nor takes a given instant."""
        tiers = self._document.entries("tiers")
        if not {"budget", "budgets", "due"}.isdisjoint(node.map) or self._document.ids("tiers") != frozenset(tiers):
            return
        if not any(name in tier["budgets"].map for tier in tiers.values()):
            hint = "add `budget: …` here, or a budget of this name to a tier"
            self._problems.add("CL309", node, said("the deadline `{name}` has no length: no tier has a budget for it", name=name), hint)

    def _steps(self, node: Node) -> tuple[EscalationStep, ...]:
        """Return what follows a breach in order of time; a step without a script says what the one before it said."""
        steps: list[EscalationStep] = []
        script = ""
        for step in node.each("steps"):
            script = step.string("script", script)
            if not script and "notify" in step.map:
                hint = "add `script: …`; a step without one says again what the step before it said"
                path = node["steps"].path  # of which a step is the first one
                self._problems.add("CL202", step.span, "the first step does not say which script it sends", hint, path=path)
            at, raised = step.string("at"), step["raise_tier"].value if "raise_tier" in step.map else False
            made = self.values.make(
                EscalationStep,
                step,
                after=duration("0m" if at == "breach" else at.removeprefix("+")),
                script=script,
                raise_tier="" if raised is True else raised or None,
                opens=self.values.optional(Opening, step.get("open")),
            )
            steps.append(made)
        return tuple(sorted(steps, key=lambda one: one.after))

    def _queue(self, name: str, node: Node, common: Assignment | None) -> Queue:
        for one in spill_over.each("to") if (spill_over := node.get("spill_over")) else ():
            if one.text == name:
                self._problems.add("CL370", one, said("the queue `{queue}` spills over to itself", queue=name), "name another queue")
        own = node.get("assignment") if common else None
        usual = {
            key: getattr(common, key)
            for key in ("order", "capacity", "on_no_response", "on_away", "offered_again")
            if own and key not in own.map
        }
        return self.values.make(Queue, node, id=name, assignment=self.values.optional(Assignment, own, **usual))

    def _group(self, id: str, node: Node) -> IncidentGroup:
        raised = node.get("alert")
        return self.values.make(
            IncidentGroup,
            node,
            id=id,
            when=self._conditions.compile(node["when"], "groups"),
            alert=self.alert(raised) if raised is not None else None,
            baseline=duration(raised.string("baseline")) if raised is not None and "baseline" in raised.map else None,
        )

    def _survey(self, node: Node) -> Survey | None:
        when = self._conditions.compile(node["when"], "surveys") if "every" not in node.map else None
        questions, low_score = tuple(map(self._question, node["questions"].items)), self._low_score(node.get("low_score"))
        self._check_questions(node["questions"])
        scored = frozenset(question.scale.id for question in questions if question.scale.high)
        self._problems.unknown("CL394", node.get("outcome"), "scored question", scored)
        if when is None and "every" not in node.map:
            return None
        scripts = {role: script.text for role, script in node["scripts"].map.items()}
        return self.values.make(Survey, joined(node, "send"), when=when, questions=questions, scripts=scripts, low_score=low_score)

    def _question(self, node: Node) -> Question:
        if len({"scale", "options", "text"} & node.map.keys()) != 1:
            hint = "write one of `scale: 1-5` for a score, `options: {…}` for a choice, `text: true` for words of the customer's own"
            self._problems.add("CL202", node, "the question asks for nothing, or for several things", hint)
        low, _, high = node.string("scale", "0-0").partition("-")
        options = {id: self.values.text(text) for id, text in node["options"].map.items()} if "options" in node.map else {}
        scale = Scale(node.string("id"), int(low), int(high), "text" in node.map, tuple(options), node.string("choose") == "many")
        return Question(scale, self.values.text(node["ask"]), self._labels(node.get("labels"), scale), options)

    def _labels(self, node: Node | None, scale: Scale) -> dict[str, tuple[str, ...]]:
        if node is None:
            return {}
        by_language = node.map or {self._languages[0]: node}
        points = scale.high - scale.low + 1
        for labels in by_language.values():
            if len(labels.items) != points and not scale.text:
                message = said("{count} labels for {points} points", count=len(labels.items), points=points)
                self._problems.add(
                    "CL207", labels, message, said("write one label for each point from {low} to {high}", low=scale.low, high=scale.high)
                )
        for language in node.map:
            self.values.speaks(node, language)
        return {language: tuple(label.text for label in labels.items) for language, labels in by_language.items()}

    def _check_questions(self, questions: Node) -> None:
        seen: dict[str, Node] = {}
        for name in filter(None, (question.get("id") for question in questions.items)):  # the customer's own words are kept without one
            if name.text in seen:
                self._problems.twice(name, seen[name.text])
            seen.setdefault(name.text, name)

    def _low_score(self, node: Node | None) -> LowScore | None:
        if node is None or (when := self._conditions.compile(node["when"], "low_score")) is None:
            return None
        return self.values.make(LowScore, joined(node, "open"), when=when)


def joined(node: Node, key: str) -> Node:
    """Return an entry as if what stands under one of its keys stood beside it."""
    return Node({**node.map, **node[key].map}, node.span, node.path)


def company(document: Document, problems: Problems) -> Company | None:
    """Return who speaks; None when its section is not sound."""
    node = document.single("company")
    if node is None:
        return None
    zone(node["timezone"], problems)
    return Values(node.strings("languages"), problems).make(Company, node)


def assignment(document: Document, values: Values) -> Assignment | None:
    """Return how agents are chosen; None when that section is not sound."""
    node = document.single("assignment")
    return values.optional(Assignment, node, on_away=node.string("on_away", "keep") if node else "")


def skills(node: Node | None) -> dict[str, int]:
    """Return the level that each needed skill must have: 1 where only the skill is named."""
    if node is None:
        return {}
    return {name: int(level.text) for name, level in node.map.items()} or {item.text: 1 for item in node.items}


def words(document: Document, values: Values) -> tuple[ReplyWords | None, Negation | None]:
    """Return the words customers answer with, and how a text denies a keyword."""
    replies, negation = (document.single(section) for section in ("replies", "negation"))
    breaks = negation.strings("clause_breaks") if negation else ()
    return values.optional(ReplyWords, replies), values.optional(Negation, negation, clause_breaks=breaks)


def commands(document: Document) -> dict[str, tuple[str, ...]]:
    """Return the words by which agents act in mail replies."""
    entries = document.entries("commands")
    return {action: tuple(word.text for word in node.items) for action, node in entries.items()}
