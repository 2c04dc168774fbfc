"""Concessions to a customer: what an agent grants of their own authority, and what waits for somebody else's approval.

An approval is a ticket of its own, with its own clock; it holds up what is asked for and nothing else. It is decided on with its parent
in the facts, which hears of the verdict in the same transaction.
"""

from msgspec.structs import replace

from engine.core import events as e
from engine.core.authority import (
    APPROVAL,
    COMPENSATION,
    about,
    ask,
    authority_of_policy,
    choose,
    covers,
    grant_of,
    granted_so_far,
    is_approver,
    money,
    read_amount,
)
from engine.core.commands import Raise
from engine.core.decide import opening
from engine.core.draft import Draft, Refusal
from engine.core.fields import NEEDS
from engine.core.grants import Grant
from engine.core.lifecycle import ENDED
from engine.core.messages import notify
from engine.core.model import Concession, Ticket
from engine.core.signals import AgentActed, ApprovalDecided, TicketRequested


def compensate(draft: Draft, signal: AgentActed) -> None:
    """Grant an amount, or ask for an approval of it."""
    currency = authority_of_policy(draft).currency
    if signal.amount is None or read_amount(str(signal.amount)) is None:
        raise Refusal("compensate needs an amount above 0 with at most two digits behind the point, such as 300 or 199.90")
    _concede(draft, signal, Concession(COMPENSATION, signal.actor, signal.amount, currency, step=signal.step))


def make_exception(draft: Draft, signal: AgentActed) -> None:
    """Grant one of the exceptions that the policy names, or ask for an approval of it."""
    known = authority_of_policy(draft).exceptions
    if signal.target is None or signal.target not in known:
        raise Refusal(f"there is no exception {signal.target!r}; there are {', '.join(known) or 'none in authority.yaml'}")
    _concede(draft, signal, Concession(signal.target, signal.actor, step=signal.step))


def grant(draft: Draft, signal: AgentActed) -> None:
    """Grant what an approval asks for; raises Refusal for who may not."""
    parent, wanted = _asked(draft)
    if signal.actor == wanted.by:
        raise Refusal(f"{signal.actor} asked for this; nobody approves what they asked for themselves")
    if not is_approver(draft, parent, signal.actor):
        raise Refusal(f"{signal.actor} is not an approver; approvers are {', '.join(authority_of_policy(draft).approvers)}")
    currency = authority_of_policy(draft).currency
    if wanted.amount is not None and wanted.currency != currency:
        raise Refusal(f"it was asked for in {wanted.currency}, and amounts are in {currency} now: refuse it and let it be asked for again")
    rule, asked = grant_of(draft, parent, signal.actor)
    if not covers(rule, parent, wanted):
        raise Refusal(f"this is beyond the authority of {signal.actor} too: {_reach(rule, parent, wanted)}; assign it to another approver")
    draft.because("approval: granted", rule.id, rule.source, _seen(rule, parent, wanted), asked)
    _close(draft, signal, parent, granted=True)


def refuse(draft: Draft, signal: AgentActed) -> None:
    """Refuse what an approval asks for; who asked for it takes it back by that. Raises Refusal for who may not."""
    parent, wanted = _asked(draft)
    if not signal.text.strip():
        raise Refusal("refuse needs a text: why it is refused")
    if signal.actor != wanted.by and not is_approver(draft, parent, signal.actor):
        raise Refusal(f"{signal.actor} is not an approver; approvers are {', '.join(authority_of_policy(draft).approvers)}")
    draft.because("approval: refused", "approvals", authority_of_policy(draft).source, {"by": signal.actor})
    _close(draft, signal, parent, granted=False)


def opened(draft: Draft, signal: TicketRequested) -> None:
    """Open an approval and put it before the approver who was chosen for it."""
    opening.requested(draft, replace(signal, assignee=None), owned=False)
    _, wanted = _asked(draft)
    if signal.assignee is not None:
        ask(draft, signal.assignee, wanted)


def decided(draft: Draft, signal: ApprovalDecided) -> None:
    """The ticket hears of a verdict: what was asked for is granted, or not; who had asked for it is told."""
    wanted = draft.ticket.approvals.get(signal.approval)
    if wanted is None:
        raise Refusal(f"ticket {signal.ticket} does not wait for the approval {signal.approval}")
    if signal.granted:
        draft.record(_granted(replace(wanted, approval=signal.approval, approved_by=signal.by)))
    else:
        draft.record(e.ApprovalRefused(signal.approval, signal.by, signal.content))
    if signal.by != wanted.by:
        words = about(draft, wanted, wanted.by, draft.text_of(signal.content), signal.by)
        notify(draft, "approval_granted" if signal.granted else "approval_refused", wanted.by, words)


