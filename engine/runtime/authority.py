"""What an agent may grant on a ticket as it stands now, for those who only want to know."""

from datetime import datetime
from typing import cast

from engine.core.authority import grant_of
from engine.core.clocks import react
from engine.core.draft import Draft
from engine.core.fields import NEEDS
from engine.core.grants import Grant
from engine.core.model import Ticket
from engine.core.signals import AgentActed
from engine.runtime.gather import Gatherer, World
from engine.store.contract import Reader, Transaction


def own_grant(reader: Reader, world: World, ticket: Ticket, agent: str, now: datetime) -> Grant | None:
    """Return the grant that holds for an agent on a ticket; None where nothing can be granted on it."""
    if world.policy.authority is None or ticket.kind not in NEEDS:
        return None
    gatherer = Gatherer(cast("Transaction", reader), world, now)  # for what opens no ticket it only reads
    facts = gatherer.facts(ticket, AgentActed(ticket.number, "note", agent), None)
    return grant_of(Draft(ticket, facts, world.policy, now, react), ticket, agent)[0]
