"""Who may grant a customer what, and who is asked where an agent's own authority ends.

Compensation is counted by ticket, whoever granted it: no limit is passed in several steps, nor by several hands.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from engine.core import events as e
from engine.core.draft import Draft, Refusal
from engine.core.facts import AgentFacts
from engine.core.grants import Authority, Grant
from engine.core.messages import notify
from engine.core.model import Concession, Ticket
from engine.core.tracing import Asked
from engine.core.values import first_match

APPROVAL = "approval"
"""The kind of ticket by which an approval is asked for; its parent is the ticket it is about."""

COMPENSATION = "compensation"
"""The concession that has an amount; every other is an exception of the policy."""

ROLES = "agent.roles"
"""The field that tells who an agent is where authority is given; only the conditions of grants ask it."""

_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?\Z", re.ASCII)


def read_amount(text: str) -> Decimal | None:
    """Return the amount that digits name, with at most two of them behind the point; None for anything else, and for nothing at all."""
    return (Decimal(text) or None) if _AMOUNT.match(text) else None


def authority_of_policy(draft: Draft) -> Authority:
    """Return the policy's authority; raises Refusal where it has none."""
    if draft.policy.authority is None:
        raise Refusal("the policy gives nobody authority to grant anything: authority.yaml says who may grant what")
    return draft.policy.authority


def money(amount: Decimal | None, currency: str | None) -> str:
    """Return an amount with its currency, empty for none."""
    return f"{amount} {currency}" if amount is not None else ""


def granted_so_far(ticket: Ticket, currency: str | None) -> Decimal:
    """Return the compensation that a ticket was granted in this currency, in all."""
    return sum((one.amount for one in ticket.concessions if one.amount and one.currency == currency), Decimal(0))


def grant_of(draft: Draft, ticket: Ticket, agent: str) -> tuple[Grant, Asked]:
    """Return what an agent may grant on a ticket, and why: the first grant whose condition holds."""
    return first_match(authority_of_policy(draft).grants, draft.values({ROLES: _roles(draft, ticket, agent)}, ticket))


def covers(grant: Grant, ticket: Ticket, wanted: Concession) -> bool:
    """Whether a grant suffices for what is wanted, with all that the ticket was granted before."""
    if wanted.amount is None:
        return wanted.name in grant.exceptions
    return granted_so_far(ticket, wanted.currency) + wanted.amount <= grant.compensation_up_to


def is_approver(draft: Draft, ticket: Ticket, agent: str) -> bool:
    """Whether an agent is one of those whom the policy lets approve what others ask for."""
    return not _roles(draft, ticket, agent).isdisjoint(authority_of_policy(draft).approvers)


def choose(draft: Draft, ticket: Ticket, wanted: Concession) -> AgentFacts | None:
    """Return who is asked: the first approver who may grant it and, where the policy lets the next take their place, is there."""
    able = list(_able(draft, ticket, wanted))
    if "absent" not in authority_of_policy(draft).substitute or any(agent.available for agent in able[:1]):
        return next(iter(able), None)
    return min(able, key=lambda agent: agent.next_available, default=None)


def ask(draft: Draft, approver: str, wanted: Concession) -> None:
    """Put an approval before an approver."""
    draft.record(e.Assigned(approver))
    notify(draft, "approval_requested", approver, about(draft, wanted, approver))


def pass_on(draft: Draft) -> None:
    """Put an approval that is not answered before the next approver, where the policy wants that and there is one."""
    authority, parent, holder = draft.policy.authority, draft.facts.parent, draft.ticket.assignee
    wanted = parent.approvals.get(draft.ticket.number) if parent else None
    if authority is None or parent is None or wanted is None or "no_response" not in authority.substitute:
        return
    able = [agent.id for agent in _able(draft, parent, wanted)]
    behind = able[able.index(holder) + 1 :] if holder in able else able
    following = next((agent for agent in (*behind, *able) if agent != holder), None)
    if following is not None:
        draft.because(f"assignee: {following}", "approvals", authority.source, {"approvers": ", ".join(able)})
        ask(draft, following, wanted)


def about(draft: Draft, wanted: Concession, reader: str, answer: str = "", by: str = "") -> dict[str, object]:
    """Return what a message to `reader` about an approval may say; `answer` and `by` are those of the verdict."""
    policy, agents, ticket = draft.policy, draft.facts.agents, draft.ticket
    language = agents[reader].language if reader in agents else ticket.language
    label = policy.authority.exceptions.get(wanted.name, {}) if policy.authority else {}
    said = {
        "ticket": ticket.parent if ticket.kind == APPROVAL else ticket.number,
        "exception": "" if wanted.amount is not None else policy.text(label, language) or wanted.name,
        "amount": money(wanted.amount, wanted.currency),
        "by": agents[wanted.by].name if wanted.by in agents else wanted.by,
        "reason": draft.text_of(wanted.content),
        "answer": answer,
        "answered_by": agents[by].name if by in agents else by,
    }
    return {"approval": said}


def _roles(draft: Draft, ticket: Ticket, agent: str) -> frozenset[str]:
    """Return all by which a policy may mean an agent: their id, roles and queues, and what they are to this ticket."""
    known = draft.facts.agents.get(agent)
    queue = draft.policy.queues.get(ticket.queue or "")
    roles = {agent, *(known.roles if known else ()), *(known.queues if known else ())}
    roles |= {"assignee"} if ticket.assignee == agent else set()
    roles |= {"queue.lead"} if queue is not None and queue.lead == agent else set()
    roles |= {"manager"} if draft.facts.manager == agent else set()
    return frozenset(roles)


def _able(draft: Draft, ticket: Ticket, wanted: Concession) -> Iterator[AgentFacts]:
    """Yield those who may approve what is wanted, in the policy's order, each once; never who asks for it."""
    seen = {wanted.by}
    for name in authority_of_policy(draft).approvers:
        for agent in draft.facts.agents.values():
            if agent.id not in seen and name in _roles(draft, ticket, agent.id):
                seen.add(agent.id)
                if covers(grant_of(draft, ticket, agent.id)[0], ticket, wanted):
                    yield agent
