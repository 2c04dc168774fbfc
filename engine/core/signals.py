"""Everything that can happen to a ticket, as one kind of value each; all of them pass through `handle`.

`ticket` is the number of the ticket concerned, None where there is none yet. `actor` is an agent's id, `customer` or `system`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct, field

from engine.core.conditions import Source
from engine.core.improvements import Evidence, Improvement, Outcome
from engine.core.model import CUSTOMER, SYSTEM
from engine.core.quality import Review


class MessageArrived(Struct, frozen=True):
    """A message came in. `party` is who wrote it: `customer` or an agent's id.

    `trusted` says that the sender proved to be that party (a signed token, or the address the ticket already has), which
    confirmations and agents' commands need. `attachments` are content hashes with names. `fields` are what a form knew.
    """

    ticket: str | None
    channel: str
    text: str
    subject: str = ""
    party: str = CUSTOMER
    trusted: bool = False
    automatic: bool = False
    attachments: tuple[tuple[str, str], ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


class CallArrived(Struct, frozen=True):
    """A call is on record; its facts are in `Facts.call`. `text` is what a person wrote about it, empty for the PBX's own records."""

    ticket: str | None
    channel: str
    text: str = ""
    agent: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


class TicketRequested(Struct, frozen=True):
    """The house opens work for itself: a task, a follow-up. `text` says what is to be done.

    With `answer` (the id of a survey's answer) the ticket is confidential: it does not say whom it is about, and `avoid`, whom the
    answer may be about, does not get it where there is anybody else. `rule` and `source` say which rule of the policy asked for it. `alike`
    are the tickets that an incident takes in. `survey` is the one that a ticket of this kind stands for, `improvement` what a measure is
    for (that of an alert, the one that it opens); `words` are what is said of an alert, by language.
    """

    kind: str
    queue: str
    text: str
    channel: str
    language: str
    ticket: None = None
    parent: str | None = None
    due: datetime | None = None
    assignee: str | None = None
    customer: str | None = None
    actor: str = SYSTEM
    answer: str | None = None
    avoid: str | None = None
    rule: str | None = None
    source: Source | None = None
    alike: str | None = None
    survey: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    improvement: Improvement | None = None
    review: Review | None = None


class StepDraft(Struct, frozen=True):
    """One completion point as an agent writes it."""

    text: str
    who: str
    due: datetime


class AgentActed(Struct, frozen=True):
    """A person worked on the ticket. `action` is one of `actions.ACTIONS`; which of the other fields count depends on it.

    `evidence` is computed by whoever asks for a verdict on a measure. `points` score a review by item.
    """

    ticket: str
    action: str
    actor: str
    text: str = ""
    target: str | None = None
    due: datetime | None = None
    steps: tuple[StepDraft, ...] = ()
    channel: str | None = None
    via: str = "cli"
    amount: Decimal | None = None
    step: str | None = None
    improvement: Improvement | None = None
    evidence: Evidence | None = None
    outcome: Outcome | None = None
    points: Mapping[str, int | None] = field(default_factory=dict)


class CustomerChanged(Struct, frozen=True):
    """The ticket is `customer`'s: another one's than before, or the archive knows them otherwise now (another segment, say)."""

    ticket: str
    customer: str
    actor: str = SYSTEM


class TaskClosed(Struct, frozen=True):
    """A task of this ticket was closed, with this result (a content id)."""

    ticket: str
    task: str
    content: str | None = None


class ApprovalDecided(Struct, frozen=True):
    """An approval that this ticket waited for was granted or not, by an agent, with these words (a content id)."""

    ticket: str
    approval: str
    granted: bool
    by: str
    content: str | None = None


class TimerFired(Struct, frozen=True):
    """A timer of the ticket was due. `key` names it."""

    ticket: str
    key: str
    due: datetime


class RuleDue(Struct, frozen=True):
    """A slot of the rule `rule` has come, which goes by the clock and holds for this ticket, or for this customer."""

    ticket: str | None
    rule: str
    slot: datetime
    customer: str | None = None


class KpiWatched(Struct, frozen=True):
    """A KPI of one group was looked at by the watch `watch`: of `n` in the `period` its `value` (a share of 1, seconds, a number or
    a score) stands so.

    `ticket` is the alert that stands about it (`alike`). `week` is the value of the last whole week, `limits` are its control limits
    from the weeks before. `words` say all that by language.
    """

    ticket: str | None
    watch: str
    kpi: str
    group: Mapping[str, str]
    alike: str
    n: int
    value: float
    standing: str
    significant: bool
    words: Mapping[str, str]
    period: tuple[datetime, datetime]
    week: float | None = None
    limits: tuple[float, float] | None = None


class ReceiptArrived(Struct, frozen=True):
    """What became of a message to `party`: `status` is sent, delivered or failed."""

    ticket: str
    message: str
    party: str
    status: str
    detail: str = ""


class RenewalRequested(Struct, frozen=True):
    """The promises of the ticket shall be those of the policy in force, whatever was promised before."""

    ticket: str
    actor: str


class IncidentSought(Struct, frozen=True):
    """The ticket fits a group of the policy and asks whether there is an incident, or should be one."""

    ticket: str


class IncidentSpoke(Struct, frozen=True):
    """The incident has something to say to a ticket: opened, update, recovered or cancelled, in the words of `content`."""

    ticket: str
    incident: str
    occasion: str
    content: str | None = None


Signal: TypeAlias = (
    MessageArrived
    | CallArrived
    | TicketRequested
    | AgentActed
    | TaskClosed
    | ApprovalDecided
    | TimerFired
    | RuleDue
    | ReceiptArrived
    | RenewalRequested
    | CustomerChanged
    | IncidentSought
    | IncidentSpoke
    | KpiWatched
)

SIGNAL_TYPES: dict[str, type[Signal]] = {
    "message_arrived": MessageArrived,
    "call_arrived": CallArrived,
    "ticket_requested": TicketRequested,
    "agent_acted": AgentActed,
    "task_closed": TaskClosed,
    "approval_decided": ApprovalDecided,
    "timer_fired": TimerFired,
    "rule_due": RuleDue,
    "receipt_arrived": ReceiptArrived,
    "renewal_requested": RenewalRequested,
    "customer_changed": CustomerChanged,
    "incident_sought": IncidentSought,
    "incident_spoke": IncidentSpoke,
    "kpi_watched": KpiWatched,
}
"""Every signal class by its stored name."""
