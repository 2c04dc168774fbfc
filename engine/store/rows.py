"""What the store gives and takes: one frozen value for each kind of row. Instants are aware UTC."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

from engine.core.decision import Reason
from engine.core.events import Event
from engine.core.facts import Facts
from engine.core.signals import Signal


class DecisionRecord(Struct, frozen=True):
    """A decision as `append` keeps it; what is personal in signal and facts is left out by the codec.

    `inbox` is the item that it is the first answer to: no two decisions have the same.
    """

    at: datetime
    signal: Signal
    facts: Facts
    policy_digest: str
    reasons: tuple[Reason, ...] = ()
    refused: str | None = None
    inbox: int | None = None


class StoredEvent(Struct, frozen=True):
    """One entry of a ticket's log."""

    seq: int
    at: datetime
    event: Event
    decision_id: int


class StoredDecision(Struct, frozen=True):
    """A decision as it was kept. Signal, facts and reasons are plain JSON values; without events both seqs are None.

    `inbox` is the item that it is the first answer to.
    """

    id: int
    at: datetime
    signal_type: str
    signal: dict[str, Any]
    facts: dict[str, Any]
    policy_digest: str
    reasons: list[dict[str, Any]]
    refused: str | None
    first_seq: int | None
    last_seq: int | None
    inbox: int | None = None


class TicketQuery(Struct, frozen=True):
    """Which tickets to list. An empty `states` means all, None means any; `text` is looked for in numbers and contents.

    With `after` they come in the order of their numbers, those behind it.
    """

    states: tuple[str, ...] = ()
    queue: str | None = None
    assignee: str | None = None
    kind: str | None = None
    tier: str | None = None
    customer: str | None = None
    parent: str | None = None
    text: str | None = None
    limit: int = 100
    after: str | None = None


class AgentRow(Struct, frozen=True):
    """What is kept of an agent: `turn` grows with each ticket they are given; since when, until when and by whose word they are away."""

    id: str
    turn: int = 0
    away_since: datetime | None = None
    away_until: datetime | None = None
    away_by: str | None = None

    def away(self, at: datetime) -> bool:
        """Whether they are away at that instant."""
        return self.away_since is not None and self.away_since <= at and (self.away_until is None or at < self.away_until)


class TimerRow(Struct, frozen=True):
    """A timer that waits, or was set aside (`dead`). `generation` grows whenever the key is set anew."""

    ticket: str
    key: str
    due: datetime
    generation: int
    attempts: int = 0
    next_attempt_at: datetime | None = None
    dead: bool = False
    error: str | None = None


class InboxRow(Struct, frozen=True):
    """One item that came in; `state` is pending, done or dead."""

    id: int
    channel: str
    source_id: str
    received_at: datetime
    item_json: str
    raw: bytes
    state: str
    attempts: int
    next_attempt_at: datetime
    error: str | None
    ticket: str | None
    dropped_at: datetime | None = None


class OutboxRow(Struct, frozen=True):
    """One message; `state` is queued, held, sending, sent, delivered or dead. Of its `attempts`, `excused` were its carrier's outage.

    To queue one, give it up to `created_at`, and `state` if it is to be held from the start. `next_attempt_at` None means at once.
    `digest` is the id of the message that a notice goes out in, empty until that is known, None where it is no notice. `worker` is who
    claimed it last.
    """

    id: str
    ticket: str | None
    channel: str
    party: str
    address: str
    subject: str
    content_id: str
    language: str
    automatic: bool
    script: str | None
    created_at: datetime
    state: str = "queued"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    sending_since: datetime | None = None
    provider_id: str | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    error: str | None = None
    digest: str | None = None
    excused: int = 0
    dropped_at: datetime | None = None
    worker: str | None = None


class ChannelRow(Struct, frozen=True):
    """How the carrier of a channel is, to `send` to it or to `receive` from it (`side`).

    `failures` in a row, the last one's `error`; it is left alone since `opened_at` until `retry_at`, or not where these are None.
    `paced_until` is when all that the channel's rate allowed so far is used up.
    """

    channel: str
    side: str
    failures: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    error: str | None = None
    paced_until: datetime | None = None


class TrialRow(Struct, frozen=True):
    """What became of one of the inbox, of the outbox or of the timers (`kind`): it `failed`, or was `requeued` or `dropped` by `who`.

    `item` is its id, of a timer `TICKET/KEY`; `detail` the error, or the reason that was given.
    """

    at: datetime
    kind: str
    item: str
    what: str
    detail: str = ""
    who: str | None = None


class WorkerRow(Struct, frozen=True):
    """A process that works on the store: a fresh `id` each time one starts, which `parts` of the work it does, the digest of the policy it
    decides by. `silent` is how long it has not been seen, by the clock of the store.
    """

    id: str
    host: str
    pid: int
    parts: tuple[str, ...]
    policy: str
    started_at: datetime
    seen_at: datetime
    silent: timedelta = timedelta(0)


class CustomerRow(Struct, frozen=True):
    """One customer of the archive."""

    id: str
    name: str
    segment: str | None
    language: str | None
    created_at: datetime
    last_survey_at: datetime | None = None


class AnswerRow(Struct, frozen=True):
    """A survey's answer: scores and choices by question, the month (`2024-05`) it came in, and nothing about who gave it."""

    id: str
    survey: str
    month: str
    scores: Mapping[str, int]
    suggestion: str
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class WaitingRow(Struct, frozen=True):
    """An answer that waits for others, sealed. `look_at` is when to see whether it must be moved alone, None once that was done."""

    id: str
    survey: str
    look_at: datetime | None
    sealed: bytes


class LinkRow(Struct, frozen=True):
    """Whom a follow-up is about."""

    follow_up: str
    answer: str
    ticket: str
    customer: str | None
    contact: str | None


class PolicyRow(Struct, frozen=True):
    """A policy in the archive."""

    digest: str
    saved_at: datetime


class BacklogRow(Struct, frozen=True):
    """How much waits or was set aside: `queue` is inbox, outbox or timer; a timer has no channel. `oldest` is what has been due longest."""

    queue: str
    channel: str
    state: str
    count: int
    oldest: datetime


class Vitals(Struct, frozen=True):
    """The database itself: which server, how many bytes, its own clock (None where it has none), and what keeps it from being sound."""

    server: str
    size: int
    now: datetime | None
    unsound: tuple[str, ...]


class ActivationRow(Struct, frozen=True):
    """A policy came into force. `by` is an agent or user, or which part of the engine did it; None in records of the first version."""

    digest: str
    at: datetime
    by: str | None


class FactRow(Struct, frozen=True):
    """One fact that KPIs count, with what was known of its ticket at that instant; `docs/kpis.md` lists them by name.

    `value` and `business` are durations; of a call the wait and the talk, of a load the time from 1970 to the opening.
    `again_at` is when the matter came up again on the same ticket.
    """

    name: str
    at: datetime
    kind: str | None = None
    tier: str | None = None
    channel: str | None = None
    queue: str | None = None
    agent: str | None = None
    segment: str | None = None
    subject: str | None = None
    outcome: str | None = None
    value: timedelta | None = None
    business: timedelta | None = None
    again_at: datetime | None = None
    customer: str | None = None


class FactSums(Struct, frozen=True):
    """The sums of one group of facts by its values of what was asked for, a number for each term; None where no fact is of a term."""

    group: tuple[str | int | None, ...]
    numbers: tuple[int | None, ...]


class FactSpan(Struct, frozen=True):
    """A stretch of time of one offset from UTC, from `since` to before `until`, in a period that ends at `end`."""

    since: datetime
    until: datetime
    offset: timedelta
    end: datetime
