"""Advice on definitions: those that nothing refers to, and deadlines that nobody would hear of."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.policy import scripts
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.vocabulary import KIND_OF_SECTION

_REFERRING = {
    "conditions": {"use"},
    "arrangements": {"holidays"},
    "calendars": {"calendar", "within"},
    "queues": {"queue", "notify", "warn_to"},
}
"""By section: the keys whose values name one of its entries. Scripts are named in so many ways that `scripts.uses` knows them."""


class Unused(NamedTuple):
    """A definition that the policy itself does not use: what it is, and where its name stands."""

    what: str
    name: Node


def check_used(document: Document, problems: Problems) -> None:
    """Report conditions, scripts and holiday arrangements that nothing uses, and deadlines that pass in silence."""
    said_scripts = {use.script.text for use in scripts.uses(document)}
    report(_unnamed(document, "conditions", said("condition"), _named(document, "conditions")), problems)
    report(_unnamed(document, "arrangements", said("arrangement"), _named(document, "arrangements")), problems)
    report(_unnamed(document, "scripts", said("script"), said_scripts), problems)
    _check_heard(document, problems)


def unused_here(document: Document) -> tuple[Unused, ...]:
    """Return the queues and calendars that the policy does not use; the team may use them."""
    queues = _named(document, "queues") | {
        item.text
        for node in _nodes(document)
        if node.string("field") == "ticket.queue"
        for key in ("is", "in")
        if key in node.map
        for item in node[key].items
    }
    return (
        *_unnamed(document, "queues", said("queue"), queues),
        *_unnamed(document, "calendars", said("calendar"), _named(document, "calendars")),
    )


def report(found: Iterable[Unused], problems: Problems) -> None:
    """Report definitions that nothing uses."""
    for what, name in found:
        problems.add("CL655", name, said("nothing uses the {what} `{name}`", what=what, name=name.text), "use it, or leave it out")


def _unnamed(document: Document, section: str, what: str, used: set[str]) -> Iterator[Unused]:
    for id in document.entries(section):
        if id not in used:
            yield Unused(what, document.name(section, id))


def _named(document: Document, section: str) -> set[str]:
    keys = _REFERRING[section]
    return {item.text for node in _nodes(document) for key in keys & node.map.keys() for item in node[key].items}


def _nodes(document: Document) -> Iterator[Node]:
    for section in KIND_OF_SECTION:
        for entry in document.entries(section).values():
            yield from entry.walk()


def _check_heard(document: Document, problems: Problems) -> None:
    """Report deadlines that nothing warns of, escalates or acts on."""
    heard = {
        deadline
        for escalation in document.entries("escalations").values()
        if escalation.map.keys() & {"warn", "steps"}
        for deadline in escalation.strings("deadlines")
    }
    for id, node in document.entries("deadlines").items():
        if id not in heard and not node.map.keys() & {"remind", "then"}:
            message = said("nobody hears of it when the deadline `{name}` is missed", name=id)
            problems.add("CL657", document.name("deadlines", id), message, "name it in an entry of `escalations:`, or give it a `then:`")
