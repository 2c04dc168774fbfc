"""What a policy would have made of the tickets that there were: what people did is played again, each at its instant, by the same `handle`.

People do again what they did, whatever the policy tells them; so nobody answers a message that only one policy sends. Messages count as
sent. Agents are there as their shifts say, and hold nothing when it begins.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from engine.analysis.board import ticket_at
from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import CustomerChanged
from engine.core.team import Team
from engine.errors import EngineError
from engine.policy.cases import Channels
from engine.store import CustomerRow, Reader, TicketQuery
from engine.whatif.lab import Lab
from engine.whatif.recorded import Deed, Record

PARTS: Final = ("kind", "tier", "queue", "promises", "kept", "escalated", "messages", "ended")
"""What is compared of a need."""


class Story(Struct, frozen=True):
    """What became of one need: how it was first graded and routed, when each promise was first due, which were kept and which were
    missed at least once, the steps of escalation taken, the messages of each script to the customer, and the state in which it ended.
    """

    kind: str = ""
    tier: str | None = None
    queue: str | None = None
    promises: dict[str, datetime] = field(default_factory=dict)
    kept: dict[str, bool] = field(default_factory=dict)
    escalated: int = 0
    messages: dict[str, int] = field(default_factory=dict)
    ended: str | None = None

    def changes(self, other: "Story | None") -> tuple[str, ...]:
        """Which of `PARTS` are otherwise in another story of the same need; all of them where there is none."""
        return tuple(part for part in PARTS if other is None or getattr(self, part) != getattr(other, part))


class Replayed(Struct, frozen=True):
    """What a policy makes of a record: the story of each need by its recorded number, how many tickets the house opened for itself, by
    kind, and how many deeds were refused, by why they were; `nowhere` counts those about tickets that it does not open.
    """

    stories: dict[str, Story]
    opened: Counter[str]
    refused: Counter[str]
    nowhere: int


def told(ticket: Ticket, events: Iterable[e.Event]) -> Story:
    """Return the story of a need, by its log and as it stands in the end."""
    tier, queue, escalated = None, None, 0
    promises, kept, messages = dict[str, datetime](), dict[str, bool](), Counter[str]()
    for event in events:
        match event:
            case e.TicketOpened() | e.TierAssigned():
                tier = tier or event.tier
            case e.Routed():
                queue = queue or event.queue
            case e.DeadlineStarted(key="") if event.due is not None:
                promises.setdefault(event.kind, event.due)
            case e.DeadlineBreached():
                kept[event.id.partition(":")[0]] = False
            case e.DeadlineStopped():
                kept.setdefault(event.id.partition(":")[0], True)
            case e.Escalated():
                escalated += 1
            case e.MessageQueued(party=party, script=script) if party == CUSTOMER and script:
                messages[script] += 1
    return Story(ticket.kind, tier, queue, promises, kept, escalated, dict(messages), ticket.state if ticket.closed_at else None)


def on_record(reader: Reader, record: Record) -> dict[str, Story]:
    """Return what became of each need, as the log has it, by number."""
    logs = ((number, [entry for entry in reader.events(number) if entry.at <= record.until]) for number in record.needs)
    pairs = ((number, ticket_at(log, record.until), log) for number, log in logs)
    return {number: told(ticket, [entry.event for entry in log]) for number, ticket, log in pairs if ticket is not None}


def replay(
    reader: Reader, record: Record, policy: Policy, team: Team, channels: Channels, since: datetime, deeds: Iterable[Deed]
) -> Replayed:
    """Play the `deeds` of a record under a policy from `since` to its end; `reader` has the archive of customers. No KPI is watched."""
    lab = Lab(replace(policy, reports=replace(policy.reports, watches=(), verification=None)), team, since, channels)
    try:
        play = _Play(lab, reader, record)
        for deed in deeds:
            play.do(deed)
        lab.advance(record.until)
        play.listen()
        return Replayed(play.stories(), play.opened(), play.refused, play.nowhere)
    finally:
        lab.close()


class _Play:
    """A record as it is played in a lab; `numbers` and `customers` are the lab's by the recorded ones."""

    def __init__(self, lab: Lab, reader: Reader, record: Record) -> None:
        self._lab, self._reader = lab, reader
        self._children = _children(record.tickets)
        self._numbers = dict[str, str]()
        self._customers = dict[str, str]()
        self._events = dict[str, list[e.Event]]()
        self._needs = record.needs
        self.refused, self.nowhere = Counter[str](), 0

    def do(self, deed: Deed) -> None:
        """Let somebody do again what they did."""
        lab = self._lab
        lab.advance(deed.at)
        self.listen()
        if (signal := self._here(deed)) is None:
            self.nowhere += 1
            return
        lab.world.chance.seed(deed.id)  # what one policy draws more often must not change what the other draws later
        try:
            outcome = lab.handle(signal, deed.origin)
        except EngineError as error:
            self.refused[str(error)] += 1
            return
        if outcome.first.refused is not None:
            self.refused[outcome.first.refused] += 1
        elif outcome.ticket is not None:
            self._numbers.setdefault(deed.ticket, outcome.ticket)

    def listen(self) -> None:
        """Keep what was decided since, by ticket."""
        for one in self._lab.handled:
            if one.number is not None:
                self._events.setdefault(one.number, []).extend(one.decision.events)
        self._lab.handled.clear()

    def stories(self) -> dict[str, Story]:
        """Return the story of each need that came about."""
        found = ((number, self._lab.ticket(self._numbers[number])) for number in self._needs if number in self._numbers)
        return {number: told(ticket, self._events[ticket.number]) for number, ticket in found if ticket is not None}

    def opened(self) -> Counter[str]:
        """Count by kind the tickets that no customer's deed opened."""
        brought = {self._numbers.get(number) for number in self._needs}
        first = (events[0] for number, events in self._events.items() if number not in brought)
        return Counter(event.kind for event in first if isinstance(event, e.TicketOpened))

    def _here(self, deed: Deed) -> Any:
        """The signal of a deed with the lab's numbers and customers, None where there is no such ticket."""
        signal, customer = deed.signal, self._know(deed)
        if signal.ticket is None:
            return signal
        number = self._numbers.get(signal.ticket) or self._child(signal.ticket)
        if number is None:
            return None
        if isinstance(signal, CustomerChanged):
            return replace(signal, ticket=number, customer=customer or signal.customer)
        return replace(signal, ticket=number)

    def _child(self, recorded: str) -> str | None:
        """The ticket that came of another one, found by its kind and by how many such there were before."""
        parent, kind, place = self._children.get(recorded, (None, "", 0))
        if parent not in self._numbers:
            return None
        with self._lab.store.read() as reader:
            found = reader.tickets(TicketQuery(parent=self._numbers[parent], kind=kind, after=""))
        if place >= len(found):
            return None
        self._numbers[recorded] = found[place].number
        return found[place].number

    def _know(self, deed: Deed) -> str | None:
        """Let the lab's archive know whom a deed is about as the archive did then; return their id there."""
        id = deed.signal.customer if isinstance(deed.signal, CustomerChanged) else deed.customer
        if id is None or (row := self._reader.customer(id)) is None:
            return None
        segment = deed.segment if id == deed.customer else row.segment
        with self._lab.store.write() as tx:
            addresses = self._reader.addresses(id)
            found = next((one for kind, address in addresses if (one := tx.find_customer(kind, address))), None)
            known = CustomerRow(found.id if found else tx.new_customer_id(), row.name, segment, row.language, row.created_at)
            if found is None:
                tx.add_customer(known)
            elif (found.segment, found.language) != (segment, row.language):
                tx.update_customer(known)
            for kind, address in () if found else addresses:
                tx.add_address(known.id, kind, address)
        return known.id


def _children(tickets: Iterable[Ticket]) -> dict[str, tuple[str, str, int]]:
    """The parent of each ticket that came of another, its kind, and how many such there were before."""
    before, found = Counter[tuple[str, str]](), dict[str, tuple[str, str, int]]()
    for ticket in tickets:
        if ticket.parent is not None:
            place = (ticket.parent, ticket.kind)
            found[ticket.number] = (*place, before[place])
            before[place] += 1
    return found


def figures(stories: Iterable[Story]) -> dict[tuple[str, str], int]:
    """Count what became of needs: ("needs", ""), and by part and name; of promises those `kept` and `missed` by the kind of clock."""
    found = Counter[tuple[str, str]]()
    for story in stories:
        found["needs", ""] += 1
        found["kind", story.kind] += 1
        found["tier", story.tier or ""] += 1
        found["queue", story.queue or ""] += 1
        found["escalated", ""] += story.escalated
        found["ended", story.ended or ""] += 1
        for kind, kept in story.kept.items():
            found["kept" if kept else "missed", kind] += 1
        for script, count in story.messages.items():
            found["messages", script] += count
    return dict(found)
