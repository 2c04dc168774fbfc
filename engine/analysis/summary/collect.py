"""Counts a period out of the store. The definitions are those of `Summary` and `Run`."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.analysis.kpi.answers import SMALLEST_GROUP
from engine.analysis.summary.history import History, Run, history
from engine.analysis.summary.model import (
    Attainment,
    Breach,
    ClockLine,
    Closing,
    Count,
    Feedback,
    Intake,
    Kept,
    Load,
    Names,
    Promises,
    QuestionScores,
    Summary,
    TicketLine,
)
from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.fields import NEEDS, STATES
from engine.core.lifecycle import ENDED
from engine.core.model import Ticket
from engine.core.team import Team
from engine.errors import UsageError
from engine.store.contract import Reader
from engine.store.rows import TicketQuery

_ALL = 2**31 - 1


def summarise(reader: Reader, policy: Policy, team: Team, since: datetime, until: datetime, timezone: str) -> Summary:
    """Return the summary of the period from `since` to before `until` (aware instants), its days and hours counted in `timezone`.

    Everything stands as it stood at `until`, whenever it is asked; in the future, what is running then counts as overdue. Raises
    UsageError for an empty period.
    """
    if since >= until:
        raise UsageError(f"the period ends ({until.isoformat()}) before it begins ({since.isoformat()})")
    period = _Period(since, until, _histories(reader, since, until))
    return Summary(
        names=_names(policy, team),
        timezone=timezone,
        since=since,
        until=until,
        intake=_intake(period, policy, ZoneInfo(timezone)),
        promises=_promises(period, policy),
        closing=_closing(period),
        feedback=_feedback(period, reader, policy, ZoneInfo(timezone)),
        queues=period.loads(lambda ticket: ticket.queue, policy.queues),
        agents=period.loads(lambda ticket: ticket.assignee, team.agents),
        tickets=tuple(_line(one) for one in period.histories if period.worked_on(one.ticket)),
    )


@dataclass(frozen=True, slots=True)
class _Period:
    """The tickets of a period, by number."""

    since: datetime
    until: datetime
    histories: tuple[History, ...]

    def holds(self, at: datetime | None) -> bool:
        """Whether the instant is in the period."""
        return at is not None and self.since <= at < self.until

    def opened(self) -> list[History]:
        """The tickets that were opened in it."""
        return [one for one in self.histories if self.holds(one.ticket.opened_at)]

    def ended(self, ticket: Ticket) -> bool:
        """Whether the ticket ended in it."""
        return ticket.state in ENDED and self.holds(ticket.closed_at)

    def worked_on(self, ticket: Ticket) -> bool:
        """Whether the ticket was open at any time in it."""
        return ticket.state not in ENDED or self.holds(ticket.closed_at)

    def count(self, wanted: Callable[[e.Event], bool], kinds: Sequence[str] | None = None) -> int:
        """How many such events happened in it, to tickets of these kinds (None: of any)."""
        return sum(
            self.holds(stored.at) and wanted(stored.event)
            for one in self.histories
            if kinds is None or one.ticket.kind in kinds
            for stored in one.log
        )

    def decided(self, policy: Policy) -> list[tuple[History, Run]]:
        """The promises that were kept in it or fell due in it. The customer's own time to answer is no promise of the house."""
        theirs = {name for name, kind in policy.deadlines.items() if kind.then == "close_unconfirmed"}
        return [
            (one, run)
            for one in self.histories
            for run in one.runs
            if run.clock.kind not in theirs and run.outcome in ("met", "breached") and self.holds(run.decided_at)
        ]

    def loads(self, owner: Callable[[Ticket], str | None], known: Iterable[str]) -> tuple[Load, ...]:
        """The work by owner: all that are known, then others that have some, then what nobody owns."""
        groups: dict[str, list[History]] = {key: [] for key in known}
        for one in self.histories:
            groups.setdefault(owner(one.ticket) or "", []).append(one)
        nobody = groups.pop("", [])
        return tuple(self._load(key, group) for key, group in [*groups.items(), *([("", nobody)] if nobody else [])])

    def _load(self, key: str, group: Sequence[History]) -> Load:
        at_work = [one for one in group if one.ticket.state not in ENDED]
        return Load(
            key,
            opened=sum(self.holds(one.ticket.opened_at) for one in group),
            ended=sum(self.ended(one.ticket) for one in group),
            open=len(at_work),
            overdue=sum(any(run.breached and run.clock.running for run in one.runs) for one in at_work),
        )


