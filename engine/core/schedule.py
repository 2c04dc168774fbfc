"""When something is done by cron, compiled."""

from msgspec import Struct

from engine.core.conditions import Source


class Schedule(Struct, frozen=True):
    """When something is done by cron, such as the verification of measures of improvement whose check has ended."""

    source: Source
    cron: str
    timezone: str
    catch_up: str
