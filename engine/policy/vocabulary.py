"""The words that policies may use beyond the fields of matchers."""

from collections.abc import Mapping

from engine.core.budgets import OF_QUEUE
from engine.core.events import EVENT_NAMES

EVENTS = EVENT_NAMES

NOTICES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "promise": ("customer", ()),
    "promise_changed": ("customer", ()),
    "promise_moved": ("customer", ()),
    "assignment": ("team", ()),
    "customer_message": ("team", ("message",)),
    "task_assigned": ("team", ("task",)),
    "task_finished": ("team", ("message",)),
    "plan": ("customer", ()),
    "progress": ("customer", ("progress",)),
    "result": ("customer", ()),
    "objection_received": ("customer", ()),
    "closed_confirmed": ("customer", ()),
    "closed_unconfirmed": ("customer", ()),
    "opted_out": ("customer", ()),
    "undelivered": ("team", ("message",)),
    "agent_receipt": ("team", ("done",)),
    "agent_refused": ("team", ("refusal",)),
    "approval_requested": ("team", ("approval",)),
    "approval_granted": ("team", ("approval",)),
    "approval_refused": ("team", ("approval",)),
    "digest": ("team", ("digest",)),
}
"""When a message goes out by itself; `notices:` names the script of each. To whom, and the variables beside those that exist always."""

OCCASIONS = tuple(NOTICES)

ASKS = ("problem", "background", "wish", "expected_by", "contact", "kind", "impact")
"""What a guide may ask for and write down, beside the scripts to say."""

NO_QUIET = "none"
"""What stands for `quiet` of an agent who has no quiet hours."""

STANDINGS = ("assignee", "queue.lead", "manager", "supervisor", "follow_up")
"""What an agent may be where authority is given, to the ticket or by their roles in the team."""

ALWAYS_NAME = "24x7"
"""The built-in calendar."""

BUILT_IN = (ALWAYS_NAME, OF_QUEUE)
"""What no calendar of a policy can be called."""

ON_CHANGE = ("on_tier_change", "on_queue_change", "on_customer_change", "on_calendar_change")
"""What each change does to the clocks that run."""

DATA = frozenset({"team", "tests"})
"""The kinds of file that lie beside the policy and are no part of it: they may change without making it another one."""

SECTIONS = {
    "company": ("company",),
    "intake": ("kinds", "calls", "replies", "commands", "negation"),
    "sla": ("conditions", "tiers", "deadlines", *ON_CHANGE, "on_later_promise", "escalations"),
    "routing": ("queues", "routes", "assignment", "handover"),
    "scripts": ("scripts", "notices", "guides", "limits", "glossary"),
    "survey": ("surveys",),
    "rules": ("rules", "chain"),
    "authority": ("currency", "exceptions", "grants", "approvals"),
    "incidents": ("incidents", "groups", "major_complaints"),
    "reports": ("kpis", "scorecard", "watch", "verification", "reports", "suggestions", "ignored_words"),
    "retention": ("retention", "retention_runs"),
    "quality": ("quality",),
    "knowledge": ("articles",),
    "calendars": ("calendars", "arrangements"),
    "team": ("manager", "agents", "shifts"),
    "tests": ("tests",),
}
"""The top-level keys of each kind of file."""

KINDS_OF_FILE = tuple(SECTIONS)

KIND_OF_SECTION = {section: kind for kind, sections in SECTIONS.items() for section in sections}

NEEDED = ("company", "kinds", "calls", "replies", "negation", "tiers", "deadlines", "queues", "routes", "assignment", "scripts", "limits")
"""The sections without which there is no policy."""
