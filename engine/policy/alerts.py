"""Builds what is done when an alert is raised, for what is watched (reports.yaml) and for clusters (incidents.yaml)."""

from engine.core.alerts import AlertRule, Opens
from engine.policy.diagnostics import Problems
from engine.policy.escalations import told
from engine.policy.nodes import Node
from engine.policy.references import References
from engine.policy.texts import text_map
from engine.policy.units import duration


def alert(node: Node, languages: tuple[str, ...], references: References, problems: Problems) -> AlertRule:
    """Return the rule; report queues that do not exist."""
    references.queue(node["queue"])
    opened, significant = node.get("open"), node.get("significant")
    return AlertRule(
        queue=node.string("queue"),
        to=told(node, "to"),
        script=node.string("script") or None,
        opens=_opens(opened, node.string("queue"), languages, references, problems) if opened is not None else None,
        significant=significant is not None and significant.value is True,
        ended=node.string("ended") or None,
    )


def _opens(node: Node, queue: str, languages: tuple[str, ...], references: References, problems: Problems) -> Opens:
    references.queue(node.get("queue"))
    label = text_map(node["label"], languages, problems) if "label" in node.map else {}
    due = duration(node.string("due")) if "due" in node.map else None
    return Opens(node.string("kind"), node.string("queue", queue), due, label)
