"""What a decision must know of incidents, read in its own transaction."""

from datetime import datetime

from msgspec.structs import replace

from engine.core.compiled import Policy
from engine.core.decide.alerts import LOOK_TIMER
from engine.core.decide.incidents import OPENED, page_of
from engine.core.facts import IncidentFacts
from engine.core.fields import ALERT
from engine.core.grouping import IncidentGroup
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
    if found is None or not (found.is_incident or found.kind == ALERT):
        return None
    others = reader.open_tickets_of(ticket.customer) if ticket and ticket.customer else []
    known = IncidentFacts(found.number, found.closed_at is None, found.opened_at, found.description, found.news, found.alike)
    return replace(known, others=tuple(one.number for one in others if one.incident == found.number and one.number != signal.ticket))


def counted(reader: Reader, policy: Policy, ticket: Ticket | None, signal: Signal, now: datetime) -> tuple[int, int]:
    """Return how many tickets came that are alike, in the window of their group up to now and in its baseline before that."""
    group = _group(policy, ticket)
    looks = isinstance(signal, IncidentSought) or (isinstance(signal, TimerFired) and signal.key == LOOK_TIMER)
    if ticket is None or ticket.alike is None or group is None or group.alert is None or not looks:
        return 0, 0
    since = now - group.window
    before = reader.count_alike(ticket.alike, since - group.baseline, since) if group.baseline else 0
    return reader.count_alike(ticket.alike, since, now), before


def members(reader: Reader, policy: Policy, ticket: Ticket | None, signal: Signal) -> tuple[str, ...]:
    """Return the tickets of the page that an incident tells next; or those that count together with a ticket, as many as must."""
    if ticket is None:
        return ()
    page = page_of(signal.key) if isinstance(signal, TimerFired) else None
    if page is not None and page[0] != OPENED:
        return tuple(reader.members(ticket.number, page[1], PAGE))
    group = _group(policy, ticket)
    if group is None or group.alert is not None or ticket.alike is None or not (page or isinstance(signal, IncidentSought)):
        return ()
    after, limit = (page[1], PAGE) if page else ("", group.minimum)
    return tuple(reader.suspects(ticket.alike, ticket.opened_at - group.window, after, limit))


def _group(policy: Policy, ticket: Ticket | None) -> IncidentGroup | None:
    id = (ticket.alike or "").partition("/")[0] if ticket else ""
    return next((one for one in policy.groups if one.id == id), None)
