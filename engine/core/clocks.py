"""The clocks of a ticket: they start, stop, pause and resume by themselves as events happen, each a row of timers in the store."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.core import events as e
from engine.core.calendar import ALWAYS, Calendar
from engine.core.commands import CancelTimers, StartTimer
from engine.core.compiled import DeadlineKind, Escalation, Tier
from engine.core.conditions import Source
from engine.core.draft import Draft
from engine.core.lifecycle import ENDED
from engine.core.model import Deadline, Ticket
from engine.core.tracing import show

CLOSE = "close_unconfirmed"
"""What a deadline kind's `then` says where the customer's own clock runs: that nobody answered ends the ticket."""


def react(draft: Draft, before: Ticket | None, event: e.Event) -> None:
    """Let the clocks follow an event: first those it stops, then those it starts or resets, then the pauses its state brings."""
    moved = before is None or before.state != draft.ticket.state
    for kind in draft.policy.deadlines.values():
        if event.name in kind.stops:
            _stop(draft, kind, event)
        clock = draft.ticket.deadlines.get(kind.name)
        if not moved and _is_settled(draft, kind):
            continue
        if event.name in kind.resets and clock is not None and clock.running:
            _settle(draft, clock)
            _begin(draft, kind, "", None)
        elif event.name in kind.starts:
            _start(draft, kind)
    if before is not None and moved:
        _follow_state(draft)


def tier_of(draft: Draft) -> Tier | None:
    """Return the ticket's tier, None before it was graded or when the policy no longer has it."""
    return next((tier for tier in draft.policy.tiers if tier.id == draft.ticket.tier), None)


def escalations_for(draft: Draft, kind: str) -> list[Escalation]:
    """Return the escalations that watch deadlines of this kind."""
    return [escalation for escalation in draft.policy.escalations if kind in escalation.deadlines]


def warnings(draft: Draft, clock: Deadline, due: datetime) -> Iterator[tuple[Escalation, float, datetime]]:
    """Yield the warnings that are still ahead of a clock due at `due`: the escalation, the share of the budget, and the instant."""
    for escalation in escalations_for(draft, clock.kind):
        for share in escalation.warn:
            at = _instant_of_share(draft, clock, due, share)
            if draft.now < at < due:
                yield escalation, share, at


def move_to_tier(draft: Draft) -> None:
    """Move the clocks whose budget the tier gives, as the policy's `on_tier_change` says; a breach stays on record."""
    mode = draft.policy.on_tier_change
    for clock, kind in _owed(draft) if mode != "keep" else ():
        if _budget(draft, kind) != (clock.budget, clock.calendar):
            _move(draft, clock, kind, f"on_tier_change: {mode}", restart=mode == "restart")


def renew(draft: Draft) -> None:
    """Count what we still owe anew by the policy in force, and set warnings and reminders as it says; a breach stays on record.

    A promise that it makes no more stays as it was given, and so does the time that a customer has to answer. Nobody is told.
    """
    for clock, kind in _owed(draft):
        if kind.then != CLOSE:
            _move(draft, clock, kind, "renewal", restart=False)


def _owed(draft: Draft) -> list[tuple[Deadline, DeadlineKind]]:
    """Return the clocks that run and are not over, of kinds that the policy has."""
    kinds, clocks = draft.policy.deadlines, draft.ticket.deadlines.values()
    return [(clock, kinds[clock.kind]) for clock in clocks if clock.running and clock.kind in kinds and not _is_over(draft, clock)]


def _move(draft: Draft, clock: Deadline, kind: DeadlineKind, rule: str, *, restart: bool) -> None:
    """Count a clock anew, from its start or from now on, and set its timers; one whose due instant a person gave stays."""
    budget, name = _budget(draft, kind)
    if budget is not None and clock.budget is not None:
        started = draft.now if restart else clock.started_at
        pauses = () if restart and not clock.paused else clock.pauses
        due = _calendar(draft, name).due(started, budget, pauses)
        if (budget, name, due) != (clock.budget, clock.calendar, clock.due):
            source, _ = _who_promised(draft, kind)
            draft.because(f"deadline {clock.id} moved", rule, source, {"budget": show(budget), "before": show(clock.budget)})
            draft.record(e.DeadlineMoved(clock.id, name, budget, due, started, clock.budget, clock.due))
    _arm(draft, draft.ticket.deadlines[clock.id])


def _is_over(draft: Draft, clock: Deadline) -> bool:
    """Whether the clock's due instant is past, also where its timer has not fired yet (the engine stood still, say)."""
    return clock.breached_at is not None or (clock.due is not None and clock.due < draft.now)


def _is_settled(draft: Draft, kind: DeadlineKind) -> bool:
    """Whether what clocks of this kind measure cannot be owed any more: the ticket has ended, or the result they wait for stands."""
    state = draft.ticket.state
    return state in ENDED or (state == "resolved" and "result_reported" in kind.stops)


def _settle(draft: Draft, clock: Deadline) -> None:
    """Put a breach on record that nobody had the time to notice; the customer's own clock is no promise of ours."""
    kind = draft.policy.deadlines.get(clock.kind)
    if clock.due is not None and clock.due < draft.now and clock.breached_at is None and (not kind or kind.then != CLOSE):
        breach(draft, clock, clock.due)


def breach(draft: Draft, clock: Deadline, due: datetime) -> None:
    """Record that the clock's promise was not kept."""
    kind = draft.policy.deadlines.get(clock.kind)
    values = {"due": str(due), "budget": show(clock.budget or "given")}
    draft.because(f"breached: {clock.id}", f"deadline {clock.kind}", kind.source if kind else None, values)
    draft.record(e.DeadlineBreached(clock.id, due))


