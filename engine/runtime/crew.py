"""The agents as a transaction knows them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from engine.core.commands import QueueMessage
from engine.core.compiled import Policy
from engine.core.decision import Decision
from engine.core.facts import AgentFacts, Agents
from engine.core.model import Ticket
from engine.core.quiet import end_of_quiet
from engine.core.team import Team
from engine.store.contract import Transaction
from engine.store.rows import AgentRow

NOBODY_KNOWS = timedelta(days=31)
"""When an agent who did not say until when they are away is asked again; that they are back ends the wait at once."""

_CREW = "crew"


@dataclass(frozen=True, slots=True)
class Crew:
    """What was asked of the store about the agents once, and is kept up with what the transaction itself decides.

    It holds for one instant, `policy` and `team`. `rows`, `loads`, the automatic messages that were lately `sent` to them, notices
    (`noticed`), their `queues`, and what they are to decisions (once `made`) are by agent, `owners` by address.
    """

    now: datetime
    policy: Policy
    team: Team
    rows: dict[str, AgentRow]
    loads: dict[str, int]
    sent: dict[str, int]
    noticed: dict[str, int]
    queues: Mapping[str, tuple[str, ...]]
    owners: Mapping[str, tuple[str, ...]]
    made: dict[str, AgentFacts] = field(default_factory=dict)

    def agents(self) -> Agents:
        """Return the agents for one decision."""
        return Agents(self.queues, self._agent)

    def decided(self, before: Ticket | None, decision: Decision, turns: Mapping[str, int]) -> None:
        """Let the next decision see the agents as this one, which was kept, left them."""
        for ticket, more in ((before, -1), (decision.ticket, 1)):
            if ticket is not None and ticket.closed_at is None and (holder := ticket.assignee):
                self.loads[holder] = self.loads.get(holder, 0) + more
                self.made.pop(holder, None)
        for agent, turn in turns.items():
            self.rows[agent] = replace(self.rows.get(agent, AgentRow(agent)), turn=turn)
            self.made.pop(agent, None)
        for command in decision.commands:
            if isinstance(command, QueueMessage) and command.automatic:
                for id in self.owners.get(command.to, ()):
                    self.sent[id] = self.sent.get(id, 0) + 1
                if command.digest is not None:
                    self.noticed[command.party] = self.noticed.get(command.party, 0) + 1

    def _agent(self, id: str) -> AgentFacts:
        if (known := self.made.get(id)) is not None:
            return known
        now, team, policy, agent, row = self.now, self.team, self.policy, self.team.agents[id], self.rows.get(id, AgentRow(id))
        usual, rule = policy.limits.quiet, policy.handover
        quiet = (usual.hours if usual else ()) if agent.quiet is None else agent.quiet
        away = row.away(now)
        here = not away and team.available(id, now, policy.calendars)
        back = (row.away_until or now + NOBODY_KNOWS) if away else now
        self.made[id] = AgentFacts(
            id=id,
            name=agent.name,
            queues=agent.queues,
            skills=agent.skills,
            roles=agent.roles,
            language=agent.language or policy.company.languages[0],
            address=agent.email.casefold(),
            load=self.loads.get(id, 0),
            available=here,
            next_available=now if here else team.next_available(id, back, policy.calendars),
            capacity=agent.capacity,
            away=away,
            turn=row.turn,
            handover_at=team.handover_at(id, now, rule.before_end, policy.calendars) if rule else None,
            phone=agent.phone or "",
            quiet_until=end_of_quiet(now, quiet, policy.company.timezone) if quiet else None,
        )
        return self.made[id]


def crew_of(tx: Transaction, policy: Policy, team: Team, now: datetime) -> Crew:
    """Return the agents as the transaction knows them at that instant; it asks the store where it does not know them yet."""
    known: Crew | None = tx.memory.get(_CREW)
    if known is None or known.now != now or known.policy is not policy or known.team is not team:
        owners, sent, gathering = _owners(team), Counter[str](), policy.limits.digest
        for address, count in tx.recent_automatic(now - policy.limits.within, sorted(owners)).items():
            sent.update(dict.fromkeys(owners[address], count))
        noticed = tx.recent_notices(now - gathering.within) if gathering else {}
        queues = {agent.id: agent.queues for agent in team.agents.values()}
        known = tx.memory[_CREW] = Crew(now, policy, team, tx.agents(), tx.loads(), dict(sent), noticed, queues, owners)
    return known


def keep_up(tx: Transaction, before: Ticket | None, decision: Decision, turns: Mapping[str, int]) -> None:
    """Tell whom the transaction knows what was decided and kept: agents that were given a ticket have these `turns` now."""
    crew: Crew | None = tx.memory.get(_CREW)
    if crew is not None:  # else a savepoint was undone: the next decision asks the store anew
        crew.decided(before, decision, turns)


def _owners(team: Team) -> dict[str, tuple[str, ...]]:
    """Who is reached at an address."""
    owners: dict[str, tuple[str, ...]] = {}
    for agent in team.agents.values():
        for address in {agent.email.casefold(), agent.phone or ""} - {""}:
            owners[address] = (*owners.get(address, ()), agent.id)
    return owners
