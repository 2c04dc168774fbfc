"""Who is there though nobody's shift says so: agents go away and come back, and tickets follow at once."""

from datetime import datetime

from engine.core.fields import OPEN_STATES
from engine.core.routing import ASSIGN_TIMER
from engine.core.signals import AgentActed
from engine.errors import NotFound, UsageError
from engine.runtime.engine import Engine
from engine.runtime.handle import Outcome, handle
from engine.store.rows import TicketQuery

_ALL = 1_000_000


def go_away(engine: Engine, agent: str, until: datetime | None, by: str) -> list[str]:
    """Say that `agent` is away, until they are back where `until` is None; return the tickets that were offered to others.

    That happens only where the policy says `on_away: reassign`; a ticket that nobody else can take stays theirs. Raises NotFound for an
    agent there is not, UsageError for an instant that is over.
    """
    now = engine.clock.now()
    _check(engine, agent)
    if until is not None and until <= now:
        raise UsageError(f"{until.isoformat()} is over: say until when {agent} is away, or leave it out")
    policy, outcomes = engine.world.policy, list[Outcome]()
    with engine.store.write() as tx:
        tx.set_away(agent, now, until, by)
        for ticket in tx.tickets(TicketQuery(states=OPEN_STATES, assignee=agent, limit=_ALL)):
            queue = policy.queues.get(ticket.queue or "")
            if queue is not None and (queue.assignment or policy.assignment).on_away == "reassign":
                outcomes.append(
                    handle(tx, engine.world, AgentActed(ticket.number, "assign", by, target=queue.id), now, hold=engine.project.hold)
                )
    engine.tell(outcomes)
    return [str(outcome.ticket) for outcome in outcomes]


def come_back(engine: Engine, agent: str, by: str) -> None:
    """Say that `agent` is there again; what waits for somebody in their queues is offered at once. Raises NotFound."""
    now = engine.clock.now()
    _check(engine, agent)
    with engine.store.write() as tx:
        tx.set_away(agent, None, None, by)
        for queue in engine.world.team.agents[agent].queues:
            for ticket in tx.tickets(TicketQuery(states=OPEN_STATES, queue=queue, limit=_ALL)):
                if ticket.assignee is None:
                    tx.start_timer(ticket.number, ASSIGN_TIMER, now)


def _check(engine: Engine, agent: str) -> None:
    if agent not in engine.world.team.agents:
        raise NotFound(f"there is no agent {agent!r} in team.yaml; there are {', '.join(engine.world.team.agents)}")
