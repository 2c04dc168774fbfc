"""The one hook a channel plugin implements, and the markers to do it with. Plugins of fields have one too: docs/fields.md."""

import pluggy

from engine.channels.contract import ChannelType
from engine.plugins import PROJECT

ENTRY_POINT_GROUP = "engine.channels"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class ChannelHooks:
    """Hooks are called at boot only; afterwards the engine speaks to the channel objects themselves."""

    @hookspec
    def engine_channel_types(self) -> list[ChannelType]:  # type: ignore[empty-body]  # pluggy collects what plugins return
        """Return the channel types this plugin offers."""
