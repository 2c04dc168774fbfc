"""Runs the tests beside a policy: each is a ticket or a call, steps in time, and what is expected of the decisions.

Expectations are subsets: what a test does not name may be anything. `tier`, `queue`, `due`, … are of the ticket as it stands after the
step; `rule`, `sent`, `suppressed`, `warned`, `escalated`, `opened` and `refused` of what happened since the step before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any

from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.conditions import Source
from engine.core.facts import CallFacts
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import AgentActed, CallArrived, MessageArrived, StepDraft
from engine.core.team import Team
from engine.core.tracing import show
from engine.policy.cases import CHANNELS, Case
from engine.policy.nodes import Node
from engine.policy.rules import Named, rules_of
from engine.policy.units import duration
from engine.runtime.addresses import normalise
from engine.runtime.gather import Origin
from engine.runtime.handle import Handled, Outcome
from engine.whatif.lab import Lab

_FORM = ("kind", "impact", "wish", "expected_by")
_UNKNOWN = {"phone": "+8613900000001", "email": "customer@example.test"}
_LISTS = ("sent", "suppressed", "escalated", "opened")
_WITHIN = ("text", "refused")
"""Where an expected text need only be part of the actual one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met: where it is written, what it says, what was instead, and the rule that said so."""

    source: Source
    expected: str
    actual: str
    because: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test; `matched` are the places of all rules by which something was decided in it."""

    name: str
    source: Source
    failures: tuple[Failure, ...]
    matched: frozenset[Source]


def run_case(case: Case, policy: Policy, team: Team) -> Result:
    """Run one test in a world of its own; the same test gives the same result."""
    lab = Lab(policy, team, case.start)
    try:
        play = _Play(lab, case)
        failures = tuple(play.failures())
    finally:
        lab.close()
    matched = frozenset(reason.source for one in lab.handled for reason in one.decision.reasons if reason.source)
    return Result(case.name, case.node.source, failures, matched)


def never_matched(policy: Policy, results: Sequence[Result]) -> list[Named]:
    """Return the rules by which nothing was decided in any test, in the order of the policy."""
    matched = frozenset[Source]().union(*(result.matched for result in results))
    return [rule for rule in rules_of(policy) if rule.source not in matched]


@dataclass(slots=True)
class _Play:
    lab: Lab
    case: Case
    caller: Origin = field(default_factory=lambda: Origin("phone_log", ""))
    number: str | None = None
    refused: str = ""
    since: int = field(default=0)

    def failures(self) -> Iterator[Failure]:
        """Play the test and yield what is not as it should be."""
        self._open()
        for step in self.case.node["steps"].items:
            self.lab.advance(self.case.start + duration(step.string("at").removeprefix("+")))
            about = self._about(step)
            if (act := step.get("act")) is not None:
                self._took(self.lab.handle(_action(act, about or "")) if about else None)
            if (call := step.get("call")) is not None and about:
                self._took(self.lab.handle(*self._phoned(call, about)))
            if "reply" in step.map and about:
                self._took(self.lab.handle(self._reply(step, about)))
            seen = self._seen(about)
            for key, wanted in (("expect", True), ("expect_not", False)):
                if (expected := step.get(key)) is not None:
                    yield from self._compare(expected, seen, wanted)
            self.since, self.refused = len(self.lab.handled), ""

    def _open(self) -> None:
        node, lab = self.case.node, self.lab
        customer, call, ticket = node.get("customer"), node.get("call"), node.get("ticket")
        given: dict[str, str] = {}
        if customer is not None:
            given = {kind: normalise(kind, customer.string(kind), "CN") for kind in _UNKNOWN if kind in customer.map}
            segment, language = (customer.string(key) or None for key in ("segment", "language"))
            lab.know(customer.string("name"), segment, language, given or _UNKNOWN)
        channel = ticket.string("channel") if ticket else "phone_log"
        kind = CHANNELS[channel]
        address, name = given.get(kind, _UNKNOWN[kind]), customer.string("name") if customer else ""
        entry = ticket or call
        assert entry is not None  # noqa: S101  # the loader lets no other test through
        self.caller = Origin(channel, address, name)
        fields = {key: entry.string(key) for key in _FORM if key in entry.map}
        if channel == "phone_log":
            self._took(lab.handle(*self._phoned(entry, None, fields)))
        else:
            subject, automatic = entry.string("subject"), "automatic" in entry.map
            said = MessageArrived(None, channel, entry.string("text"), subject, automatic=automatic, fields=fields)
            self._took(lab.handle(said, self.caller))
        self.number = lab.handled[0].number

    def _took(self, outcome: Outcome | None) -> None:
        self.refused = (outcome.first.refused or "") if outcome else "there is no such ticket"

    def _about(self, step: Node) -> str | None:
        """The ticket a step is about: the first one, or with `on` the latest of that kind."""
        if (kind := step.string("on")) == "":
            return self.number
        opened = [one.number for one in self.lab.handled for event in one.decision.events if _opens(event, kind)]
        return opened[-1] if opened else None

    def _phoned(self, entry: Node, number: str | None, fields: Mapping[str, str] | None = None) -> tuple[CallArrived, Origin]:
        """A call with the customer; one that is only told of (`ticket` over phone_log) was a call that somebody took."""
        wait, talk = (duration(entry.string(key, "0s")) for key in ("wait", "talk"))
        outcome, direction = entry.string("outcome", "answered"), entry.string("direction", "inbound")
        facts = CallFacts(direction, outcome, entry.string("queue"), wait, talk)
        agent = entry.string("agent") or None
        return CallArrived(number, "phone_log", entry.string("text"), agent, fields or {}), replace(self.caller, call=facts)

    def _reply(self, step: Node, number: str) -> MessageArrived:
        party = step.string("by", CUSTOMER)
        queued = [event for event in self._events(0) if isinstance(event, e.MessageQueued) and event.party == party]
        ticket = self.lab.ticket(number)
        channel = step.string("channel") or (queued[-1].channel if queued else ticket.channel if ticket else "email")
        return MessageArrived(number, channel, step.string("reply"), party=party, trusted=True)

    def _events(self, since: int) -> Iterator[e.Event]:
        for one in self.lab.handled[since:]:
            yield from one.decision.events

    def _seen(self, number: str | None) -> dict[str, Any]:
        """Everything a test may expect, by its key."""
        ticket = self.lab.ticket(number) if number else None
        events = list(self._events(self.since))
        rules = [reason.rule for one in self.lab.handled[self.since :] for reason in one.decision.reasons]
        return {
            **(_state(ticket, self.case.start.tzinfo) if ticket else {}),
            "rule": list(dict.fromkeys(rules)),
            "warned": [event.id for event in events if isinstance(event, e.DeadlineWarned)],
            "escalated": [
                {"escalation": event.escalation, "step": event.step + 1, "deadline": event.id}
                for event in events
                if isinstance(event, e.Escalated)
            ],
            "sent": [self._sent(event) for event in events if isinstance(event, e.MessageQueued)],
            "suppressed": [
                {"script": event.script, "to": event.party, "reason": event.reason}
                for event in events
                if isinstance(event, e.MessageSuppressed)
            ],
            "opened": [self._opened(one) for one in self.lab.handled[self.since :] if _opens(next(iter(one.decision.events), None))],
            "refused": self.refused,
        }

    def _sent(self, event: e.MessageQueued) -> dict[str, str]:
        return {"script": event.script or "", "to": event.party, "channel": event.channel, "text": self.lab.text(event.content)}

    def _opened(self, one: Handled) -> dict[str, str | None]:
        ticket = one.decision.ticket
        assert ticket is not None  # noqa: S101  # it was opened
        return {"kind": ticket.kind, "queue": ticket.queue, "assignee": ticket.assignee}

    def _compare(self, expected: Node, seen: Mapping[str, Any], wanted: bool) -> Iterator[Failure]:
        for key, node in expected.map.items():
            for place, what, met in _asked(key, node, seen.get(key)):
                if met is not wanted:
                    shown = f"{'' if wanted else 'not '}{key}: {what}"
                    yield Failure(place.source, shown, f"{key}: {_shown(key, seen.get(key))}", self._because(key))

    def _because(self, key: str) -> str:
        """The latest rule that decided what `key` is about."""
        for one in reversed(self.lab.handled):
            for reason in reversed(one.decision.reasons):
                if reason.decided.startswith(f"{key}:"):
                    return f"{reason.rule} ({reason.source})" if reason.source else reason.rule
        return ""


