"""The facts a decision needs, read in its own transaction."""

import random
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from engine.core.authority import APPROVAL
from engine.core.compiled import Policy
from engine.core.contacts import from_text
from engine.core.facts import CallFacts, Contact, CustomerFacts, Facts, IncidentFacts
from engine.core.fields import Extra
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import (
    AgentActed,
    ApprovalDecided,
    CustomerChanged,
    IncidentSpoke,
    MessageArrived,
    RuleDue,
    Signal,
    TaskClosed,
    TicketRequested,
)
from engine.core.team import Team
from engine.errors import Refused
from engine.runtime import incidents
from engine.runtime.crew import Crew, crew_of
from engine.runtime.retries import Retries
from engine.runtime.seal import Seal
from engine.runtime.sources import Source
from engine.store.contract import Conflict, Transaction
from engine.store.contract.tickets import HISTORY
from engine.store.rows import CustomerRow

OPENING = ("task", "compensate", "except")
"""Actions that may lead to another ticket, whose number they must know."""


class Origin(Struct, frozen=True):
    """Who is behind a signal that came over a channel: the normalised address, the name they gave, the call."""

    channel: str
    address: str
    name: str = ""
    call: CallFacts | None = None


class World(Struct, frozen=True):
    """What does not change from one decision to the next: the policy in force, the people, the channels, the source of
    chance, the fields of plugins, how often what cannot be handled is tried, what seals survey answers, whether messages can carry `links`.
    """

    policy: Policy
    team: Team
    channels: Mapping[str, str]
    senders: tuple[str, ...]
    chance: random.Random = field(default_factory=random.SystemRandom)
    sources: Mapping[str, Source] = field(default_factory=dict)
    retries: Retries = field(default_factory=lambda: Retries(attempts=5))
    seal: Seal = field(default_factory=Seal.fresh)
    links: bool = False


