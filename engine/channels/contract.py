"""The channel contract: the values that pass between the engine and a channel plugin, and the protocol a plugin implements.

A plugin turns what its carrier speaks (MIME, SMPP, call records) into `Inbound`, `Receipt` or `Rejected`, hands each over as a
`Delivery`, and acknowledges to its carrier only when the engine calls `Delivery.acknowledge`, which it does after its commit.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from engine.errors import EngineError


class AddressKind(StrEnum):
    """What an address of a channel is; it decides how the engine normalises and compares addresses."""

    EMAIL = "email"
    PHONE = "phone"
    ENDPOINT = "endpoint"  # a name in the channel's own settings; no person has one
    VISITOR = "visitor"  # a name that a chat or an app gives whoever writes there


class Direction(StrEnum):
    """Who called whom, seen from the company."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class CallOutcome(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with, or goes with, a message. `name` is the sender's and never a path to write to."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One telephone call, all its legs folded together. Durations in seconds, instants aware UTC.

    `menu` is the path of choices in the voice menu, `transfers` the destinations in order, `queue` the PBX's queue name and `agent` the
    PBX's agent name, empty where unknown.
    """

    direction: Direction
    outcome: CallOutcome
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    wait_seconds: float
    talk_seconds: float
    queue: str = ""
    agent: str = ""
    menu: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message or call that came in.

    `source_id` is the carrier's own identity of it (Message-ID, SMSC id, call id): the engine takes each (channel, source_id) once.
    `sender` is an address in the channel's kind, not yet normalised. `tokens` are candidates for the engine's signed thread token, found
    wherever the carrier may return them; the engine verifies them. `references` are message ids the carrier says this one answers,
    as given by the channel's own `Sent.provider_id`. `automatic` marks what must never be answered automatically (RFC 3834, lists,
    bounces). `fields` are facts a form knows: kind, impact, wish, expected_by, language, customer.
    `text` is the new part only, quotations removed; `full_text` all of it.
    """

    source_id: str
    sender: str
    received_at: datetime
    text: str = ""
    subject: str = ""
    full_text: str = ""
    sender_name: str = ""
    recipient: str = ""
    tokens: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    automatic: bool = False
    attachments: tuple[Attachment, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    call: CallRecord | None = None


class ReceiptStatus(StrEnum):
    """What the carrier says became of a message."""

    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The carrier's later word on a message that was sent.

    Names the message by `message_id` (the engine's, when the carrier returns it) or by `provider_id` (what `send` returned).
    `source_id` makes the receipt itself unique. `permanent` says a failed message must not be tried again.
    """

    source_id: str
    status: ReceiptStatus
    received_at: datetime
    message_id: str = ""
    provider_id: str = ""
    detail: str = ""
    permanent: bool = True


@dataclass(frozen=True, slots=True)
class Rejected:
    """Input the plugin could not understand: kept raw under `var/bad/` with the reason beside it."""

    source_id: str
    name: str
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing handed to the engine. `acknowledge` is called once, after what it holds is durable (or was a duplicate), which may be after
    others were taken as well.

    `raw` is the input as it came, kept so that a person can look at it and feed it again.
    """

    item: Inbound | Receipt | Rejected
    acknowledge: Callable[[], None]
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to send. `message_id` is stable over retries: a channel that can take an idempotency key uses it.

    `token` is the signed thread token the plugin puts where a reply brings it back. `references` are earlier `Sent.provider_id` of the
    same conversation, oldest first. `automatic` is False only for what a person wrote.
    """

    message_id: str
    to: str
    text: str
    subject: str = ""
    token: str = ""
    language: str = ""
    references: tuple[str, ...] = ()
    automatic: bool = True
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """The carrier accepted the message; `provider_id` is its name there (Message-ID, SMSC message id)."""

    provider_id: str = ""


class TemporaryFailure(EngineError):
    """Sending or receiving failed for now: the engine backs off and tries again. `retry_after` in seconds, if the carrier said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentFailure(EngineError):
    """This message can never be sent (no such address, refused content): the engine does not try again."""


class Channel(Protocol):
    """One configured channel. `receive` is called from one thread, `send` from another; neither before `open` or after `close`."""

    def open(self) -> None:
        """Prepare (bind, listen). Connections may also be made lazily; raises TemporaryFailure or ConfigurationError."""

    def close(self) -> None:
        """Let go of every connection and thread, within two seconds."""

    def receive(self, timeout: float) -> Iterable[Delivery]:
        """Yield what has come in, waiting at most `timeout` seconds for the first, and within a second no more once the engine is
        `stopping`. Raises TemporaryFailure when the carrier is away.

        What was yielded and not acknowledged is yielded again later, after a restart at the latest.
        """

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        """Understand raw input handed over by a person (`engine ingest`); never raises for bad input, yields Rejected."""

    def send(self, message: Outbound) -> Sent:
        """Send one message. Raises TemporaryFailure or PermanentFailure; anything else counts as a fault of the plugin."""

    def check(self, to: str | None) -> list[str]:
        """Prove that the channel works (log in, and send a test message if `to` is given); return one line per step done."""


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What the engine gives a plugin: where its files lie and the company's zone. All directories exist.

    `incoming` and `outgoing` serve the folder transport; `state` is the plugin's own to keep what it must remember.
    `now` is the engine's clock, for plugins that must stamp instants themselves. `stopping` is set when the engine ends: wait on it,
    rather than sleep, for something to come in.
    """

    name: str
    incoming: Path
    outgoing: Path
    state: Path
    timezone: str
    now: Callable[[], datetime]
    stopping: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class ChannelType:
    """A kind of channel a plugin offers under `name`.

    `settings_schema` is a JSON Schema (closed object) of its settings in engine.yaml; `build` gets settings that passed it, with
    secrets resolved. `can_send` is False for channels that only take in (call records), `can_receive` for those that only send.
    `idempotent` promises that sending one message_id twice delivers once. `html` returns what of a raw input is HTML, as it was sent, ""
    for none; it never raises, and whoever shows the HTML cleans it.
    """

    name: str
    address_kind: AddressKind
    settings_schema: Mapping[str, Any]
    build: Callable[[Mapping[str, Any], ChannelContext], Channel]
    can_send: bool = True
    can_receive: bool = True
    idempotent: bool = False
    html: Callable[[bytes], str] | None = None
