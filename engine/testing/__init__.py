"""The test kit for authors of channel plugins: `ChannelContract` holds a channel to the rules that the engine relies on.

Needs pytest and hypothesis. Subclass `ChannelContract`, give it a `carrier` fixture, and run pytest; docs/channels.md shows an example.
"""

import pytest

pytest.register_assert_rewrite("engine.testing.contract")

from engine.testing.carrier import Arrived, Carrier  # noqa: E402  # the rewrite must be registered before the kit is imported
from engine.testing.contexts import SettableClock, context  # noqa: E402  # as above
from engine.testing.contract import HOSTILE_TEXTS, Bench, ChannelContract  # noqa: E402  # as above

__all__ = ["HOSTILE_TEXTS", "Arrived", "Bench", "Carrier", "ChannelContract", "SettableClock", "context"]
