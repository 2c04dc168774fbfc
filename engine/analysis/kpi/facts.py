"""What of a ticket's log KPIs count: its facts, each with what was known of the ticket when it happened, and the keeping of them.

They are derived from the log alone, so that a past period gives the same figures whenever it is asked, and whoever was erased since.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from engine.core import events as e
from engine.core.calendar import Calendar, CalendarUnknown
from engine.core.compiled import Policy
from engine.core.fields import NEEDS
from engine.core.improvements import TOO_EARLY, Evidence
from engine.core.kpis import KPIS
from engine.core.lifecycle import ENDED, evolve
from engine.core.model import CUSTOMER, Deadline, Ticket
from engine.core.quality import Review
from engine.store.contract import Store
from engine.store.rows import FactRow, StoredEvent

_CALENDAR = "facts_calendar"
DEFINITION = "2"
"""Which definition the facts that are kept follow; with another one all are derived anew."""
BATCH = 200
"""Tickets whose facts are kept in one transaction, so that a daemon beside it hardly waits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWERED = {
    "result_reported": "resolved",
    "customer_confirmed": "confirmed",
    "customer_objected": "objected",
    "ticket_reopened": "reopened",
}
"""What became of an answer by what happened to its ticket."""


def business_calendar(policy: Policy) -> Calendar | None:
    """Return the calendar by which business time is counted, None where the policy names none."""
    wanted = policy.reports.kpis.get("mttr_business")
    return policy.calendars.get(wanted.calendar) if wanted and wanted.calendar else None


def catch_up(store: Store, policy: Policy) -> int:
    """Derive the facts of every ticket about which something happened since they were kept; return how many tickets that were.

    With another calendar of business time or another definition than before, those of all tickets are derived anew.
    """
    calendar = business_calendar(policy)
    name, count = f"{calendar.name if calendar else ''} {DEFINITION}", 0
    with store.read() as reader:
        other = reader.meta(_CALENDAR) != name
    if other:
        with store.write() as tx:
            tx.derive_anew()
            tx.set_meta(_CALENDAR, name)
    while True:
        with store.write() as tx:
            waiting = tx.without_facts(BATCH)
            for number, segment in waiting:
                log = tx.events(number)
                tx.keep_facts(number, log[-1].seq, facts_of(log, segment, calendar))
        count += len(waiting)
        if len(waiting) < BATCH:
            return count


def facts_of(log: Sequence[StoredEvent], segment: str | None, calendar: Calendar | None) -> list[FactRow]:
    """Return the facts of a ticket by its log. A clock that still runs is a breach at its due instant, unless it is met before."""
    told = _Telling(segment, calendar)
    for stored in log:
        told.tell(stored.event, stored.at)
    return told.finished()


