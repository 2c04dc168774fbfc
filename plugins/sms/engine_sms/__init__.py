"""The SMS channel: folders when nothing is configured, SMPP 3.4 to an SMS centre, or HTTP through a Kannel gateway."""

from collections.abc import Mapping
from typing import Any

from engine.channels import AddressKind, Channel, ChannelContext, ChannelType, hookimpl
from engine_sms.settings import SETTINGS_SCHEMA, Settings


def build(settings: Mapping[str, Any], context: ChannelContext) -> Channel:
    """Make the channel that `settings` (already checked against the schema) asks for. Raises ConfigurationError."""
    parsed = Settings.parse(settings)
    # Each transport is imported when it is asked for: a house on folders pays for neither SMPP nor HTTP at start-up.
    if parsed.smpp is not None:
        from engine_sms.smpp_channel import SmppChannel

        return SmppChannel(parsed, parsed.smpp, context)
    if parsed.kannel is not None:
        from engine_sms.kannel_channel import KannelChannel

        return KannelChannel(parsed, parsed.kannel, context)
    from engine_sms.folder import FolderChannel

    return FolderChannel(parsed, context)


@hookimpl
def engine_channel_types() -> list[ChannelType]:
    """Offer the channel type `sms`."""
    return [ChannelType(name="sms", address_kind=AddressKind.PHONE, settings_schema=SETTINGS_SCHEMA, build=build)]
