"""Checks names that one part of a policy uses and another part defines."""

from collections.abc import Iterator

from engine.core.budgets import OF_QUEUE
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.vocabulary import ALWAYS_NAME, KIND_OF_SECTION, STANDINGS


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

    def tier(self, node: Node | None) -> str | None:
        """Return the id of a tier; report one that does not exist."""
        self._look_up("CL360", said("tier"), node, self._document.ids("tiers"))
        return None if node is None else node.text

    def outcome(self, node: Node | None, questions: frozenset[str]) -> None:
        """Report an outcome that is none of its survey's scored questions."""
        self._look_up("CL394", said("scored question"), node, questions)

    def calendar(self, node: Node | None) -> str | None:
        """Return the name of a calendar; report one that does not exist."""
        known = self._document.ids("calendars")
        self._look_up("CL305", said("calendar"), node, None if known is None else known | {ALWAYS_NAME})
        return None if node is None else node.text

    def calendar_of_clocks(self, node: Node | None) -> str | None:
        """Return the name of a calendar for clocks, which may be `queue`; report queues that have none then."""
        if node is None or node.text != OF_QUEUE:
            return self.calendar(node)
        queues = self._document.entries("queues")
        bare = ", ".join(name for name, queue in queues.items() if "calendar" not in queue.map)
        if bare:
            hint = said("give them a calendar in routing.yaml, or write the name of a calendar here")
            self._problems.add("CL350", node, said("these queues have no calendar: {queues}", queues=bare), hint)
        return node.text

    def _look_up(self, code: str, what: str, node: Node | None, known: frozenset[str] | None) -> None:
        if node is not None and known is not None and node.text not in known:
            self._problems.add(code, node, said("there is no {what} `{node}`", what=what, node=node.text), suggestion(node.text, known))


def actions(document: Document) -> Iterator[Node]:
    """Yield every action of rules of the house's own and of the path of major complaints."""
    entries = (*document.entries("rules").values(), *document.entries("major_complaints").values())
    for node in (part for entry in entries for part in (entry, *(entry["chain"].items if "chain" in entry.map else ()))):
        yield from node["do"].items if "do" in node.map else ()


def assignees(document: Document) -> Iterator[Node]:
    """Yield every agent that a matcher asks for, and those to whom authority is given."""
    for grant in document.entries("grants").values():
        yield from grant["agents"].items if "agents" in grant.map else ()
    approvals, queues = document.single("approvals"), document.ids("queues") or frozenset()
    yield from (one for one in approvals["approvers"].items if one.text not in queues.union(STANDINGS)) if approvals else ()
    entries = (entry for section in KIND_OF_SECTION for entry in document.entries(section).values())
    for node in (node for entry in entries for node in entry.walk() if node.string("field") == "ticket.assignee"):
        yield from (item for key in ("is", "in") if key in node.map for item in node[key].items)
