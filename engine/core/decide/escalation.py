"""Warnings before a deadline and the steps after it: whom they reach, and what each step does."""

from datetime import timedelta

from engine.core import events as e
from engine.core.clocks import escalations_for
from engine.core.commands import Raise, StartTimer
from engine.core.context import agent, deadline
from engine.core.draft import Draft
from engine.core.duty import answering, stands_for
from engine.core.escalations import Escalation, EscalationStep, Opening, Recipient
from engine.core.lifecycle import allows
from engine.core.messages import send
from engine.core.model import CUSTOMER, Deadline, Threshold, mark
from engine.core.routing import reassign
from engine.core.signals import TicketRequested


def warn(draft: Draft, clock: Deadline, name: str, at: str) -> None:
    """Warn of a clock at the threshold that is marked `at`, once since it started, and not when it is too late for a warning."""
    if clock.due is None or clock.due <= draft.now or at in clock.warned:
        return
    for escalation in escalations_for(draft, clock.kind):
        threshold = next((one for one in escalation.warn if mark(one) == at), None)
        if escalation.id != name or escalation.warn_script is None or threshold is None:
            continue
        share, before = _used(draft, clock, threshold), threshold if isinstance(threshold, timedelta) else None
        draft.because(f"warned: {clock.id}", escalation.id, escalation.source, {"share": f"{share:.3g}"})
        draft.record(e.DeadlineWarned(clock.id, share, before))
        _tell(draft, escalation.warn_script, escalation.warn_to, clock)


def begin(draft: Draft, clock: Deadline) -> None:
    """Take the steps that are due at the breach, and set timers for those after it."""
    for escalation in escalations_for(draft, clock.kind):
        for number, step in enumerate(escalation.steps):
            if step.after:
                draft.want(StartTimer(f"deadline/{clock.id}/step/{escalation.id}/{number}/1", draft.now + step.after))
            else:
                _take(draft, draft.ticket.deadlines[clock.id], escalation, number, step, 1)


def go_on(draft: Draft, clock: Deadline, name: str, number: int, round: int) -> None:
    """Take a later step, or take one again; not where it is over once somebody has taken the ticket up."""
    escalation = next((one for one in draft.policy.escalations if one.id == name), None)
    if escalation is None or number >= len(escalation.steps):
        return
    step = escalation.steps[number]
    if not (step.until == "acknowledged" and draft.ticket.acknowledged_at is not None):
        _take(draft, clock, escalation, number, step, round)


def about(draft: Draft, clock: Deadline, party: str) -> dict[str, object]:
    """Return what a notice about a clock may say: the clock, and as `agent` whoever is in charge, whoever reads it."""
    reader, assignee = draft.facts.agents.get(party), agent(draft, draft.ticket.assignee)
    return {"deadline": deadline(draft, clock, reader.language if reader else draft.ticket.language), "agent": assignee}


def _take(draft: Draft, clock: Deadline, escalation: Escalation, number: int, step: EscalationStep, round: int) -> None:
    opens = step.opens if step.opens and step.opens.kind not in (draft.ticket.kind, *draft.ticket.opened) else None
    draft.because(f"escalated: {clock.id} step {number + 1}", escalation.id, step.source, {"round": str(round)})
    draft.record(e.Escalated(clock.id, escalation.id, number, round, opens.kind if opens else None))
    if step.raise_tier is not None:
        _raise_tier(draft, escalation, step, step.raise_tier)
    _tell(draft, step.script, step.notify, clock)
    if step.reassign and draft.ticket.acknowledged_at is None:
        reassign(draft)
    if opens is not None:
        _open(draft, opens, escalation, step)
    if step.repeat is not None and step.repeat > timedelta(0):
        key = f"deadline/{clock.id}/step/{escalation.id}/{number}/{round + 1}"
        draft.want(StartTimer(key, draft.now + step.repeat))


def _used(draft: Draft, clock: Deadline, threshold: Threshold) -> float:
    """The share of its time that a clock has used up at a threshold."""
    if not isinstance(threshold, timedelta):
        return threshold
    whole = clock.budget or (clock.due or draft.now) - clock.started_at
    return 1 - threshold / whole if whole else 1.0


def _raise_tier(draft: Draft, escalation: Escalation, step: EscalationStep, to: str) -> None:
    """Grade the ticket as `to`, or as the next more urgent tier where that is empty; never as a less urgent one."""
    order = [tier.id for tier in draft.policy.tiers]
    now = order.index(draft.ticket.tier) if draft.ticket.tier in order else 0
    new = order.index(to) if to in order else now - 1
    event = e.TierAssigned(order[max(new, 0)])
    if 0 <= new < now and allows(draft.ticket, event):
        draft.because(f"tier: {event.tier}", escalation.id, step.source, {"before": draft.ticket.tier or ""})
        draft.record(event)


def _open(draft: Draft, opens: Opening, escalation: Escalation, step: EscalationStep) -> None:
    """Open work for the ticket, once for each kind. It is the house's own: the customer hears nothing of it."""
    ticket = draft.ticket
    words = "\n".join(filter(None, (draft.text_of(ticket.subject), draft.text_of(ticket.description)))) or ticket.number
    request = TicketRequested(
        kind=opens.kind,
        queue=opens.queue,
        text=words,
        channel=ticket.channel,
        language=ticket.language,
        parent=ticket.number,
        rule=escalation.id,
        source=step.source,
    )
    draft.want(Raise(request))


def _tell(draft: Draft, script: str, names: tuple[Recipient, ...], clock: Deadline) -> None:
    for party, channels in recipients(draft, names).items():
        send(draft, script, party, about(draft, clock, party), channels=channels, digest=party != CUSTOMER)


def recipients(draft: Draft, names: tuple[Recipient, ...]) -> dict[str, tuple[str, ...]]:
    """Return the parties that the names stand for now, each once, with the channels to try first.

    Where nobody whom a name stands for is there, whoever answers for the queue hears of it too.
    """
    facts, queues = draft.facts, draft.policy.queues

    def here(id: str) -> bool:
        return id in facts.agents and facts.agents[id].available

    def members(name: str) -> list[str]:
        return [one.id for one in facts.of_queue(name)] if name in queues else []

    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        queue = queues.get(name.to if name.to in queues else draft.ticket.queue or "")
        parties = stands_for(name.to, queue, draft.ticket.assignee, facts.manager, members)
        if name.to != CUSTOMER and not any(map(here, parties)):
            substitute = answering(queue, facts.manager, here)
            parties = [substitute] if name.to == "queue.lead" else [*parties, substitute]
        for party in parties:
            found[party] = found.get(party) or name.channels
    return found
