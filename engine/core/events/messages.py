"""What came in and went out, and how surveys went."""

from datetime import datetime

from engine.core.events.base import Event


class MessageReceived(Event, frozen=True):
    """The customer (or an agent, `by`) wrote or called; `content` is the text.

    What does not ask for an answer, an automat's words or mere thanks, moves no clock.
    """

    content: str
    channel: str
    by: str
    asks: bool = True


class CallNoted(Event, frozen=True):
    """A call with the customer is on record."""

    content: str
    direction: str
    outcome: str


class MessageQueued(Event, frozen=True):
    """A message is on its way out: to `party` over `channel`, in the words of `script` (None: an agent's own)."""

    message: str
    party: str
    channel: str
    content: str
    script: str | None = None


class MessageSuppressed(Event, frozen=True):
    """A message was due and was not queued; `reason` is automatic, opted_out, capped, unreachable, no_text,
    unspeakable or told_once (of an incident, through another ticket of the customer).
    """

    party: str
    script: str
    reason: str


class MessageSent(Event, frozen=True):
    """The carrier accepted the message."""

    message: str


class MessageDelivered(Event, frozen=True):
    """The carrier says the message arrived."""

    message: str


class MessageFailed(Event, frozen=True):
    """The message will not arrive; `detail` is a content id."""

    message: str
    detail: str | None = None


class SurveyScheduled(Event, frozen=True):
    """A survey will go out at `send_at`."""

    survey: str
    send_at: datetime


class SurveySkipped(Event, frozen=True):
    """A survey was due and does not go out; `reason` is not_sampled, too_soon, opted_out or unreachable."""

    survey: str
    reason: str


class SurveySent(Event, frozen=True):
    """The survey is on its way."""

    survey: str


class SurveyReminded(Event, frozen=True):
    """The customer was reminded of the survey."""

    survey: str


class SurveyAnswered(Event, frozen=True):
    """An answer came, from the customer or by word of mouth through an agent. What it says is kept apart."""

    survey: str
    by: str = "customer"


class SurveyExpired(Event, frozen=True):
    """No answer came in time."""

    survey: str


class OptedOut(Event, frozen=True):
    """The customer wants no more automatic messages over `channel`."""

    channel: str


class OptedIn(Event, frozen=True):
    """The customer takes automatic messages over `channel` again."""

    channel: str
