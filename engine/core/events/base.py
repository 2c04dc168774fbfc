"""The base of all events."""

import re
from dataclasses import dataclass
from functools import cache


def stored_name(cls: "type[Event]") -> str:
    """Return the name under which the log stores events of this class: `TicketOpened` is `ticket_opened`."""
    return _snake(cls.__name__)


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events."""

    @property
    def type(self) -> str:
        """The name the log stores."""
        return stored_name(type(self))

    @property
    def name(self) -> str:
        """The event's name in policies."""
        return self.type
