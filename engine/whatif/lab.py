"""A service centre in memory with a clock that stands still until it is moved: the same `handle` and timers as the daemon's."""

import random
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from engine.analysis.kpi import watch
from engine.core.compiled import Policy
from engine.core.model import Ticket
from engine.core.signals import Signal
from engine.core.team import Team
from engine.policy.cases import USUAL, Channels
from engine.runtime import quality, schedule, timers
from engine.runtime.answers import next_look, settle
from engine.runtime.clock import VirtualClock
from engine.runtime.gather import Origin, World
from engine.runtime.handle import Handled, Outcome, handle
from engine.store import CustomerRow, open_store


def unwatched(policy: Policy) -> Policy:
    """Return the policy without its watches of KPIs, which the tickets of a lab would mislead."""
    return replace(policy, reports=replace(policy.reports, watches=(), verification=None))


class Lab:
    """Works by one policy and one team from `start` on. `handled` are all decisions in order. `close` it at the end."""

    def __init__(self, policy: Policy, team: Team, start: datetime, channels: Channels = USUAL, seed: int = 1) -> None:
        self.store = open_store("sqlite://:memory:")
        self.clock = VirtualClock(start)
        chance = random.Random(seed)  # noqa: S311  # what-if runs must repeat themselves; nothing secret comes of it
        self.world = World(policy, team, channels.kinds, channels.senders, chance)
        self.handled: list[Handled] = []
        self._next_slot: datetime | None = start
        self._by_clock()  # from here on, no slot is missed

    def close(self) -> None:
        """Forget everything."""
        self.store.close()

    def advance(self, instant: datetime) -> None:
        """Let time pass up to `instant`; each timer fires when it is due, and what goes by the clock (rules, looks) runs at its slots."""
        while True:
            with self.store.read() as reader:
                soonest = (reader.next_timer(), next_look(reader))
            upcoming = min((at for at in (*soonest, self._next_slot) if at is not None), default=None)
            if upcoming is None or upcoming > instant:
                break
            self.clock.set(upcoming)
            for work in (timers.fire, settle):
                self._keep(work(self.store, self.world, self.clock.now(), hold=False))
            self._by_clock()
        self.clock.set(instant)

    def _by_clock(self) -> None:
        """Do what is due by cron, and find out when something is due next."""
        now = self.clock.now()
        if self._next_slot is not None and self._next_slot > now:
            return
        for run in (schedule.run_due, quality.run_due, watch.run_due):
            self._keep(run(self.store, self.world, now, hold=False))
        self._next_slot = min(schedule.upcoming(self.world.policy, now).values(), default=None)

    def _keep(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self.handled += outcome.handled

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