def _end(draft: Draft, clock: Deadline, done: bool) -> None:
    """Stop the clock if what it measures was `done` or came too late, else drop it."""
    _settle(draft, clock)
    late = draft.ticket.deadlines[clock.id].breached_at is not None
    draft.record(e.DeadlineStopped(clock.id) if done or late else e.DeadlineDropped(clock.id))
    draft.want(CancelTimers(f"deadline/{clock.id}"))


def _stop(draft: Draft, kind: DeadlineKind, event: e.Event) -> None:
    step = event.step if isinstance(event, e.PlanStepDone) else None
    for clock in list(draft.ticket.deadlines.values()):
        if clock.kind == kind.name and clock.running and (step is None or clock.key in ("", step)):
            _end(draft, clock, done=True)


def _start(draft: Draft, kind: DeadlineKind) -> None:
    if kind.due == "plan_step.due":
        for old in list(draft.ticket.deadlines.values()):
            if old.kind == kind.name and old.running:
                _end(draft, old, done=False)  # a step of the plan before this one
        for step in draft.ticket.plan.steps if draft.ticket.plan else ():
            _begin(draft, kind, step.id, step.due)
        return
    clock = draft.ticket.deadlines.get(kind.name)
    if clock is None or not clock.running:
        _begin(draft, kind, "", draft.ticket.due if kind.due == "task.due" else None)


def _begin(draft: Draft, kind: DeadlineKind, key: str, due: datetime | None) -> None:
    """Start a clock (anew). Without a budget and a due instant this tier makes no such promise, and nothing is started."""
    budget, calendar = _budget(draft, kind)
    if due is not None:
        budget = None
    elif budget is None:
        return
    else:
        due = _calendar(draft, calendar).due(draft.now, budget)
    id = f"{kind.name}:{key}" if key else kind.name
    source, rule = _who_promised(draft, kind)
    draft.because(f"deadline {id}", rule, source, {"budget": show(budget or "given"), "calendar": calendar})
    draft.record(e.DeadlineStarted(id, kind.name, calendar, budget, due, key))
    _arm(draft, draft.ticket.deadlines[id])
    if draft.ticket.state in kind.pauses_in and budget is not None:
        _pause(draft, draft.ticket.deadlines[id])


def _budget(draft: Draft, kind: DeadlineKind) -> tuple[timedelta | None, str]:
    tier = tier_of(draft)
    if tier is not None and kind.name in tier.budgets:
        return tier.budgets[kind.name], kind.calendar or tier.calendar
    return kind.budget, kind.calendar or (tier.calendar if tier else "24x7")


def _who_promised(draft: Draft, kind: DeadlineKind) -> tuple[Source, str]:
    tier = tier_of(draft)
    if tier is not None and kind.name in tier.budgets:
        return tier.source, f"tier {tier.id}"
    return kind.source, f"deadline {kind.name}"


def _calendar(draft: Draft, name: str) -> Calendar:
    """The calendar a clock runs on; where the policy has lost it, every hour counts, so that the promise is kept early, not late."""
    return draft.policy.calendars.get(name, ALWAYS)


def _arm(draft: Draft, clock: Deadline) -> None:
    """Set the timers of a running clock: warnings and reminders that are still ahead, and the breach."""
    base = f"deadline/{clock.id}"
    draft.want(CancelTimers(base))
    if clock.due is None:
        return
    draft.want(StartTimer(f"{base}/breach", clock.due))
    for escalation, share, at in warnings(draft, clock, clock.due):
        draft.want(StartTimer(f"{base}/warn/{escalation.id}/{share:g}", at))
    kind = draft.policy.deadlines.get(clock.kind)
    calendar = _calendar(draft, clock.calendar)
    for position, after in enumerate(kind.remind if kind else ()):
        at = calendar.due(clock.started_at, after, clock.pauses) or clock.due
        if draft.now < at < clock.due:
            draft.want(StartTimer(f"{base}/remind/{position}", at))


def _instant_of_share(draft: Draft, clock: Deadline, due: datetime, share: float) -> datetime:
    if clock.budget is None:
        return clock.started_at + (due - clock.started_at) * share
    return _calendar(draft, clock.calendar).due(clock.started_at, clock.budget * share, clock.pauses) or due


def _pause(draft: Draft, clock: Deadline) -> None:
    draft.record(e.DeadlinePaused(clock.id))
    draft.want(CancelTimers(f"deadline/{clock.id}"))


def _resume(draft: Draft, clock: Deadline, budget: timedelta) -> None:
    pauses = (*clock.pauses[:-1], (clock.pauses[-1][0], draft.now))
    draft.record(e.DeadlineResumed(clock.id, _calendar(draft, clock.calendar).due(clock.started_at, budget, pauses)))
    _arm(draft, draft.ticket.deadlines[clock.id])


def _follow_state(draft: Draft) -> None:
    """Pause and resume by the state's name; when the ticket has ended, drop what will never be done."""
    state = draft.ticket.state
    for clock in list(draft.ticket.deadlines.values()):
        kind = draft.policy.deadlines.get(clock.kind)
        pausing = kind is not None and state in kind.pauses_in
        if not clock.running:
            continue
        if state in ENDED:
            _end(draft, clock, done=False)
        elif clock.budget is None:
            continue  # a date that a person gave stays, whatever the ticket waits for
        elif pausing and clock.due is not None and clock.due > draft.now:
            _pause(draft, clock)
        elif not pausing and clock.paused:
            _resume(draft, clock, clock.budget)
