"""Builds who may grant what (`authority.yaml`), and checks that what they say can be done."""

from collections.abc import Mapping

from engine.core.authority import ROLES
from engine.core.conditions import All, Any, Condition, Match
from engine.core.grants import Authority, Grant
from engine.core.index import Rules
from engine.policy.conditions import Conditions, check_order, rule_condition
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.values import Values


def compile_authority(document: Document, values: Values, problems: Problems, conditions: Conditions) -> Authority | None:
    """Return the authority that a document gives; None where it gives none, or where a part of it is missing."""
    if not document.has("grants"):
        return None
    nodes = document.entries("grants")
    if document.ids("grants") == frozenset(nodes):
        check_order(list(nodes.values()), "grants", problems)
    grants = Rules(_grant(node, document, values, problems, conditions) for node in nodes.values())
    currency, approvals = (_part(document, section, problems) for section in ("currency", "approvals"))
    labels = {name: values.text(node.get("label")) for name, node in document.entries("exceptions").items()}
    if currency is None or approvals is None:
        return None
    _check_clock(document, approvals, problems)
    return values.make(Authority, approvals, currency=currency.text, exceptions=labels, grants=grants)


def _part(document: Document, section: str, problems: Problems) -> Node | None:
    if not document.has(section):
        problems.lacking(section)
    return document.single(section)


def _grant(node: Node, document: Document, values: Values, problems: Problems, conditions: Conditions) -> Grant:
    names = [name for key in ("agents", "roles") if key in node.map for name in node[key].items]
    when: Condition | None = None
    if "default" in node.map or not names or "when" in node.map:
        when = rule_condition(node, "grants", conditions, problems)
    if "default" in node.map and names:
        hint = "leave out `roles` and `agents` here, or write an entry behind it that is for everybody"
        problems.add("CL380", names[0], "the default grant is for some only, and nothing is said of all others", hint)
    who: list[Condition] = [Match(ROLES, "has", (name.text,), name.source) for name in names]
    parts = [*([Any(tuple(who), node.source)] if len(who) > 1 else who), *([when] if when else ())]
    for name in node.each("exceptions"):
        hint = said("define it: `exceptions: {{{name}: {{label: …}}}}`", name=name.text)
        problems.unknown("CL381", name, "exception", document.ids("exceptions"), hint)
    return values.make(Grant, node, when=All(tuple(parts), node.source) if len(parts) > 1 else next(iter(parts), None))


def _check_clock(document: Document, approvals: Node, problems: Problems) -> None:
    kinds: Mapping[str, Node] = document.entries("deadlines")
    known = document.ids("deadlines") == frozenset(kinds)
    if known and not any("approval_opened" in kind.strings("starts") for kind in kinds.values()):
        hint = "let a deadline in sla.yaml start with it: `starts: approval_opened`, `stops: ticket_closed`"
        problems.add("CL382", approvals, "nobody is held to answer an approval: no deadline starts with `approval_opened`", hint)
