"""What was learned of a ticket: the outcome that was recorded, the measures that came of it, and the figures on a measure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.core.events import ImprovementVerified, OutcomeRecorded
from engine.core.fields import IMPROVEMENT
from engine.core.improvements import Evidence, Improvement, Outcome, Window, next_month
from engine.core.kpis import KPIS
from engine.core.model import Ticket
from engine.store.contract import Reader
from engine.store.rows import TicketQuery

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Verified:
    """One verdict on a measure."""

    at: datetime
    by: str
    verdict: str
    evidence: Evidence


def outcome_of(reader: Reader, number: str) -> Outcome | None:
    """Return what was recorded last as what came of a ticket, in words; None where nothing was. What was erased is empty."""
    recorded = [kept.event for kept in reader.events(number) if isinstance(kept.event, OutcomeRecorded)]
    if not recorded:
        return None
    last = recorded[-1]
    texts = reader.contents([id for id in (*last.whys, last.remedy, last.words) if id is not None])
    whys = tuple(texts.get(id) or "" for id in last.whys)
    return Outcome(last.cause, whys, texts.get(last.remedy or "") or "", texts.get(last.words or "") or "", last.satisfied)


def measures_of(reader: Reader, number: str) -> list[Ticket]:
    """Return the measures of improvement that name this ticket as a source."""
    measures = reader.tickets(TicketQuery(kind=IMPROVEMENT, limit=_ALL))
    return [one for one in measures if one.improvement is not None and number in one.improvement.sources]


def verdicts_on(reader: Reader, number: str) -> Iterable[Verified]:
    """Return each verdict on a measure, the first one first."""
    events = ((kept.at, kept.event) for kept in reader.events(number))
    return [Verified(at, event.by, event.verdict, event.evidence) for at, event in events if isinstance(event, ImprovementVerified)]


def entry(reader: Reader, one: Ticket, now: datetime) -> dict[str, Any]:
    """Return a measure as the register has it; what is overdue at `now` says so."""
    clocks = [clock for clock in one.deadlines.values() if clock.running and clock.due]
    due = min((clock.due for clock in clocks if clock.due), default=one.due)
    improvement = one.improvement or Improvement()
    return {
        "number": one.number,
        "measure": reader.contents([one.description]).get(one.description, "") if one.description else "",
        "kind": improvement.category,
        "owner": one.assignee,
        "queue": one.queue,
        "state": one.state,
        "due": due,
        "overdue": one.closed_at is None and due is not None and due < now,
        "sources": list(improvement.sources),
        "aim": improvement.aim,
        "verdict": improvement.verdict,
    }


def weeks(at: datetime, zone: str, count: int) -> Window:
    """Return so many weeks from the midnight before an instant on, or, negative, up to it."""
    midnight = at.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = sorted((midnight.astimezone(UTC), (midnight + timedelta(weeks=count)).astimezone(UTC)))
    return first, last


def windows(kpi: str, now: datetime, due: datetime | None, zone: str) -> tuple[Window, Window]:
    """Return when a KPI is usually looked at: the four weeks up to today, and four from the day after the due date (or today).

    Where answers are kept by month, the later ones begin in a month of their own.
    """
    before, begin = weeks(now, zone, -4), (due or now) + timedelta(days=1)
    if kpi in KPIS and KPIS[kpi].by_month:
        begin = max(begin, next_month(before[1] - timedelta(microseconds=1), zone))
    return before, weeks(begin, zone, 4)
