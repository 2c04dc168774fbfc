"""Builds who may grant what (`authority.yaml`), and checks that what they say can be done."""

from collections.abc import Mapping
from decimal import Decimal

from engine.core.authority import ROLES
from engine.core.conditions import All, Any, Condition, Match
from engine.core.grants import Authority, Grant
from engine.core.index import Rules
from engine.policy.conditions import Conditions, check_order, rule_condition
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.texts import text_map


def compile_authority(document: Document, languages: tuple[str, ...], problems: Problems, conditions: Conditions) -> Authority | None:
    """Return the authority that a document gives; None where it gives none, or where a part of it is missing."""
    if not document.has("grants"):
        return None
    nodes = document.entries("grants")
    if document.ids("grants") == frozenset(nodes):
        check_order(list(nodes.values()), "grants", problems)
    grants = Rules(_grant(node, document, problems, conditions) for node in nodes.values())
    currency, approvals = (_part(document, section, problems) for section in ("currency", "approvals"))
    labels = {name: text_map(node.get("label"), languages, problems) for name, node in document.entries("exceptions").items()}
    if currency is None or approvals is None:
        return None
    _check_clock(document, approvals, problems)
    approvers, substitute = approvals.strings("approvers"), frozenset(approvals.strings("substitute"))
    return Authority(currency.text, labels, grants, approvers, substitute, approvals.source)


def _part(document: Document, section: str, problems: Problems) -> Node | None:
    if not document.has(section):
        hint = said("write it in {file}; the shipped policies show how", file="authority.yaml")
        problems.file("CL316", "authority.yaml", said("the policy has no `{section}`", section=section), hint)
    return document.single(section)


def _grant(node: Node, document: Document, problems: Problems, conditions: Conditions) -> Grant:
    names = [name for key in ("agents", "roles") if key in node.map for name in node[key].items]
    when: Condition | None = None
    if "default" in node.map or not names or "when" in node.map:
        when = rule_condition(node, "grants", conditions, problems)
    if "default" in node.map and names:
        hint = "leave out `roles` and `agents` here, or write an entry behind it that is for everybody"
        problems.add("CL380", names[0], "the default grant is for some only, and nothing is said of all others", hint)
    who: list[Condition] = [Match(ROLES, "has", (name.text,), name.source) for name in names]
    parts = [*([Any(tuple(who), node.source)] if len(who) > 1 else who), *([when] if when else ())]
    _check_exceptions(node, document.ids("exceptions"), problems)
    return Grant(
        id=node.string("id"),
        when=All(tuple(parts), node.source) if len(parts) > 1 else next(iter(parts), None),
        source=node.source,
        compensation_up_to=Decimal(node.string("compensation_up_to", "0")),
        exceptions=frozenset(node.strings("exceptions")),
    )


def _check_exceptions(node: Node, known: frozenset[str] | None, problems: Problems) -> None:
    for name in node["exceptions"].items if "exceptions" in node.map else ():
        if known is not None and name.text not in known:
            hint: str = suggestion(name.text, known) or said("define it: `exceptions: {{{name}: {{label: …}}}}`", name=name.text)
            problems.add("CL381", name, said("there is no exception `{name}`", name=name.text), hint)


def _check_clock(document: Document, approvals: Node, problems: Problems) -> None:
    kinds: Mapping[str, Node] = document.entries("deadlines")
    known = document.ids("deadlines") == frozenset(kinds)
    if known and not any("approval_opened" in kind.strings("starts") for kind in kinds.values()):
        hint = "let a deadline in sla.yaml start with it: `starts: approval_opened`, `stops: ticket_closed`"
        problems.add("CL382", approvals, "nobody is held to answer an approval: no deadline starts with `approval_opened`", hint)
