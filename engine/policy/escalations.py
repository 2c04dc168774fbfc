"""Builds the escalations of sla.yaml: when people are warned, whom the steps reach and what they do."""

from engine.core.duty import ROLES
from engine.core.escalations import Escalation, EscalationStep, Opening, Recipient
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.references import References, actions
from engine.policy.said import said
from engine.policy.units import duration, threshold


def escalations(document: Document, references: References, problems: Problems) -> tuple[Escalation, ...]:
    """Return the escalations; report unknown deadlines, queues and tiers, and a deadline that stands in two of them."""
    found: list[Escalation] = []
    seen: dict[str, Node] = {}
    for name, node in document.entries("escalations").items():
        for deadline in node["deadlines"].items:
            references.deadline(deadline)
            if deadline.text in seen:
                hint = said("it stands in {place} already; keep one of them", place=seen[deadline.text].source)
                problems.add("CL320", deadline, said("the deadline `{deadline}` is escalated twice", deadline=deadline.text), hint)
            seen.setdefault(deadline.text, deadline)
        found.append(_escalation(name, node, references, problems))
    return tuple(found)


def recipients(document: Document) -> list[Node]:
    """Return every recipient that an escalation, a rule or a report names and that is neither a role nor a queue: an agent, then."""
    queues = document.entries("queues")
    named: list[Node] = []
    for node in document.entries("escalations").values():
        named += names(node, "warn_to")
        for step in _steps(node):
            named += names(step, "notify")
    named += [one for action in actions(document) for one in names(action, "notify")]
    named += [one for section in ("watch", "reports") for node in document.entries(section).values() for one in names(node, "to")]
    named += [one for node in document.entries("groups").values() if "alert" in node.map for one in names(node["alert"], "to")]
    if (handover := document.single("handover")) is not None:
        named += names(handover, "to")
    return [one for one in named if one.text not in ROLES and one.text not in queues]


def names(node: Node, key: str) -> list[Node]:
    """Return the names of the recipients under a key, without the channels that some of them have."""
    return [item.get("to") or item for item in node[key].items] if key in node.map else []


def _steps(node: Node) -> list[Node]:
    return node["steps"].items if "steps" in node.map else []


def _escalation(name: str, node: Node, references: References, problems: Problems) -> Escalation:
    steps: list[EscalationStep] = []
    script = ""
    for step in _steps(node):
        script = step.string("script", script)
        if not script and "notify" in step.map:
            hint = "add `script: …`; a step without one says again what the step before it said"
            path = node["steps"].path  # of which a step is the first one
            problems.add("CL202", step.span, "the first step does not say which script it sends", hint, path=path)
        steps.append(_step(step, script, references))
    return Escalation(
        id=name,
        deadlines=node.strings("deadlines"),
        warn=tuple(threshold(text) for text in node.strings("warn")),
        warn_to=told(node, "warn_to"),
        warn_script=node.string("warn_script") or None,
        steps=tuple(sorted(steps, key=lambda one: one.after)),
        source=node.source,
    )


def _step(node: Node, script: str, references: References) -> EscalationStep:
    at, repeat, reassign, raised, opened = node.string("at"), *(node.get(key) for key in ("repeat", "reassign", "raise_tier", "open"))
    if raised is not None and not isinstance(raised.value, bool):
        references.tier(raised)
    if opened is not None:
        references.queue(opened["queue"])
    return EscalationStep(
        after=duration("0m" if at == "breach" else at.removeprefix("+")),
        notify=told(node, "notify"),
        script=script,
        source=node.source,
        reassign=reassign is not None and reassign.value is True,
        repeat=duration(repeat.text) if repeat else None,
        until=node.string("until") or None,
        raise_tier=_tier(raised),
        opens=Opening(opened.string("kind"), opened.string("queue")) if opened else None,
    )


def _tier(node: Node | None) -> str | None:
    if node is None or node.value is False:
        return None
    return "" if node.value is True else node.text


def told(node: Node, key: str) -> tuple[Recipient, ...]:
    """Return the recipients under a key with the channels that each is told over first."""
    if key not in node.map:
        return ()
    return tuple(Recipient((item.get("to") or item).text, item.strings("channel")) for item in node[key].items)
