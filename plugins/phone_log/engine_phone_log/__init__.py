"""The channel type `phone_log`: call records of a telephone exchange and calls logged by hand. It only takes in."""

from collections.abc import Mapping
from typing import Any

from engine.channels import AddressKind, Channel, ChannelContext, ChannelType, hookimpl
from engine_phone_log.asterisk import AsteriskChannel
from engine_phone_log.folder import FolderChannel
from engine_phone_log.settings import SETTINGS_SCHEMA, Settings


def build(settings: Mapping[str, Any], context: ChannelContext) -> Channel:
    """Make the channel that `settings` (already checked against the schema) asks for. Raises ConfigurationError."""
    parsed = Settings.parse(settings, context.timezone)
    return AsteriskChannel(parsed, context) if parsed.transport == "asterisk" else FolderChannel(parsed, context)


@hookimpl
def engine_channel_types() -> list[ChannelType]:
    """Offer the channel type `phone_log`."""
    return [ChannelType("phone_log", AddressKind.PHONE, SETTINGS_SCHEMA, build, can_send=False)]
