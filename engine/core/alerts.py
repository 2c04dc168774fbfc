"""Alerts, compiled: who hears that a KPI misses its target, or that complaints on one matter come in a cluster, and what is opened."""

from collections.abc import Mapping
from datetime import timedelta
from math import sqrt

from msgspec import Struct

from engine.core.escalations import Recipient


class Opens(Struct, frozen=True):
    """Work that an alert opens: a ticket of `kind` in `queue`, to be done within `due`; `label` says what it is."""

    kind: str
    queue: str
    due: timedelta | None
    label: Mapping[str, str]


class AlertRule(Struct, frozen=True):
    """What is done when an alert is raised: into which `queue` it comes, and by which `script` these people are told.

    With `significant` only what is significant raises one. By the script `ended` they hear that it is over.
    """

    queue: str
    to: tuple[Recipient, ...]
    script: str | None
    opens: Opens | None
    significant: bool = False
    ended: str | None = None


def above_baseline(count: int, before: int, windows: float) -> bool:
    """Whether `count` in one window lies above the control limit of a c-chart, c̄ + 3√c̄, of `before` in that many windows before it."""
    mean = before / windows
    return count > mean + 3 * sqrt(mean)
