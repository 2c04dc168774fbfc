"""Builds what routing.yaml says about choosing an agent: the assignment, common and by queue, needed skills, and spilling over."""

from engine.core.compiled import Assignment, Handover, SpillOver
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.escalations import told
from engine.policy.nodes import Node
from engine.policy.references import References
from engine.policy.said import said
from engine.policy.units import duration


def assignment(document: Document) -> Assignment | None:
    """Return how agents are chosen; None when that section is not sound."""
    node = document.single("assignment")
    if node is None:
        return None
    return Assignment(
        order=node.strings("order"),
        capacity=int(node.string("capacity")),
        on_no_response=node.string("on_no_response"),
        on_away=node.string("on_away", "keep"),
        source=node.source,
    )


def handover(document: Document) -> Handover | None:
    """Return who takes over what an agent leaves open at the end of a shift; None where nobody does."""
    node = document.single("handover")
    return None if node is None else Handover(duration(node.string("before_end")), told(node, "to"), node.string("script"), node.source)


def own_assignment(node: Node | None, common: Assignment | None) -> Assignment | None:
    """Return how a queue chooses where it says so itself; what it leaves out is as everywhere."""
    if node is None or common is None:
        return None
    return Assignment(
        order=node.strings("order") or common.order,
        capacity=int(node.string("capacity", str(common.capacity))),
        on_no_response=node.string("on_no_response", common.on_no_response),
        on_away=node.string("on_away", common.on_away),
        source=node.source,
    )


def spill_over(queue: str, node: Node | None, references: References, problems: Problems) -> SpillOver | None:
    """Return where a queue spills over to; report queues that do not exist and the queue itself."""
    if node is None:
        return None
    named = node["to"].items or (node["to"],)
    for one in named:
        references.queue(one)
        if one.text == queue:
            problems.add("CL370", one, said("the queue `{queue}` spills over to itself", queue=queue), "name another queue")
    return SpillOver(tuple(one.text for one in named), duration(node.string("before_breach")), node.source)


def skills(node: Node | None) -> dict[str, int]:
    """Return the level that each needed skill must have: 1 where only the skill is named."""
    if node is None:
        return {}
    return {name: int(level.text) for name, level in node.map.items()} or {item.text: 1 for item in node.items}
