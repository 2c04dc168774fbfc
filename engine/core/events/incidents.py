"""How tickets belong together. On the log of an incident and on those of its tickets."""

from dataclasses import dataclass

from engine.core.events.base import Event


@dataclass(frozen=True, slots=True)
class IncidentSuspected(Event):
    """The ticket fits a group; it counts with those that are `alike`: the group, and the values that must be the same."""

    group: str
    alike: str


@dataclass(frozen=True, slots=True)
class JoinedIncident(Event):
    """The ticket belongs to an incident."""

    incident: str
    by: str = "system"


@dataclass(frozen=True, slots=True)
class LeftIncident(Event):
    """The ticket does not belong to that incident any more."""

    incident: str
    by: str = "system"


@dataclass(frozen=True, slots=True)
class IncidentUpdated(Event):
    """The customers of an incident hear how far it is; without `content` there is no news."""

    incident: str
    content: str | None = None
    by: str = "system"


@dataclass(frozen=True, slots=True)
class IncidentRecovered(Event):
    """What had failed works again."""

    incident: str
    content: str | None = None
    by: str = "system"
