"""The clocks of a ticket: they start, stop, pause and resume by themselves as events happen, each a row of timers in the store."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.core import events as e
from engine.core.budgets import Length, length_of
from engine.core.calendar import ALWAYS, Calendar
from engine.core.commands import CancelTimers, StartTimer
from engine.core.compiled import DeadlineKind
from engine.core.draft import Draft
from engine.core.escalations import Escalation
from engine.core.lifecycle import ENDED
from engine.core.model import CUSTOMER, SYSTEM, Deadline, Threshold, Ticket, mark
from engine.core.tracing import show

CLOSE = "close_unconfirmed"
"""What a deadline kind's `then` says where the customer's own clock runs: that nobody answered ends the ticket."""

CALENDARS_TIMER = "calendars"
"""Fires once for a ticket after a policy with other calendars came into force."""

_AFTER_THE_END = frozenset({"survey_sent", "survey_skipped"})
"""Events that happen to tickets that have ended: a clock that waits for one runs on."""


def react(draft: Draft, before: Ticket | None, event: e.Event) -> None:
    """Let the clocks follow an event: first those it stops, then those it starts or resets, then the pauses its state brings, and last
    the budgets that it changes.
    """
    if isinstance(event, e.MessageReceived) and not (event.asks and event.by == CUSTOMER):
        return
    moved, name = before is None or before.state != draft.ticket.state, event.name
    for kind in draft.policy.moved_by.get(name, ()):
        if name in kind.stops and not _is_said_by_itself(event):
            _stop(draft, kind, event)
        resets, starts = name in kind.resets, name in kind.starts
        if not (resets or starts) or (not moved and _is_settled(draft, kind, event)):
            continue
        clock = draft.ticket.deadlines.get(kind.name)
        if resets and clock is not None and clock.running:
            _settle(draft, clock)
            _begin(draft, kind, "", _given(draft, kind))
        elif starts:
            _start(draft, kind)
    if before is not None:
        if moved:
            _follow_state(draft)
        _follow_change(draft, before, event)


def escalations_for(draft: Draft, kind: str) -> list[Escalation]:
    """Return the escalations that watch deadlines of this kind."""
    return [escalation for escalation in draft.policy.escalations if kind in escalation.deadlines]


def warnings(draft: Draft, clock: Deadline, due: datetime) -> Iterator[tuple[Escalation, Threshold, datetime]]:
    """Yield the warnings that are still ahead of a clock due at `due`: the escalation, when it warns, and the instant.

    Nobody is warned twice: neither at a mark that was passed, nor of two marks at one instant.
    """
    for escalation in escalations_for(draft, clock.kind):
        instants: dict[datetime, Threshold] = {}
        for threshold in escalation.warn:
            if mark(threshold) not in clock.warned:
                instants.setdefault(_instant_of(draft, clock, due, threshold), threshold)
        yield from ((escalation, threshold, at) for at, threshold in instants.items() if draft.now < at < due)


def renew(draft: Draft) -> None:
    """Count what we still owe anew by the policy in force, and set warnings and reminders as it says; a breach stays on record.

    A promise that it makes no more stays as it was given, and so does the time that a customer has to answer.
    """
    for clock in list(draft.ticket.deadlines.values()):
        kind = draft.policy.deadlines.get(clock.kind)
        if kind is not None and kind.then != CLOSE and clock.running and not _is_over(draft, clock):
            if clock.budget is not None:
                _move(draft, clock, length_of(draft, kind), "renewal", restart=False)
            _arm(draft, draft.ticket.deadlines[clock.id])


def follow_calendars(draft: Draft) -> None:
    """Count the clocks anew whose calendar has changed under them, as `on_calendar_change` says; their budgets stay."""
    mode = draft.policy.on_calendar_change
    for clock, kind in _owed(draft) if mode != "keep" else ():
        budget, calendar = clock.budget or timedelta(0), _calendar(draft, clock.calendar)
        if calendar.due(clock.started_at, budget, clock.pauses) != clock.due:
            length = Length(budget, clock.calendar, f"calendar {clock.calendar}", kind.source)
            _move(draft, clock, length, f"on_calendar_change: {mode}", restart=mode == "restart")


def _follow_change(draft: Draft, before: Ticket, event: e.Event) -> None:
    """Let running clocks follow what their budgets hang on, as the policy says. The first queue is no change: it was not known yet."""
    policy = draft.policy
    match event:
        case e.TierAssigned() if before.tier != event.tier:
            name, mode = "on_tier_change", policy.on_tier_change
        case e.Routed() if before.queue != event.queue:
            name, mode = "on_queue_change", policy.on_queue_change if before.queue else "recompute"
        case e.CustomerChanged():
            name, mode = "on_customer_change", policy.on_customer_change
        case _:
            return
    for clock, kind in _owed(draft) if mode != "keep" else ():
        _move(draft, clock, length_of(draft, kind), f"{name}: {mode}", restart=mode == "restart")


def _owed(draft: Draft) -> Iterator[tuple[Deadline, DeadlineKind]]:
    """The clocks whose budget still runs, with their kinds; a breach stays on record, and so does a date that a person gave."""
    for clock in list(draft.ticket.deadlines.values()):
        kind = draft.policy.deadlines.get(clock.kind)
        if kind is not None and clock.running and clock.budget is not None and not _is_over(draft, clock):
            yield clock, kind


def _move(draft: Draft, clock: Deadline, length: Length, rule: str, *, restart: bool) -> None:
    """Count a clock anew, from its start or from now on, and set its timers. A promise that is made no more stays as it was given."""
    budget, name = length.budget, length.calendar
    started = draft.now if restart else clock.started_at
    pauses = () if restart and not clock.paused else clock.pauses
    due = clock.due if budget is None else _calendar(draft, name).due(started, budget, pauses)
    if budget is None or (budget, name, due, started) == (clock.budget, clock.calendar, clock.due, clock.started_at):
        return
    values = {"by": length.rule, "budget": show(budget), "calendar": name, "before": show(clock.budget)}
    draft.because(f"deadline {clock.id} moved", rule, length.source, values, length.asked)
    draft.record(e.DeadlineMoved(clock.id, name, budget, due, started, clock.budget, clock.due))
    _arm(draft, draft.ticket.deadlines[clock.id])


def _is_over(draft: Draft, clock: Deadline) -> bool:
    """Whether the clock's due instant is past, also where its timer has not fired yet (the engine stood still, say)."""
    return clock.breached_at is not None or (clock.due is not None and clock.due < draft.now)


