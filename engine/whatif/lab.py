"""A service centre in memory with a clock that stands still until it is moved: the same `handle` and timers as the daemon's."""

import random
from datetime import datetime

from engine.core.compiled import Policy
from engine.core.model import Ticket
from engine.core.signals import Signal
from engine.core.team import Team
from engine.policy.cases import USUAL, Channels
from engine.runtime import schedule, timers
from engine.runtime.answers import next_look, settle
from engine.runtime.clock import VirtualClock
from engine.runtime.gather import Origin, World
from engine.runtime.handle import Handled, Outcome, handle
from engine.store import CustomerRow, open_store


class Lab:
    """Works by one policy and one team from `start` on. `handled` are all decisions in order. `close` it at the end."""

    def __init__(self, policy: Policy, team: Team, start: datetime, channels: Channels = USUAL, seed: int = 1) -> None:
        self.store = open_store("sqlite://:memory:")
        self.clock = VirtualClock(start)
        chance = random.Random(seed)  # noqa: S311  # what-if runs must repeat themselves; nothing secret comes of it
        self.world = World(policy, team, channels.kinds, channels.senders, chance)
        self.handled: list[Handled] = []
        schedule.run_due(self.store, self.world, start, hold=False)  # from here on, no slot is missed

    def close(self) -> None:
        """Forget everything."""
        self.store.close()

    def advance(self, instant: datetime) -> None:
        """Let time pass up to `instant`; each timer fires when it is due, and each rule that goes by the clock runs at its slots."""
        while True:
            with self.store.read() as reader:
                soonest = (reader.next_timer(), next_look(reader))
            slots = schedule.upcoming(self.world.policy, self.clock.now()).values()
            upcoming = min((at for at in (*soonest, *slots) if at is not None), default=None)
            if upcoming is None or upcoming > instant:
                break
            self.clock.set(upcoming)
            for work in (timers.fire, settle, schedule.run_due):
                for outcome in work(self.store, self.world, self.clock.now(), hold=False):
                    self.handled += outcome.handled
        self.clock.set(instant)

    def handle(self, signal: Signal, origin: Origin | None = None) -> Outcome:
        """Let one signal through the door."""
        with self.store.write() as tx:
            outcome = handle(tx, self.world, signal, self.clock.now(), origin)
        self.handled += outcome.handled
        return outcome

    def know(self, name: str, segment: str | None, language: str | None, addresses: dict[str, str]) -> None:
        """Put a customer into the archive, with addresses by kind."""
        with self.store.write() as tx:
            row = CustomerRow(tx.new_customer_id(), name, segment, language, self.clock.now())
            tx.add_customer(row)
            for kind, address in addresses.items():
                tx.add_address(row.id, kind, address)

    def ticket(self, number: str) -> Ticket | None:
        """Return a ticket as it stands now."""
        with self.store.read() as reader:
            return reader.ticket(number)

    def text(self, content: str) -> str:
        """Return a text that was kept."""
        with self.store.read() as reader:
            return reader.contents([content]).get(content, "")
