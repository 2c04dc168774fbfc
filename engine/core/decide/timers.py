"""What happens when a timer of a ticket is due."""

from datetime import datetime

from engine.core import events as e
from engine.core.clocks import CALENDARS_TIMER, CLOSE, breach, follow_calendars
from engine.core.decide import alerts, escalation, handover, incidents, surveys
from engine.core.draft import Draft, Refusal
from engine.core.lifecycle import ENDED, allows
from engine.core.messages import notify, send
from engine.core.model import CUSTOMER, Deadline
from engine.core.routing import ASSIGN_TIMER, HANDOVER_TIMER, assign
from engine.core.signals import TimerFired
from engine.core.tracing import show


def fired(draft: Draft, signal: TimerFired) -> None:
    """Do what the timer was set for; a timer whose matter is settled does nothing."""
    match signal.key.split("/"):
        case [name] if name == ASSIGN_TIMER:
            if draft.ticket.assignee is None and draft.ticket.state not in ENDED:
                draft.idle = not assign(draft)
        case ["rule", id]:
            draft.record(e.TimerElapsed(id))
        case [name] if name == CALENDARS_TIMER:
            follow_calendars(draft)
        case [name] if name == HANDOVER_TIMER:
            handover.fired(draft)
        case ["survey", *rest]:
            surveys.fired(draft, rest)
        case ["incident", *_]:
            incidents.fired(draft, signal.key)
        case ["alert", *_]:
            alerts.fired(draft, incidents.group_of(draft, draft.ticket.alike))
        case ["deadline", id, *rest]:
            clock = draft.ticket.deadlines.get(id)
            if clock is not None and clock.running:
                _clock(draft, clock, rest)
        case _:
            raise Refusal(f"no timer is called {signal.key!r}")


def _clock(draft: Draft, clock: Deadline, what: list[str]) -> None:
    match what:
        case ["breach"] if clock.due is not None and clock.due <= draft.now and clock.breached_at is None:
            _breach(draft, clock, clock.due)
        case ["warn", name, threshold]:
            escalation.warn(draft, clock, name, threshold)
        case ["remind", _]:
            _remind(draft, clock)
        case ["step", name, step, round]:
            escalation.go_on(draft, clock, name, int(step), int(round))


def _breach(draft: Draft, clock: Deadline, due: datetime) -> None:
    """The due instant has come. Where the customer's own clock runs out, that is no promise of ours broken."""
    kind = draft.policy.deadlines.get(clock.kind)
    then = kind.then if kind else None
    if kind is not None and then == CLOSE:
        draft.record(e.DeadlineStopped(clock.id))
        draft.because("closed: unconfirmed", f"deadline {kind.name}", kind.source, {"budget": show(clock.budget)})
        draft.record(e.TicketClosed("unconfirmed", "system"))
        notify(draft, "closed_unconfirmed", CUSTOMER)
        return
    breach(draft, clock, due)
    escalation.begin(draft, clock)
    told, no_news = e.ProgressReported("system"), {"progress": {"text": ""}}
    if then == "report_progress" and allows(draft.ticket, told) and notify(draft, "progress", CUSTOMER, no_news):
        draft.record(told)


def _remind(draft: Draft, clock: Deadline) -> None:
    kind = draft.policy.deadlines.get(clock.kind)
    if kind is None or kind.remind_script is None:
        return
    draft.because(f"reminded: {clock.id}", f"deadline {kind.name}", kind.source)
    draft.record(e.DeadlineReminded(clock.id))
    send(draft, kind.remind_script, CUSTOMER, escalation.about(draft, clock, CUSTOMER))
