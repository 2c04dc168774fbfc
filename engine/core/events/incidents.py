"""How tickets belong together. On the log of an incident and on those of its tickets."""

from engine.core.events.base import Event


class IncidentSuspected(Event, frozen=True):
    """The ticket fits a group; it counts with those that are `alike`: the group, and the values that must be the same."""

    group: str
    alike: str


class JoinedIncident(Event, frozen=True):
    """The ticket belongs to an incident."""

    incident: str
    by: str = "system"


class LeftIncident(Event, frozen=True):
    """The ticket does not belong to that incident any more."""

    incident: str
    by: str = "system"


class IncidentUpdated(Event, frozen=True):
    """The customers of an incident hear how far it is; without `content` there is no news."""

    incident: str
    content: str | None = None
    by: str = "system"


class IncidentRecovered(Event, frozen=True):
    """What had failed works again."""

    incident: str
    content: str | None = None
    by: str = "system"
