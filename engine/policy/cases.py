"""Loads the tests beside a policy (tests/*.yaml) and holds every name in them against policy and team. Tests are data, not policy."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.core.compiled import Policy
from engine.core.decide.actions import ACTIONS
from engine.core.model import CUSTOMER
from engine.core.team import Team
from engine.policy.compilation import read_document
from engine.policy.diagnostics import Diagnostic, Problems, suggestion
from engine.policy.nodes import Node
from engine.policy.rules import rules_of
from engine.policy.said import said
from engine.policy.sources import kind_of, names, read_text

CHANNELS: Mapping[str, str] = {"email": "email", "sms": "phone", "phone_log": "phone"}
"""The channels of a test and the kind of address each has, whatever the deployment calls its own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: its name, when it begins, and its entry, whose shape the schema has checked."""

    name: str
    start: datetime
    node: Node


@dataclass(frozen=True, slots=True)
class CaseLoad:
    """The sound tests in the order of their files, and everything that is wrong with the others."""

    cases: tuple[Case, ...]
    diagnostics: tuple[Diagnostic, ...]


def load_cases(directory: Path, policy: Policy, team: Team) -> CaseLoad:
    """Load `tests/*.yaml` below a policy directory. Raises nothing: every fault is a diagnostic."""
    problems = Problems()
    wanted = [name for name in names(directory, problems) if kind_of(name) == "tests" and name.endswith(".yaml")]
    texts = {name: read_text(directory, name, problems) for name in wanted}
    document = read_document({name: text for name, text in texts.items() if text is not None}, frozenset(), problems, kind="tests")
    entries = document.entries("tests")
    checker = _Checker(policy, team, problems)
    starts = {name: checker.check(node) for name, node in entries.items()}
    cases = tuple(Case(name, start, entries[name]) for name, start in starts.items() if start is not None)
    return CaseLoad(cases, problems.all())


class _Checker:
    """Reports the names in a test that stand for nothing."""

    def __init__(self, policy: Policy, team: Team, problems: Problems) -> None:
        self._problems = problems
        self._sound = True
        scripts, agents = policy.scripts, team.agents
        clocks = {f"deadline {name}" for name in policy.deadlines}
        self._known: Mapping[str, tuple[str, Collection[str]]] = {
            "tier": ("tier", [tier.id for tier in policy.tiers]),
            "queue": ("queue", policy.queues),
            "rule": ("rule", {rule.id for rule in rules_of(policy)} | {one.id for one in policy.escalations} | clocks),
            "script": ("script", scripts),
            "to": ("party", [CUSTOMER, *agents]),
            "assignee": ("agent", agents),
            "agent": ("agent", agents),
            "by": ("agent", agents),
            "channel": ("channel", CHANNELS),
            "language": ("language", policy.company.languages),
            "action": ("action", ACTIONS),
            "escalation": ("escalation", [one.id for one in policy.escalations]),
            **dict.fromkeys(("breached", "warned", "met", "deadline"), ("deadline", policy.deadlines)),
        }

    def check(self, case: Node) -> datetime | None:
        """Return when a test begins, None when something in it is not sound."""
        self._sound = True
        if ("ticket" in case.map) == ("call" in case.map):
            hint = "write `ticket: …` for a message or a case that was told by phone, `call: …` for a call as the exchange records it"
            self._add("CL202", case, "the test has neither `ticket` nor `call`, or both", hint)
        if (call := case.get("call")) is not None:
            self._names({"agent": call["agent"]} if "agent" in call.map else {})
        self._names({"channel": channel} if (channel := case.get("ticket") and case["ticket"].get("channel")) else {})
        for step in case["steps"].items:
            self._step(step)
        start = self._instant(case["start"])
        return start if self._sound else None

    def _step(self, step: Node) -> None:
        self._names(step.map)
        if (call := step.get("call")) is not None:
            self._names({"agent": call["agent"]} if "agent" in call.map else {})
        if (act := step.get("act")) is not None:
            self._names(act.map)
            for due in _dues(act):
                self._instant(due)
        for key in ("expect", "expect_not"):
            if (expected := step.get(key)) is not None:
                self._expected(expected)

    def _expected(self, expected: Node) -> None:
        self._names(expected.map)
        for key in ("sent", "suppressed", "escalated", "opened"):
            for item in expected[key].items if key in expected.map else ():
                self._names(item.map)
        if (due := expected.get("due")) is not None:
            for name, instant in due.map.items():
                self._name("deadline", Node(name, due.keys[name], instant.path))
                self._instant(instant)

    def _names(self, entries: Mapping[str, Node]) -> None:
        for key, node in entries.items():
            if key in self._known:
                for item in node.items:
                    self._name(key, item)

    def _name(self, key: str, node: Node) -> None:
        what, known = self._known[key]
        name = node.text.partition(":")[0] if what == "deadline" else node.text
        if name not in known:
            self._add("CL641", node, said("there is no {what} `{name}`", what=said(what), name=name), suggestion(name, known))

    def _instant(self, node: Node) -> datetime | None:
        try:
            return datetime.fromisoformat(node.text)
        except ValueError:
            self._add("CL502", node, said("there is no such instant: `{text}`", text=node.text), 'write "2026-03-04T16:30:00+08:00"')
            return None

    def _add(self, code: str, node: Node, message: str, hint: str) -> None:
        self._sound = False
        self._problems.add(code, node, message, hint)


def _dues(act: Node) -> Iterator[Node]:
    for node in (act, *(act["steps"].items if "steps" in act.map else ())):
        if (due := node.get("due")) is not None:
            yield due
