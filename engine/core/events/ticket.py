"""What happened to a ticket and to the work on it."""

from datetime import datetime

from engine.core.events.base import Event
from engine.core.fields import INCIDENT, NEEDS


class TicketOpened(Event, frozen=True):
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


class TierAssigned(Event, frozen=True):
    """The ticket was graded: by a rule, or by a person with a reason (a content id)."""

    tier: str
    by: str = "system"
    reason: str | None = None


class Routed(Event, frozen=True):
    """The ticket was put into a queue."""

    queue: str
    by: str = "system"


class Assigned(Event, frozen=True):
    """An agent owns the ticket now; None: nobody does, it waits in its queue."""

    agent: str | None
    by: str = "system"


class FieldSet(Event, frozen=True):
    """A rule set a field of the ticket (impact, kind, language) to `value`."""

    field: str
    value: str


class TagAdded(Event, frozen=True):
    """The ticket has a tag more."""

    tag: str


class TagRemoved(Event, frozen=True):
    """The ticket has a tag less."""

    tag: str


class CustomerChanged(Event, frozen=True):
    """The ticket is about this customer now, or what the archive knows of its customer has changed."""

    customer: str
    by: str = "system"


class CustomerContacted(Event, frozen=True):
    """An agent spoke with or wrote to the customer."""

    by: str
    channel: str
    content: str | None = None


class PlanRecorded(Event, frozen=True):
    """A solution plan is in force; steps are (id, content, who, due)."""

    content: str
    by: str
    steps: tuple[tuple[str, str, str, datetime], ...] = ()


class PlanStepDone(Event, frozen=True):
    """A completion point of the plan was reached."""

    step: str
    by: str


class ProgressReported(Event, frozen=True):
    """The customer heard how far things are."""

    by: str
    content: str | None = None


class TaskAdded(Event, frozen=True):
    """Another department works on a part of this; the task is a ticket of its own."""

    task: str
    by: str


class TaskFinished(Event, frozen=True):
    """A task of this ticket was closed."""

    task: str


class Noted(Event, frozen=True):
    """Somebody wrote something down."""

    content: str
    by: str


class PutOnHold(Event, frozen=True):
    """Work waits: for the customer (`waiting_customer`), for a supplier (`waiting_supplier`) or for something else (`on_hold`)."""

    state: str
    by: str


class Resumed(Event, frozen=True):
    """Work goes on."""

    by: str


class ResultReported(Event, frozen=True):
    """The result went to the customer, who is asked to confirm."""

    content: str
    by: str


class CustomerConfirmed(Event, frozen=True):
    """The customer agreed that it is solved. `by` is `customer`, or the agent who recorded their word."""

    by: str
    content: str | None = None


class CustomerObjected(Event, frozen=True):
    """The customer did not agree; the work goes round again."""

    by: str
    content: str | None = None


class TicketClosed(Event, frozen=True):
    """The ticket ended as `outcome`: unconfirmed (nobody answered) or closed (the house's own work, or a person's decision)."""

    outcome: str
    by: str
    content: str | None = None


class TicketReopened(Event, frozen=True):
    """An ended ticket is worked on again."""

    by: str
    content: str | None = None
