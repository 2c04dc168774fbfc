"""A house to try decisions in: the shipped policies (or with changes), the shipped team, a store in memory, and time that stands still.

Everything goes through the runtime's own doors: raw items through the inbox, actions through `handle`, timers as they are due.
"""

import random
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from msgspec.structs import replace

from engine.channels import CallOutcome, CallRecord, Delivery, Direction, Inbound
from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.facts import AgentFacts, Contact, CustomerFacts, Facts
from engine.core.model import Ticket
from engine.core.signals import AgentActed, MessageArrived, Signal, StepDraft
from engine.core.team import Agent, Team
from engine.core.tracing import Trace
from engine.policy import compile_files, compile_policy, load_team
from engine.runtime import inbox, timers
from engine.runtime.answers import next_look, settle
from engine.runtime.gather import Origin, World
from engine.runtime.handle import Outcome, handle
from engine.runtime.tokens import Tokens
from engine.store import open_store
from engine.store.rows import OutboxRow, StoredDecision

POLICIES = Path(__file__).resolve().parents[2] / "policies"
CHANNELS = {"email": "email", "sms": "phone", "phone_log": "phone"}
MAIL, PHONE = "chen@example.test", "+8613912345678"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    """An instant by Shanghai's clock: `03-04 10:00` in 2026."""
    return datetime.fromisoformat(f"2026-{text.replace(' ', 'T')}:00+08:00").astimezone(UTC)


WEDNESDAY = at("03-04 10:00")


@cache
def shipped() -> Policy:
    policy = compile_policy(POLICIES).policy
    assert policy is not None
    return policy


@cache
def _files() -> dict[str, str]:
    return dict(compile_policy(POLICIES).files)


def shipped_text(name: str) -> str:
    """The text of a file of the shipped policies."""
    return _files()[name]


@cache
def changed(*changes: tuple[str, str, str]) -> Policy:
    """The shipped policies with texts replaced: (file, old, new); an old text that is empty adds a file."""
    files = _files().copy()
    for name, old, new in changes:
        assert not old or files[name].count(old) == 1, f"{old!r} stands {files[name].count(old)} times in {name}"
        files[name] = files[name].replace(old, new) if old else new
    compilation = compile_files(files)
    assert compilation.policy is not None, compilation.diagnostics
    return compilation.policy


@cache
def team() -> Team:
    found = load_team(POLICIES / "team.yaml").team
    assert found is not None
    return found


def with_agents(*agents: Agent, manager: str = "zhou") -> Team:
    """A team of these agents and the manager."""
    everybody = {agent.id: agent for agent in (*agents, team().agents["zhou"])}
    return replace(team(), agents=everybody, manager=manager)


def an_agent(id: str, *queues: str, skills: Mapping[str, int] | None = None, shift: str = "any", **more: Any) -> Agent:
    return Agent(id, id.title(), queues, skills or {}, f"{id}@example.test", shift, **more)


def facts(**changes: Any) -> Facts:
    """What a decision about a stranger's first mail would know, the whole team at hand."""
    agents = {
        agent.id: AgentFacts(agent.id, agent.name, agent.queues, agent.skills, agent.roles, "zh", agent.email, 0, True, WEDNESDAY)
        for agent in team().agents.values()
    }
    base = Facts(
        number="202603040001",
        draw=0.5,
        manager="zhou",
        agents=agents,
        channels=CHANNELS,
        senders=("email", "sms"),
        customer=CustomerFacts("C000001", known=False),
        contact=Contact("陈先生", {"email": MAIL}),
    )
    return replace(base, **changes)


def opened(text: str, policy: Policy | None = None, now: datetime = WEDNESDAY, **more: Any) -> Decision:
    """Decide on a first message; keywords that are fields of `Facts` change the facts, the others the message."""
    known = {name: more.pop(name) for name in list(more) if name in Facts.__struct_fields__}
    message = MessageArrived(None, more.pop("channel", "email"), text, **more)
    return decide(None, message, facts(**known), policy or shipped(), now)


HOUSES: list["House"] = []
"""Those a test has opened; the fixture in `conftest.py` closes them."""


