"""Compiles matchers into conditions and checks what they refer to."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import cast

import re2

from engine.core.calendar import Calendar
from engine.core.conditions import All, Any, Condition, FieldType, Match, Named, Not, Scalar
from engine.core.text import normalise
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.installed import installed
from engine.policy.nodes import Node
from engine.policy.references import calendars
from engine.policy.said import foreign, said
from engine.policy.units import duration

_REFERENCES = {"ticket.tier": "tiers", "ticket.queue": "queues"}
_ABSENT = {
    "kinds": (("answer.",), said("a message")),
    "tiers": (("answer.",), said("the grading of a ticket")),
    "routes": (("answer.",), said("the routing of a ticket")),
    "surveys": (("answer.",), said("the sending of a survey")),
    "deadlines": (("answer.",), said("the start of a clock")),
    "calls": (("answer.", "ticket."), said("a call")),
    "grants": (("answer.", "call."), said("the granting of a concession")),
    "groups": (("answer.",), said("the grouping of tickets")),
    "rules": (("answer.",), said("a rule of your own")),
    "rules for tickets": (("answer.", "call."), said("a rule that goes by the clock")),
    "rules for customers": (("answer.", "call.", "ticket."), said("a rule for customers")),
}
"""By section: the fields that have no value where its rules are asked, and what is judged there."""

_PATTERN_STEPS = 8192
_PATTERN_MEMORY = 24 << 20
"""Bounds of a pattern: the steps of its compiled program, and the bytes its automaton may take. RE2 falls back to a way a hundred times
slower where memory is short or groups are captured. Within these bounds the patterns of benchmarks/patterns.py take less than 50 ms on a
text of 100,000 characters.
"""

_WIDE_COMMAS = "\uff0c\u3001\uff1b"


class Conditions:
    """Compiles the conditions of one document.

    `keywords` gathers every keyword they mention, `fields` the fields they ask, `spans` the span of each counted one by its name.
    """

    def __init__(self, document: Document, languages: tuple[str, ...], problems: Problems, calendars: Mapping[str, Calendar]) -> None:
        self._document = document
        self._calendars = calendars
        self._languages = languages
        self._problems = problems
        self._named: dict[str, Condition | None] = {}
        self._pending: list[str] = []
        self.keywords: dict[str, None] = {}
        self.fields: set[str] = set()
        self.spans: dict[str, timedelta] = {}
        for name in document.entries("conditions"):
            self._use(name, None)

    def compile(self, when: Node, section: str) -> Condition | None:
        """Return the condition of a `when:` in that section, None (with a diagnostic) when it cannot be one."""
        condition = self._when(when)
        if condition is not None:
            self._check_place(condition, when, section)
        return condition

    def _when(self, node: Node) -> Condition | None:
        if isinstance(node.value, list):
            return self._all(node)
        return self._matcher(node)

    def _matcher(self, node: Node) -> Condition | None:
        if (parts := node.get("all")) is not None:
            return self._all(parts)
        if (parts := node.get("any")) is not None:
            found = [self._matcher(part) for part in parts.items]
            known = tuple(part for part in found if part is not None)
            return Any(known, node.source) if len(known) == len(found) else None
        if (part := node.get("not")) is not None:
            inner = self._when(part)
            return None if inner is None else Not(inner, node.source)
        if (name := node.get("use")) is not None:
            inner = self._use(name.text, name)
            return None if inner is None else Named(name.text, inner, node.source)
        return self._match(node)

    def _all(self, node: Node) -> Condition | None:
        found = [self._matcher(part) for part in node.items]
        known = tuple(part for part in found if part is not None)
        if len(known) != len(found):
            return None
        return known[0] if len(known) == 1 else All(known, node.source)

    def _use(self, name: str, place: Node | None) -> Condition | None:
        """Return the named condition, compiling it at its first use."""
        if name in self._pending:
            circle = " → ".join([*self._pending[self._pending.index(name) :], name])
            node = self._document.entries("conditions")[name] if place is None else place
            self._problems.add(
                "CL303", node, said("conditions use each other in a circle: {circle}", circle=circle), "take one of these uses out"
            )
            return None
        if name in self._named:
            return self._named[name]
        entry = self._document.entries("conditions").get(name)
        if entry is None:
            self._problems.unknown("CL302", place, "condition", self._document.ids("conditions"))
            return None
        self._pending.append(name)
        self._named[name] = compiled = self._when(entry)
        self._pending.pop()
        return compiled

    def _match(self, node: Node) -> Condition | None:
        name = node.string("field")
        field = installed().fields[name]
        self.fields.add(name)
        operator = next(key for key in node.map if key not in {"field", "last"})
        expected = node[operator]
        if operator in {"within", "satisfies"}:
            return self._test(node, name, operator, expected)
        if operator == "mentions":
            return self._mentions(node, name, expected)
        if operator == "matches":
            pattern = self._pattern(expected)
            return pattern and Match(name, operator, expected.text, node.source, field.personal, pattern)
        if operator != "exists":
            self._check_references(name, expected)
        if operator in {"is", "in"}:
            self._check_patterns(expected)
        if field.counted:
            name = f"{name} last {node.string('last')}"
            self.spans[name] = duration(node.string("last"))
        span = field.type is FieldType.DURATION and operator != "exists"
        items = tuple(duration(item.text) if span else cast(Scalar, item.value) for item in expected.items)
        if operator == "between" and items[1] < items[0]:  # type: ignore[operator]  # two numbers or two durations
            first, second = (item.text for item in expected.items)
            hint = "write the smaller value first"
            self._problems.add(
                "CL205", expected, said("the range runs backwards, from {first} to {second}", first=first, second=second), hint
            )
        value = items if operator in {"in", "has", "between"} else items[0]
        return Match(name, operator, value, node.source, field.personal)

    def _test(self, node: Node, name: str, operator: str, expected: Node) -> Condition | None:
        """Compile an operator that names what answers it: `within` a calendar, `satisfies` a predicate."""
        if operator == "within":
            self._problems.unknown("CL305", expected, "calendar", calendars(self._document))
            calendar = self._calendars.get(expected.text)
            return None if calendar is None else Match(name, operator, expected.text, node.source, test=calendar.is_open)
        known = installed().predicates
        if (test := known.get(expected.text)) is None:
            hint = "predicates come with plugins, and no plugin installed here offers any"
            self._problems.unknown("CL318", expected, "predicate", known, hint)
            return None
        return Match(name, operator, expected.text, node.source, installed().fields[name].personal, test=test)

    def _mentions(self, node: Node, name: str, expected: Node) -> Condition | None:
        words = expected.items
        if not all_visible(expected, self._problems):
            return None
        for word in words:
            if any(comma in word.text for comma in _WIDE_COMMAS):
                hint = "two keywords are separated by a half-width comma: `, `"
                self._problems.add("CL652", word, said("the keyword `{word}` holds a full-width comma", word=word.text), hint)
        self.keywords.update(dict.fromkeys(word.text for word in words))
        return Match(name, "mentions", tuple(word.text for word in words), node.source, installed().fields[name].personal)

    def _pattern(self, expected: Node) -> "re2._Regexp | None":
        options = re2.Options()
        options.log_errors, options.never_capture, options.max_mem = False, True, _PATTERN_MEMORY
        try:
            pattern = re2.compile(expected.text, options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            hint = "patterns are RE2: no look-ahead, no back-references (github.com/google/re2/wiki/Syntax)"
            self._problems.add("CL314", expected, said("the pattern cannot be compiled: {reason}", reason=foreign(reason)), hint)
            return None
        if pattern.programsize > _PATTERN_STEPS:
            message = said("the pattern is too large: {size} steps, at most {most}", size=pattern.programsize, most=_PATTERN_STEPS)
            self._problems.add("CL314", expected, message, "repeat less (`{1,50}`), or use `mentions` for words")
            return None
        return pattern

    def _check_patterns(self, expected: Node) -> None:
        """Advise who seems to take a value for a pattern."""
        for item in expected.items:
            if isinstance(item.value, str) and ("*" in item.value or "|" in item.value):
                hint = "several values are a list: `in: [a, b]`; patterns are asked with `matches`"
                self._problems.add("CL654", item, said("`{item}` is compared as it stands, `*` and `|` too", item=item.text), hint)

    def _check_references(self, field: str, expected: Node) -> None:
        if field == "ticket.language":
            known: frozenset[str] | None = frozenset(self._languages) or None
        elif (section := _REFERENCES.get(field)) is not None:
            known = self._document.ids(section)
        else:
            return
        for item in expected.items:
            self._problems.unknown("CL318", item, field.removeprefix("ticket."), known)

    def _check_place(self, condition: Condition, when: Node, section: str) -> None:
        """Report the first field that can have no value where the condition is asked."""
        absent, where = _ABSENT.get(section, ((), said("")))
        for match in _matches(condition):
            if match.field.startswith(absent):
                place = next((node for node in when.walk() if node.source == match.source), when)
                hint = "the matcher would never hold; ask another field"
                self._problems.add("CL319", place, said("{field} has no value at {where}", field=match.field, where=where), hint)
                return


def all_visible(words: Node, problems: Problems) -> bool:
    """Whether something can be seen in each of the words; report those in which nothing can."""
    empty = [word for word in words.items if not normalise(word.text).strip()]
    for word in empty:
        problems.add("CL205", word, "nothing is visible in this keyword", "write the word that people use")
    return not empty


def rule_condition(node: Node, section: str, conditions: Conditions, problems: Problems) -> Condition | None:
    """Return the condition of a rule, None for the default rule; report a rule that has neither `when` nor `default`, or both."""
    when, default = node.get("when"), node.get("default")
    if when is None and default is None:
        problems.add("CL312", node, "the rule has no condition", "add `when: …`, or `default: true` if it is the last one")
    if when is not None and default is not None:
        problems.add("CL312", default, "the default rule cannot have a condition", "leave out `when`, or `default: true`")
    return None if when is None else conditions.compile(when, section)


def check_order(rules: list[Node], what: str, problems: Problems) -> None:
    """Report a list of rules whose last is not the only default."""
    for rule in rules[:-1]:
        if rule.get("default") is not None:
            hint = "move it to the end: rules behind it are never asked"
            problems.add("CL311", rule["default"], said("a default stands before the end of {what}", what=what), hint)
    if rules and rules[-1].get("default") is None:
        hint = "add a last entry with `default: true`, so that every case is decided"
        problems.add("CL310", rules[-1].span, said("the last of {what} is not the default", what=what), hint, path=what)


def _matches(condition: Condition) -> Iterator[Match]:
    if isinstance(condition, Match):
        yield condition
        return
    for part in condition.parts if isinstance(condition, (All, Any)) else (condition.part,):
        yield from _matches(part)
