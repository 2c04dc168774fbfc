"""Builds the compiled parts of a policy out of sound entries, and checks what they refer to."""

from collections.abc import Mapping
from datetime import timedelta

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
    Survey,
    Tier,
)
from engine.core.conditions import Condition, Source
from engine.core.escalations import Gathering, Limits, Quiet
from engine.core.grants import Authority
from engine.core.grouping import IncidentGroup, Incidents
from engine.core.text import Negation
from engine.policy import incidents, routing
from engine.policy.authority import compile_authority
from engine.policy.calendars import zone
from engine.policy.conditions import Conditions, check_order, rule_condition
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.own_rules import OwnRules
from engine.policy.references import References
from engine.policy.said import said
from engine.policy.texts import text_map
from engine.policy.units import duration, quiet_hours, share


class Builder:
    """Builds part after part; every problem is reported, and what is not sound is left out."""

    def __init__(self, document: Document, languages: tuple[str, ...], problems: Problems, calendars: Mapping[str, Calendar]) -> None:
        self._document = document
        self._languages = languages
        self._problems = problems
        self.references = References(document, problems)
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
        return tuple(KindRule(*self._rule(node, "kinds"), kind=node.string("kind")) for node in self._rules("kinds"))

    def calls(self) -> tuple[CallRule, ...]:
        """Return the rules that say what a call leads to."""
        return tuple(self._call(node) for node in self._rules("calls"))

    def tiers(self) -> tuple[Tier, ...]:
        """Return the tiers in the order they are asked."""
        return tuple(self._tier(node) for node in self._rules("tiers"))

    def deadlines(self) -> dict[str, DeadlineKind]:
        """Return the kinds of deadline by name."""
        return {name: self._deadline(name, node) for name, node in self._document.entries("deadlines").items()}

    def queues(self) -> dict[str, Queue]:
        """Return the queues by id."""
        common = routing.assignment(self._document)
        return {name: self._queue(name, node, common) for name, node in self._document.entries("queues").items()}

    def routes(self) -> tuple[Route, ...]:
        """Return the routes in the order they are asked."""
        found: list[Route] = []
        for node in self._rules("routes"):
            self.references.queue(node["queue"])
            found.append(Route(*self._rule(node, "routes"), queue=node.string("queue"), skills=routing.skills(node.get("skills"))))
        return tuple(found)

    def surveys(self) -> tuple[Survey, ...]:
        """Return the surveys."""
        return tuple(filter(None, (self._survey(node) for node in self._document.entries("surveys").values())))

    def incidents(self) -> tuple[Incidents | None, tuple[IncidentGroup, ...]]:
        """Return what is done with an incident, and which tickets make one."""
        found = incidents.groups(self._document, self._languages, self._conditions, self.references, self._problems)
        return incidents.incidents(self._document, self.references), found

    def own_rules(self) -> tuple[tuple[OwnRule, ...], frozenset[str]]:
        """Return the rules of the house's own, and what only those by the clock ask: to be built behind everything else."""
        own = OwnRules(self._document, self._languages, self._problems, self._conditions, self.references)
        return own.build(), own.timed_fields

    def authority(self) -> Authority | None:
        """Return who may grant what; None where the policy gives nobody any authority."""
        return compile_authority(self._document, self._languages, self._problems, self._conditions)

    def _rules(self, section: str) -> list[Node]:
        """Return the entries of a list of rules; its order is only judged when all of them are sound."""
        sound = self._document.entries(section)
        if self._document.ids(section) == frozenset(sound):
            check_order(list(sound.values()), section, self._problems)
        return list(sound.values())

    def _rule(self, node: Node, section: str) -> tuple[str, Condition | None, Source]:
        return node.string("id"), rule_condition(node, section, self._conditions, self._problems), node.source

    def _text(self, node: Node | None) -> Mapping[str, str]:
        return text_map(node, self._languages, self._problems)

    def _call(self, node: Node) -> CallRule:
        opened = node.get("open")
        ways = [key for key in ("open", "contact", "ignore") if key in node.map]
        if len(ways) != 1:
            hint = "write one of `open: {kind: …}`, `contact: true`, `ignore: true`"
            self._problems.add("CL202", node, "the rule does not say what the call leads to", hint)
        if opened is None:
            return CallRule(*self._rule(node, "calls"), notes_contact="contact" in node.map)
        self.references.queue(opened.get("queue"))
        queue, script = (opened.string(key) or None for key in ("queue", "script"))
        return CallRule(*self._rule(node, "calls"), opens=opened.string("kind"), queue=queue, script=script)

    def _tier(self, node: Node) -> Tier:
        budgets = {kind: duration(budget.text) for kind, budget in node["budgets"].map.items()}
        for kind, budget in node["budgets"].map.items():
            self.references.deadline(Node(kind, node["budgets"].keys[kind], budget.path))
        if "response" in budgets and "plan" in budgets and budgets["response"] > budgets["plan"]:
            message = "the response is promised later than the plan"
            self._problems.add("CL651", node["budgets"]["response"], message, "is one of the two figures a slip?")
        calendar = self.references.calendar_of_clocks(node["calendar"]) or ""
        return Tier(*self._rule(node, "tiers"), label=self._text(node["label"]), budgets=budgets, calendar=calendar)

    def _deadline(self, name: str, node: Node) -> DeadlineKind:
        budget, budgets, promised = node.get("budget"), node.get("budgets"), node.get("promised")
        self._check_length(name, node)
        if (others := node.get("unless_running")) is not None:
            for other in others.items:
                self.references.deadline(other)
        if "remind" in node.map and "remind_script" not in node.map:
            message = "`remind` needs the key `remind_script` beside it"
            self._problems.add("CL202", node.keys["remind"], message, "add `remind_script: …`", path=node.path)
        return DeadlineKind(
            name,
            label=self._text(node["label"]),
            starts=frozenset(node.strings("starts")),
            stops=frozenset(node.strings("stops")),
            source=node.source,
            resets=frozenset(node.strings("resets")),
            pauses_in=frozenset(node.strings("pauses_in")),
            budget=duration(budget.text) if budget else None,
            calendar=self.references.calendar_of_clocks(node.get("calendar")),
            due=node.string("due") or None,
            remind=tuple(duration(text) for text in node.strings("remind")),
            remind_script=node.string("remind_script") or None,
            then=node.string("then") or None,
            budgets=tuple(self._budget(name, number, item) for number, item in enumerate(budgets.items if budgets else (), 1)),
            unless_running=frozenset(node.strings("unless_running")),
            promised=promised.value is True if promised else "ticket_opened" in node.strings("starts"),
        )

    def _budget(self, deadline: str, number: int, node: Node) -> Budget:
        """Build one of a deadline's own budgets; its id is how decisions and tests name it."""
        calendar = self.references.calendar_of_clocks(node.get("calendar"))
        when = self._conditions.compile(node["when"], "deadlines")
        return Budget(f"{deadline}.budget.{number}", when, node.source, duration(node.string("budget")), calendar)

    def _check_length(self, name: str, node: Node) -> None:
        """Report a deadline that neither has a budget nor gets one from any tier, nor takes a given instant."""
        tiers = self._document.entries("tiers")
        if not {"budget", "budgets", "due"}.isdisjoint(node.map) or self._document.ids("tiers") != frozenset(tiers):
            return
        if not any(name in tier["budgets"].map for tier in tiers.values()):
            hint = "add `budget: …` here, or a budget of this name to a tier"
            self._problems.add("CL309", node, said("the deadline `{name}` has no length: no tier has a budget for it", name=name), hint)

    def _queue(self, name: str, node: Node, common: Assignment | None) -> Queue:
        return Queue(
            id=name,
            label=self._text(node.get("label")),
            lead=node.string("lead"),
            calendar=self.references.calendar(node.get("calendar")),
            source=node.source,
            assignment=routing.own_assignment(node.get("assignment"), common),
            spill_over=routing.spill_over(name, node.get("spill_over"), self.references, self._problems),
            backup=node.strings("backup"),
        )

    def _survey(self, node: Node) -> Survey | None:
        send = node["send"]
        quiet = send.get("quiet")
        when = self._conditions.compile(node["when"], "surveys") if "every" not in node.map else None
        questions = tuple(self._question(question) for question in node["questions"].items)
        self._check_questions(node["questions"])
        scored = {question.scale.id for question in questions if question.scale.high}
        self.references.outcome(node.get("outcome"), frozenset(scored))
        low_score = self._low_score(node.get("low_score"))
        if when is None and "every" not in node.map:
            return None
        return Survey(
            id=node.string("id"),
            when=when,
            within=duration(send.string("within")),
            after=duration(send.string("after", "0m")),
            quiet=quiet_hours(quiet.text) if quiet else None,
            at_most_every=duration(send.string("at_most_every", "0d")),
            sample=share(send.string("sample", "100%")),
            channels=node.strings("channels"),
            expires=duration(node.string("expires")),
            remind=tuple(duration(text) for text in node.strings("remind")),
            anonymity=node.string("anonymity"),
            together=int(node.string("together", "5")),
            intro=self._text(node["intro"]),
            questions=questions,
            scripts={role: script.text for role, script in node["scripts"].map.items()},
            low_score=low_score,
            source=node.source,
            outcome=node.string("outcome") or None,
        )

    def _question(self, node: Node) -> Question:
        if len({"scale", "options", "text"} & node.map.keys()) != 1:
            hint = "write one of `scale: 1-5` for a score, `options: {…}` for a choice, `text: true` for words of the customer's own"
            self._problems.add("CL202", node, "the question asks for nothing, or for several things", hint)
        low, _, high = node.string("scale", "0-0").partition("-")
        options = {id: self._text(text) for id, text in node["options"].map.items()} if "options" in node.map else {}
        scale = Scale(node.string("id"), int(low), int(high), "text" in node.map, tuple(options), node.string("choose") == "many")
        return Question(scale, self._text(node["ask"]), self._labels(node.get("labels"), scale), options)

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
        if node.map:
            text_map(Node(dict.fromkeys(node.map, node), node.span, node.path, node.keys), self._languages, self._problems)
        return {language: tuple(label.text for label in labels.items) for language, labels in by_language.items()}

    def _check_questions(self, questions: Node) -> None:
        seen: dict[str, Node] = {}
        for question in questions.items:
            if (name := question.get("id")) is None:
                continue  # words of the customer's own are kept without a question
            if name.text in seen:
                self._problems.add(
                    "CL301",
                    name,
                    said("the id `{name}` is used twice", name=name.text),
                    said("the first stands in {place}", place=seen[name.text].source),
                )
            seen.setdefault(name.text, name)

    def _low_score(self, node: Node | None) -> LowScore | None:
        if node is None:
            return None
        opened = node["open"]
        self.references.queue(opened["queue"])
        when = self._conditions.compile(node["when"], "low_score")
        if when is None:
            return None
        within = duration(opened.string("within", "0m"))
        return LowScore(when, opened.string("kind"), opened.string("queue"), within, node.strings("opt_in"), node.source)


