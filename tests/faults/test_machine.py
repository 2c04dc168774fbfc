"""A house whose carriers fail, whose machine's clock is set and whose process dies at any moment, held against a model of it in memory:
what came in, which needs are open and in which state, what was promised, which messages must exist, and how often each was carried.

There are no links on the web yet: what a customer would do by one, they do by the signed token that every reply carries.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from engine.channels import Delivery, Inbound, Outbound, PermanentFailure, Sent, TemporaryFailure
from engine.core import events as e
from engine.core.lifecycle import evolve
from engine.core.model import Ticket
from engine.runtime import answers, inbox, timers
from engine.runtime.carriers import Circuit
from engine.runtime.outbox import Postman
from engine.runtime.retries import Retries
from engine.runtime.worker import _believe_clock
from engine.store import open_store
from engine.store.rows import OutboxRow, TicketQuery
from tests.core.worlds import HOUR, MINUTE, House, changed
from tests.faults import journal
from tests.support.counts import scaled
from tests.support.postgresql import Server

LEASE = timedelta(minutes=2)
CIRCUIT = Circuit()
TIERS = {"系统宕机": "urgent", "总是报错": "important", "请问几点开门": "general"}
BUDGETS = {"urgent": (10 * MINUTE, 2 * HOUR), "important": (30 * MINUTE, 4 * HOUR), "general": (2 * HOUR, 24 * HOUR)}
"""Response and plan, as the shipped policy promises them; the second policy promises them to important needs sooner."""

SOONER = (20 * MINUTE, 3 * HOUR)
IMPORTANT = ("sla.yaml", "budgets: {response: 30m, next_response: 1h, plan: 4h,", "budgets: {response: 20m, next_response: 1h, plan: 3h,")
ALIKE = ("window: 30m\n    minimum: 5\n", "window: 1h\n    minimum: 20\n", "window: 1d\n    minimum: 5\n")
APART = tuple(
    ("incidents.yaml", few, few.partition("minimum")[0] + "minimum: 10000\n") for few in ALIKE
)  # else needs alike are one incident
RESTARTING = ("sla.yaml", "on_tier_change: recompute", "on_tier_change: restart")
POLICIES = (APART, (*APART, IMPORTANT), (*APART, RESTARTING))
AGREED = timedelta(days=3)
"""After so long without an answer a need is closed as unconfirmed."""


class Died(BaseException):
    """The process ends here: nothing catches this."""


@dataclass
class Carrier:
    """A carrier of messages. Its `mood` is what becomes of each; `carried` counts what got through, `in_hand` is what it was given last,
    at the instant `tried_at`, and `failed` how often in a row it was away.
    """

    now: Callable[[], datetime]
    mood: str = "well"
    carried: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    in_hand: str = ""
    tried_at: datetime | None = None
    failed: int = 0

    def send(self, message: Outbound) -> Sent:
        self.in_hand, self.tried_at = message.message_id, self.now()
        if self.mood == "away":
            self.failed += 1
            raise TemporaryFailure("the carrier is away")
        if self.mood == "hangs":
            raise Died
        if self.mood == "refuses":
            self.failed = 0
            self.refused.add(message.message_id)
            raise PermanentFailure("no such address")
        self.carried[message.message_id] += 1
        if self.mood == "hangs when it has it":
            raise Died
        self.failed = 0
        return Sent(f"provider-{message.message_id}")

    def is_spared(self) -> bool:
        """Whether it was away so often in a row that it may be left alone for now."""
        return self.failed >= CIRCUIT.failures and self.tried_at is not None and abs(self.now() - self.tried_at) <= CIRCUIT.longest


@dataclass
class Need:
    """What a customer needs. `state` is the model's, `results` how often a solution was reported to them."""

    address: str
    state: str = "new"
    heard: int = 0
    results: int = 0
    resolved_at: datetime | None = None


