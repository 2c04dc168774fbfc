"""Runs the tests beside a policy: each is a ticket or a call, steps in time, and what is expected of the decisions.

Expectations are subsets: what a test does not name may be anything. `tier`, `queue`, `due`, … are of the ticket as it stands after the
step; `rule`, `sent`, `suppressed`, `warned`, `escalated`, `opened`, `survey_skipped` and `refused` of what happened since the step before.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.conditions import Source
from engine.core.decision import Reason
from engine.core.facts import CallFacts
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import AgentActed, CallArrived, MessageArrived, StepDraft
from engine.core.team import Team
from engine.errors import EngineError
from engine.policy.cases import USUAL, Case, Channels
from engine.policy.nodes import Node
from engine.policy.rules import Named, rules_of
from engine.policy.said import said
from engine.policy.units import duration
from engine.runtime.addresses import normalise
from engine.runtime.gather import Origin
from engine.runtime.handle import Handled, Outcome
from engine.whatif.failures import Comparison, Failure
from engine.whatif.lab import Lab, unwatched

_FORM = ("kind", "impact", "wish", "expected_by")
_PHONE = "phone_log"
_MADE_UP = {"phone": "+8613900000001", "email": "customer@example.test"}
_LOOKED_FOR = frozenset({"alert", "improvement"})
"""The addresses of customers of whom a test does not say any."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test; `matched` are the places of all rules by which something was decided in it."""

    name: str
    source: Source
    failures: tuple[Failure, ...]
    matched: frozenset[Source]


def run_case(case: Case, policy: Policy, team: Team, channels: Channels = USUAL) -> Result:
    """Run one test in a world of its own; the same test gives the same result. What cannot be decided fails the test at that step."""
    with played(case, policy, team, channels) as play:
        try:
            play.run()
        except EngineError as error:
            play.failed.append(Failure(play.step.source, said("that it can be decided"), str(error)))
    matched = {reason.source for reason in play.reasons() if reason.source}
    matched |= {policy.deadlines[event.kind].source for event in play.events() if isinstance(event, e.DeadlineStarted)}
    return Result(case.name, case.node.source, tuple(play.failed), frozenset(matched))


@contextmanager
def played(case: Case, policy: Policy, team: Team, channels: Channels = USUAL) -> Iterator["Play"]:
    """Give a case a world of its own, which is forgotten afterwards. KPIs are looked at only where it speaks of what that leads to."""
    earlier = _earlier(case.node)
    if _LOOKED_FOR.isdisjoint(node.value for node in case.node.walk() if isinstance(node.value, str)):
        policy = unwatched(policy)
    lab = Lab(policy, team, case.start - duration(earlier[0].string("ago")) if earlier else case.start, channels)
    try:
        yield Play(lab, case, channels, step=case.node)
    finally:
        lab.close()


def never_matched(policy: Policy, results: Sequence[Result]) -> list[Named]:
    """Return the rules by which nothing was decided in any test, in the order of the policy."""
    matched = frozenset[Source]().union(*(result.matched for result in results))
    return [rule for rule in rules_of(policy) if rule.source not in matched]


def _earlier(case: Node) -> list[Node]:
    """The customer's earlier cases, the oldest first."""
    customer = case.get("customer")
    items = customer["earlier"].items if customer is not None and "earlier" in customer.map else []
    return sorted(items, key=lambda item: duration(item.string("ago")), reverse=True)


