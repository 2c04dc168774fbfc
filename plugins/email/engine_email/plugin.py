"""What the entry point names: the hook by which the engine learns of this channel type."""

from collections.abc import Mapping
from typing import Any

from engine.channels import AddressKind, Channel, ChannelContext, ChannelType, hookimpl
from engine_email.channel import FolderChannel, ServerChannel
from engine_email.reading import html_of
from engine_email.settings import SCHEMA, Settings


@hookimpl
def engine_channel_types() -> list[ChannelType]:
    """Offer the one channel type `email`."""
    return [ChannelType(name="email", address_kind=AddressKind.EMAIL, settings_schema=SCHEMA, build=build, html=html_of)]


def build(settings: Mapping[str, Any], context: ChannelContext) -> Channel:
    """Return the channel that the settings ask for: on real servers, or on folders when nothing is configured."""
    chosen = Settings.from_mapping(settings)
    if chosen.imap is not None and chosen.smtp is not None:
        return ServerChannel(chosen, chosen.imap, chosen.smtp, context)
    return FolderChannel(chosen, context)