def _histories(reader: Reader, since: datetime, until: datetime) -> tuple[History, ...]:
    tickets = sorted(reader.tickets(TicketQuery(limit=_ALL)), key=lambda ticket: (ticket.opened_at, ticket.number))
    told = (history(reader.events(ticket.number), until) for ticket in tickets if _may_matter(ticket, since, until))
    return tuple(one for one in told if one is not None)


def _may_matter(ticket: Ticket, since: datetime, until: datetime) -> bool:
    """Whether anything may have happened to the ticket in the period: after its end, only a survey."""
    survey = ticket.survey
    instants = (survey.scheduled_for, survey.sent_at, survey.answered_at) if survey else ()
    latest = (ticket.closed_at, *instants)
    return ticket.opened_at < until and (ticket.closed_at is None or any(at is not None and at >= since for at in latest))


def _intake(period: _Period, policy: Policy, zone: ZoneInfo) -> Intake:
    kinds = Counter(one.ticket.kind for one in period.opened())
    needs = [one.ticket for one in period.opened() if one.ticket.kind in NEEDS]
    hours = Counter(ticket.opened_at.astimezone(zone).hour for ticket in needs)
    return Intake(
        needs=len(needs),
        own_work=kinds.total() - len(needs),
        by_channel=_by_size(Counter(ticket.channel for ticket in needs)),
        by_kind=_by_size(kinds),
        by_tier=_in_order(Counter(ticket.tier or "" for ticket in needs), [tier.id for tier in policy.tiers]),
        by_state=_in_order(Counter(ticket.state for ticket in needs), STATES),
        hours=tuple(hours[hour] for hour in range(24)),
    )


def _promises(period: _Period, policy: Policy) -> Promises:
    decided = period.decided(policy)
    kinds = _response_kinds(policy)
    response = [(one, run) for one, run in decided if run in one.first_runs(kinds)]
    waits = [
        one.ticket.first_contact_at - one.ticket.opened_at
        for one in period.histories
        if one.ticket.first_contact_at and period.holds(one.ticket.first_contact_at) and one.ticket.kind in NEEDS
    ]
    return Promises(
        kept=_attainment(run for _, run in decided),
        by_deadline=_kept(decided, lambda one, run: run.clock.kind, policy.deadlines),
        response=_attainment(run for _, run in response),
        response_by_tier=_kept(response, lambda one, run: one.ticket.tier or "", [tier.id for tier in policy.tiers]),
        mean_first_response=sum(waits, timedelta(0)) / len(waits) if waits else None,
        breaches=tuple(sorted(_breaches(decided, period.until), key=lambda breach: (breach.due, breach.number, breach.deadline))),
    )


def _breaches(decided: Iterable[tuple[History, Run]], until: datetime) -> Iterator[Breach]:
    for one, run in decided:
        if run.breached and run.due is not None:
            ticket, end = one.ticket, run.clock.stopped_at
            yield Breach(
                number=ticket.number,
                kind=ticket.kind,
                tier=ticket.tier,
                queue=ticket.queue,
                assignee=ticket.assignee,
                deadline=run.clock.kind,
                due=run.due,
                late=(end or until) - run.due,
                open=end is None,
            )


def _closing(period: _Period) -> Closing:
    return Closing(
        confirmed=period.count(lambda event: isinstance(event, e.CustomerConfirmed)),
        unconfirmed=period.count(_closed_as("unconfirmed")),
        closed_by_person=period.count(_closed_as("closed"), NEEDS),
        objections=period.count(lambda event: isinstance(event, e.CustomerObjected)),
        reopened=period.count(lambda event: isinstance(event, e.TicketReopened)),
    )