@dataclass(slots=True)
class Play:
    """One case as it is played. `before` are the numbers of the customer's earlier cases and of a crowd's, which expectations are not
    about; `since` is the position of the first decision after the step before.
    """

    lab: Lab
    case: Case
    channels: Channels
    step: Node
    number: str | None = None
    name: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    before: set[str | None] = field(default_factory=set)
    since: int = 0
    failed: list[Failure] = field(default_factory=list)

    def run(self) -> None:
        """Play the case; what is not as it should be is in `failed`. Raises EngineError where something cannot be decided."""
        case, lab, earlier = self.case, self.lab, _earlier(self.case.node)
        entry = case.node.get("ticket") or case.node["call"]
        used = {self.channels.kinds[one.string("channel", _PHONE)] for one in (*earlier, entry)}
        if (customer := case.node.get("customer")) is not None:
            self._know(customer, used)
        for one in earlier:
            self._was(one)
        lab.advance(case.start)
        self.since = len(lab.handled)
        self._crowd(entry)
        outcome = self._come(entry)
        self._took(outcome)
        self.number = outcome.ticket
        for at, self.step in zip(case.times, case.node["steps"].items, strict=True):
            lab.advance(at)
            self._do()
            self._compare()
            self.since, self.refused = len(lab.handled), ""

    def _know(self, customer: Node, used: Collection[str]) -> None:
        """Put the customer into the archive; an address that is not given is made up for the channels they use, or for all."""
        given = {kind: normalise(kind, customer.string(kind), self.channels.region) for kind in _MADE_UP if kind in customer.map}
        made_up = {kind: address for kind, address in _MADE_UP.items() if kind in used or not given}
        self.name, self.addresses = customer.string("name"), made_up | given
        segment, language = (customer.string(key) or None for key in ("segment", "language"))
        self.lab.know(self.name, segment, language, self.addresses)

    def _was(self, entry: Node) -> None:
        """Let an earlier case of the customer come in, and be solved at once by whoever it was given to."""
        lab = self.lab
        lab.advance(self.case.start - duration(entry.string("ago")))
        number = self._come(entry).ticket
        self.before.add(number)
        ticket = lab.ticket(number) if number else None
        if ticket is not None:
            lab.handle(AgentActed(ticket.number, "resolve", ticket.assignee or lab.world.team.manager, entry.string("text")))

    def _crowd(self, entry: Node) -> None:
        """Let so many other customers write the same at that moment; expectations are not about their tickets."""
        for count in range(int(entry.string("crowd", "0"))):
            other = {"phone": f"+8613800{count:06d}", "email": f"customer{count}@example.test"}
            mine, self.addresses = self.addresses, other
            self.before.add(self._come(entry).ticket)
            self.addresses = mine

    def _come(self, entry: Node) -> Outcome:
        """Let a message or a call come in, as a test describes it."""
        channel = entry.string("channel", _PHONE)
        fields = {key: entry.string(key) for key in _FORM if key in entry.map}
        if channel == _PHONE:
            return self.lab.handle(*self._phoned(entry, None, fields))
        automatic = "automatic" in entry.map
        message = MessageArrived(None, channel, entry.string("text"), entry.string("subject"), automatic=automatic, fields=fields)
        return self.lab.handle(message, self._caller(channel))

    def _caller(self, channel: str) -> Origin:
        kind = self.channels.kinds[channel]
        return Origin(channel, self.addresses.get(kind, _MADE_UP[kind]), self.name)

    def _do(self) -> None:
        step, lab, about = self.step, self.lab, self._about(self.step)
        if about is None:
            self.refused = "there is no such ticket" if "on" in step.map else self.refused
            return
        if (act := step.get("act")) is not None:
            self._took(lab.handle(_action(act, about)))
        if (call := step.get("call")) is not None:
            self._took(lab.handle(*self._phoned(call, about)))
        if "reply" in step.map:
            self._took(lab.handle(self._reply(step, about)))

    def _took(self, outcome: Outcome) -> None:
        self.refused = outcome.first.refused or self.refused

    def _compare(self) -> None:
        seen = Comparison(self.lab.world.policy, self.seen(self._about(self.step)), self.reasons(), self.reasons(self.since))
        expected, excluded = self.step.get("expect"), self.step.get("expect_not")
        if self.refused and not any(one is not None and "refused" in one.map for one in (expected, excluded)):
            self.failed.append(Failure(self.step.source, said("that it is done"), said("refused: {why}", why=self.refused)))
        self.failed += seen.failures(expected, True) if expected is not None else ()
        self.failed += seen.failures(excluded, False) if excluded is not None else ()

    def _about(self, step: Node) -> str | None:
        """The ticket a step is about: the first one, or with `on` the latest of that kind."""
        if (kind := step.string("on")) == "":
            return self.number
        opened = [one.number for one in self.decided() for event in one.decision.events if _opens(event, kind)]
        return opened[-1] if opened else None

    def _phoned(self, entry: Node, number: str | None, fields: Mapping[str, str] | None = None) -> tuple[CallArrived, Origin]:
        """A call with the customer; one that is only told of (`ticket` over phone_log) was a call that somebody took."""
        wait, talk = (duration(entry.string(key, "0s")) for key in ("wait", "talk"))
        outcome, direction = entry.string("outcome", "answered"), entry.string("direction", "inbound")
        facts = CallFacts(direction, outcome, entry.string("queue"), wait, talk)
        agent = entry.string("agent") or None
        return CallArrived(number, _PHONE, entry.string("text"), agent, fields or {}), replace(self._caller(_PHONE), call=facts)

    def _reply(self, step: Node, number: str) -> MessageArrived:
        party = step.string("by", CUSTOMER)
        queued = [event for event in self.events() if isinstance(event, e.MessageQueued) and event.party == party]
        ticket = self.lab.ticket(number)
        channel = step.string("channel") or (queued[-1].channel if queued else ticket.channel if ticket else "email")
        return MessageArrived(number, channel, step.string("reply"), party=party, trusted=True)

    def decided(self, since: int = 0) -> list[Handled]:
        """Return the decisions of the test itself, from a position on."""
        return [one for one in self.lab.handled[since:] if one.number not in self.before]

    def events(self, since: int = 0) -> Iterator[e.Event]:
        """Yield the events of these decisions."""
        for one in self.decided(since):
            yield from one.decision.events

    def reasons(self, since: int = 0) -> list[Reason]:
        """Return the reasons of these decisions."""
        return [reason for one in self.decided(since) for reason in one.decision.reasons]

    def seen(self, number: str | None) -> dict[str, Any]:
        """Return everything a test may expect, by its key."""
        ticket = self.lab.ticket(number) if number else None
        events = list(self.events(self.since))
        return {
            **(_state(ticket, self.case.start.tzinfo) if ticket else {}),
            "rule": list(dict.fromkeys(reason.rule for reason in self.reasons(self.since))),
            "survey_skipped": [event.reason for event in events if isinstance(event, e.SurveySkipped)],
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
            "granted": [_granted(event) for event in events if isinstance(event, e.ConcessionGranted)],
            "opened": [self._opened(one) for one in self.decided(self.since) if _opens(next(iter(one.decision.events), None))],
            "refused": self.refused,
        }

    def _sent(self, event: e.MessageQueued) -> dict[str, str]:
        return {"script": event.script or "", "to": event.party, "channel": event.channel, "text": self.lab.text(event.content)}

    def _opened(self, one: Handled) -> dict[str, str | None]:
        ticket = one.decision.ticket
        assert ticket is not None  # noqa: S101  # it was opened
        return {"kind": ticket.kind, "queue": ticket.queue, "assignee": ticket.assignee}


def _state(ticket: Ticket, zone: tzinfo | None) -> dict[str, Any]:
    clocks = ticket.deadlines.values()
    dues = [(clock.due.astimezone(zone), clock.id) for clock in clocks if clock.running and clock.due]
    return {
        **{key: getattr(ticket, key) for key in ("tier", "queue", "assignee", "kind", "state", "language", "impact")},
        "tags": list(ticket.tags),
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


def _granted(event: e.ConcessionGranted) -> dict[str, str | int | None]:
    """A grant as tests write it: a whole amount is a number, one with decimals a text."""
    amount: str | int | None = None
    if event.amount is not None:
        amount = int(event.amount) if event.amount == int(event.amount) else f"{event.amount:.2f}"
    return {"concession": event.concession, "amount": amount, "by": event.by, "approved_by": event.approved_by}


def _opens(event: e.Event | None, kind: str = "") -> bool:
    return isinstance(event, e.TicketOpened) and kind in ("", event.kind)


def _action(act: Node, number: str) -> AgentActed:
    steps = act.each("steps")
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
        amount=Decimal(act.string("amount")) if "amount" in act.map else None,
        step=act.string("step") or None,
    )
