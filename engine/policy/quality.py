"""Builds what quality.yaml says: the form by which work is scored, and what is drawn for it."""

from engine.core.quality import Form
from engine.core.schedule import Schedule
from engine.policy.build import joined
from engine.policy.cron import slots
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.values import Values


def quality(document: Document, values: Values, problems: Problems) -> Form | None:
    """Return how quality is reviewed, None where the policy does not say."""
    node = document.single("quality")
    if node is None:
        return None
    seen: dict[str, Node] = {}
    for item in node["items"].items:
        if (first := seen.setdefault(item.string("id"), item["id"])) is not item["id"]:
            problems.twice(item["id"], first)
    by_clock = node.get("schedule")
    schedule = values.optional(Schedule, by_clock, **(slots(by_clock, document, problems) if by_clock else {}))
    return values.make(Form, joined(node, "sample"), schedule=schedule)
