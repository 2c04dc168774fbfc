"""When something is done by cron, compiled."""

from dataclasses import dataclass

from engine.core.conditions import Source


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is done by cron, such as the verification of measures of improvement whose check has ended."""

    source: Source
    cron: str
    timezone: str
    catch_up: str
