"""Builds what retention.yaml says: how long personal data are kept, and what is done with them then."""

from typing import Any

from engine.core.retention import PLACES, Retention, RetentionRule
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.reports import slots
from engine.policy.said import said
from engine.policy.units import duration


def retention_schemas() -> dict[str, Any]:
    """Return the schemas of the places where personal data lie, and of what may be done with those of each."""
    ends = [
        {"if": {"properties": {"what": {"const": what}}, "required": ["what"]}, "then": {"properties": {"do": {"enum": list(ways)}}}}
        for what, ways in PLACES.items()
    ]
    return {"place": {"enum": list(PLACES)}, "ends": {"allOf": ends}}


def retention(document: Document, problems: Problems) -> Retention | None:
    """Return how long what is kept, None where the policy does not say."""
    found, runs = document.entries("retention"), document.single("retention_runs")
    if found and not document.has("retention_runs"):
        message = said("the policy has no `{section}`", section="retention_runs")
        hint = said("write it in {file}; the shipped policies show how", file="retention.yaml")
        problems.add("CL316", next(iter(found.values())), message, hint)
    if runs is None:
        return None
    rules = (
        RetentionRule(id, node.source, node.string("what"), duration(node.string("after")), node.string("do")) for id, node in found.items()
    )
    return Retention(tuple(rules), *slots(runs, document, problems))
