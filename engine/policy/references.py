"""The names that one part of a policy uses and another part defines: one table of the places where they stand."""

from collections.abc import Iterator
from typing import NamedTuple

from engine.core.budgets import OF_QUEUE
from engine.core.duty import ROLES
from engine.core.kpis import KPIS, OF_CALLS
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.said import said
from engine.policy.values import names
from engine.policy.vocabulary import ALWAYS_NAME, ASKS, KIND_OF_SECTION, NOTICES, STANDINGS

_AGENT, _CUSTOMER, _TEAM = "agent", "customer", "team"
CLOCKS = ("tiers.*.calendar", "deadlines.*.calendar", "deadlines.*.budgets.*.calendar")
"""The calendars that clocks run on, which may be that of the ticket's queue."""

_ACTIONS = ("rules.*.do.*", "major_complaints.*.do.*", "major_complaints.*.chain.*.do.*")
_ALERTS = ("watch.*", "groups.*.alert")
_USED = {
    ("CL304", "queue", "queues"): (
        *(f"{action}.{key}" for action in _ACTIONS for key in ("reassign", "open.queue")),
        *(f"{alert}.{key}" for alert in _ALERTS for key in ("queue", "open.queue")),
        *(f"kpis.{name}.scopes.*.queue" for name, kpi in KPIS.items() if kpi.dimensions != OF_CALLS),  # whose queues are the PBX's
        *("routes.*.queue", "calls.*.open.queue", "queues.*.spill_over.to.*", "escalations.*.steps.*.open.queue", "groups.*.queue"),
        *("surveys.*.low_score.open.queue", "incidents.queue", "major_complaints.*.queue", "quality.queue"),
    ),
    ("CL305", "calendar", "calendars"): ("queues.*.calendar", "kpis.*.calendar", *CLOCKS),
    ("CL307", "deadline", "deadlines"): (
        *("tiers.*.budgets.@", "deadlines.*.unless_running.*", "kpis.*.scopes.*.deadline", "escalations.*.deadlines.*"),
    ),
    ("CL336", "tier", "tiers"): tuple(f"{action}.raise_tier" for action in _ACTIONS),
    ("CL360", "tier", "tiers"): (
        *("limits.quiet.except.*", "escalations.*.steps.*.raise_tier", "incidents.tier", "groups.*.tier", "major_complaints.*.tier"),
        *("kpis.*.scopes.*.tier",),
    ),
}
"""By code, what it is and the section that defines it: where it is named (see `Document.find`)."""

_TOLD = (
    *("escalations.*.warn_to", "escalations.*.steps.*.notify", "watch.*.to", "reports.*.to", "groups.*.alert.to", "handover.to"),
    *(f"{action}.notify" for action in _ACTIONS),
)
_SAID = (
    ("calls.*.open.script", "missed_call", _CUSTOMER),
    ("deadlines.*.remind_script", "reminder", _CUSTOMER),
    ("escalations.*.warn_script", "warning", "warn_to"),
    ("escalations.*.steps.*.script", "breach", "notify"),
    ("handover.script", "handover", "to"),
    ("incidents.scripts.*", "incident", _CUSTOMER),
    *((f"{action}.script", "rule", "notify") for action in _ACTIONS),
    *((f"{action}.run_script", "rule", _CUSTOMER) for action in _ACTIONS),
    *((f"{alert}.{script}", "alert", "to") for alert in _ALERTS for script in ("script", "ended")),
)
"""Where a script is named, on which occasion it is said, and to whom: the customer, or those under the key beside it."""


class Use(NamedTuple):
    """A place of the policy that says a script: on which occasion, to which audiences it may be meant."""

    script: Node
    occasion: str
    audiences: tuple[str, ...]


def check_references(document: Document, problems: Problems) -> None:
    """Report each name that nothing defines, and clocks that run on the calendar of queues of which some have none."""
    bare = ", ".join(name for name, queue in document.entries("queues").items() if "calendar" not in queue.map)
    for (code, what, section), paths in _USED.items():
        known = calendars(document) if section == "calendars" else document.ids(section)
        for path in paths:
            for node in document.find(path):
                if path in CLOCKS and node.text == OF_QUEUE:
                    if bare:
                        hint = said("give them a calendar in routing.yaml, or write the name of a calendar here")
                        problems.add("CL350", node, said("these queues have no calendar: {queues}", queues=bare), hint)
                elif isinstance(node.value, str):  # true stands for what the engine chooses
                    problems.unknown(code, node, what, known)


def calendars(document: Document) -> frozenset[str] | None:
    """Return the names of all calendars, the built-in one included; None where they cannot be known."""
    known = document.ids("calendars")
    return None if known is None else known | {ALWAYS_NAME}


def recipients(document: Document) -> list[Node]:
    """Return every recipient that an escalation, a rule or a report names and that is neither a role nor a queue: an agent, then."""
    queues = document.entries("queues")
    named = [item.get("to") or item for path in _TOLD for item in document.find(f"{path}.*")]
    return [one for one in named if one.text not in ROLES and one.text not in queues]


def assignees(document: Document) -> Iterator[Node]:
    """Yield every agent that a matcher asks for, and those to whom authority is given."""
    yield from document.find("grants.*.agents.*")
    others = (document.ids("queues") or frozenset()).union(STANDINGS)
    yield from (one for one in document.find("approvals.approvers.*") if one.text not in others)
    entries = (entry for section in KIND_OF_SECTION for entry in document.entries(section).values())
    for node in (node for entry in entries for node in entry.walk() if node.string("field") == "ticket.assignee"):
        yield from (item for key in ("is", "in") if key in node.map for item in node[key].items)


def uses(document: Document) -> Iterator[Use]:
    """Yield every place that says a script."""
    for occasion, node in document.entries("notices").items():
        yield Use(node, occasion, NOTICES[occasion][:1])
    for path, occasion, to in _SAID:
        place, _, key = path.rpartition(".")
        for node in document.find(place):
            for script in node.map.values() if key == "*" else filter(None, [node.get(key)]):
                yield Use(script, occasion, (_CUSTOMER,) if to == _CUSTOMER else _audiences(names(node, to)))
    for node in document.find("surveys.*.scripts"):
        for role, script in node.map.items():
            yield Use(script, f"survey_{role}", (_CUSTOMER,))
    for step in (step for node in document.entries("guides").values() for step in guide_steps(node)):
        words = step.get("script") if step.map else step
        if words is not None and words.text not in ASKS:
            yield Use(words, "guide", (_AGENT, _CUSTOMER))


def guide_steps(guide: Node) -> list[Node]:
    """Return the steps of a guide, which may be all there is to it."""
    return guide["steps"].items if guide.map else guide.items


def _audiences(recipients: list[Node]) -> tuple[str, ...]:
    kinds = {_CUSTOMER if recipient.text == "customer" else _TEAM for recipient in recipients}
    return tuple(sorted(kinds)) or (_TEAM,)
