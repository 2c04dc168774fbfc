"""Advice on what is sound: rules of the house's own that go on what they do themselves, timers that no rule goes on, and words of replies
that mean two things.
"""

from collections.abc import Sequence

from engine.core.compiled import Action, EventRule, OwnRule
from engine.core.conditions import Match
from engine.core.events import RECEIPT_NAMES
from engine.core.fields import NEEDS
from engine.core.index import Literal, ways_of
from engine.core.text import normalise
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.said import said

_ANSWERS = ("confirm", "object", "opt_out", "opt_in")
"""Lists of `replies:` of which one word can mean only one."""


def check_words(document: Document, problems: Problems) -> None:
    """Report words by which replies are read that stand in two lists: only the first is ever meant."""
    replies = document.single("replies")
    answers = {name: replies.map[name] for name in _ANSWERS if name in replies.map} if replies else {}
    for lists in (answers, document.entries("commands")):
        known: dict[str, str] = {}
        for name, words in lists.items():
            for word in words.items:
                other = known.setdefault(normalise(word.text), name)
                if other != name:
                    message = said("the word `{word}` stands under `{other}` too", word=word.text, other=other)
                    problems.add("CL660", word, message, "leave it where it is meant: a reply can mean only one of them")


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
    expected = one.expected if isinstance(one, Match) else ()
    return asks and wanted is (kind not in (expected if isinstance(expected, tuple) else (expected,)))