def _asked(key: str, node: Node, actual: Any) -> Iterator[tuple[Node, str, bool]]:
    """Yield each single expectation under a key: where it stands, in words, whether it is met."""
    if key in _LISTS:
        for item in node.items:
            wanted = {name: part.value for name, part in item.map.items()}
            words = ", ".join(f"{name} {value}" for name, value in wanted.items())
            yield item, words, any(all(_is(name, value, one[name]) for name, value in wanted.items()) for one in actual)
    elif key == "due":
        for name, instant in node.map.items():
            yield instant, f"{name} {instant.text}", (actual or {}).get(name) == datetime.fromisoformat(instant.text)
    else:
        for item in node.items:
            yield item, item.text, item.value in actual if isinstance(actual, list) else _is(key, item.value, actual)


def _is(key: str, expected: object, actual: object) -> bool:
    return str(expected) in str(actual) if key in _WITHIN and actual else expected == actual


def _shown(key: str, actual: Any) -> str:
    if key == "due":
        return ", ".join(f"{name} {due.isoformat()}" for name, due in (actual or {}).items()) or "none"
    if key in _LISTS:
        return "; ".join(", ".join(f"{name} {value}" for name, value in one.items()) for one in actual) or "none"
    return show(actual) if actual not in (None, "", []) else "none"


def _state(ticket: Ticket, zone: tzinfo | None) -> dict[str, Any]:
    clocks = ticket.deadlines.values()
    dues = [(clock.due.astimezone(zone), clock.id) for clock in clocks if clock.running and clock.due]
    return {
        "tier": ticket.tier,
        "queue": ticket.queue,
        "assignee": ticket.assignee,
        "kind": ticket.kind,
        "state": ticket.state,
        "language": ticket.language,
        "impact": ticket.impact,
        "due": {id: due for due, id in sorted(dues)},
        "breached": [clock.id for clock in clocks if clock.breached_at],
        "met": [clock.id for clock in clocks if clock.met],
        "survey": _survey(ticket),
    }


def _survey(ticket: Ticket) -> str:
    survey = ticket.survey
    if survey is None:
        return "none"
    if survey.answered_at is not None:
        return "answered"
    if survey.expired:
        return "expired" if survey.sent_at else "skipped"
    return "sent" if survey.sent_at else "scheduled"


def _opens(event: e.Event | None, kind: str = "") -> bool:
    return isinstance(event, e.TicketOpened) and kind in ("", event.kind)


def _action(act: Node, number: str) -> AgentActed:
    steps = act["steps"].items if "steps" in act.map else ()
    due = act.string("due")
    return AgentActed(
        ticket=number,
        action=act.string("action"),
        actor=act.string("agent"),
        text=act.string("text"),
        target=act.string("target") or None,
        due=datetime.fromisoformat(due) if due else None,
        steps=tuple(StepDraft(one.string("what"), one.string("who"), datetime.fromisoformat(one.string("due"))) for one in steps),
        channel=act.string("channel") or None,
    )