class Faults(RuleBasedStateMachine):
    """One house, its model, and whatever may go wrong."""

    url: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.house = House(changed(*POLICIES[0]), url=self.url)
        journal.begin(self.house.store)
        self.carriers = {name: Carrier(lambda: self.house.now) for name in self.house.world.senders}
        self.accepted: list[tuple[str, Inbound]] = []
        self.fresh: list[tuple[str, str]] = []
        self.needs: dict[str, Need] = {}
        self.deaths: Counter[str] = Counter()
        self.answers = self.low_scores = self.policy = 0

    def teardown(self) -> None:
        self.house.close()

    # what the machine does of itself

    def work(self) -> None:
        """Let inbox, timers and outbox have their turns until nothing is due; then the model learns which needs have come in."""
        for _ in range(300):
            done = len(inbox.process(self.house.desk, self.house.world, self.house.now))
            done += len(timers.fire(self.house.store, self.house.world, self.house.now, hold=False))
            done += sum(self.send(name) for name in self.carriers)
            done += len(answers.settle(self.house.store, self.house.world, self.house.now, hold=False))
            if not done:
                return self.learn()
        raise AssertionError("it never comes to rest")

    def send(self, name: str) -> int:
        carrier = self.carriers[name]
        postman = Postman(self.house.store, self.house.tokens, name, Retries(), lambda address: address, lease=LEASE)
        try:
            return len(postman.dispatch(carrier, self.house.world, lambda: self.house.now))  # type: ignore[arg-type]  # sends, no more
        except Died:
            self.deaths[carrier.in_hand] += 1
            carrier.mood = "well"
            self.restart()
            return 1

    def restart(self) -> None:
        """A process ended without a word, and another one begins."""
        self.house.store.close()
        self.house.store = open_store(self.url or f"sqlite:///{self.house.folder / 'engine.db'}", Path())
        self.house.desk = replace(self.house.desk, store=self.house.store)
        with self.house.store.write() as tx:
            _believe_clock(tx, self.house.now)
            tx.recover_sending(self.house.now, self.house.now - LEASE if self.house.store.shared else None)

    def take(self, channel: str, **item: Any) -> None:
        inbound = Inbound(f"in-{len(self.accepted)}", received_at=self.house.now, **item)
        assert inbox.accept(self.house.desk, channel, [Delivery(inbound, lambda: None, b"raw")], self.house.now) == 1
        self.accepted.append((channel, inbound))

    def need(self, channel: str, text: str) -> None:
        """Somebody new needs something; it has come in, and nobody has looked at it yet."""
        number = len(self.accepted)
        address = f"c{number}@customer.example" if channel == "email" else f"+861391234{number:04}"
        self.take(channel, sender=address, text=text)
        self.fresh.append((address, text))

    def learn(self) -> None:
        """Every need that has come in is one ticket now, and its customer was promised what the policy says."""
        opened = [ticket for ticket in self.tickets() if ticket.number not in self.needs and ticket.kind != "follow_up"]
        assert len(opened) == len(self.fresh)
        for ticket, (address, text) in zip(opened, self.fresh, strict=True):
            self.needs[ticket.number] = Need(address)
            response, plan = SOONER if self.policy == 1 and TIERS[text] == "important" else BUDGETS[TIERS[text]]
            told = [event.deadlines for event in self.house.log(ticket.number) if isinstance(event, e.PromiseTold)]
            assert told == [{"response": ticket.opened_at + response, "plan": ticket.opened_at + plan}]
            [promise] = self.house.messages(ticket.number, "customer", "promise")
            assert promise.address == address
        self.fresh.clear()

    def tickets(self) -> list[Ticket]:
        with self.house.store.read() as reader:
            return sorted(reader.tickets(TicketQuery(limit=1000)), key=lambda ticket: ticket.number)

    def one_of(self, choice: int, *states: str) -> str | None:
        fitting = [number for number, need in self.needs.items() if not states or need.state in states]
        return fitting[choice % len(fitting)] if fitting else None

    def reply(self, number: str, text: str) -> None:
        self.take("email", sender="x@example.test", text=text, tokens=(self.house.tokens.make(number, "customer"),))
        self.needs[number].heard += 1

    # what happens to it

    @initialize(text=st.sampled_from(sorted(TIERS)))
    def begin(self, text: str) -> None:
        self.a_need_comes_in("email", text)

    @rule(channel=st.sampled_from(("email", "sms")), text=st.sampled_from(sorted(TIERS)))
    def a_need_comes_in(self, channel: str, text: str) -> None:
        self.need(channel, text)
        self.work()

    @rule(choice=st.integers(0, 50))
    def what_came_comes_again(self, choice: int) -> None:
        channel, item = self.accepted[choice % len(self.accepted)]
        assert inbox.accept(self.house.desk, channel, [Delivery(item, lambda: None, b"again")], self.house.now) == 0
        self.work()

    @rule(choice=st.integers(0, 50))
    def the_customer_adds_something(self, choice: int) -> None:
        if number := self.one_of(choice, "new", "in_progress"):
            self.reply(number, "还有一个问题要补充")
            self.work()

    @rule(choice=st.integers(0, 50))
    def an_agent_makes_contact(self, choice: int) -> None:
        if number := self.one_of(choice, "new", "in_progress"):
            assert self.house.act(number, "contact", text="了解情况").refused is None
            self.needs[number].state = "in_progress"
            self.work()

    @rule(choice=st.integers(0, 50))
    def an_agent_reports_the_result(self, choice: int) -> None:
        if number := self.one_of(choice, "new", "in_progress"):
            assert self.house.act(number, "resolve", text="已处理").refused is None
            need = self.needs[number]
            need.state, need.results, need.resolved_at = "resolved", need.results + 1, self.house.now
            self.work()

    @rule(choice=st.integers(0, 50))
    def an_agent_does_what_cannot_be_done(self, choice: int) -> None:
        if number := self.one_of(choice, "resolved", "confirmed", "unconfirmed"):
            before = self.house.ticket(number)
            assert self.house.act(number, "resolve", text="再次处理").refused
            assert self.house.ticket(number) == before

    @rule(choice=st.integers(0, 50))
    def the_customer_confirms(self, choice: int) -> None:
        if number := self.one_of(choice, "resolved", "unconfirmed"):
            self.reply(number, "Y")
            self.needs[number].state = "confirmed"
            self.work()

    @rule(choice=st.integers(0, 50))
    def the_customer_objects(self, choice: int) -> None:
        if number := self.one_of(choice, "resolved"):
            self.reply(number, "N 还不行")
            self.needs[number].state = "in_progress"
            self.work()

    @rule(choice=st.integers(0, 50), scores=st.sampled_from(("5 5 5", "1 4 2")))
    def the_customer_answers_the_survey(self, choice: int, scores: str) -> None:
        asked = [t.number for t in self.tickets() if t.number in self.needs and t.survey and t.survey.sent_at and t.survey.awaited]
        if asked:
            self.reply(asked[choice % len(asked)], scores)
            self.answers += 1
            self.low_scores += scores != "5 5 5"
            self.work()

    @rule(choice=st.integers(0, 50))
    def a_forged_token_opens_a_need_of_its_own(self, choice: int) -> None:
        number = self.one_of(choice)
        assert number
        token = self.house.tokens.make(number, "customer")
        address = f"f{len(self.accepted)}@customer.example"
        self.take("email", sender=address, text="请问几点开门", tokens=(token[:-1] + ("a" if token[-1] != "a" else "b"),))
        self.fresh.append((address, "请问几点开门"))
        self.work()

    @rule(minutes=st.sampled_from((1, 9, 31, 130, 700, 3000, 5000)))
    def time_goes_on(self, minutes: int) -> None:
        end = self.house.now + minutes * MINUTE
        while self.house.now < end:
            with self.house.store.read() as reader:
                waits = [reader.next_timer(), answers.next_look(reader), *(row.next_attempt_at for row in reader.messages(state="queued"))]
                waits += [carrier.retry_at for carrier in reader.channel_states()]
            self.house.now = min([end, *(at for at in waits if at is not None and at > self.house.now)])
            self.work()

    @rule(minutes=st.sampled_from((-1440, -60, -5, 60, 1440)))
    def the_clock_is_set(self, minutes: int) -> None:
        self.house.now += minutes * MINUTE
        with self.house.store.write() as tx:
            _believe_clock(tx, self.house.now)
        self.work()

    @rule(which=st.sampled_from(range(len(POLICIES))))
    def another_policy_is_in_force(self, which: int) -> None:
        self.house.world, self.policy = replace(self.house.world, policy=changed(*POLICIES[which])), which

    @rule(name=st.sampled_from(("email", "sms")), mood=st.sampled_from(("well", "away", "refuses", "hangs", "hangs when it has it")))
    def a_carrier_changes_its_mood(self, name: str, mood: str) -> None:
        self.carriers[name].mood = mood

    @rule(text=st.sampled_from(sorted(TIERS)), where=st.sampled_from(("before", "in the middle", "at the end")))
    def the_process_dies_over_an_item(self, text: str, where: str) -> None:
        self.need("email", text)
        doomed = {"in the middle": "append", "at the end": "inbox_done"}
        if where != "before":
            before = self.tickets()
            with self.house.store.write() as tx:
                kind = type(tx)
            with patch.object(kind, doomed[where], side_effect=Died), pytest.raises(Died):
                inbox.process(self.house.desk, self.house.world, self.house.now)
            assert self.tickets() == before
        self.restart()
        self.work()

    @rule()
    def the_process_dies_over_a_timer(self) -> None:
        with self.house.store.read() as reader:
            due = reader.next_timer()
        if due is not None:
            self.house.now = max(self.house.now, due)
            with patch.object(timers, "handle", side_effect=Died), pytest.raises(Died):
                timers.fire(self.house.store, self.house.world, self.house.now, hold=False)
            self.restart()
            self.work()

    # what must hold

    @invariant()
    def the_database_keeps_its_own_rules(self) -> None:
        with self.house.store.read() as reader:
            assert reader.integrity(evolve) == []
            assert reader.inbox_counts().get("pending", 0) == reader.inbox_counts().get("dead", 0) == 0
        assert journal.findings(self.house.store, self.house.now) == []

    @invariant()
    def each_need_is_as_the_model_knows_it(self) -> None:
        tickets = {ticket.number: ticket for ticket in self.tickets()}
        follow_ups = {number for number, ticket in tickets.items() if ticket.kind == "follow_up"}
        assert tickets.keys() - self.needs.keys() == follow_ups
        with self.house.store.read() as reader:
            stored, waiting = reader.answers(), [self.house.world.seal.open(row) for row in reader.waiting_answers()]
        assert len(stored) + len(waiting) == self.answers
        assert len(follow_ups) + sum(one.follow_up is not None for one in waiting) == self.low_scores
        for number, need in self.needs.items():
            if need.state == "resolved" and tickets[number].state == "unconfirmed":
                assert need.resolved_at is not None
                assert self.house.now >= need.resolved_at + AGREED
                need.state = "unconfirmed"
            assert tickets[number].state == need.state
            log = self.house.log(number)
            assert sum(one.signal_type == "message_arrived" for one in self.house.decisions(number)) == 1 + need.heard
            told = sum(isinstance(one, e.MessageQueued | e.MessageSuppressed) and one.script == "confirmation_request" for one in log)
            assert told == need.results

    @invariant()
    def each_message_is_carried_once_and_once_more_at_most_for_each_death(self) -> None:
        rows: dict[str, OutboxRow] = {row.id: row for row in self.house.messages()}
        for name, carrier in self.carriers.items():
            for id, copies in carrier.carried.items():
                assert rows[id].channel == name
                assert copies <= 1 + self.deaths[id]
            for row in (row for row in rows.values() if row.channel == name):
                sent_as = row.digest or row.id
                assert row.state != "queued" or (row.next_attempt_at or row.created_at) > self.house.now or carrier.is_spared()
                assert row.state != "sending" or self.house.store.shared, "whoever starts on a store that is its own puts it back in line"
                assert row.state not in ("sent", "delivered") or carrier.carried[sent_as]
                in_vain = Retries().attempts <= row.attempts - row.excused <= Retries().attempts + self.deaths.total()
                assert row.state != "dead" or sent_as in carrier.refused or in_vain


def run(machine: type[Faults], most: int, least: int) -> None:
    with journal.kept():
        run_state_machine_as_test(machine, settings=settings(max_examples=scaled(most, least), stateful_step_count=25, deadline=None))


def test_whatever_happens_the_house_is_as_its_model() -> None:
    run(Faults, 300, least=12)


def test_it_is_so_on_postgresql(postgresql: Server, database: str) -> None:
    class OnPostgresql(Faults):
        url = database

        def __init__(self) -> None:
            postgresql.empty(database.rpartition("/")[2])
            super().__init__()

    run(OnPostgresql, 100, least=5)
