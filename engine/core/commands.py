"""What a decision wants done. The runtime carries them out in the decision's own transaction; nothing here does anything."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from engine.core.signals import Signal, TicketRequested


class KeepContent(Struct, frozen=True):
    """Keep a text beside the log. `kind` says what it is (description, message, plan, note, contact, …)."""

    id: str
    kind: str
    body: str


class QueueMessage(Struct, frozen=True):
    """Put a message into the outbox. `id` is its identity for ever; `to` is a normalised address; it waits until `not_before`.

    A notice that may go out together with others has an empty `digest`, one that goes out alone its own id there; None: no notice.
    """

    id: str
    channel: str
    party: str
    to: str
    subject: str
    content: str
    language: str
    automatic: bool
    script: str | None
    not_before: datetime | None = None
    digest: str | None = None


class StartTimer(Struct, frozen=True):
    """Fire `key` at `due`; a timer of that key that still waits is replaced."""

    key: str
    due: datetime


class CancelTimers(Struct, frozen=True):
    """Cancel every timer whose key is `prefix` or begins with `prefix` and a slash."""

    prefix: str


class Raise(Struct, frozen=True):
    """Handle another signal in the same transaction, after this decision. `depth` counts the rules it follows from."""

    signal: Signal
    depth: int = 0


class KeepAnswer(Struct, frozen=True):
    """Keep a survey's answer apart from ticket and customer, dated only by its month, together with others.

    A `follow_up` is asked for when they are put into storage, at `look_at` at the latest.
    """

    survey: str
    scores: Mapping[str, int]
    choices: Mapping[str, tuple[str, ...]]
    suggestion: str
    month: str
    look_at: datetime | None
    follow_up: TicketRequested | None = None


class SealLink(Struct, frozen=True):
    """Keep, where only the follow-up role can look, whom a follow-up is about."""

    answer: str
    ticket: str
    customer: str | None
    contact: str | None
    follow_up: str


class SeverLink(Struct, frozen=True):
    """The follow-up is over: forget whom it was about."""

    follow_up: str


class SaveOptOut(Struct, frozen=True):
    """Send nothing automatic to this address over this channel any more (or again, if `allowed`)."""

    channel: str
    address: str
    allowed: bool


class EraseIntake(Struct, frozen=True):
    """Forget what came in: its words would tie a survey's answer to its ticket."""


Command: TypeAlias = (
    KeepContent | QueueMessage | StartTimer | CancelTimers | Raise | KeepAnswer | SealLink | SeverLink | SaveOptOut | EraseIntake
)
