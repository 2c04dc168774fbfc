"""The channels by which forms come in: `web` from those who give a mail address, `web_phone` from those who give a telephone number,
`chat` from those who give none. What the engine writes to these lies on the page of their conversation, or waits for their app.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.channels import AddressKind, ChannelType, Delivery, Inbound, Outbound, PermanentFailure, Receipt, Rejected, Sent, hookimpl

_NO_SETTINGS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


class Intake:
    """A channel that a form is handed over on; it never sends, and nothing waits for it."""

    def open(self) -> None:
        """Nothing is to be prepared."""

    def close(self) -> None:
        """Nothing is held."""

    def receive(self, timeout: float) -> Iterable[Delivery]:
        """Yield nothing: forms are handed over by the service."""
        return ()

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        """Refuse what a person hands over: there is no file to feed again."""
        return [Rejected(name, name, raw, "forms of the web cannot be taken in by hand")]

    def send(self, message: Outbound) -> Sent:
        """Refuse, as the channel's type says."""
        raise PermanentFailure("the web only takes in")

    def check(self, to: str | None) -> list[str]:
        """Return what there is to say."""
        return ["takes in what forms of the service `web` say"]


class Chat(Intake):
    """A channel whose messages are read where they were asked for: what is queued is there already."""

    def send(self, message: Outbound) -> Sent:
        """Nothing is carried anywhere."""
        return Sent()

    def check(self, to: str | None) -> list[str]:
        """Return what there is to say."""
        return ["messages are read on the page of the chat, or over the API"]


@hookimpl
def engine_channel_types() -> list[ChannelType]:
    """Offer all three; to whom `web` and `web_phone` take in, the engine writes by mail and text message."""
    kinds = {"web": AddressKind.EMAIL, "web_phone": AddressKind.PHONE}
    forms = [ChannelType(name, kind, _NO_SETTINGS, lambda settings, context: Intake(), can_send=False) for name, kind in kinds.items()]
    return [*forms, ChannelType("chat", AddressKind.VISITOR, _NO_SETTINGS, lambda settings, context: Chat(), idempotent=True)]
