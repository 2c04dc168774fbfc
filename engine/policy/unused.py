"""Advice on definitions: those that nothing refers to, and deadlines that nobody would hear of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.references import uses
from engine.policy.said import said
from engine.policy.vocabulary import KIND_OF_SECTION

_KEYS = {
    "conditions": ("use",),
    "arrangements": ("holidays",),
    "calendars": ("calendar", "within"),
    "queues": ("queue", "notify", "warn_to", "reassign", "to"),
}
"""By section: the keys whose values name one of its entries. Scripts are named in so many ways that `references.uses` knows them."""
_WANTED = {key for keys in _KEYS.values() for key in keys}


class Unused(NamedTuple):
    """A definition that the policy itself does not use: what it is, and where its name stands."""

    what: str
    name: Node


def check_used(document: Document, problems: Problems) -> None:
    """Report conditions, scripts and holiday arrangements that nothing uses, and deadlines that pass in silence."""
    named = _named(document) | {"scripts": {use.script.text for use in uses(document)}}
    for section, what in (("conditions", said("condition")), ("arrangements", said("arrangement")), ("scripts", said("script"))):
        report(_unnamed(document, section, what, named), problems)
    _check_heard(document, problems)


def unused_here(document: Document) -> tuple[Unused, ...]:
    """Return the queues and calendars that the policy does not use; the team may use them."""
    named = _named(document)
    return (*_unnamed(document, "queues", said("queue"), named), *_unnamed(document, "calendars", said("calendar"), named))


def report(found: Iterable[Unused], problems: Problems) -> None:
    """Report definitions that nothing uses."""
    for what, name in found:
        problems.add("CL655", name, said("nothing uses the {what} `{name}`", what=what, name=name.text), "use it, or leave it out")


def _unnamed(document: Document, section: str, what: str, named: Mapping[str, set[str]]) -> Iterator[Unused]:
    return (Unused(what, document.name(section, id)) for id in document.entries(section) if id not in named[section])


def _named(document: Document) -> dict[str, set[str]]:
    """Return, by section, the names of its entries that are used somewhere."""
    found: dict[str, set[str]] = {key: set() for key in _WANTED}
    for node in (node for section in KIND_OF_SECTION for entry in document.entries(section).values() for node in entry.walk() if node.map):
        for key in _WANTED & node.map.keys():
            found[key].update(item.text for item in node[key].items)
        if node.string("field") == "ticket.queue":
            found["queue"].update(item.text for key in ("is", "in") if key in node.map for item in node[key].items)
    return {section: set[str]().union(*(found[key] for key in keys)) for section, keys in _KEYS.items()}


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
