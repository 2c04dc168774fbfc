"""Who gets the ticket: the first route names the queue and the skills, the assignment's order picks the agent."""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from engine.core import events as e
from engine.core.authority import APPROVAL, pass_on
from engine.core.clocks import CLOSE
from engine.core.commands import CancelTimers, StartTimer
from engine.core.compiled import Assignment, SpillOver
from engine.core.draft import Draft
from engine.core.facts import AgentFacts
from engine.core.messages import notify
from engine.core.model import SYSTEM
from engine.core.values import first_match

ASSIGN_TIMER = "assign"

HANDOVER_TIMER = "handover"
"""Fires ahead of the end of the shift of whoever has the ticket."""


def route(draft: Draft, queue: str | None = None, by: str = SYSTEM, avoid: str | None = None) -> None:
    """Put the ticket into the queue its route names (or into `queue`, if it was decided elsewhere) and give it to an agent.

    Who held it in another department holds it no more, even if nobody there can take it yet.
    """
    if queue is None:
        chosen, traces = first_match(draft.policy.routes, draft.values())
        queue = chosen.queue
        draft.because(
            f"queue: {queue}",
            chosen.id,
            chosen.source,
            {"skills": ", ".join(f"{skill} {level}" for skill, level in chosen.skills.items())},
            traces,
        )
    holder = draft.facts.agents.get(draft.ticket.assignee or "")
    draft.record(e.Routed(queue, by))
    if not assign(draft, avoid) and draft.ticket.assignee and not (holder and queue in holder.queues):
        draft.record(e.Assigned(None, by))


def look_to_handover(draft: Draft) -> None:
    """Set the timer for the end of the assignee's shift, where the policy wants their promises handed over then."""
    if draft.policy.handover is None:
        return
    draft.want(CancelTimers(HANDOVER_TIMER))
    holder = draft.facts.agents.get(draft.ticket.assignee or "")
    if holder is not None and holder.handover_at is not None:
        draft.want(StartTimer(HANDOVER_TIMER, holder.handover_at))


def assign(draft: Draft, avoid: str | None = None) -> bool:
    """Give the ticket to the best agent who is there now. If nobody is, spill it over to another queue where the next deadline would not
    wait, else try again when the next one's shift begins.

    `avoid` is passed over where there is anybody else. Return whether somebody has it.
    """
    ticket, now = draft.ticket, draft.now
    draft.want(CancelTimers(ASSIGN_TIMER))
    crew = _crew(draft, ticket.queue, avoid)
    if crew.free:
        _choose(draft, crew)
        return True
    soonest = crew.soonest(now)
    rule = _spills(draft, soonest)
    others = {name: _crew(draft, name, avoid) for name in rule.to} if rule else {}
    for name, other in others.items():
        if other.free:
            values = {"from": ticket.queue or "", "due": str(_next_due(draft)), "somebody is there": str(soonest or "never")}
            draft.because(f"queue: {name}", f"spill_over of {ticket.queue}", rule.source if rule else None, values)
            draft.record(e.Routed(name))
            return assign(draft, avoid)
    again = [at for at in (soonest, *(other.soonest(now) for other in others.values())) if at is not None]
    if again:
        draft.want(StartTimer(ASSIGN_TIMER, min(again)))
    return False


class _Crew(Struct, frozen=True):
    """The agents of a queue as candidates, by how they are chosen there. The queue itself `opens` at that instant, maybe now."""

    members: tuple[AgentFacts, ...]
    free: tuple[AgentFacts, ...]
    full: tuple[AgentFacts, ...]
    rule: Assignment
    opens: datetime

    def soonest(self, now: datetime) -> datetime | None:
        """Return when it is worth asking again, None where nobody works in the queue."""
        if not self.members:
            return None
        return now + self.rule.offered_again if self.full else max(self.opens, min(agent.next_available for agent in self.members))

    def seen(self) -> str:
        """Return who was looked at, and how each one stands."""
        return ", ".join(f"{agent.id} {self._standing(agent)}" for agent in self.members)

    def _standing(self, agent: AgentFacts) -> str:
        if agent.away:
            return "away"
        if not agent.available:
            return "off shift"
        return f"{agent.load}/{_capacity(agent, self.rule)}"