class _Telling:
    """Folds the log of one ticket, and notes what is counted."""

    def __init__(self, segment: str | None, calendar: Calendar | None) -> None:
        self._segment = segment
        self._calendar = calendar
        self._facts: list[FactRow] = []
        self._ticket: Ticket | None = None
        self._since: datetime | None = None
        self._contacts = 0
        self._solved: dict[str, int] = {}
        self._moved: dict[str, datetime] = {}
        self._article: str | None = None
        self._load: FactRow | None = None
        self._at = _EPOCH

    def tell(self, event: e.Event, at: datetime) -> None:
        """Take in the next event."""
        if at != self._at:
            self._carry()
        before, self._at = self._ticket, at
        after = self._ticket = evolve(before, event, at)
        if before is None:
            self._since = at
        elif after.state != before.state and self._since is not None:
            self._note("stay", at, before.state, value=at - self._since)
            self._since = at
        self._clocks(before, event, at)
        if isinstance(event, e.ImprovementVerified):
            self._verified(before, event, at)
        if isinstance(event, e.ReviewScored):
            self._reviewed(event, at, after.review)
        if isinstance(event, e.SurveySent | e.SurveyAnswered):
            self._note("survey", at, event.survey, "sent" if isinstance(event, e.SurveySent) else "answered")
        if after.kind in NEEDS and not after.is_incident:
            self._need(before, after, event, at)

    def finished(self) -> list[FactRow]:
        """Return all facts, those of clocks that still run included."""
        self._carry()
        for clock in self._ticket.deadlines.values() if self._ticket else ():
            if clock.running and clock.breached_at is None and clock.due is not None:
                self._missed(clock, clock.due)
        return self._facts

    def _fact(self, name: str, at: datetime, outcome: str | None = None, value: timedelta | None = None) -> FactRow:
        ticket = self._ticket
        assert ticket is not None  # noqa: S101  # a log begins with the opening
        about = (ticket.kind, ticket.tier, ticket.channel, ticket.queue, ticket.assignee, self._segment)
        return FactRow(name, at, *about, outcome=outcome, value=value)

    def _note(
        self, name: str, at: datetime, subject: str | None = None, outcome: str | None = None, value: timedelta | None = None
    ) -> None:
        self._facts.append(replace(self._fact(name, at, outcome, value), subject=subject))

    def _carry(self) -> None:
        """At the end of an instant: the work is with whom it is now, and no longer with whom it was before."""
        ticket = self._ticket
        if ticket is None:
            return
        now = self._fact("load", self._at, "in", ticket.opened_at - _EPOCH)
        if self._facts and self._facts[0].name == "opened" and ticket.opened_at == self._at:  # graded and routed meanwhile
            self._facts[0] = replace(now, name="opened", outcome=None, value=None, customer=ticket.customer)
        if self._load is not None:
            if ticket.state not in ENDED and replace(now, at=self._load.at) == self._load:
                return
            self._facts.append(replace(self._load, at=self._at, outcome="out"))
            self._load = None
        if ticket.state not in ENDED:
            self._facts.append(now)
            self._load = now

    def _clocks(self, before: Ticket | None, event: e.Event, at: datetime) -> None:
        clock = before.deadlines.get(getattr(event, "id", "")) if before else None
        if clock is None or not clock.running or clock.breached_at is not None:
            return
        late = clock.due is not None and clock.due < at
        if isinstance(event, e.DeadlineMoved):
            self._moved[clock.id] = at
        elif isinstance(event, e.DeadlineBreached):
            self._missed(clock, event.due)
        elif isinstance(event, e.DeadlineStopped) or (isinstance(event, e.DeadlineStarted) and (late or clock.budget is not None)):
            self._settle(clock, at, late)

    def _settle(self, clock: Deadline, at: datetime, late: bool) -> None:
        """A clock was met, in time or not; one that is started anew while it runs was met by what started it."""
        if late and clock.due is not None:
            self._missed(clock, clock.due)
        else:
            self._note("deadline", at, clock.kind, "met")
        self._moved.pop(clock.id, None)

    def _missed(self, clock: Deadline, due: datetime) -> None:
        """A clock that was moved to an instant that had passed was breached when it was moved: no past period changes."""
        self._note("deadline", max(due, self._moved.get(clock.id, due)), clock.kind, "breached")

    def _need(self, before: Ticket | None, after: Ticket, event: e.Event, at: datetime) -> None:
        """What is counted of customers' needs only, not of the house's own work."""
        match event:
            case e.TicketOpened():
                self._note("opened", at)
            case e.CustomerContacted() | e.ProgressReported():
                self._contacts += 1
                if before is not None and before.first_contact_at is None and after.first_contact_at is not None:
                    self._note("response", at, value=at - after.opened_at)
            case e.ResultReported():
                self._done("resolved", at, after, "first_contact" if self._contacts <= 1 else "later")
            case e.CustomerObjected() | e.TicketReopened():
                self._again(at)
                if isinstance(event, e.TicketReopened):
                    self._note("reopened", at)
            case e.MessageReceived(by=party, asks=True) if party == CUSTOMER:
                self._again(at)
            case e.Routed() if before is not None and before.queue not in (None, after.queue):
                self._note("transferred", at, "queue")
            case e.Assigned(agent=str()) if before is not None and before.assignee not in (None, after.assignee):
                self._note("transferred", at, "agent")
        if isinstance(event, e.CustomerConfirmed):
            self._not_again(at)
        self._answered(before, after, event, at)
        if before is not None and after.state in ENDED and before.state not in ENDED:
            self._done("closed", at, after, _ended_as(before, after))

    def _verified(self, before: Ticket | None, event: e.ImprovementVerified, at: datetime) -> None:
        """The first verdict on a measure counts: one that is asked for again and again turns good by chance."""
        known = before.improvement if before else None
        if known is None or event.verdict == TOO_EARLY or known.verdict not in (None, TOO_EARLY):
            return
        self._note("verified", at, known.category, event.verdict)
        if (change := changed(event.evidence)) is not None:
            self._note("changed", at, known.category, event.verdict, timedelta(seconds=change))

    def _answered(self, before: Ticket | None, after: Ticket, event: e.Event, at: datetime) -> None:
        """Whether the answer that the knowledge base gave last solved it; an objection or a reopening says once that it did not."""
        if isinstance(event, e.ArticleUsed):
            self._article = event.article
        if self._article is None:
            return
        outcome = _ANSWERED.get(event.type)
        if outcome == "reopened" and before is not None and before.state not in ENDED:
            outcome = "objected"
        if outcome is not None:
            self._note("article", at, self._article, outcome)
        if outcome not in (None, "resolved", "confirmed"):
            self._article = None

    def _reviewed(self, event: e.ReviewScored, at: datetime, review: Review | None) -> None:
        """A score of 100 is kept as that many seconds, under what was known of the work when it was drawn."""
        if review is not None:
            about = (review.kind, review.tier, review.channel, review.queue, review.agent)
            outcome = "failed" if event.failed else "passed"
            self._facts.append(FactRow("review", at, *about, outcome=outcome, value=timedelta(seconds=event.score)))

    def _done(self, name: str, at: datetime, ticket: Ticket, outcome: str) -> None:
        """How long it took, in real and in business time; whether it comes again is seen later."""
        try:
            business = self._calendar.elapsed(ticket.opened_at, at) if self._calendar else None
        except CalendarUnknown:
            business = None
        fact = replace(self._fact(name, at, outcome, at - ticket.opened_at), business=business, customer=ticket.customer)
        self._solved[name] = len(self._facts)
        self._facts.append(fact)

    def _again(self, at: datetime) -> None:
        for place in self._solved.values():
            if self._facts[place].again_at is None:
                self._facts[place] = replace(self._facts[place], again_at=at)

    def _not_again(self, at: datetime) -> None:
        """The message that came just now was the customer's yes."""
        for place in self._solved.values():
            if self._facts[place].again_at == at:
                self._facts[place] = replace(self._facts[place], again_at=None)


def changed(evidence: Evidence) -> float | None:
    """Return by how much what a measure should move became better: of 1 for shares and scores, else in parts of what it was before."""
    kpi, before, after = KPIS[evidence.aim.kpi], evidence.before.value, evidence.after.value
    whole = {"share": 1.0, "score": 100.0, "change": 1.0}.get(kpi.unit, before)
    if before is None or after is None or not whole:
        return None
    return (after - before) / whole * (1 if kpi.better == "high" else -1)


def _ended_as(before: Ticket, after: Ticket) -> str:
    """`confirmed`, or `objected` if only after an objection; `unconfirmed`; `closed` by hand with a result, `unsolved` without one."""
    if after.state == "closed" and before.resolved_at is None:
        return "unsolved"
    return "objected" if after.state == "confirmed" and after.objections else after.state