def _closed_as(outcome: str) -> Callable[[e.Event], bool]:
    return lambda event: isinstance(event, e.TicketClosed) and event.outcome == outcome


def _feedback(period: _Period, reader: Reader, policy: Policy, zone: ZoneInfo) -> Feedback:
    months = _months(period.since, period.until, zone)
    first, last = (at.astimezone(zone).date() for at in (period.since, period.until - timedelta(microseconds=1)))
    follow_ups = [one.ticket for one in period.histories if one.ticket.kind == "follow_up"]
    return Feedback(
        sent=period.count(lambda event: isinstance(event, e.SurveySent)),
        answered=period.count(lambda event: isinstance(event, e.SurveyAnswered)),
        months=months,
        scores=tuple(_scores(reader, policy, months)),
        follow_ups_opened=sum(period.holds(ticket.opened_at) for ticket in follow_ups),
        follow_ups_closed=sum(period.ended(ticket) for ticket in follow_ups),
        follow_ups_open=sum(ticket.state not in ENDED for ticket in follow_ups),
        by_source=_by_size(Counter(row.source for row in reader.feedback(first, last))),
    )


def _line(one: History) -> TicketLine:
    ticket = one.ticket
    clocks = tuple(ClockLine(run.clock.id, run.clock.kind, run.outcome, run.due) for run in one.runs)
    return TicketLine(ticket.number, ticket.opened_at, ticket.kind, ticket.tier, ticket.queue, ticket.assignee, ticket.state, clocks)


def _response_kinds(policy: Policy) -> set[str]:
    """The clocks that run from the opening of a need to the first contact."""
    kinds = policy.deadlines.items()
    return {name for name, kind in kinds if "ticket_opened" in kind.starts and "customer_contacted" in kind.stops}


def _attainment(runs: Iterable[Run]) -> Attainment:
    breached = Counter(run.breached for run in runs)
    return Attainment(breached[False], breached[True])


def _kept(decided: Sequence[tuple[History, Run]], key: Callable[[History, Run], str], order: Iterable[str]) -> tuple[Kept, ...]:
    groups: dict[str, list[Run]] = {name: [] for name in order}
    for one, run in decided:
        groups.setdefault(key(one, run), []).append(run)
    return tuple(Kept(name, _attainment(runs)) for name, runs in groups.items() if runs)


def _by_size(counts: Counter[str]) -> tuple[Count, ...]:
    return tuple(Count(key, count) for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _in_order(counts: Counter[str], order: Sequence[str]) -> tuple[Count, ...]:
    known = [Count(key, counts[key]) for key in order if counts[key]]
    return (*known, *(count for count in _by_size(counts) if count.key not in order))


def _months(since: datetime, until: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    first, last = since.astimezone(zone), (until - timedelta(microseconds=1)).astimezone(zone)
    span = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return tuple(f"{month // 12:04}-{month % 12 + 1:02}" for month in span)


def _scores(reader: Reader, policy: Policy, months: Sequence[str]) -> Iterator[QuestionScores]:
    for survey in policy.surveys:
        answers = [answer for month in months for answer in reader.answers(survey=survey.id, month=month)]
        for question in survey.questions:
            scale = question.scale
            if scale.text or scale.options:
                continue
            given = Counter(answer.scores[scale.id] for answer in answers if scale.id in answer.scores)
            counts = tuple((score, given[score]) for score in range(scale.low, scale.high + 1)) if given else ()
            yield QuestionScores(survey.id, scale.id, None if 0 < given.total() < SMALLEST_GROUP else counts)


def _names(policy: Policy, team: Team) -> Names:
    return Names(
        company=policy.company.name,
        tiers={tier.id: tier.label for tier in policy.tiers},
        queues={id: queue.label for id, queue in policy.queues.items()},
        deadlines={name: kind.label for name, kind in policy.deadlines.items()},
        questions={(one.id, question.scale.id): question.ask for one in policy.surveys for question in one.questions},
        agents={id: agent.name for id, agent in team.agents.items()},
    )
