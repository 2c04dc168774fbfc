"""Who gets the ticket: the first route names the queue and the skills, the assignment's order picks the agent."""

from collections.abc import Callable, Iterable

from engine.core import events as e
from engine.core.commands import CancelTimers, StartTimer
from engine.core.draft import Draft
from engine.core.facts import AgentFacts
from engine.core.messages import notify
from engine.core.values import first_match

ASSIGN_TIMER = "assign"


def route(draft: Draft, queue: str | None = None) -> None:
    """Put the ticket into the queue its route names (or into `queue`, if it was decided elsewhere) and give it to an agent."""
    skills: tuple[str, ...] = ()
    if queue is None:
        chosen, traces = first_match(draft.policy.routes, draft.values())
        queue, skills = chosen.queue, chosen.skills
        draft.because(f"queue: {queue}", chosen.id, chosen.source, {"skills": ", ".join(skills)}, traces)
    draft.record(e.Routed(queue))
    assign(draft, skills)


def assign(draft: Draft, skills: tuple[str, ...] = (), avoid: str | None = None) -> None:
    """Give the ticket to the best agent who is there now; if nobody is, try again when the next one's shift begins."""
    ticket = draft.ticket
    draft.want(CancelTimers(ASSIGN_TIMER))
    members = [agent for agent in draft.facts.agents.values() if ticket.queue in agent.queues and agent.id != avoid]
    rule = draft.policy.assignment
    here = [agent for agent in members if agent.available and agent.load < rule.capacity]
    skilled = [agent for agent in here if all(skill in agent.skills for skill in skills)]
    candidates = skilled or here
    seen = {"present": _names(here), "skilled": _names(skilled), "load": ", ".join(f"{a.id} {a.load}" for a in here)}
    if candidates:
        best = min(candidates, key=_preference(draft, skills))
        draft.because(f"assignee: {best.id}", "assignment", rule.source, seen)
        give(draft, best.id, "system")
        return
    returns = [agent.next_available for agent in members if agent.next_available is not None]
    if returns and avoid is None:
        draft.want(StartTimer(ASSIGN_TIMER, max(min(returns), draft.now)))


def give(draft: Draft, agent: str | None, by: str) -> None:
    """Make `agent` the owner and tell them, unless they took it themselves."""
    draft.record(e.Assigned(agent, by))
    if agent is None or agent == by:
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
    """Take the ticket from an agent who does not answer, as the policy's `on_no_response` says."""
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
