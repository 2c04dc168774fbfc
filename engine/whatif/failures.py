"""Holds what a step of a test expects against what was decided; an expectation that is not met says what was instead, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.compiled import Policy
from engine.core.conditions import Source
from engine.core.decide.rules import NO_RULE
from engine.core.decision import Reason
from engine.core.tracing import Trace, show
from engine.policy.nodes import Node
from engine.policy.rules import rules_of
from engine.policy.said import said

_LISTS = ("sent", "suppressed", "escalated", "granted", "opened")
_WITHIN = ("text", "refused")
"""Where an expected text need only be part of the actual one."""
_CLOCKS = {"due": "breached: ", "met": "breached: ", "breached": "breached: ", "warned": "warned: "}
_DECIDED = {
    "assignee": "assignee: ",
    "call": "call ",
    "deadline": "deadline ",
    "escalated": "escalated: ",
    "escalation": "escalated: ",
    "grant": "granted: ",
    "granted": "granted: ",
    "kind": "kind: ",
    "opened": "call opens ",
    "queue": "queue: ",
    "rule": NO_RULE,
    "route": "queue: ",
    "sent": "message: ",
    "suppressed": "no message: ",
    "survey": "survey ",
    "survey_skipped": "survey ",
    "tier": "tier: ",
    "warning": "warned: ",
}
"""How the reasons begin that are about a key of `expect`, or about a kind of rule."""
_LONGEST = 60
_MOST = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met: where it is written, what it says, what was instead, and the rule that said so.

    `nearest` says what kept the expected rule from holding, or what was decided last before the expectation was held against it.
    """

    source: Source
    expected: str
    actual: str
    because: str = ""
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was seen after a step: `values` by the keys of `expect`, all `reasons` so far, and those of them `since` the step before."""

    policy: Policy
    values: Mapping[str, Any]
    reasons: Sequence[Reason]
    since: Sequence[Reason]

    def failures(self, expected: Node, wanted: bool) -> Iterator[Failure]:
        """Yield what of `expect` is not met or, where it is not `wanted`, what of `expect_not` is."""
        for key, node in expected.map.items():
            actual = self.values.get(key)
            for place, what, met in _asked(key, node, actual):
                if met is not wanted:
                    words = f"{'' if wanted else 'not '}{key}: {what}"
                    because = self._latest(self._about(key, what))
                    nearest = tuple(self._nearest(key, what, because)) if wanted else ()
                    yield Failure(place.source, words, f"{key}: {_shown(key, actual)}", _named(because) if because else "", nearest)

    def _about(self, key: str, what: str) -> tuple[str, ...]:
        """How reasons begin that are about an expectation, the most telling first."""
        if key in _CLOCKS:
            name = what.partition(" ")[0]
            return (f"{_CLOCKS[key]}{name}", f"deadline {name}")
        if key == "rule":
            return tuple(_DECIDED[one.kind] for one in rules_of(self.policy) if one.reason == what and one.kind in _DECIDED)
        return (_DECIDED[key],) if key in _DECIDED else ()

    def _latest(self, beginnings: Sequence[str]) -> Reason | None:
        found = (reason for start in beginnings for reason in reversed(self.reasons) if reason.decided.startswith(start))
        return next(found, None)

    def _nearest(self, key: str, what: str, because: Reason | None) -> Iterator[str]:
        if because is None:
            decided = [reason for reason in self.since if not reason.decided.startswith(NO_RULE)]
            for reason in decided[-_MOST:]:
                yield f"{reason.decided}: {_named(reason)}"
            return
        wanted = {what}
        if key == "queue":
            wanted = {rule.id for rule in self.policy.routes if rule.queue == what}
        elif key == "kind":
            wanted = {rule.id for rule in self.policy.kinds if rule.kind == what}
        for id, trace in because.asked.traces:
            if id in wanted and trace.result is not True:
                yield said("{id} ({place}) does not hold: {parts}", id=id, place=trace.source, parts="; ".join(_leaves(trace)))
        for id in because.asked.first_behind:
            if id in wanted:
                yield said("{id} was not asked: {rule} stands before it", id=id, rule=because.rule)


def _named(reason: Reason) -> str:
    return f"{reason.rule} ({reason.source})" if reason.source else reason.rule


def _leaves(trace: Trace) -> Iterator[str]:
    """The matchers that kept a condition from holding, in words, and what each met."""
    if trace.parts and trace.what != "not":
        for part in trace.parts:
            yield from _leaves(part) if part.reached and part.result is not True else ()
    else:
        met = "missing" if trace.result is None else show(trace.actual) if trace.actual or isinstance(trace.actual, int) else "not so"
        yield f"{_brief(trace.what)} ({_brief(met)})"


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
        return "; ".join(", ".join(f"{name} {_brief(str(value))}" for name, value in one.items()) for one in actual) or "none"
    return show(actual) if actual not in (None, "", []) else "none"


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
