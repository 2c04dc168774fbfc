"""The board: every promise that is open at an instant, the nearest deadline first. Pure functions over tickets and their logs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.compiled import Policy
from engine.core.fields import OPEN_STATES
from engine.core.lifecycle import evolve
from engine.core.model import Deadline, Ticket
from engine.store import StoredEvent


@dataclass(frozen=True, slots=True)
class Promise:
    """One running clock of an open ticket at an instant.

    `due` and `left` (negative once it is overdue) are None while the clock is paused. `used` is the share of its time that is used up,
    None where that cannot be said. `stage` is `calm`, `warned` or `alarming` (the first or the last warning of the policy is reached),
    `overdue` or `paused`.
    """

    number: str
    kind: str
    tier: str | None
    state: str
    queue: str | None
    assignee: str | None
    deadline: str
    started_at: datetime
    due: datetime | None
    left: timedelta | None
    used: float | None
    stage: str


def ticket_at(events: Iterable[StoredEvent], at: datetime) -> Ticket | None:
    """Return the ticket as its log had it at the instant `at`, None if it was not open yet."""
    ticket: Ticket | None = None
    for kept in events:
        if kept.at > at:
            break
        ticket = evolve(ticket, kept.event, kept.at)
    return ticket


def promises(tickets: Iterable[Ticket], policy: Policy, at: datetime) -> list[Promise]:
    """Return the running clocks of the tickets that are open, the nearest deadline first; paused ones last, the most used first."""
    rows = [_promise(ticket, clock, policy, at) for ticket in tickets if ticket.state in OPEN_STATES for clock in _running(ticket)]
    return sorted(rows, key=lambda row: (row.due is None, row.due.timestamp() if row.due else -(row.used or 0.0), row.number))


def share_used(clock: Deadline, policy: Policy, at: datetime) -> float | None:
    """Return the share of the clock's time that is used up at `at`, counted on its calendar; None where the policy has lost that."""
    if clock.budget:
        calendar = policy.calendars.get(clock.calendar)
        return calendar.elapsed(clock.started_at, at, clock.pauses) / clock.budget if calendar else None
    if clock.due and clock.due > clock.started_at:
        return (at - clock.started_at) / (clock.due - clock.started_at)
    return None


def _running(ticket: Ticket) -> Sequence[Deadline]:
    return [clock for clock in ticket.deadlines.values() if clock.running]


def _promise(ticket: Ticket, clock: Deadline, policy: Policy, at: datetime) -> Promise:
    used = share_used(clock, policy, max(at, clock.started_at))
    left = None if clock.due is None else clock.due - at
    return Promise(
        number=ticket.number,
        kind=ticket.kind,
        tier=ticket.tier,
        state=ticket.state,
        queue=ticket.queue,
        assignee=ticket.assignee,
        deadline=clock.id,
        started_at=clock.started_at,
        due=clock.due,
        left=left,
        used=used,
        stage=_stage(clock, left, used, policy),
    )


def _stage(clock: Deadline, left: timedelta | None, used: float | None, policy: Policy) -> str:
    if left is None:
        return "paused"
    if left <= timedelta(0):
        return "overdue"
    thresholds = [one for escalation in policy.escalations if clock.kind in escalation.deadlines for one in escalation.warn]
    passed = [one for one in thresholds if (left <= one if isinstance(one, timedelta) else used is not None and one <= used)]
    if not passed:
        return "calm"
    return "alarming" if len(passed) == len(thresholds) else "warned"
