"""What happens when a timer of a ticket is due."""

from datetime import datetime, timedelta

from engine.core import events as e
from engine.core.clocks import CLOSE, breach, escalations_for
from engine.core.commands import StartTimer
from engine.core.compiled import Escalation, EscalationStep
from engine.core.context import agent, deadline
from engine.core.decide import incidents, surveys
from engine.core.draft import Draft, Refusal
from engine.core.lifecycle import ENDED, allows
from engine.core.messages import notify, send
from engine.core.model import CUSTOMER, Deadline
from engine.core.routing import ASSIGN_TIMER, assign, reassign
from engine.core.signals import TimerFired
from engine.core.tracing import show


def fired(draft: Draft, signal: TimerFired) -> None:
    """Do what the timer was set for; a timer whose matter is settled does nothing."""
    match signal.key.split("/"):
        case [name] if name == ASSIGN_TIMER:
            if draft.ticket.assignee is None and draft.ticket.state not in ENDED:
                assign(draft)
        case ["rule", id]:
            draft.record(e.TimerElapsed(id))
        case ["survey", *rest]:
            surveys.fired(draft, rest)
        case ["incident", *_]:
            incidents.fired(draft, signal.key)
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
        case ["warn", escalation, share]:
            _warn(draft, clock, escalation, float(share))
        case ["remind", _]:
            _remind(draft, clock)
        case ["step", escalation, step, round]:
            _escalate(draft, clock, escalation, int(step), int(round))


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
    for escalation in escalations_for(draft, clock.kind):
        for number, step in enumerate(escalation.steps):
            if step.after:
                draft.want(StartTimer(f"deadline/{clock.id}/step/{escalation.id}/{number}/1", draft.now + step.after))
            else:
                _take(draft, draft.ticket.deadlines[clock.id], escalation, number, step, 1)
    told, no_news = e.ProgressReported("system"), {"progress": {"text": ""}}
    if then == "report_progress" and allows(draft.ticket, told) and notify(draft, "progress", CUSTOMER, no_news):
        draft.record(told)


def _warn(draft: Draft, clock: Deadline, name: str, share: float) -> None:
    for escalation in escalations_for(draft, clock.kind):
        if escalation.id != name or escalation.warn_script is None:
            continue
        draft.because(f"warned: {clock.id}", escalation.id, escalation.source, {"share": f"{share:g}"})
        draft.record(e.DeadlineWarned(clock.id, share))
        for party in recipients(draft, escalation.warn_to):
            send(draft, escalation.warn_script, party, _about(draft, clock, party))


def _remind(draft: Draft, clock: Deadline) -> None:
    kind = draft.policy.deadlines.get(clock.kind)
    if kind is None or kind.remind_script is None:
        return
    draft.because(f"reminded: {clock.id}", f"deadline {kind.name}", kind.source)
    draft.record(e.DeadlineReminded(clock.id))
    send(draft, kind.remind_script, CUSTOMER, _about(draft, clock, CUSTOMER))


def _escalate(draft: Draft, clock: Deadline, name: str, number: int, round: int) -> None:
    escalation = next((one for one in draft.policy.escalations if one.id == name), None)
    if escalation is None or number >= len(escalation.steps):
        return
    step = escalation.steps[number]
    if not (step.until == "acknowledged" and draft.ticket.acknowledged_at is not None):
        _take(draft, clock, escalation, number, step, round)


def _take(draft: Draft, clock: Deadline, escalation: Escalation, number: int, step: EscalationStep, round: int) -> None:
    draft.because(f"escalated: {clock.id} step {number + 1}", escalation.id, step.source, {"round": str(round)})
    draft.record(e.Escalated(clock.id, escalation.id, number, round))
    for party in recipients(draft, step.notify):
        send(draft, step.script, party, _about(draft, clock, party))
    if step.reassign and draft.ticket.acknowledged_at is None:
        reassign(draft)
    if step.repeat is not None and step.repeat > timedelta(0):
        key = f"deadline/{clock.id}/step/{escalation.id}/{number}/{round + 1}"
        draft.want(StartTimer(key, draft.now + step.repeat))


def recipients(draft: Draft, names: tuple[str, ...]) -> list[str]:
    """Return the parties that `assignee`, `queue.lead`, `manager`, `customer`, a queue or an agent stand for now, each once."""
    queue = draft.policy.queues.get(draft.ticket.queue or "")
    parties: list[str | None] = []
    for name in names:
        match name:
            case "assignee":
                parties.append(draft.ticket.assignee)
            case "queue.lead":
                parties.append(queue.lead if queue else None)
            case "manager":
                parties.append(draft.facts.manager)
            case _ if name in draft.policy.queues:
                parties.extend(one.id for one in draft.facts.agents.values() if name in one.queues)
            case _:
                parties.append(name)
    return list(dict.fromkeys(party for party in parties if party))


def _about(draft: Draft, clock: Deadline, party: str) -> dict[str, object]:
    """What a notice about a clock may say: the clock, and as `agent` whoever is in charge, whoever reads it."""
    reader, assignee = draft.facts.agents.get(party), agent(draft, draft.ticket.assignee)
    return {"deadline": deadline(draft, clock, reader.language if reader else draft.ticket.language), "agent": assignee}
