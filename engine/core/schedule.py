"""When something is done by cron, compiled."""

from dataclasses import dataclass

from engine.core.conditions import Source


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is done: at the slots of `cron` in `timezone`; `catch_up` says which missed ones are run."""

    source: Source
    cron: str
    timezone: str
    catch_up: str
