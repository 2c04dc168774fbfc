"""What a decision must know of incidents, read in its own transaction."""

from dataclasses import replace

from engine.core.compiled import Policy
from engine.core.decide.incidents import OPENED, page_of
from engine.core.facts import IncidentFacts
from engine.core.model import Ticket
from engine.core.signals import AgentActed, IncidentSought, IncidentSpoke, Signal, TimerFired
from engine.store.contract import Reader

PAGE = 50
"""How many tickets of an incident are told in one transaction."""


def about(reader: Reader, ticket: Ticket | None, signal: Signal) -> IncidentFacts | None:
    """Return the incident that the signal brings to the ticket, None where it brings none."""
    match signal:
        case IncidentSpoke(incident=number):
            found = reader.ticket(number)
        case AgentActed(action="join", target=target) if target is not None:
            found = reader.ticket(target)
        case IncidentSought() if ticket is not None and ticket.alike is not None:
            found = reader.open_incident(ticket.alike)
        case _:
            return None
    if found is None or not found.is_incident:
        return None
    others = reader.open_tickets_of(ticket.customer) if ticket and ticket.customer else []
    known = IncidentFacts(found.number, found.closed_at is None, found.opened_at, found.description, found.news, found.alike)
    return replace(known, others=tuple(one.number for one in others if one.incident == found.number and one.number != signal.ticket))


def members(reader: Reader, policy: Policy, ticket: Ticket | None, signal: Signal) -> tuple[str, ...]:
    """Return the tickets of the page that an incident tells next; or those that count together with a ticket, as many as must."""
    if ticket is None:
        return ()
    page = page_of(signal.key) if isinstance(signal, TimerFired) else None
    if page is not None and page[0] != OPENED:
        return tuple(reader.members(ticket.number, page[1], PAGE))
    group = next((one for one in policy.groups if ticket.alike and one.id == ticket.alike.partition("/")[0]), None)
    if group is None or ticket.alike is None or not (page or isinstance(signal, IncidentSought)):
        return ()
    after, limit = (page[1], PAGE) if page else ("", group.minimum)
    return tuple(reader.suspects(ticket.alike, ticket.opened_at - group.window, after, limit))
