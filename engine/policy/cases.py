"""Loads the tests beside a policy (tests/*.yaml) and holds every name in them against policy and team. Tests are data, not policy."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from engine.core.authority import COMPENSATION
from engine.core.compiled import Policy
from engine.core.decide.actions import ACTIONS
from engine.core.model import CUSTOMER
from engine.core.team import Team
from engine.policy.compilation import read_document
from engine.policy.diagnostics import Diagnostic, Problems, suggestion
from engine.policy.nodes import Node
from engine.policy.reader import decode, read
from engine.policy.rules import rules_of
from engine.policy.said import said
from engine.policy.schema import check_shape
from engine.policy.sources import kind_of, names, read_text
from engine.policy.units import duration


class Channels(Struct, frozen=True):
    """The channels that tests may name: the kind of address (email, phone) of each, and those that can send, the preferred one first.

    `region` is whose national phone numbers need no country code.
    """

    kinds: Mapping[str, str]
    senders: tuple[str, ...]
    region: str = "CN"


USUAL = Channels({"email": "email", "sms": "phone", "phone_log": "phone"}, ("email", "sms"))
"""What every test may name, whatever channels a deployment has."""


def with_usual(kinds: Mapping[str, str], senders: Iterable[str], region: str) -> Channels:
    """Return the channels that tests of a deployment may name: its own, by whose addresses people can be known, and the usual ones."""
    own = {name: kind for name, kind in kinds.items() if kind in USUAL.kinds.values()}
    first = [name for name in senders if name in own]
    return Channels({**USUAL.kinds, **own}, tuple(dict.fromkeys([*first, *USUAL.senders])), region)


class Case(Struct, frozen=True):
    """One test: its name, when it begins, when each of its steps is, and its entry, whose shape the schema has checked."""

    name: str
    start: datetime
    times: tuple[datetime, ...]
    node: Node


class CaseLoad(Struct, frozen=True):
    """The sound tests in the order of their files, and everything that is wrong with the others."""

    cases: tuple[Case, ...]
    diagnostics: tuple[Diagnostic, ...]


def load_cases(directory: Path, policy: Policy, team: Team, channels: Channels = USUAL) -> CaseLoad:
    """Load `tests/*.yaml` below a policy directory. Raises nothing: every fault is a diagnostic."""
    problems = Problems()
    wanted = [name for name in names(directory, problems) if kind_of(name) == "tests" and name.endswith(".yaml")]
    texts = {name: read_text(directory, name, problems) for name in wanted}
    document = read_document({name: text for name, text in texts.items() if text is not None}, frozenset(), problems, kind="tests")
    entries = document.entries("tests")
    checker = _Checker(policy, team, channels, problems)
    times = {name: checker.check(node) for name, node in entries.items()}
    cases = tuple(Case(name, found[0], found[1:], entries[name]) for name, found in times.items() if found)
    return CaseLoad(cases, problems.all())


def load_case(
    file: str, data: bytes, policy: Policy, team: Team, channels: Channels, now: datetime, at: datetime | None = None
) -> CaseLoad:
    """Load one case by itself (YAML or JSON): its `ticket` or `call`, `customer` and `start`, without steps. It begins `at`, else at its
    `start`, else `now`. Raises nothing: every fault is a diagnostic.
    """
    problems = Problems()
    text = decode(file, data, problems)
    root = read(file, text, problems) if text is not None else None
    if root is None or check_shape("case", root, problems) != [] or problems.all():
        return CaseLoad((), problems.all())
    start = Node((at or now).isoformat(), root.span, "start")
    start = root.map.get("start", start) if at is None else start
    node = Node({**root.map, "start": start, "steps": Node([], root.span, "steps")}, root.span, root.path, root.keys)
    times = _Checker(policy, team, channels, problems).check(node)
    return CaseLoad((Case(file, times[0], (), node),) if times else (), problems.all())


_OF_OTHERS = ("customer.language", "call.queue")
"""Keys whose values are not the policy's: a customer may speak any language, and calls wait in the queues of the exchange."""


class _Checker:
    """Reports the names in a test that stand for nothing."""

    def __init__(self, policy: Policy, team: Team, channels: Channels, problems: Problems) -> None:
        self._problems = problems
        self._sound = True
        scripts, agents = policy.scripts, team.agents
        self._known: Mapping[str, tuple[str, Collection[str]]] = {
            "tier": ("tier", [tier.id for tier in policy.tiers]),
            "queue": ("queue", policy.queues),
            "rule": ("rule", {rule.reason for rule in rules_of(policy)}),
            "script": ("script", scripts),
            "to": ("party", [CUSTOMER, *agents]),
            "assignee": ("agent", agents),
            "agent": ("agent", agents),
            "by": ("agent", agents),
            "approved_by": ("agent", agents),
            "concession": ("exception", [COMPENSATION, *(policy.authority.exceptions if policy.authority else ())]),
            "channel": ("channel", channels.kinds),
            "language": ("language", policy.company.languages),
            "action": ("action", ACTIONS),
            "escalation": ("escalation", [one.id for one in policy.escalations]),
            **dict.fromkeys(("breached", "warned", "met", "deadline"), ("deadline", policy.deadlines)),
        }

    def check(self, case: Node) -> tuple[datetime, ...]:
        """Return when a test begins and when each step is, nothing where something in the test is not sound."""
        self._sound = True
        if ("ticket" in case.map) == ("call" in case.map):
            hint = "write `ticket: …` for a message or a case that was told by phone, `call: …` for a call as the exchange records it"
            self._add("CL202", case, "the case has neither `ticket` nor `call`, or both", hint)
        for node in case.walk():
            for key, entry in node.map.items():
                if key in self._known and not entry.path.endswith(_OF_OTHERS):
                    for item in entry.items:
                        self._name(key, item)
            if "due" in node.map:
                self._due(node["due"])
        times = self._times(case)
        return times if self._sound else ()

    def _times(self, case: Node) -> tuple[datetime, ...]:
        start = self._instant(case["start"])
        if start is None:
            return ()
        times = [start]
        for node in (step["at"] for step in case["steps"].items):
            at = start + duration(node.text.removeprefix("+")) if node.text.startswith("+") else self._instant(node)
            if at is not None and at < times[-1]:
                message = said("`{at}` is earlier than the step above it, or than the start", at=node.text)
                self._add("CL502", node, message, "write the steps in the order of their times")
            times.append(at or start)
        return tuple(times)

    def _due(self, due: Node) -> None:
        """Report an instant that does not exist; what is expected has one for each deadline."""
        for name, instant in due.map.items():
            self._name("deadline", Node(name, due.keys[name], instant.path))
            self._instant(instant)
        if not due.map:
            self._instant(due)

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
