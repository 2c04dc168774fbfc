"""Advice on a policy that is sound: rules that can never be the first to hold, and definitions that nothing uses.

A rule is reported only where it is certain. Every way in which it can hold (a conjunction of matchers) must be one in which an earlier
rule holds: each matcher of some way of that rule follows from one of its own. Missing values change nothing in this, for a conjunction
holds only where every matcher in it has the truth that is wanted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.core.compiled import Action, EventRule, OwnRule
from engine.core.conditions import Condition, Match, Source
from engine.core.events import RECEIPT_NAMES
from engine.core.fields import NEEDS
from engine.core.index import Literal, Way, ways_of
from engine.core.tracing import RuleLike
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.said import said
from engine.policy.vocabulary import KIND_OF_SECTION

_MOST_WAYS = 500
"""A list with more ways is not looked at: every pair would be compared."""

_NOWHERE = Source("", 0)
_ABOVE, _BELOW = ("over", "at_least"), ("under", "at_most")


def check(document: Document, lists: Iterable[Sequence[RuleLike]], own: Sequence[OwnRule], problems: Problems) -> None:
    """Report all there is to advise on: about lists of rules of which one is chosen, the house's own rules, and named conditions."""
    for rules in lists:
        check_reach(rules, problems)
    check_used(document, problems)
    check_own(own, problems)


def check_reach(rules: Sequence[RuleLike], problems: Problems) -> None:
    """Report rules of a list, of which the first that holds counts, that can never be that one."""
    ways = [(rule, ways_of(rule)) for rule in rules]
    if sum(len(found) for _, found in ways) > _MOST_WAYS:
        return
    earlier: list[tuple[RuleLike, Way]] = []
    for rule, own in ways:
        before = [next((other for other, theirs in earlier if _follows(theirs, way)), None) for way in own]
        if rule.when is not None and own and all(before):
            source = rule.when.source
            names = ", ".join(dict.fromkeys(other.id for other in before if other is not None))
            message = said("the rule `{rule}` can never be reached", rule=rule.id)
            hint = said("wherever it holds, {names} holds before it: move it up, or change one of the conditions", names=names)
            problems.add("CL653", problems.line(source.file, source.line), message, hint, path=source.path)
        earlier += [(rule, way) for way in own]


def check_used(document: Document, problems: Problems) -> None:
    """Report named conditions that nothing uses."""
    entries = [entry for section in KIND_OF_SECTION for entry in document.entries(section).values()]
    used = {name.text for entry in entries for node in entry.walk() if (name := node.get("use")) is not None}
    for defined, node in document.entries("conditions").items():
        if defined not in used:
            problems.add("CL655", node, said("nothing uses the condition `{name}`", name=defined), "use it, or leave it out")


def check_own(rules: Sequence[OwnRule], problems: Problems) -> None:
    """Report rules of the house's own that do what they go on themselves, and timers that no rule goes on."""
    heard = {on for rule in rules if isinstance(rule, EventRule) for on in rule.on}
    for rule in rules:
        place = problems.line(rule.source.file, rule.source.line)
        caused = {event for action in rule.do for event in _caused(rule, action)}
        if isinstance(rule, EventRule) and (again := [on for on in rule.on if on in caused]):
            message = said("the rule `{rule}` does itself what it goes on: {events}", rule=rule.id, events=", ".join(again))
            hint = "it runs only once in a chain; let it go on another event, or leave the action out"
            problems.add("CL335", place, message, hint, path=rule.source.path)
        for timer in (action.values["start_timer"] for action in rule.do if action.name == "start_timer"):
            if f"timer {timer}" not in heard:
                message = said("no rule goes on the timer `{timer}`", timer=timer)
                problems.add("CL655", place, message, said("add a rule with `on: {{timer: {timer}}}`", timer=timer), path=rule.source.path)


_CAUSED = {
    **dict.fromkeys(("notify", "run_script", "webhook"), ("message_queued", "message_suppressed", *sorted(RECEIPT_NAMES))),
    "set_field": ("field_set",),
    "add_tag": ("tag_added",),
    "remove_tag": ("tag_removed",),
    "raise_tier": ("tier_assigned",),
    "reassign": ("routed", "assigned"),
}
"""By action: the events that it leads to by itself. A timer that a rule starts anew when it runs out is how it repeats itself."""


def _caused(rule: OwnRule, action: Action) -> tuple[str, ...]:
    if action.name != "open":
        return _CAUSED.get(action.name, ())
    kind = action.values["kind"]
    if kind not in NEEDS:
        return (f"{kind}_opened",)
    return () if all(any(_keeps_out(literal, kind) for literal in way) for way in ways_of(rule)) else ("ticket_opened",)


def _keeps_out(literal: Literal, kind: str) -> bool:
    """Whether a matcher that has its truth cannot hold for a ticket of this kind."""
    one, wanted = literal
    asks = isinstance(one, Match) and one.field == "ticket.kind" and one.operator in ("is", "in")
    return asks and wanted is (kind not in _several(one.expected))  # type: ignore[union-attr]  # a Match, then


def _follows(theirs: Way, own: Way) -> bool:
    return all(any(_implies(mine, literal) for mine in own) for literal in theirs)


def _implies(mine: Literal, theirs: Literal) -> bool:
    """Whether a matcher that has its truth gives another one its own."""
    (one, wanted), (other, other_wanted) = mine, theirs
    if wanted is other_wanted and _placeless(one) == _placeless(other):
        return True
    if not (isinstance(one, Match) and isinstance(other, Match) and one.field == other.field and wanted and other_wanted):
        return False
    return _narrower(one, other)


def _narrower(one: Match, other: Match) -> bool:
    """Whether the first of two matchers of one field, both true, makes the second true."""
    a, b = one.expected, other.expected
    match one.operator, other.operator:
        case ("is" | "in", "in"):
            return set(_several(a)) <= set(_several(b))
        case ("mentions", "mentions"):
            return set(_several(a)) <= set(_several(b))
        case (low, least) if low in _ABOVE and least in _ABOVE:
            return bool(a > b or (a == b and (low, least) != ("at_least", "over")))  # type: ignore[operator]  # thresholds of one field
        case (high, most) if high in _BELOW and most in _BELOW:
            return bool(a < b or (a == b and (high, most) != ("at_most", "under")))  # type: ignore[operator]  # as above
        case (operator, "exists"):
            return operator != "exists" and b is True
    return False


def _several(expected: object) -> tuple[object, ...]:
    return expected if isinstance(expected, tuple) else (expected,)


def _placeless(condition: Condition) -> Condition:
    return replace(condition, source=_NOWHERE)
