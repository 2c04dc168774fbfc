"""What happened to a ticket: facts in the past tense, each a small frozen value. The log of them is the truth.

Events carry ids of content, never texts, addresses or answers. `by` is an agent's id, `customer` or `system`.
A new event, or a field with a default, may be added; none may be changed or taken away once released.
"""

from engine.core.events.authority import *  # noqa: F403  # as below
from engine.core.events.base import Event as Event
from engine.core.events.clocks import *  # noqa: F403  # the package's names are its modules' events; a second list would go stale
from engine.core.events.improvements import *  # noqa: F403  # as above
from engine.core.events.incidents import *  # noqa: F403  # as above
from engine.core.events.messages import *  # noqa: F403  # as above
from engine.core.events.quality import *  # noqa: F403  # as above
from engine.core.events.rules import *  # noqa: F403  # as above
from engine.core.events.ticket import *  # noqa: F403  # as above

EVENT_CLASSES: tuple[type[Event], ...] = tuple(
    cls for cls in list(globals().values()) if isinstance(cls, type) and issubclass(cls, Event) and cls is not Event
)

EVENT_TYPES: dict[str, type[Event]] = {cls.type: cls for cls in EVENT_CLASSES}
"""Every event class by its stored name."""

EVENT_NAMES: tuple[str, ...] = (
    "ticket_opened",
    "follow_up_opened",
    "task_opened",
    "call_back_opened",
    "approval_opened",
    "alert_opened",
    "improvement_opened",
    "review_opened",
    "customer_contacted",
    "plan_recorded",
    "plan_step_done",
    "progress_reported",
    "result_reported",
    "customer_confirmed",
    "customer_objected",
    "message_received",
    "ticket_closed",
    "ticket_reopened",
    "survey_scheduled",
    "survey_sent",
    "survey_skipped",
    "incident_opened",
    "joined_incident",
    "left_incident",
    "incident_updated",
    "incident_recovered",
    "due_changed",
)
"""The names a policy may use in `starts`, `stops` and `resets`."""

RECEIPT_NAMES = frozenset({"message_sent", "message_delivered", "message_failed"})
"""The names of what becomes of a message that was queued."""

_OF_RULES = frozenset({"rule_applied", "rule_observed", "rule_skipped", "timer_elapsed"})

TRIGGER_NAMES: tuple[str, ...] = tuple(dict.fromkeys((*EVENT_NAMES, *(name for name in EVENT_TYPES if name not in _OF_RULES))))
"""The names a policy may use in the `on` of a rule: every event but those of rules themselves."""
