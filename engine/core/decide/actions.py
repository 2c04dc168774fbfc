"""What people do with a ticket: one small function an action, all through the same door."""

from collections.abc import Callable

from engine.core import events as e
from engine.core.answers import is_courtesy
from engine.core.authority import APPROVAL
from engine.core.commands import Raise, SeverLink
from engine.core.decide import authority, improvements, incidents, quality, replies, surveys
from engine.core.draft import Draft, Refusal
from engine.core.fields import NEEDS
from engine.core.lifecycle import ENDED, WAITING
from engine.core.messages import notify, owner, write
from engine.core.model import CUSTOMER
from engine.core.promises import regrade
from engine.core.routing import give, route
from engine.core.signals import AgentActed, TaskClosed, TicketRequested


def act(draft: Draft, signal: AgentActed) -> None:
    """Do what a person asks for; raises Refusal when it cannot be done."""
    action = ACTIONS.get(signal.action)
    if action is None:
        raise Refusal(f"there is no action {signal.action!r}; there are {', '.join(ACTIONS)}")
    ticket = draft.ticket
    if ticket.acknowledged_at is None and any(clock.breached_at and clock.running for clock in ticket.deadlines.values()):
        draft.record(e.Acknowledged(signal.actor))
    action(draft, signal)


def task_closed(draft: Draft, signal: TaskClosed) -> None:
    """A task of this ticket is done: its owner hears of it."""
    draft.record(e.TaskFinished(signal.task))
    words = {"message": {"text": f"{signal.task}: {draft.text_of(signal.content)}"}}
    notify(draft, "task_finished", owner(draft), words)


def _claim(draft: Draft, signal: AgentActed) -> None:
    if draft.ticket.assignee == signal.actor:
        raise Refusal(f"ticket {draft.ticket.number} is already {signal.actor}'s")
    give(draft, signal.actor, signal.actor)


def _assign(draft: Draft, signal: AgentActed) -> None:
    target = signal.target or ""
    if target in draft.facts.agents:
        give(draft, target, signal.actor)
    elif target in draft.policy.queues:
        route(draft, target, signal.actor)
    else:
        people = ", ".join([*draft.facts.agents, *draft.policy.queues])
        raise Refusal(f"{target!r} is neither an agent nor a queue; there are {people}")


def _contact(draft: Draft, signal: AgentActed) -> None:
    content = draft.keep_if("contact_note", signal.text)
    draft.record(e.CustomerContacted(signal.actor, signal.channel or draft.ticket.channel, content))


def _write(draft: Draft, signal: AgentActed) -> None:
    """Write to the customer in the agent's own words: that is a contact too, unless it is mere thanks."""
    _require_text(signal, "what to write to the customer")
    reach = write(draft, signal.text, signal.channel)
    if reach is None:
        raise Refusal(f"the customer of ticket {draft.ticket.number} cannot be reached over any channel that sends")
    if not is_courtesy(signal.text, draft.policy.replies):
        draft.record(e.CustomerContacted(signal.actor, reach.channel))


def _plan(draft: Draft, signal: AgentActed) -> None:
    _require_text(signal, "what the plan is")
    for step in signal.steps:
        if step.due <= draft.now:
            raise Refusal(f"the step {step.text!r} is due in the past ({step.due.isoformat()})")
    steps = tuple((str(number), draft.keep("plan_step", step.text), step.who, step.due) for number, step in enumerate(signal.steps, 1))
    draft.record(e.PlanRecorded(draft.keep("plan", signal.text), signal.actor, steps))
    if draft.ticket.kind in NEEDS:
        notify(draft, "plan", CUSTOMER)


def _done(draft: Draft, signal: AgentActed) -> None:
    plan = draft.ticket.plan
    open_steps = [step.id for step in plan.steps if step.done_at is None] if plan else []
    if signal.target not in open_steps:
        raise Refusal(f"the plan has no open step {signal.target!r}; open are: {', '.join(open_steps) or 'none'}")
    if (approval := authority.waits(draft.ticket, signal.target)) is not None:
        raise Refusal(f"step {signal.target} waits for the approval {approval}")
    draft.record(e.PlanStepDone(signal.target, signal.actor))


def _progress(draft: Draft, signal: AgentActed) -> None:
    _require_text(signal, "what to tell the customer")
    content = draft.keep("progress", signal.text)
    if draft.ticket.is_incident:
        incidents.update(draft, content, signal.actor)
        return
    if notify(draft, "progress", CUSTOMER, {"progress": {"text": signal.text}}):
        draft.record(e.ProgressReported(signal.actor, content))
    else:
        raise Refusal("the customer cannot be reached over any channel that sends: call them and record the contact")


def _task(draft: Draft, signal: AgentActed) -> None:
    """Ask another department; the task is a ticket of its own, numbered as it is opened."""
    _require_text(signal, "what is to be done")
    target = signal.target or ""
    agent = draft.facts.agents.get(target)
    queue = target if target in draft.policy.queues else (agent.queues[0] if agent and agent.queues else None)
    if queue is None:
        raise Refusal(f"{target!r} is neither a queue nor an agent of one; queues are {', '.join(draft.policy.queues)}")
    if signal.due is not None and signal.due <= draft.now:
        raise Refusal(f"the task is due in the past ({signal.due.isoformat()})")
    ticket = draft.ticket
    draft.record(e.TaskAdded(draft.facts.number, signal.actor))
    draft.want(
        Raise(
            TicketRequested(
                kind="task",
                queue=queue,
                text=signal.text,
                channel=ticket.channel,
                language=ticket.language,
                parent=ticket.number,
                due=signal.due,
                assignee=agent.id if agent else None,
                customer=ticket.customer,
                actor=signal.actor,
            )
        )
    )


