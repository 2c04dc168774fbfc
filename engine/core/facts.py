"""What a decision must know beyond the ticket, read in the same transaction and kept with the decision.

Personal facts (names, addresses, texts) are marked: the record of a decision keeps all but them.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field

from engine.core.fields import Extra
from engine.core.model import Ticket


class Contact(Struct, frozen=True):
    """The person a ticket is about, as reachable: addresses by channel, normalised. All of it is personal."""

    name: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)


class CustomerFacts(Struct, frozen=True):
    """The customer as the archive knows them. `known` says they were there before this signal. `id` is an opaque number.

    `since` is when they became known. `tickets` are the instants at which their needs were opened, newest first, without the ticket
    that is decided on; `last_contact_at` is when they last spoke with or wrote to us, or we to them. Both are read only where the
    policy asks for them.
    """

    id: str
    known: bool
    segment: str | None = None
    language: str | None = None
    last_survey_at: datetime | None = None
    since: datetime | None = None
    last_contact_at: datetime | None = None
    tickets: tuple[datetime, ...] = ()


class AgentFacts(Struct, frozen=True):
    """One agent as a candidate: how many open tickets they hold and may hold (None: as the policy says), whether they are there now,
    and from when on to ask (again). `away` says that they left though their shift runs. `turn` grows whenever they are given a ticket;
    `handover_at` is when they hand over next, where the policy lets them.
    `address` is their mail; `quiet_until` is when their quiet hours end, where they have some now.
    """

    id: str
    name: str
    queues: tuple[str, ...]
    skills: Mapping[str, int]
    roles: tuple[str, ...]
    language: str
    address: str
    load: int
    available: bool
    next_available: datetime
    capacity: int | None = None
    away: bool = False
    turn: int = 0
    handover_at: datetime | None = None
    phone: str = ""
    quiet_until: datetime | None = None


class Agents(Mapping[str, AgentFacts]):
    """The agents as one decision sees them, each made when it is first looked at: most decisions look at one or two of hundreds.

    `queues` names everybody, with their queues, in the order of the team; `looked_at` are those that the decision can have gone by.
    """

    def __init__(self, queues: Mapping[str, tuple[str, ...]], make: Callable[[str], AgentFacts]) -> None:
        self._queues = queues
        self._make = make
        self.looked_at: dict[str, AgentFacts] = {}

    def __getitem__(self, id: str) -> AgentFacts:
        if id not in self.looked_at:
            if id not in self._queues:
                raise KeyError(id)
            self.looked_at[id] = self._make(id)
        return self.looked_at[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._queues)

    def __len__(self) -> int:
        return len(self._queues)

    def of_queue(self, name: str | None) -> list[AgentFacts]:
        """Return the agents of a queue."""
        return [self[id] for id, queues in self._queues.items() if name in queues]


class CallFacts(Struct, frozen=True):
    """The call a signal is about."""

    direction: str
    outcome: str
    queue: str
    wait: timedelta
    talk: timedelta


class IncidentFacts(Struct, frozen=True):
    """An incident as one of its tickets must know it: its title and what it said last are contents, `alike` says which tickets it takes in.

    `others` are the tickets of the same customer that belong to it and have not ended.
    """

    number: str
    open: bool
    opened_at: datetime
    title: str | None = None
    news: str | None = None
    alike: str | None = None
    others: tuple[str, ...] = ()


class Facts(Struct, frozen=True):
    """A frozen view of the world for one decision.

    `number` is the number a new ticket would get, `draw` a number in [0, 1) for sampling.
    `texts` are the contents the decision may need, by content id. `recent` counts automatic messages lately queued per party, `noticed`
    the notices to agents in the span of a digest.
    `opted_out` names channels the customer wants no automatic message over. `channels` gives the kind of address (email, phone) of
    every channel, `senders` names those that can send, in order of preference. `last_agent` is who served this customer last.
    `extra` holds the fields of plugins that the policy asks; one that its plugin did not tell is left out. `ran` are the rules of the
    house's own that ran already in this chain, which is everything that follows from one signal, and `depth` how many of them led here.
    `parent` is the ticket for which an approval is asked, known where that approval is decided on.
    `incident` is the one that the signal is about, `members` are the tickets that it must tell next, or that count together.
    `counted` says how many tickets came that are alike, in the window of their group and in its baseline before that. `links` says whether
    a message can carry a link to the customer's page of the ticket.
    """

    number: str
    draw: float
    manager: str
    agents: Mapping[str, AgentFacts]
    channels: Mapping[str, str]
    senders: tuple[str, ...]
    customer: CustomerFacts | None = None
    contact: Contact = field(default_factory=Contact)
    contact_id: str | None = None
    call: CallFacts | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    recent: Mapping[str, int] = field(default_factory=dict)
    noticed: Mapping[str, int] = field(default_factory=dict)
    opted_out: frozenset[str] = frozenset()
    last_agent: str | None = None
    extra: Mapping[str, Extra] = field(default_factory=dict)
    ran: tuple[str, ...] = ()
    depth: int = 0
    parent: Ticket | None = None
    incident: IncidentFacts | None = None
    members: tuple[str, ...] = ()
    counted: tuple[int, int] = (0, 0)
    links: bool = False

    def of_queue(self, name: str | None) -> list[AgentFacts]:
        """Return the agents of a queue, in the order of the team."""
        if isinstance(self.agents, Agents):
            return self.agents.of_queue(name)
        return [agent for agent in self.agents.values() if name in agent.queues]
