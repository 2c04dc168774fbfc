"""When something is done by cron, compiled."""

from msgspec import Struct

from engine.core.conditions import Source


class Schedule(Struct, frozen=True):
    """When something is done: at the slots of `cron` in `timezone`; `catch_up` says which missed ones are run."""

    source: Source
    cron: str
    timezone: str
    catch_up: str
