"""The people: who works in which queue, with which skills, on which shift. It is data that changes daily, not policy."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct, field

from engine.core.calendar import Calendar, CalendarUnknown
from engine.core.quiet import Hours

_SEARCH_DAYS = 31
"""How far ahead a return is looked for; who is away longer is asked again then."""


class Agent(Struct, frozen=True):
    """One person. `users` are the names of their accounts on the machine; `absent` are days away, both ends included.

    `capacity` is the most open tickets they hold, None: as the policy says, and so with their `quiet` hours, empty where they have none.
    """

    id: str
    name: str
    queues: tuple[str, ...]
    skills: Mapping[str, int]
    email: str
    shift: str
    phone: str | None = None
    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    absent: tuple[tuple[date, date], ...] = ()
    capacity: int | None = None
    language: str | None = None
    quiet: Hours | tuple[()] | None = None


class Team(Struct, frozen=True):
    """Everybody, by id; `shifts` names the calendar of each shift."""

    agents: Mapping[str, Agent]
    manager: str
    shifts: Mapping[str, str] = field(default_factory=dict)

    def available(self, agent: str, at: datetime, calendars: Mapping[str, Calendar]) -> bool:
        """Whether the agent's shift runs at `at` and they are not absent that day."""
        calendar = self.calendar(agent, calendars)
        return calendar.is_open(at) and not self._absent(agent, calendar.local(at).date())

    def next_available(self, agent: str, at: datetime, calendars: Mapping[str, Calendar]) -> datetime:
        """Return the earliest instant from `at` on at which the agent is there, at most a month ahead: then to be asked again."""
        calendar = self.calendar(agent, calendars)
        latest = at + timedelta(days=_SEARCH_DAYS)
        start = at
        try:
            while (start := calendar.next_open(start)) < latest:
                local = calendar.local(start)
                if not self._absent(agent, local.date()):
                    return start
                midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
                start = midnight.astimezone(at.tzinfo)
        except CalendarUnknown:  # next year's holidays may not be known yet, which today's tickets need not suffer from
            return latest
        return latest

    def handover_at(self, agent: str, after: datetime, before_end: timedelta, calendars: Mapping[str, Calendar]) -> datetime | None:
        """Return the first instant later than `after` that lies `before_end` ahead of an end of the agent's shift; None where there is
        none within a month. A shift ends with the last of the windows that begin on one local day.
        """
        calendar, latest = self.calendar(agent, calendars), after + timedelta(days=_SEARCH_DAYS)
        try:
            opened = [(calendar.local(start).date(), end) for start, end in calendar.open_between(after, latest)]
        except CalendarUnknown:
            return None
        ends = {day: end - before_end for day, end in opened if end < latest}
        return next((at for at in ends.values() if at > after), None)

    def calendar(self, agent: str, calendars: Mapping[str, Calendar]) -> Calendar:
        """Return the calendar of the agent's shift."""
        return calendars[self.shifts[self.agents[agent].shift]]

    def _absent(self, agent: str, day: date) -> bool:
        return any(first <= day <= last for first, last in self.agents[agent].absent)
