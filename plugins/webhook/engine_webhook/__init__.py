"""The channel type `webhook`: signed JSON documents to the HTTP endpoints of other systems. It only sends."""

from collections.abc import Mapping
from typing import Any

from engine.channels import AddressKind, Channel, ChannelContext, ChannelType, hookimpl
from engine_webhook.channel import WebhookChannel
from engine_webhook.settings import SETTINGS_SCHEMA, endpoints_of


def build(settings: Mapping[str, Any], context: ChannelContext) -> Channel:
    """Make the channel that `settings` (already checked against the schema) asks for. Raises ConfigurationError."""
    return WebhookChannel(endpoints_of(settings), context)


@hookimpl
def engine_channel_types() -> list[ChannelType]:
    """Offer the channel type `webhook`."""
    return [ChannelType("webhook", AddressKind.ENDPOINT, SETTINGS_SCHEMA, build, can_receive=False)]