def company(document: Document, problems: Problems) -> Company | None:
    """Return who speaks; None when its section is not sound."""
    node = document.single("company")
    if node is None:
        return None
    zone(node["timezone"], problems)
    languages = node.strings("languages")
    return Company(text_map(node["name"], languages, problems), node.string("timezone"), languages, node.string("hotline"))


def limits(document: Document, references: References) -> Limits | None:
    """Return how many automatic messages one address may get, and when notices wait or go together; report unknown tiers."""
    node = document.single("limits")
    if node is None:
        return None
    caps, digest, quiet = node["automatic_messages"], node.get("digest"), node.get("quiet")
    for tier in quiet["except"].items if quiet and "except" in quiet.map else ():
        references.tier(tier)
    return Limits(
        per_customer=int(caps.string("per_customer")),
        per_agent=int(caps.string("per_agent")),
        within=duration(caps.string("within")),
        digest=Gathering(int(digest.string("after")), duration(digest.string("within"))) if digest else None,
        quiet=Quiet(quiet_hours(quiet.string("hours")), quiet.strings("except")) if quiet else None,
    )


def replies(document: Document) -> ReplyWords | None:
    """Return the words customers answer with."""
    node = document.single("replies")
    return None if node is None else ReplyWords(**{key: node.strings(key) for key in node.map})


def negation(document: Document) -> Negation | None:
    """Return how a text denies a keyword."""
    node = document.single("negation")
    return None if node is None else Negation(**{key: node.strings(key) for key in node.map})


def commands(document: Document) -> dict[str, tuple[str, ...]]:
    """Return the words by which agents act in mail replies."""
    entries = document.entries("commands")
    return {action: tuple(word.text for word in node.items) for action, node in entries.items()}
