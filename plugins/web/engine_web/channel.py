"""The channels by which forms come in: `web` from those who give a mail address, `web_phone` from those who give a telephone number."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.channels import (
    AddressKind,
    ChannelContext,
    ChannelType,
    Delivery,
    Inbound,
    Outbound,
    PermanentFailure,
    Receipt,
    Rejected,
    Sent,
    hookimpl,
)

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


def _build(settings: Mapping[str, Any], context: ChannelContext) -> Intake:
    return Intake()


@hookimpl
def engine_channel_types() -> list[ChannelType]:
    """Offer both; what the engine writes goes out by mail and text message."""
    kinds = {"web": AddressKind.EMAIL, "web_phone": AddressKind.PHONE}
    return [ChannelType(name, kind, _NO_SETTINGS, _build, can_send=False) for name, kind in kinds.items()]