def _note(draft: Draft, signal: AgentActed) -> None:
    _require_text(signal, "the note")
    draft.record(e.Noted(draft.keep("note", signal.text), signal.actor))


def _hold(draft: Draft, signal: AgentActed) -> None:
    state = signal.target or "on_hold"
    if state not in WAITING:
        raise Refusal(f"a ticket can wait as {', '.join(WAITING)}, not as {state!r}")
    if signal.text.strip():
        draft.record(e.Noted(draft.keep("note", signal.text), signal.actor))
    draft.record(e.PutOnHold(state, signal.actor))


def _resume(draft: Draft, signal: AgentActed) -> None:
    draft.record(e.Resumed(signal.actor))


def _resolve(draft: Draft, signal: AgentActed) -> None:
    """Report the result: a customer is asked to confirm it, the house's own work is simply done."""
    _require_text(signal, "what the result is")
    content = draft.keep("result", signal.text)
    ticket = draft.ticket
    if ticket.is_incident:
        incidents.recover(draft, content, signal.actor)
        return
    if ticket.kind not in NEEDS:
        _end(draft, signal, content)
        return
    draft.record(e.ResultReported(content, signal.actor))
    if not notify(draft, "result", CUSTOMER):
        notify(draft, "undelivered", owner(draft), {"message": {"text": ""}})


def _end(draft: Draft, signal: AgentActed, content: str | None) -> None:
    if draft.ticket.kind == APPROVAL:
        raise Refusal(f"ticket {draft.ticket.number} is an approval: it ends when it is granted or refused")
    draft.record(e.TicketClosed("closed", signal.actor, content))
    ticket = draft.ticket
    if ticket.kind == "follow_up":
        draft.want(SeverLink(ticket.number))
    if ticket.parent is not None:
        draft.want(Raise(TaskClosed(ticket.parent, ticket.number, content)))


def _tier(draft: Draft, signal: AgentActed) -> None:
    _require_text(signal, "the reason for another tier")
    tiers = {tier.id: tier for tier in draft.policy.tiers}
    tier = tiers.get(signal.target or "")
    if tier is None:
        raise Refusal(f"there is no tier {signal.target!r}; there are {', '.join(tiers)}")
    if tier.id == draft.ticket.tier:
        raise Refusal(f"ticket {draft.ticket.number} is {tier.id} already")
    reason = draft.keep("reason", signal.text)
    draft.because(f"tier: {tier.id}", "manual override", tier.source, {"by": signal.actor})
    regrade(draft, tier.id, signal.actor, reason)


def _reopen(draft: Draft, signal: AgentActed) -> None:
    _require_text(signal, "why the ticket is reopened")
    draft.record(e.TicketReopened(signal.actor, draft.keep("reason", signal.text)))
    if draft.ticket.is_incident:
        incidents.tell_again(draft)


def _close(draft: Draft, signal: AgentActed) -> None:
    """End a ticket by a person's decision; that is never a confirmation."""
    _require_text(signal, "why the ticket is closed")
    if draft.ticket.state in ENDED:
        raise Refusal(f"ticket {draft.ticket.number} has ended already: it is {draft.ticket.state}")
    content = draft.keep("reason", signal.text)
    if draft.ticket.is_incident:
        incidents.cancel(draft, content, signal.actor)
    else:
        _end(draft, signal, content)


def _confirm(draft: Draft, signal: AgentActed) -> None:
    replies.confirmed(draft, signal.actor, draft.keep_if("message", signal.text))


def _object(draft: Draft, signal: AgentActed) -> None:
    _require_text(signal, "what the customer objects to")
    replies.objected(draft, signal.actor, draft.keep("message", signal.text))


def _answer(draft: Draft, signal: AgentActed) -> None:
    """Enter a survey's answer that the customer gave by word of mouth."""
    if not surveys.answer(draft, signal.text, signal.actor):
        raise Refusal("no survey of this ticket awaits an answer, or the scores were not understood: write them as 5 5 4")


def _require_text(signal: AgentActed, what: str) -> None:
    if not signal.text.strip():
        raise Refusal(f"{signal.action} needs a text: {what}")


ACTIONS: dict[str, Callable[[Draft, AgentActed], None]] = {
    "claim": _claim,
    "assign": _assign,
    "contact": _contact,
    "write": _write,
    "plan": _plan,
    "done": _done,
    "progress": _progress,
    "task": _task,
    "note": _note,
    "hold": _hold,
    "resume": _resume,
    "resolve": _resolve,
    "tier": _tier,
    "reopen": _reopen,
    "close": _close,
    "confirm": _confirm,
    "object": _object,
    "answer": _answer,
    "compensate": authority.compensate,
    "except": authority.make_exception,
    "grant": authority.grant,
    "refuse": authority.refuse,
    "join": incidents.joined,
    "leave": incidents.left,
    "outcome": improvements.outcome,
    "improve": improvements.improve,
    "verify": improvements.verify,
    "article": quality.article,
    "score": quality.scored,
}
"""Every action an agent may take, by name."""
