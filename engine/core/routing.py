"""Who gets the ticket: the first route names the queue and the skills, the assignment's order picks the agent."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from engine.core import events as e
from engine.core.authority import APPROVAL, pass_on
from engine.core.commands import CancelTimers, StartTimer
from engine.core.draft import Draft
from engine.core.facts import AgentFacts
from engine.core.messages import notify
from engine.core.model import SYSTEM
from engine.core.values import first_match

ASSIGN_TIMER = "assign"

FULL_PAUSE = timedelta(minutes=5)
"""After how long a ticket is offered again when everybody who is there has as many as they may hold."""


def route(draft: Draft, queue: str | None = None, by: str = SYSTEM, avoid: str | None = None) -> None:
    """Put the ticket into the queue its route names (or into `queue`, if it was decided elsewhere) and give it to an agent.

    Who held it in another department holds it no more, even if nobody there can take it yet.
    """
    if queue is None:
        chosen, traces = first_match(draft.policy.routes, draft.values())
        queue = chosen.queue
        draft.because(f"queue: {queue}", chosen.id, chosen.source, {"skills": ", ".join(chosen.skills)}, traces)
    holder = draft.facts.agents.get(draft.ticket.assignee or "")
    draft.record(e.Routed(queue, by))
    if not assign(draft, avoid) and draft.ticket.assignee and not (holder and queue in holder.queues):
        draft.record(e.Assigned(None, by))


def assign(draft: Draft, avoid: str | None = None) -> bool:
    """Give the ticket to the best agent who is there now; if nobody is, try again when the next one's shift begins.

    `avoid` is passed over where there is anybody else. Return whether somebody has it.
    """
    ticket, rule, now = draft.ticket, draft.policy.assignment, draft.now
    draft.want(CancelTimers(ASSIGN_TIMER))
    queue = draft.policy.queues.get(ticket.queue or "")
    opens = draft.policy.calendars[queue.calendar].next_open(now) if queue and queue.calendar else now
    members = [agent for agent in draft.facts.agents.values() if ticket.queue in agent.queues]
    members = [agent for agent in members if agent.id != avoid] or members
    here = [agent for agent in members if agent.available and opens <= now]
    free = [agent for agent in here if agent.load < rule.capacity]
    skills = _skills(draft)
    skilled = [agent for agent in free if all(skill in agent.skills for skill in skills)]
    if free:
        best = min(skilled or free, key=_preference(draft, skills))
        loads = ", ".join(f"{agent.id} {agent.load}" for agent in free)
        seen = {"present": _names(free), "skilled": _names(skilled), "load": loads}
        draft.because(f"assignee: {best.id}", "assignment", rule.source, seen)
        if best.id != ticket.assignee:
            give(draft, best.id, SYSTEM)
        return True
    if members:
        soonest = now + FULL_PAUSE if here else max(opens, min(agent.next_available for agent in members))
        draft.want(StartTimer(ASSIGN_TIMER, soonest))
    return False


def _skills(draft: Draft) -> tuple[str, ...]:
    """Return what the route asks of an agent, where it is the route that leads to the ticket's queue."""
    chosen, _ = first_match(draft.policy.routes, draft.values())
    return chosen.skills if chosen.queue == draft.ticket.queue else ()


def give(draft: Draft, agent: str, by: str) -> None:
    """Make `agent` the owner and tell them, unless they took it themselves."""
    draft.record(e.Assigned(agent, by))
    if agent == by:
        return
    ticket = draft.ticket
    clock = ticket.deadlines.get("task")
    due = clock.due if clock else ticket.due
    if ticket.kind == "task" and due is not None:
        task = {"text": draft.text_of(ticket.description), "due": due, "parent": ticket.parent or ""}
        notify(draft, "task_assigned", agent, {"task": task})
    else:
        notify(draft, "assignment", agent)


def reassign(draft: Draft) -> None:
    """Take the ticket from an agent who does not answer, as the policy's `on_no_response` says; an approval goes to the next approver."""
    if draft.ticket.kind == APPROVAL:
        pass_on(draft)
        return
    mode = draft.policy.assignment.on_no_response
    holder = draft.ticket.assignee
    if mode == "unassign" and holder is not None:
        draft.record(e.Assigned(None))
    elif mode == "reassign":
        assign(draft, avoid=holder)


def _names(agents: Iterable[AgentFacts]) -> str:
    return ", ".join(agent.id for agent in agents)


def _preference(draft: Draft, skills: tuple[str, ...]) -> Callable[[AgentFacts], tuple[float | str, ...]]:
    """Return a sort key: the policy's order of preferences, then the higher skill, then the id so that the choice is repeatable."""
    last = draft.facts.last_agent
    keys: dict[str, Callable[[AgentFacts], float]] = {
        "sticky_agent": lambda agent: 0 if agent.id == last else 1,
        "least_loaded": lambda agent: agent.load,
        "most_skilled": lambda agent: -sum(agent.skills.get(skill, 0) for skill in skills),
    }
    order = [*draft.policy.assignment.order, "most_skilled"]
    return lambda agent: (*(keys[name](agent) for name in order), agent.id)
