"""Checks names that one part of a policy uses and another part defines."""

from collections.abc import Iterator

from engine.core.compiled import Escalation, EscalationStep
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.units import duration, share
from engine.policy.vocabulary import ALWAYS_NAME, KIND_OF_SECTION, ROLES


class References:
    """Looks names up in one document; an unknown one is reported where it is used."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self._document = document
        self._problems = problems

    def queue(self, node: Node | None) -> None:
        """Report a queue that does not exist."""
        self._look_up("CL304", said("queue"), node, self._document.ids("queues"))

    def deadline(self, node: Node) -> None:
        """Report a kind of deadline that does not exist."""
        self._look_up("CL307", said("deadline"), node, self._document.ids("deadlines"))

    def calendar(self, node: Node | None) -> str | None:
        """Return the name of a calendar; report one that does not exist."""
        known = self._document.ids("calendars")
        self._look_up("CL305", said("calendar"), node, None if known is None else known | {ALWAYS_NAME})
        return None if node is None else node.text

    def tier(self, node: Node | None) -> str | None:
        """Return the id of a tier; report one that does not exist."""
        self._look_up("CL336", said("tier"), node, self._document.ids("tiers"))
        return None if node is None else node.text

    def _look_up(self, code: str, what: str, node: Node | None, known: frozenset[str] | None) -> None:
        if node is not None and known is not None and node.text not in known:
            self._problems.add(code, node, said("there is no {what} `{node}`", what=what, node=node.text), suggestion(node.text, known))


def escalations(document: Document, references: References, problems: Problems) -> tuple[Escalation, ...]:
    """Return the escalations; report unknown deadlines and a deadline that stands in two of them."""
    found: list[Escalation] = []
    seen: dict[str, Node] = {}
    for name, node in document.entries("escalations").items():
        for deadline in node["deadlines"].items:
            references.deadline(deadline)
            if deadline.text in seen:
                hint = said("it stands in {place} already; keep one of them", place=seen[deadline.text].source)
                problems.add("CL320", deadline, said("the deadline `{deadline}` is escalated twice", deadline=deadline.text), hint)
            seen.setdefault(deadline.text, deadline)
        found.append(_escalation(name, node, problems))
    return tuple(found)


def recipients(document: Document) -> list[Node]:
    """Return every recipient that an escalation or a rule names and that is neither a role nor a queue: an agent, then."""
    queues = document.entries("queues")
    named: list[Node] = []
    for node in document.entries("escalations").values():
        named += node["warn_to"].items if "warn_to" in node.map else []
        for step in node["steps"].items if "steps" in node.map else []:
            named += step["notify"].items if "notify" in step.map else []
    named += [one for action in actions(document) if "notify" in action.map for one in action["notify"].items]
    return [one for one in named if one.text not in ROLES and one.text not in queues]


def actions(document: Document) -> Iterator[Node]:
    """Yield every action of rules of the house's own and of the path of major complaints."""
    entries = (*document.entries("rules").values(), *document.entries("major_complaints").values())
    for node in (part for entry in entries for part in (entry, *(entry["chain"].items if "chain" in entry.map else ()))):
        yield from node["do"].items if "do" in node.map else ()


def assignees(document: Document) -> Iterator[Node]:
    """Yield every agent that a matcher asks for."""
    entries = (entry for section in KIND_OF_SECTION for entry in document.entries(section).values())
    for node in (node for entry in entries for node in entry.walk() if node.string("field") == "ticket.assignee"):
        yield from (item for key in ("is", "in") if key in node.map for item in node[key].items)


def _escalation(name: str, node: Node, problems: Problems) -> Escalation:
    steps: list[EscalationStep] = []
    script = ""
    for step in node["steps"].items if "steps" in node.map else []:
        script = step.string("script", script)
        if not script and "notify" in step.map:
            hint = "add `script: …`; a step without one says again what the step before it said"
            path = node["steps"].path  # of which a step is the first one
            problems.add("CL202", step.span, "the first step does not say which script it sends", hint, path=path)
        steps.append(_step(step, script))
    return Escalation(
        id=name,
        deadlines=node.strings("deadlines"),
        warn=tuple(share(text) for text in node.strings("warn")),
        warn_to=node.strings("warn_to"),
        warn_script=node.string("warn_script") or None,
        steps=tuple(sorted(steps, key=lambda one: one.after)),
        source=node.source,
    )


def _step(node: Node, script: str) -> EscalationStep:
    at, repeat, reassign = node.string("at"), node.get("repeat"), node.get("reassign")
    return EscalationStep(
        after=duration("0m" if at == "breach" else at.removeprefix("+")),
        notify=node.strings("notify"),
        script=script,
        source=node.source,
        reassign=reassign is not None and reassign.value is True,
        repeat=duration(repeat.text) if repeat else None,
        until=node.string("until") or None,
    )
