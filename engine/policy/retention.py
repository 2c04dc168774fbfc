"""Builds what retention.yaml says: how long personal data are kept, and what is done with them then."""

from typing import Any

from engine.core.retention import PLACES, Retention, RetentionRule
from engine.policy.cron import slots
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.values import Values


def retention_schemas() -> dict[str, Any]:
    """Return the schemas of the places where personal data lie, and of what may be done with those of each."""
    ends = [
        {"if": {"properties": {"what": {"const": what}}, "required": ["what"]}, "then": {"properties": {"do": {"enum": list(ways)}}}}
        for what, ways in PLACES.items()
    ]
    return {"place": {"enum": list(PLACES)}, "ends": {"allOf": ends}}


def retention(document: Document, values: Values, problems: Problems) -> Retention | None:
    """Return how long what is kept, None where the policy does not say."""
    found, runs = document.entries("retention"), document.single("retention_runs")
    if found and not document.has("retention_runs"):
        problems.lacking("retention_runs")
    if runs is None:
        return None
    rules = tuple(values.make(RetentionRule, node, id=id) for id, node in found.items())
    return Retention(rules=rules, source=runs.source, **slots(runs, document, problems))
