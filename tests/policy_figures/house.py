"""A service centre that works by one policy, in one transaction that is never kept: everything it decides goes into `log`."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from engine.core.compiled import Policy
from engine.core.decision import Decision
from engine.core.facts import CallFacts
from engine.core.signals import AgentActed, CallArrived, MessageArrived, ReceiptArrived, Signal, TimerFired
from engine.core.team import Team
from engine.errors import EngineError
from engine.runtime.answers import next_look, settle_in
from engine.runtime.gather import Origin, World
from engine.runtime.handle import Outcome, handle
from engine.store import CustomerRow, Store, TicketQuery, Transaction

CHANNELS = {"email": "email", "sms": "phone", "phone_log": "phone"}
SENDERS = ("email", "sms")
MORNING = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, a working Wednesday
MAIL = "chen@example.test"
MOBILE = "+8613900000001"


class Drawn(random.Random):
    """A source of chance that draws the same share every time."""

    def __init__(self, share: float) -> None:
        super().__init__(7)
        self._share = share

    def random(self) -> float:
        return self._share


class _Over(Exception):
    """Leaves the transaction without keeping it."""


def told(at: datetime, decision: Decision) -> Iterator[str]:
    """What a decision decides, says and shows; the reasons are told apart, by `rules`."""
    if decision.refused is not None:
        yield f"{at} refused: {decision.refused}"
    for event in decision.events:
        yield f"{at} {event}"
    for command in decision.commands:
        yield f"{at} {command}"


def rules(at: datetime, decision: Decision) -> Iterator[str]:
    """The names of the rules by which a decision explains itself."""
    for reason in decision.reasons:
        yield f"{at} {reason.decided} {reason.rule}"


Teller = Callable[[datetime, Decision], Iterator[str]]


RESTLESS = 15_000
"""Rounds after which a changed policy is seen by that alone: under the shipped one half a year has fewer. Each takes milliseconds."""


class House:
    """Time moves only by `later` and `at`; on the way every timer fires when it is due."""

    def __init__(self, tx: Transaction, policy: Policy, team: Team, now: datetime, share: float, tell: Teller) -> None:
        self.tx = tx
        self.now = now
        self.log: list[str] = []
        self._tell = tell
        self._mail = "email"
        self._look: datetime | None = None
        self.world = World(policy, team, CHANNELS, SENDERS, Drawn(share))

    def at(self, instant: datetime) -> None:
        rounds = 0
        while (upcoming := self._next()) is not None and upcoming <= instant:
            rounds += 1
            if rounds > RESTLESS:
                self.log.append(f"{upcoming} something is due for the {rounds}th time, and again and again")
                break
            self.now = max(self.now, upcoming)
            for row in self.tx.due_timers(self.now, 100):
                if self.tx.take_timer(row):
                    self.handle(TimerFired(row.ticket, row.key, row.due))
            if self._look is not None and self._look <= self.now:
                self.settle()
        self.now = instant

    def _next(self) -> datetime | None:
        self._look = next_look(self.tx)
        return min((at for at in (self.tx.next_timer(), self._look) if at is not None), default=None)

    def settle(self) -> None:
        """Put into storage what has waited long enough."""
        for outcome in settle_in(self.tx, self.world, self.now, hold=False):
            self._hear(outcome)

    def _hear(self, outcome: Outcome) -> None:
        for one in outcome.handled:
            self.log.extend(self._tell(self.now, one.decision))

    def later(self, **span: float) -> None:
        self.at(self.now + timedelta(**span))

    def know(self, name: str, segment: str | None = None, language: str | None = None, **addresses: str) -> None:
        """Put a customer into the archive."""
        row = CustomerRow(self.tx.new_customer_id(), name, segment, language, self.now)
        self.tx.add_customer(row)
        for kind, address in addresses.items():
            self.tx.add_address(row.id, kind, address)

    def mail(self, text: str, subject: str = "", sender: str = MAIL, name: str = "陈先生", **fields: str) -> str:
        return self._open(self._mail, text, subject, sender, name, fields)

    def sms(self, text: str, sender: str = MOBILE, **fields: str) -> str:
        return self._open("sms", text, "", sender, "", fields)

    def reply(self, number: str | None, text: str, channel: str = "email", sender: str = MAIL, party: str = "customer") -> None:
        origin = Origin(channel, sender) if number is None else None
        self.handle(MessageArrived(number, channel, text, party=party, trusted=True), origin)

    def call(self, direction: str, outcome: str, number: str | None = None, sender: str = MOBILE, **details: Any) -> None:
        facts = CallFacts(direction, outcome, "hotline", timedelta(seconds=20), timedelta(seconds=90))
        self.handle(CallArrived(number, "phone_log", **details), Origin("phone_log", sender, "王女士", facts))

    def act(self, number: str, action: str, text: str = "", actor: str = "qian", **details: Any) -> None:
        self.handle(AgentActed(number, action, actor, text, **details))

    def bounce(self, number: str) -> None:
        """The last message to the customer did not arrive."""
        rows = [row for row in self.tx.messages(ticket=number) if row.party == "customer"]
        self.handle(ReceiptArrived(number, rows[-1].id, "customer", "failed", "550 no such user"))

    def handle(self, signal: Signal, origin: Origin | None = None) -> str | None:
        try:
            outcome = handle(self.tx, self.world, signal, self.now, origin)
        except EngineError as error:
            self.log.append(f"{self.now} {type(error).__name__}: {error}")
            return None
        self._hear(outcome)
        return outcome.ticket

    def over(self, channel: str) -> None:
        """From now on what comes by mail comes over this channel, and what is sent goes over it."""
        self.world = replace(self.world, channels={channel: "email", **CHANNELS}, senders=(channel, *SENDERS))
        self._mail = channel

    def newest(self, kind: str) -> str:
        """The number of the latest ticket of a kind, "" where there is none."""
        return max((ticket.number for ticket in self.tx.tickets(TicketQuery(kind=kind))), default="")

    def brief(self) -> list[str]:
        """What stands in the log, which is emptied."""
        log, self.log = self.log, []
        return log

    def _open(self, channel: str, text: str, subject: str, sender: str, name: str, fields: dict[str, str]) -> str:
        signal = MessageArrived(None, channel, text, subject, fields=fields)
        return self.handle(signal, Origin(channel, sender, name)) or ""


@contextmanager
def house(store: Store, policy: Policy, team: Team, now: datetime = MORNING, share: float = 0.5, tell: Teller = told) -> Iterator[House]:
    """A house that leaves nothing behind."""
    with suppress(_Over), store.write() as tx:
        yield House(tx, policy, team, now, share, tell)
        raise _Over
