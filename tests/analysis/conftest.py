"""A service centre with the shipped policies on a store in memory, driven through the one door as time goes by."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.core.compiled import Policy
from engine.core.model import Ticket
from engine.core.signals import AgentActed, MessageArrived, Signal
from engine.core.team import Team
from engine.policy import compile_policy, load_team
from engine.resources import shipped_policies
from engine.runtime import timers
from engine.runtime.answers import next_look, settle
from engine.runtime.gather import Origin, World
from engine.runtime.handle import Outcome, handle
from engine.store import Store, TicketQuery, open_store

ZONE = "Asia/Shanghai"
MORNING = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, a working Wednesday


@dataclass
class Centre:
    """Time moves only by `at`; on the way there every timer fires when it is due."""

    store: Store
    world: World
    now: datetime = MORNING
    numbers: list[str] = field(default_factory=list)

    @property
    def policy(self) -> Policy:
        return self.world.policy

    @property
    def team(self) -> Team:
        return self.world.team

    def at(self, instant: datetime) -> None:
        while True:
            with self.store.read() as reader:
                upcoming = min((at for at in (reader.next_timer(), next_look(reader)) if at is not None), default=None)
            if upcoming is None or upcoming > instant:
                break
            self.now = max(self.now, upcoming)
            timers.fire(self.store, self.world, self.now, hold=False)
            self.settle()
        self.now = instant

    def later(self, **span: float) -> None:
        self.at(self.now + timedelta(**span))

    def write(self, text: str, *, subject: str = "", sender: str = "wang@example.test", name: str = "王建国", **fields: str) -> str:
        """A customer writes; return the number of the ticket that opens."""
        signal = MessageArrived(None, "email", text, subject, fields=fields)
        number = self.handle(signal, Origin("email", sender, name)).ticket
        assert number is not None
        self.numbers.append(number)
        return number

    def reply(self, number: str, text: str) -> None:
        self.handle(MessageArrived(number, "email", text, trusted=True))

    def act(self, number: str, action: str, text: str = "", actor: str = "wang", **details) -> None:
        outcome = self.handle(AgentActed(number, action, actor, text, **details))
        assert outcome.first.refused is None, outcome.first.refused

    def solve(self, number: str) -> None:
        """Contact, plan, result and the customer's yes, each ten minutes after the other."""
        for action, text in (("contact", "电话联系"), ("plan", "更换部件"), ("resolve", "已更换")):
            self.later(minutes=5)
            self.act(number, action, text)
        self.later(minutes=5)
        self.reply(number, "满意")

    def answer(self, number: str, text: str) -> None:
        """Wait for the survey, then answer it, and until a low score has opened its follow-up."""
        self.later(hours=25)
        self.reply(number, text)
        self.later(hours=4)

    def settle(self) -> None:
        """Put into storage what has waited long enough."""
        settle(self.store, self.world, self.now, hold=False)

    def ticket(self, number: str) -> Ticket:
        with self.store.read() as reader:
            found = reader.ticket(number)
        assert found is not None
        return found

    def follow_up(self) -> str:
        """The number of the only follow-up."""
        with self.store.read() as reader:
            (found,) = reader.tickets(TicketQuery(kind="follow_up"))
        return found.number

    def handle(self, signal: Signal, origin: Origin | None = None) -> Outcome:
        with self.store.write() as tx:
            return handle(tx, self.world, signal, self.now, origin)


@pytest.fixture(scope="session")
def shipped() -> tuple[Policy, Team]:
    directory: Path = shipped_policies()
    compilation, people = compile_policy(directory), load_team(directory / "team.yaml")
    assert compilation.policy is not None
    assert people.team is not None
    return compilation.policy, people.team


@pytest.fixture
def centre(shipped: tuple[Policy, Team]) -> Iterator[Centre]:
    policy, team = shipped
    store = open_store("sqlite://:memory:")
    kinds = {"email": "email", "sms": "phone"}
    yield Centre(store, World(policy, team, kinds, ("email", "sms"), random.Random(7)))
    store.close()
