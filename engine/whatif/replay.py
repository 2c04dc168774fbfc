"""What a policy would have made of the tickets that there were: what people did is played again, each at its instant, by the same `handle`.

People do again what they did, whatever the policy tells them; so nobody answers a message that only one policy sends. Messages count as
sent. Agents are there as their shifts say, and hold nothing when it begins.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.analysis.board import ticket_at
from engine.core.compiled import Policy
from engine.core.model import Ticket
from engine.core.signals import CustomerChanged
from engine.core.team import Team
from engine.errors import EngineError
from engine.policy.cases import Channels
from engine.store import CustomerRow, Reader, TicketQuery
from engine.whatif.lab import Lab, unwatched
from engine.whatif.recorded import Deed, Record
from engine.whatif.stories import Chronicle, Story, told


class Replayed(Struct, frozen=True):
    """What a policy makes of a record: the story of each need by its recorded number, how many tickets the house opened for itself, by
    kind, and how many deeds were refused, by why they were; `nowhere` counts those about tickets that it does not open.
    """

    stories: dict[str, Story]
    opened: Counter[str]
    refused: Counter[str]
    nowhere: int


def on_record(reader: Reader, record: Record) -> dict[str, Story]:
    """Return what became of each need, as the log has it, by number."""
    logs = ((number, [entry for entry in reader.events(number) if entry.at <= record.until]) for number in record.needs)
    pairs = ((number, ticket_at(log, record.until), log) for number, log in logs)
    return {number: told(ticket, [entry.event for entry in log]) for number, ticket, log in pairs if ticket is not None}


def replay(
    reader: Reader, record: Record, policy: Policy, team: Team, channels: Channels, since: datetime, deeds: Iterable[Deed]
) -> Replayed:
    """Play the `deeds` of a record under a policy from `since` to its end; `reader` has the archive of customers. No KPI is watched."""
    lab = Lab(unwatched(policy), team, since, channels)
    try:
        play = _Play(lab, reader, record)
        for deed in deeds:
            play.do(deed)
        return play.end(record.until)
    finally:
        lab.close()


class _Play:
    """A record as it is played in a lab; `numbers` are the lab's by the recorded ones."""

    def __init__(self, lab: Lab, reader: Reader, record: Record) -> None:
        self._lab, self._reader = lab, reader
        self._children = _children(record.tickets)
        self._numbers = dict[str, str]()
        self._chronicle = Chronicle(lab)
        self._needs = record.needs
        self.refused, self.nowhere = Counter[str](), 0

    def do(self, deed: Deed) -> None:
        """Let somebody do again what they did."""
        lab = self._lab
        lab.advance(deed.at)
        self._chronicle.listen()
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

    def end(self, until: datetime) -> Replayed:
        """Let time pass until the end, and say what came of it."""
        self._lab.advance(until)
        self._chronicle.listen()
        pairs = ((number, self._chronicle.story(self._numbers[number])) for number in self._needs if number in self._numbers)
        stories = {number: story for number, story in pairs if story is not None}
        opened = self._chronicle.opened(self._numbers[number] for number in stories)
        return Replayed(stories, opened, self.refused, self.nowhere)

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