def waits(ticket: Ticket, step: str | None) -> str | None:
    """Return the approval that holds up a step of the ticket's plan, None where none does."""
    return next((number for number, one in ticket.approvals.items() if step is not None and one.step == step), None)


def _concede(draft: Draft, signal: AgentActed, wanted: Concession) -> None:
    """Grant what is wanted where the agent's own authority reaches, else ask the approver who may."""
    ticket = draft.ticket
    if ticket.kind not in NEEDS:
        raise Refusal(f"ticket {ticket.number} is work of the house: concessions belong to the customer's own ticket")
    if signal.actor not in draft.facts.agents:
        raise Refusal(f"there is no agent {signal.actor!r} in the team, and nobody else grants anything")
    if not signal.text.strip():
        raise Refusal(f"{signal.action} needs a text: why it is granted")
    open_steps = [step.id for step in ticket.plan.steps if step.done_at is None] if ticket.plan else []
    if signal.step is not None and signal.step not in open_steps:
        raise Refusal(f"the plan has no open step {signal.step!r}; open are: {', '.join(open_steps) or 'none'}")
    rule, asked = grant_of(draft, ticket, signal.actor)
    if covers(rule, ticket, wanted):
        draft.because(f"granted: {wanted.name}", rule.id, rule.source, _seen(rule, ticket, wanted), asked)
        draft.record(_granted(replace(wanted, content=draft.keep("concession", signal.text))))
        return
    approver = choose(draft, ticket, wanted)
    if approver is None:
        raise Refusal(f"{_reach(rule, ticket, wanted)}; nobody who approves may grant more, or may grant it instead of {signal.actor}")
    draft.because(f"approval: {wanted.name}", rule.id, rule.source, _seen(rule, ticket, wanted) | {"approver": approver.id}, asked)
    _request(draft, signal, replace(wanted, content=draft.keep("concession", signal.text)), approver.id)


def _request(draft: Draft, signal: AgentActed, wanted: Concession, approver: str) -> None:
    """Let an approval be opened, whose number is at hand."""
    ticket, number = draft.ticket, draft.facts.number
    draft.record(e.ApprovalRequested(number, wanted.name, wanted.by, wanted.amount, wanted.currency, wanted.content, wanted.step))
    request = TicketRequested(
        kind=APPROVAL,
        queue=ticket.queue or "",
        text=signal.text,
        channel=ticket.channel,
        language=ticket.language,
        parent=ticket.number,
        assignee=approver,
        actor=signal.actor,
    )
    draft.want(Raise(request))


def _asked(draft: Draft) -> tuple[Ticket, Concession]:
    """Return the ticket an approval is about, and what it asks for; raises Refusal where nothing is asked any more."""
    ticket, parent = draft.ticket, draft.facts.parent
    wanted = parent.approvals.get(ticket.number) if parent else None
    if ticket.kind != APPROVAL or parent is None:
        raise Refusal(f"ticket {ticket.number} is no approval; `engine approvals list` shows those that wait")
    if wanted is None or ticket.state in ENDED:
        raise Refusal(f"the approval {ticket.number} was decided on already")
    return parent, wanted


def _close(draft: Draft, signal: AgentActed, parent: Ticket, *, granted: bool) -> None:
    content = draft.keep_if("verdict", signal.text)
    draft.record(e.TicketClosed("closed", signal.actor, content))
    draft.want(Raise(ApprovalDecided(parent.number, draft.ticket.number, granted, signal.actor, content)))


def _granted(one: Concession) -> e.ConcessionGranted:
    return e.ConcessionGranted(one.name, one.by, one.amount, one.currency, one.content, one.step, one.approval, one.approved_by)


def _seen(rule: Grant, ticket: Ticket, wanted: Concession) -> dict[str, str]:
    """Return what was weighed, for the record."""
    if wanted.amount is None:
        return {"exceptions": ", ".join(sorted(rule.exceptions))}
    limit = money(rule.compensation_up_to, wanted.currency)
    return {"amount": money(wanted.amount, wanted.currency), "before": str(granted_so_far(ticket, wanted.currency)), "up_to": limit}


def _reach(rule: Grant, ticket: Ticket, wanted: Concession) -> str:
    """Say how far a grant reaches, against what is wanted."""
    if wanted.amount is None:
        return f"the grant {rule.id} allows {', '.join(sorted(rule.exceptions)) or 'no exceptions'}, not {wanted.name}"
    total = money(granted_so_far(ticket, wanted.currency) + wanted.amount, wanted.currency)
    return f"the grant {rule.id} allows {money(rule.compensation_up_to, wanted.currency)} in all on a ticket, not {total}"