class Gatherer:
    """Reads facts for the signals of one transaction; a ticket number is taken once and used by the next ticket that opens.

    `ran` are the rules of the house's own that ran in it so far, `depth` counts those the next signal follows from.
    """

    def __init__(self, tx: Transaction, world: World, now: datetime) -> None:
        self._tx = tx
        self._world = world
        self._now = now
        self._number: str | None = None
        self._stranger: str | None = None
        self.ran: list[str] = []
        self.depth = 0

    def facts(self, ticket: Ticket | None, signal: Signal, origin: Origin | None) -> Facts:
        """Return what `decide` must know to judge `signal`."""
        crew, asked = crew_of(self._tx, self._world.policy, self._world.team, self._now), self._matched(ticket, signal, origin)
        contact, customer = asked["contact"], asked["customer"]
        return Facts(
            **asked,
            draw=self._world.chance.random(),
            agents=crew.agents(),
            recent=self._recent(contact, crew),
            noticed=dict(crew.noticed),
            opted_out=frozenset(name for name, to in contact.addresses.items() if self._tx.opted_out(name, to)),
            last_agent=self._tx.last_agent(customer.id) if customer and customer.known else None,
            ran=tuple(self.ran),
            depth=self.depth,
            links=self._world.links,
            members=incidents.members(self._tx, self._world.policy, ticket, signal),
            counted=incidents.counted(self._tx, self._world.policy, ticket, signal, self._now),
            number=self._next_number(ticket, signal),  # last, because others wait for the next number from here on
        )

    def asked(self, ticket: Ticket | None, signal: Signal, origin: Origin | None = None) -> Facts:
        """Return of the facts what matchers may ask, and nothing that must be taken, drawn or counted."""
        return Facts(number="", draw=0.0, agents={}, **self._matched(ticket, signal, origin))

    def _matched(self, ticket: Ticket | None, signal: Signal, origin: Origin | None) -> dict[str, Any]:
        request = signal if isinstance(signal, TicketRequested) else None
        asking = (ticket.kind if ticket else request.kind if request else "") == APPROVAL
        above = ticket.parent if ticket and asking else request.parent if request else None
        parent = self._tx.ticket(above) if above else None
        about = parent or ticket  # an approval is about the customer of its parent, and counts for nothing in their history
        sealed = request is not None and request.answer is not None  # nothing decided there may tell whom it is about
        customer = None if sealed else self._customer(about, signal, origin)
        incident = incidents.about(self._tx, ticket, signal)
        kept = about.contact if about else None
        texts = self._texts((ticket, parent if asking else None), signal, incident, kept)
        person = texts.pop(kept or "", "")  # asked for with the texts, and none of them
        contact = Contact() if sealed else from_text(person) if about else self._contact(origin, customer)
        if customer is not None:
            customer = self._history(customer, about if asking else ticket, signal)
        return {
            "manager": self._world.team.manager,
            "channels": self._world.channels,
            "senders": self._world.senders,
            "customer": customer,
            "contact": contact,
            "contact_id": kept,
            "call": origin.call if origin else None,
            "texts": texts,
            "incident": incident,
            "extra": self._extra(customer, signal) if customer else {},
            "parent": parent if asking else None,
        }

    def opened(self) -> None:
        """The number was used: the next ticket gets another."""
        self._number = self._stranger = None

    def give_back(self) -> None:
        """Undo what the last facts brought into being, a number and maybe a customer: the decision had no use for them."""
        if self._number is not None:
            self._tx.give_back_number(self._number)
        if self._stranger is not None:
            self._tx.remove_customer(self._stranger)
        self._number = self._stranger = None

    def _next_number(self, ticket: Ticket | None, signal: Signal) -> str:
        by_mail = isinstance(signal, MessageArrived) and signal.party != CUSTOMER
        by_agent = isinstance(signal, AgentActed) and signal.action in OPENING
        opens = by_mail or by_agent if ticket is not None else not isinstance(signal, RuleDue)
        if not opens:
            return ""
        if self._number is None:
            self._number = self._tx.next_number(self._now.astimezone(ZoneInfo(self._world.policy.company.timezone)).date())
        return self._number

    def _customer(self, about: Ticket | None, signal: Signal, origin: Origin | None) -> CustomerFacts | None:
        if about is not None or origin is None:
            asked = CustomerChanged if about else RuleDue | TicketRequested
            named = signal.customer if isinstance(signal, asked) else about.customer if about else None
            row = self._tx.customer(named) if named else None
            return _customer_facts(row, known=True) if row else None
        kind = self._world.channels[origin.channel]
        row = self._tx.find_customer(kind, origin.address)
        if row is not None:
            return _customer_facts(row, known=True)
        row = CustomerRow(self._tx.new_customer_id(), origin.name, None, None, self._now)
        self._tx.add_customer(row)
        self._stranger = row.id
        try:
            self._tx.add_address(row.id, kind, origin.address)
        except Refused as taken:  # by another process, for a signal of the same stranger
            raise Conflict("The customer was added meanwhile: decide again.") from taken
        return _customer_facts(row, known=False)

    def _asks(self, field: str, signal: Signal) -> bool:
        """Whether some condition that the signal can lead to asks that field (or counted field with its span)."""
        policy = self._world.policy
        return (field in policy.fields or field in policy.spans) and (field not in policy.timed_fields or isinstance(signal, RuleDue))

    def _history(self, customer: CustomerFacts, ticket: Ticket | None, signal: Signal) -> CustomerFacts:
        """Add what the policy asks of the customer's history."""
        spans = [span for name, span in self._world.policy.spans.items() if self._asks(name, signal)]
        if spans:
            since = self._now - max(spans)
            needs = self._tx.needs_of(customer.id, since, HISTORY, ticket.number if ticket else "")
            customer = replace(customer, tickets=tuple(needs))
        if self._asks("customer.last_contact", signal):
            customer = replace(customer, last_contact_at=self._tx.last_contact(customer.id))
        return customer

    def _extra(self, customer: CustomerFacts, signal: Signal) -> dict[str, Extra]:
        """Ask the plugins for those of their fields that the policy asks."""
        asked = [source for name, source in self._world.sources.items() if self._asks(name, signal)]
        addresses: dict[str, list[str]] = {}
        for kind, address in self._tx.addresses(customer.id) if asked else ():
            addresses.setdefault(kind, []).append(address)
        told = {source.name: source.tell(customer.id, addresses) for source in asked}
        return {name: value for name, value in told.items() if value is not None}

    def _contact(self, origin: Origin | None, customer: CustomerFacts | None) -> Contact:
        if customer is None:
            return Contact()
        row = self._tx.customer(customer.id) if customer.known else None  # a stranger has what they came with
        by_kind: dict[str, str] = {}
        for kind, address in self._tx.addresses(customer.id) if row else ():
            by_kind.setdefault(kind, address)
        if origin is not None:
            by_kind[self._world.channels[origin.channel]] = origin.address
        addresses = {name: by_kind[kind] for name, kind in self._world.channels.items() if kind in by_kind}
        return Contact((row.name if row else "") or (origin.name if origin else ""), addresses)

    def _texts(
        self, tickets: Iterable[Ticket | None], signal: Signal, incident: IncidentFacts | None, contact: str | None
    ) -> dict[str, str]:
        wanted: list[str | None] = [contact]
        for ticket in filter(None, tickets):
            wanted += [ticket.description, ticket.subject, ticket.wish, ticket.expected_by, ticket.result]
            wanted += [one.content for one in ticket.approvals.values()]
            if ticket.plan is not None:
                wanted += [ticket.plan.content, *(step.content for step in ticket.plan.steps)]
        if incident is not None:
            wanted += [incident.title, incident.news]
        if isinstance(signal, TaskClosed | ApprovalDecided | IncidentSpoke):
            wanted.append(signal.content)
        return self._tx.contents([content for content in wanted if content])

    def _recent(self, contact: Contact, crew: Crew) -> dict[str, int]:
        """Count automatic messages by party; the customer's is the highest count of any of their addresses."""
        recent = dict(crew.sent)
        if addresses := sorted({*contact.addresses.values()}):
            counts = self._tx.recent_automatic(self._now - self._world.policy.limits.within, addresses)
            if counts:
                recent[CUSTOMER] = max(counts.values())
        return recent


def _customer_facts(row: CustomerRow, known: bool) -> CustomerFacts:
    return CustomerFacts(row.id, known, row.segment, row.language, row.last_survey_at, row.created_at)