def _crew(draft: Draft, name: str | None, avoid: str | None) -> _Crew:
    queue, now = draft.policy.queues.get(name or ""), draft.now
    rule = (queue.assignment if queue else None) or draft.policy.assignment
    opens = draft.policy.calendars[queue.calendar].next_open(now) if queue and queue.calendar else now
    members = draft.facts.of_queue(name)
    members = [agent for agent in members if agent.id != avoid] or members
    here = [agent for agent in members if agent.available and opens <= now]
    free = tuple(agent for agent in here if agent.load < _capacity(agent, rule))
    return _Crew(tuple(members), free, tuple(agent for agent in here if agent not in free), rule, opens)


def _capacity(agent: AgentFacts, rule: Assignment) -> int:
    return rule.capacity if agent.capacity is None else agent.capacity


def _choose(draft: Draft, crew: _Crew) -> None:
    skills = _skills(draft)
    skilled = [agent for agent in crew.free if all(agent.skills.get(skill, 0) >= level for skill, level in skills.items())]
    best = min(skilled or crew.free, key=_preference(draft, crew.rule, skills))
    seen = {"candidates": crew.seen(), "skilled": ", ".join(agent.id for agent in skilled), "order": ", ".join(crew.rule.order)}
    draft.because(f"assignee: {best.id}", "assignment", crew.rule.source, seen)
    if best.id != draft.ticket.assignee:
        give(draft, best.id, SYSTEM)


def _spills(draft: Draft, soonest: datetime | None) -> SpillOver | None:
    """Return how the ticket's queue spills over, where nobody of it can take the ticket in time; somebody is there `soonest`."""
    queue = draft.policy.queues.get(draft.ticket.queue or "")
    rule, due = queue.spill_over if queue else None, _next_due(draft)
    in_time = rule is None or due is None or (soonest is not None and soonest <= due - rule.before_breach)
    return None if in_time else rule


def _next_due(draft: Draft) -> datetime | None:
    """Return when the ticket's next promise is due; the customer's own clock is none."""
    kinds = draft.policy.deadlines
    return min(
        (
            clock.due
            for clock in draft.ticket.deadlines.values()
            if clock.running and clock.due is not None and (clock.kind not in kinds or kinds[clock.kind].then != CLOSE)
        ),
        default=None,
    )


def _skills(draft: Draft) -> Mapping[str, int]:
    """Return what the route asks of an agent, where it is the route that leads to the ticket's queue."""
    chosen, _ = first_match(draft.policy.routes, draft.values())
    return chosen.skills if chosen.queue == draft.ticket.queue else {}


def give(draft: Draft, agent: str, by: str) -> None:
    """Make `agent` the owner and tell them, unless they took it themselves."""
    draft.record(e.Assigned(agent, by))
    look_to_handover(draft)
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
    queue = draft.policy.queues.get(draft.ticket.queue or "")
    mode = ((queue.assignment if queue else None) or draft.policy.assignment).on_no_response
    holder = draft.ticket.assignee
    if mode == "unassign" and holder is not None:
        draft.record(e.Assigned(None))
    elif mode == "reassign":
        assign(draft, avoid=holder)


def _preference(draft: Draft, rule: Assignment, skills: Mapping[str, int]) -> Callable[[AgentFacts], tuple[float | str, ...]]:
    """Return a sort key: the policy's order of preferences, then the higher skill, then the id so that the choice is repeatable."""
    last = draft.facts.last_agent
    keys: dict[str, Callable[[AgentFacts], float]] = {
        "sticky_agent": lambda agent: 0 if agent.id == last else 1,
        "least_loaded": lambda agent: agent.load,
        "skill_level": lambda agent: -sum(agent.skills.get(skill, 0) for skill in skills),
        "round_robin": lambda agent: agent.turn,
    }
    order = [*rule.order, "skill_level"]
    return lambda agent: (*(keys[name](agent) for name in order), agent.id)