def _is_settled(draft: Draft, kind: DeadlineKind, event: e.Event) -> bool:
    """Whether what clocks of this kind measure cannot be owed any more: the ticket has ended, or the result they wait for stands.

    What a customer writes after the result wants an answer of its own.
    """
    state = draft.ticket.state
    stands = state == "resolved" and "result_reported" in kind.stops and event.name != "message_received"
    return stands or (state in ENDED and not _outlives(kind))


def _outlives(kind: DeadlineKind) -> bool:
    """Whether clocks of this kind run on when the ticket has ended, and only then."""
    return not kind.stops.isdisjoint(_AFTER_THE_END)


def _is_said_by_itself(event: e.Event) -> bool:
    """Whether the engine told the customer that we are at it, which gives nobody the answer they wait for."""
    return isinstance(event, e.ProgressReported) and event.by == SYSTEM


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
            _end(draft, clock, done=not isinstance(event, e.SurveySkipped))


def _start(draft: Draft, kind: DeadlineKind) -> None:
    if kind.due == "plan_step.due":
        for old in list(draft.ticket.deadlines.values()):
            if old.kind == kind.name and old.running:
                _end(draft, old, done=False)  # a step of the plan before this one
        for step in draft.ticket.plan.steps if draft.ticket.plan else ():
            _begin(draft, kind, step.id, step.due)
        return
    running = {clock.kind for clock in draft.ticket.deadlines.values() if clock.running}
    if running.isdisjoint({kind.name, *kind.unless_running}):
        _begin(draft, kind, "", _given(draft, kind))


def _given(draft: Draft, kind: DeadlineKind) -> datetime | None:
    return draft.ticket.due if kind.due == "task.due" else None


def _begin(draft: Draft, kind: DeadlineKind, key: str, due: datetime | None) -> None:
    """Start a clock (anew). Without a budget and a due instant this tier makes no such promise, and nothing is started."""
    length = length_of(draft, kind)
    budget, calendar = length.budget, length.calendar
    if due is not None:
        budget = None
    elif budget is None:
        return
    else:
        due = _calendar(draft, calendar).due(draft.now, budget)
    id = f"{kind.name}:{key}" if key else kind.name
    values = {"budget": show(budget or "given"), "calendar": calendar}
    draft.because(f"deadline {id}", length.rule, length.source, values, length.asked)
    draft.record(e.DeadlineStarted(id, kind.name, calendar, budget, due, key))
    _arm(draft, draft.ticket.deadlines[id])
    if draft.ticket.state in kind.pauses_in and budget is not None:
        _pause(draft, draft.ticket.deadlines[id])


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
    for escalation, threshold, at in warnings(draft, clock, clock.due):
        draft.want(StartTimer(f"{base}/warn/{escalation.id}/{mark(threshold)}", at))
    kind = draft.policy.deadlines.get(clock.kind)
    calendar = _calendar(draft, clock.calendar)
    for position, after in enumerate(kind.remind if kind else ()):
        at = calendar.due(clock.started_at, after, clock.pauses) or clock.due
        if draft.now < at < clock.due:
            draft.want(StartTimer(f"{base}/remind/{position}", at))


def _instant_of(draft: Draft, clock: Deadline, due: datetime, threshold: Threshold) -> datetime:
    """When a clock that is due comes to a threshold; one that is longer than the whole budget is passed at the start."""
    if clock.budget is None:
        return due - threshold if isinstance(threshold, timedelta) else clock.started_at + (due - clock.started_at) * threshold
    used = clock.budget - threshold if isinstance(threshold, timedelta) else clock.budget * threshold
    return _calendar(draft, clock.calendar).due(clock.started_at, max(used, timedelta(0)), clock.pauses) or due


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
        if (state in ENDED) is not (kind is not None and _outlives(kind)):
            _end(draft, clock, done=False)
        elif clock.budget is None:
            continue  # a date that a person gave stays, whatever the ticket waits for
        elif pausing and clock.due is not None and clock.due > draft.now:
            _pause(draft, clock)
        elif not pausing and clock.paused:
            _resume(draft, clock, clock.budget)
