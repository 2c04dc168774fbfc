"""Holds escalations against shifts: in every hour of a normal week in which a deadline may be missed, somebody must be there to hear it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.core.budgets import OF_QUEUE
from engine.core.calendar import ALWAYS, Calendar
from engine.core.compiled import Policy, Queue
from engine.core.duty import stands_for
from engine.core.escalations import Escalation
from engine.core.intervals import Interval, difference, union
from engine.core.team import Team
from engine.policy.diagnostics import Problems
from engine.policy.said import said

_MONDAY = datetime(2024, 1, 8)  # noqa: DTZ001  # a week without a change of clocks anywhere; its zone is the company's
_DAYS = (said("Monday"), said("Tuesday"), said("Wednesday"), said("Thursday"), said("Friday"), said("Saturday"), said("Sunday"))


def check(team: Team, policy: Policy, problems: Problems) -> None:
    """Report each escalation with an hour of the week in which none of those it may reach is on shift, absences and holidays apart."""
    week = Week(team, policy)
    for escalation in policy.escalations:
        gap = next((gap for queue in policy.queues.values() for gap in week.gaps(escalation, queue)), None)
        if gap is not None:
            queue, start, end = gap
            source = escalation.source
            message = said(
                "nobody is there to escalate `{escalation}` to in the queue `{queue}` from {first} {start} to {last} {end}",
                escalation=escalation.id,
                queue=queue.id,
                first=_DAYS[start.weekday()],
                start=f"{start:%H:%M}",
                last=_DAYS[end.weekday()],
                end=f"{end:%H:%M}",
            )
            hint = "put the lead, a `backup` of the queue or the manager on a shift that covers it"
            problems.add("CL362", problems.line(source.file, source.line), message, hint, path=source.path)


class Week:
    """A normal week of the company: when each calendar is open, and who is on shift."""

    def __init__(self, team: Team, policy: Policy) -> None:
        self._team = team
        self._policy = policy
        self._zone = ZoneInfo(policy.company.timezone)
        self._start = _MONDAY.replace(tzinfo=self._zone)
        self._open: dict[str, list[Interval]] = {}

    def gaps(self, escalation: Escalation, queue: Queue) -> Iterator[tuple[Queue, datetime, datetime]]:
        """Yield when a deadline of a ticket in the queue may be missed and nobody is there, by the company's clocks."""
        if not escalation.steps:
            return
        needed = self._united(self._calendars(escalation, queue))
        agents, shifts = self._team.agents, self._team.shifts
        on_shift = self._united(shifts[agents[id].shift] for id in self._reached(escalation, queue) if id in agents)
        for start, end in difference(needed, on_shift):
            yield queue, start.astimezone(self._zone), end.astimezone(self._zone)

    def _calendars(self, escalation: Escalation, queue: Queue) -> Iterator[str | None]:
        """The calendars on which the deadlines of an escalation may be counted; a date that a person gives may be at any hour."""
        policy = self._policy
        of_tiers = [tier.calendar for tier in policy.tiers]
        for kind in (policy.deadlines[name] for name in escalation.deadlines):
            usual = [kind.calendar] if kind.calendar else of_tiers
            for name in [*usual, *(budget.calendar for budget in kind.budgets if budget.calendar)]:
                yield queue.calendar if name == OF_QUEUE else name
            if kind.due is not None:
                yield ALWAYS.name

    def _reached(self, escalation: Escalation, queue: Queue) -> set[str]:
        team, policy = self._team, self._policy

        def members(name: str) -> list[str]:
            return [agent.id for agent in team.agents.values() if name in agent.queues] if name in policy.queues else []

        named = {recipient.to for step in escalation.steps for recipient in step.notify}
        found = {id for name in named for id in stands_for(name, queue, None, team.manager, members)}
        return found | {queue.lead, *queue.backup, team.manager} | set(members(queue.id) if "assignee" in named else ())

    def _united(self, calendars: Iterable[str | None]) -> list[Interval]:
        return union(interval for name in set(calendars) for interval in self._of(name))

    def _of(self, name: str | None) -> list[Interval]:
        calendar: Calendar = self._policy.calendars.get(name or "", ALWAYS)
        if calendar.name not in self._open:
            self._open[calendar.name] = list(calendar.normal().open_between(self._start, self._start + timedelta(days=7)))
        return self._open[calendar.name]
