"""Builds what incidents.yaml says of incidents: which tickets make one, and what is done with it."""

from engine.core.grouping import IncidentGroup, Incidents
from engine.policy.alerts import alert
from engine.policy.conditions import Conditions
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.references import References
from engine.policy.said import said
from engine.policy.texts import text_map
from engine.policy.units import duration


def incidents(document: Document, references: References) -> Incidents | None:
    """Return how incidents are worked on, None where the policy does not say."""
    node = document.single("incidents")
    if node is None:
        return None
    references.queue(node["queue"])
    scripts = {occasion: script.text for occasion, script in node["scripts"].map.items()}
    return Incidents(node.string("queue"), references.tier(node.get("tier")), duration(node.string("every")), scripts, node.source)


def groups(
    document: Document, languages: tuple[str, ...], conditions: Conditions, references: References, problems: Problems
) -> tuple[IncidentGroup, ...]:
    """Return which tickets make an incident together, in the order in which they are asked."""
    found = document.entries("groups")
    if found and not document.has("incidents"):
        message = said("the policy has no `{section}`", section="incidents")
        hint = said("write it in {file}; the shipped policies show how", file="incidents.yaml")
        problems.file("CL316", "incidents.yaml", message, hint)

    def group(id: str, node: Node) -> IncidentGroup:
        references.queue(node.get("queue"))
        raised = node.get("alert")
        return IncidentGroup(
            id,
            when=conditions.compile(node["when"], "groups"),
            source=node.source,
            label=text_map(node["label"], languages, problems),
            window=duration(node.string("window")),
            minimum=int(node.string("minimum")),
            same=node.strings("same"),
            queue=node.string("queue") or None,
            tier=references.tier(node.get("tier")),
            alert=alert(raised, languages, references, problems) if raised is not None else None,
            baseline=duration(raised.string("baseline")) if raised is not None and "baseline" in raised.map else None,
        )

    return tuple(group(id, node) for id, node in found.items())
