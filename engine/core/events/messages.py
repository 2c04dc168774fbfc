"""What came in and went out, and how surveys went."""

from dataclasses import dataclass
from datetime import datetime

from engine.core.events.base import Event


@dataclass(frozen=True, slots=True)
class MessageReceived(Event):
    """The customer (or an agent, `by`) wrote or called; `content` is the text.

    What does not ask for an answer, an automat's words or mere thanks, moves no clock.
    """

    content: str
    channel: str
    by: str
    asks: bool = True


@dataclass(frozen=True, slots=True)
class CallNoted(Event):
    """A call with the customer is on record."""

    content: str
    direction: str
    outcome: str


@dataclass(frozen=True, slots=True)
class MessageQueued(Event):
    """A message is on its way out: to `party` over `channel`, in the words of `script` (None: an agent's own)."""

    message: str
    party: str
    channel: str
    content: str
    script: str | None = None


@dataclass(frozen=True, slots=True)
class MessageSuppressed(Event):
    """A message was due and was not queued; `reason` is automatic, opted_out, capped, unreachable, no_text,
    unspeakable or told_once (of an incident, through another ticket of the customer).
    """

    party: str
    script: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessageSent(Event):
    """The carrier accepted the message."""

    message: str


@dataclass(frozen=True, slots=True)
class MessageDelivered(Event):
    """The carrier says the message arrived."""

    message: str


@dataclass(frozen=True, slots=True)
class MessageFailed(Event):
    """The message will not arrive; `detail` is a content id."""

    message: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class SurveyScheduled(Event):
    """A survey will go out at `send_at`."""

    survey: str
    send_at: datetime


@dataclass(frozen=True, slots=True)
class SurveySkipped(Event):
    """A survey was due and does not go out; `reason` is not_sampled, too_soon, opted_out or unreachable."""

    survey: str
    reason: str


@dataclass(frozen=True, slots=True)
class SurveySent(Event):
    """The survey is on its way."""

    survey: str


@dataclass(frozen=True, slots=True)
class SurveyReminded(Event):
    """The customer was reminded of the survey."""

    survey: str


@dataclass(frozen=True, slots=True)
class SurveyAnswered(Event):
    """An answer came, from the customer or by word of mouth through an agent. What it says is kept apart."""

    survey: str
    by: str = "customer"


@dataclass(frozen=True, slots=True)
class SurveyExpired(Event):
    """No answer came in time."""

    survey: str


@dataclass(frozen=True, slots=True)
class OptedOut(Event):
    """The customer wants no more automatic messages over `channel`."""

    channel: str


@dataclass(frozen=True, slots=True)
class OptedIn(Event):
    """The customer takes automatic messages over `channel` again."""

    channel: str
