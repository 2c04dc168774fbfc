"""What the policy says of incidents, compiled: which tickets make one together, and what their customers are told."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from engine.core.alerts import AlertRule
from engine.core.conditions import Condition, Source


class Incidents(Struct, frozen=True):
    """How incidents are worked on: their queue and tier, and what the customers of their tickets hear.

    `scripts` are by occasion: opened, update, recovered. `every` is the time after which they hear again, with or without news.
    """

    queue: str
    tier: str | None
    every: timedelta
    scripts: Mapping[str, str]
    source: Source


class IncidentGroup(Struct, frozen=True):
    """Tickets that fit, `minimum` of them opened within `window`, are one incident; later ones join it while it is open.

    Only those count together that have the same values in the fields `same`. `queue` and `tier` are those of the incident where they
    are not the common ones. With an `alert` they are a cluster, of which there are more than in the `baseline` before: that raises
    the alert, and opens no incident.
    """

    id: str
    when: Condition | None
    source: Source
    label: Mapping[str, str]
    window: timedelta
    minimum: int
    same: tuple[str, ...] = ()
    queue: str | None = None
    tier: str | None = None
    alert: AlertRule | None = None
    baseline: timedelta | None = None
