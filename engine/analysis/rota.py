"""Who is on: for each queue its members on shift, its lead and backups, and who would hear of an escalation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from engine.core.compiled import Policy, Queue
from engine.core.duty import answering
from engine.core.team import Team
from engine.store.rows import AgentRow

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Watch:
    """How a queue is staffed: whom of its members one would find there, of lead and backups too, and who answers for it."""

    queue: str
    members: tuple[str, ...]
    line: tuple[str, ...]
    there: frozenset[str]
    answers: str


@dataclass(frozen=True, slots=True)
class Rota:
    """The people of a company; `away` is what the store knows of who went away.

    Every method raises CalendarUnknown where a shift's calendar has no data for the year.
    """

    team: Team
    policy: Policy
    away: Mapping[str, AgentRow]

    def here(self, at: datetime, agent: str) -> bool:
        """Whether an agent is on shift, not absent and not away."""
        row = self.away.get(agent)
        if agent not in self.team.agents or (row is not None and row.away(at)):
            return False
        return self.team.available(agent, at, self.policy.calendars)

    def watch(self, queue: Queue, at: datetime) -> Watch:
        """Return how a queue is staffed at an instant."""
        here = partial(self.here, at)
        members = tuple(agent.id for agent in self.team.agents.values() if queue.id in agent.queues and here(agent.id))
        line = (queue.lead, *queue.backup)
        answers = answering(queue, self.team.manager, here)
        return Watch(queue.id, members, line, frozenset(filter(here, {*line, answers})), answers)

    def week(self, queue: Queue, start: datetime) -> Iterator[tuple[datetime, datetime, Watch]]:
        """Yield the spans of seven days from `start` on in which nothing changes, in order."""
        instants = sorted({start, *(at for agent in self.team.agents for at in self._turns(agent, start))})
        since, current = start, self.watch(queue, start)
        for at in instants:
            following = self.watch(queue, at)
            if following != current:
                yield since, at, current
                since, current = at, following
        yield since, start + WEEK, current

    def _turns(self, agent: str, start: datetime) -> Iterator[datetime]:
        """The instants at which an agent may come or go."""
        calendar, end = self.team.calendar(agent, self.policy.calendars), start + WEEK
        found = [at for interval in calendar.open_between(start, end) for at in interval]
        midnight = calendar.local(start).replace(hour=0, minute=0, second=0, microsecond=0)
        found += ((midnight + timedelta(days=day)).astimezone(start.tzinfo) for day in range(9))
        row = self.away.get(agent)
        found += (at for at in (row.away_since, row.away_until) if at) if row else ()
        yield from (at for at in found if start <= at < end)