@cache
def _empty_database() -> bytes:
    """A database that has the tables already: reading the migrations takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "engine.db"
        open_store(f"sqlite:///{path}", Path()).close()
        return path.read_bytes()


class House:
    """A company at work. `now` moves by `wait` and `until` only, and every timer fires when it is due. `url` names its database if that is
    not a file of its own.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        people: Team | None = None,
        now: datetime = WEDNESDAY,
        senders: tuple[str, ...] = ("email", "sms"),
        seed: int = 1,
        url: str | None = None,
    ) -> None:
        self.now = now
        self.folder = folder = Path(mkdtemp(prefix="house-"))
        HOUSES.append(self)
        database = folder / "engine.db"
        if url is None:
            database.write_bytes(_empty_database())
        self.store = open_store(url or f"sqlite:///{database}", Path())
        self.people = people or team()
        self.world = World(policy or shipped(), self.people, CHANNELS, senders, random.Random(seed))
        self.tokens = Tokens(b"key", self.people.agents)
        self._ids = count(1)
        self.desk = inbox.Desk(self.store, self.tokens, "CN", folder, hold=False)

    def close(self) -> None:
        HOUSES.remove(self)
        self.store.close()
        shutil.rmtree(self.folder)

    # what comes in

    def take(self, channel: str, **item: Any) -> str | None:
        """Take an item in through the inbox; return the ticket it went to."""
        outcome = self.take_all(channel, **item)
        return outcome.ticket if outcome else None

    def take_all(self, channel: str, **item: Any) -> Outcome | None:
        inbound = Inbound(**{"source_id": f"in-{next(self._ids)}", "received_at": self.now, **item})
        assert inbox.accept(self.desk, channel, [Delivery(inbound, lambda: None, b"raw")], self.now) == 1
        outcomes = inbox.process(self.desk, self.world, self.now)
        return outcomes[0] if outcomes else None

    def mail(self, text: str, ticket: str | None = None, by: str | None = None, **item: Any) -> str:
        """A mail from the customer, or in answer to what `by` got about `ticket`."""
        sender = self.people.agents[by].email if by else MAIL
        tokens = (self.tokens.make(ticket, by or "customer"),) if ticket else ()
        found = self.take("email", **{"sender": sender, "text": text, "tokens": tokens, **item})
        assert found is not None
        return found

    def sms(self, text: str, sender: str = PHONE, **item: Any) -> str | None:
        return self.take("sms", sender=sender, text=text, **item)

    def call(self, outcome: str = "answered", direction: str = "inbound", agent: str = "", **item: Any) -> str | None:
        started = self.now - 5 * MINUTE
        record = CallRecord(
            direction=Direction(direction),
            outcome=CallOutcome(outcome),
            started_at=started,
            answered_at=None,
            ended_at=self.now,
            wait_seconds=12,
            talk_seconds=60,
            agent=agent,
        )
        return self.take("phone_log", **{"sender": PHONE, "call": record, **item})

    def handle(self, signal: Signal, origin: Origin | None = None) -> Outcome:
        with self.store.write() as tx:
            return handle(tx, self.world, signal, self.now, origin)

    def act(self, ticket: str, action: str, actor: str = "zhao", text: str = "", **more: Any) -> Decision:
        return self.handle(AgentActed(ticket, action, actor, text, **more)).first

    def done(self, ticket: str, action: str, actor: str = "zhao", text: str = "", **more: Any) -> Ticket:
        """Act, and be sure that it was done."""
        decision = self.act(ticket, action, actor, text, **more)
        assert decision.refused is None
        assert decision.ticket is not None
        return decision.ticket

    # time

    def wait(self, span: timedelta) -> None:
        self.until(self.now + span)

    def until(self, instant: datetime) -> None:
        for _ in range(1000):
            with self.store.read() as reader:
                due = min((at for at in (reader.next_timer(), next_look(reader)) if at is not None), default=None)
            if due is None or due > instant:
                self.now = instant
                return
            self.now = max(self.now, due)
            timers.fire(self.store, self.world, self.now, hold=False)
            settle(self.store, self.world, self.now, hold=False)
        raise AssertionError("timers never come to an end")

    # what came of it

    def ticket(self, number: str) -> Ticket:
        with self.store.read() as reader:
            found = reader.ticket(number)
        assert found is not None
        return found

    def log(self, number: str) -> list[e.Event]:
        with self.store.read() as reader:
            return [stored.event for stored in reader.events(number)]

    def names(self, number: str) -> list[str]:
        return [event.type for event in self.log(number)]

    def decisions(self, number: str) -> list[StoredDecision]:
        with self.store.read() as reader:
            return reader.decisions(number)

    def messages(self, number: str | None = None, party: str | None = None, script: str | None = None) -> list[OutboxRow]:
        with self.store.read() as reader:
            rows = reader.messages(ticket=number, limit=1_000_000)
        rows.sort(key=lambda row: (row.created_at, [int(part) for part in row.id.split(".")]))
        return [row for row in rows if party in (None, row.party) and script in (None, row.script)]

    def scripts(self, number: str, party: str | None = None) -> list[str | None]:
        return [row.script for row in self.messages(number, party)]

    def words(self, row: OutboxRow) -> str:
        return self.text(row.content_id)

    def text(self, content: str | None) -> str:
        with self.store.read() as reader:
            return reader.contents([content or ""])[content or ""]

    def timer_keys(self, number: str) -> list[str]:
        with self.store.read() as reader:
            return sorted(row.key for row in reader.timers(number))

    # a ticket's way

    def resolved(self, text: str = "发票怎么开", **item: Any) -> str:
        """A ticket whose result went to the customer."""
        number = self.mail(text, **item)
        self.done(number, "contact", text="了解情况")
        self.done(number, "resolve", text="已开具发票")
        return number

    def confirmed(self, **item: Any) -> str:
        number = self.resolved(**item)
        self.mail("Y", number)
        assert self.ticket(number).state == "confirmed"
        return number

    def surveyed(self, **item: Any) -> str:
        """A ticket whose survey is on its way."""
        number = self.confirmed(**item)
        self.wait(2 * HOUR)
        assert "survey_sent" in self.names(number)
        return number


def a_step(text: str, due: datetime, who: str = "qian") -> StepDraft:
    return StepDraft(text, who, due)


def rules_of(decision: Decision) -> dict[str, str]:
    """What was decided, by which rule."""
    return {reason.decided: reason.rule for reason in decision.reasons}


def seen(trace: Trace, wanted: Callable[[Trace], bool]) -> list[Trace]:
    """The nodes of a trace that are wanted."""
    return [*([trace] if wanted(trace) else []), *(one for part in trace.parts for one in seen(part, wanted))]
