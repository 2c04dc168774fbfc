"""What happened to a ticket and to the work on it."""

from dataclasses import dataclass
from datetime import datetime

from engine.core.events.base import Event
from engine.core.fields import INCIDENT, NEEDS


@dataclass(frozen=True, slots=True)
class TicketOpened(Event):
    """A ticket came into being. Its name in policies tells needs from work of the house: `ticket_opened`, `task_opened`."""

    number: str
    kind: str
    channel: str
    language: str
    customer: str | None = None
    contact: str | None = None
    description: str | None = None
    subject: str | None = None
    impact: str | None = None
    wish: str | None = None
    expected_by: str | None = None
    parent: str | None = None
    due: datetime | None = None
    tier: str | None = None
    by: str = "system"
    alike: str | None = None

    @property
    def name(self) -> str:
        """`ticket_opened` for a customer's need, else `<kind>_opened`."""
        if self.kind == INCIDENT and self.customer is None:
            return "incident_opened"
        return "ticket_opened" if self.kind in NEEDS else f"{self.kind}_opened"


@dataclass(frozen=True, slots=True)
class TierAssigned(Event):
    """The ticket was graded: by a rule, or by a person with a reason (a content id)."""

    tier: str
    by: str = "system"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Routed(Event):
    """The ticket was put into a queue."""

    queue: str
    by: str = "system"


@dataclass(frozen=True, slots=True)
class Assigned(Event):
    """An agent owns the ticket now; None: nobody does, it waits in its queue."""

    agent: str | None
    by: str = "system"


@dataclass(frozen=True, slots=True)
class FieldSet(Event):
    """A rule set a field of the ticket (impact, kind, language) to `value`."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class TagAdded(Event):
    """The ticket has a tag more."""

    tag: str


@dataclass(frozen=True, slots=True)
class TagRemoved(Event):
    """The ticket has a tag less."""

    tag: str


@dataclass(frozen=True, slots=True)
class CustomerChanged(Event):
    """The ticket is about this customer now, or what the archive knows of its customer has changed."""

    customer: str
    by: str = "system"


@dataclass(frozen=True, slots=True)
class CustomerContacted(Event):
    """An agent spoke with or wrote to the customer."""

    by: str
    channel: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class PlanRecorded(Event):
    """A solution plan is in force; steps are (id, content, who, due)."""

    content: str
    by: str
    steps: tuple[tuple[str, str, str, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class PlanStepDone(Event):
    """A completion point of the plan was reached."""

    step: str
    by: str


@dataclass(frozen=True, slots=True)
class ProgressReported(Event):
    """The customer heard how far things are."""

    by: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class TaskAdded(Event):
    """Another department works on a part of this; the task is a ticket of its own."""

    task: str
    by: str


@dataclass(frozen=True, slots=True)
class TaskFinished(Event):
    """A task of this ticket was closed."""

    task: str


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """Somebody wrote something down."""

    content: str
    by: str


@dataclass(frozen=True, slots=True)
class PutOnHold(Event):
    """Work waits: for the customer (`waiting_customer`), for a supplier (`waiting_supplier`) or for something else (`on_hold`)."""

    state: str
    by: str


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """Work goes on."""

    by: str


@dataclass(frozen=True, slots=True)
class ResultReported(Event):
    """The result went to the customer, who is asked to confirm."""

    content: str
    by: str


@dataclass(frozen=True, slots=True)
class CustomerConfirmed(Event):
    """The customer agreed that it is solved. `by` is `customer`, or the agent who recorded their word."""

    by: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerObjected(Event):
    """The customer did not agree; the work goes round again."""

    by: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class TicketClosed(Event):
    """The ticket ended as `outcome`: unconfirmed (nobody answered) or closed (the house's own work, or a person's decision)."""

    outcome: str
    by: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class TicketReopened(Event):
    """An ended ticket is worked on again."""

    by: str
    content: str | None = None
