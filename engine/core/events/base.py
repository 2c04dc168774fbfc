"""The base of all events."""

import re

from msgspec import Struct


class Event(Struct, frozen=True):
    """The base of all events. `type` is the name the log stores: that of `TicketOpened` is `ticket_opened`."""

    type = "event"

    def __init_subclass__(cls) -> None:
        cls.type = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def name(self) -> str:
        """The event's name in policies."""
        return self.type
