"""Whatever happens in whatever order, the rules hold: random messages, actions, calls, receipts and waits against one house."""

from collections import Counter
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from engine.core import events as e
from engine.core.decide.actions import ACTIONS
from engine.core.lifecycle import ENDED, evolve
from engine.core.model import Ticket
from engine.core.signals import AgentActed, ReceiptArrived, TimerFired
from engine.store.rows import TicketQuery
from tests.core.worlds import MINUTE, WEDNESDAY, House, a_step, changed, shipped
from tests.support.counts import scaled

TEXTS = ("系统宕机", "总是报错", "你好", "我要退货", "Y", "N 还不行", "5 2 5", "555", "退订", "谢谢", "hello, an outage")
AGENTS = ("zhao", "qian", "li", "zhou")
TARGETS = (None, "urgent", "general", "finance", "tech_support", "wu", "waiting_customer", "1", "nonsense")
OUTLIVE = ("survey_sending",)
"""Clocks that run when the ticket has ended, and only then."""
HOLD_ENDED = (e.DeadlineStarted, e.DeadlineBreached, e.DeadlineWarned, e.DeadlineReminded, e.Escalated)


STEP = "      - {at: +2h, notify: [manager], repeat: 2h, until: acknowledged}"
POLICIES = (
    shipped,
    lambda: changed(
        ("sla.yaml", "    warn: [50%, 80%, -10m]", "    warn: [-20m, 50%, 33%, -1m]"),
        ("sla.yaml", "on_tier_change: recompute", "on_tier_change: restart"),
        ("sla.yaml", "on_queue_change: recompute", "on_queue_change: restart"),
        ("sla.yaml", STEP, "      - {at: +1h, raise_tier: true, open: {kind: incident, queue: tech_support}, repeat: 1h}"),
    ),
    lambda: changed(
        ("sla.yaml", "on_calendar_change: recompute", "on_calendar_change: restart"),
        ("sla.yaml", STEP, f"      - {{at: +15m, raise_tier: urgent, until: acknowledged}}\n{STEP}"),
        ("scripts.yaml", "digest: {after: 3, within: 5m}", "digest: {after: 0, within: 1h}"),
    ),
)


class Days(RuleBasedStateMachine):
    """One house, a few tickets, days of life."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.ended: dict[str, int] = {}

    def teardown(self) -> None:
        self.house.close()

    def tickets(self) -> list[Ticket]:
        with self.house.store.read() as reader:
            return sorted(reader.tickets(TicketQuery()), key=lambda ticket: ticket.number)

    def one(self, choice: int) -> str:
        tickets = self.tickets()
        return tickets[choice % len(tickets)].number

    @initialize()
    def open_two(self) -> None:
        self.house.mail("登录异常")
        self.house.sms("你好")

    @rule(text=st.sampled_from(TEXTS), sender=st.integers(0, 2), automatic=st.booleans())
    def a_mail_comes(self, text: str, sender: int, automatic: bool) -> None:
        before = len(self.house.messages(party="customer"))
        self.house.take("email", sender=f"c{sender}@example.test", text=text, automatic=automatic)
        if automatic:
            assert len(self.house.messages(party="customer")) == before

    @rule(text=st.sampled_from(TEXTS), choice=st.integers(0, 20))
    def the_customer_replies(self, text: str, choice: int) -> None:
        number = self.one(choice)
        self.house.take("email", sender="x@example.test", text=text, tokens=(self.house.tokens.make(number, "customer"),))

    @rule(text=st.sampled_from(TEXTS))
    def a_text_comes(self, text: str) -> None:
        self.house.sms(text)

    @rule(outcome=st.sampled_from(["answered", "abandoned", "busy"]), direction=st.sampled_from(["inbound", "outbound"]))
    def a_call_comes(self, outcome: str, direction: str) -> None:
        self.house.call(outcome, direction)

    @rule(
        action=st.sampled_from(sorted(ACTIONS)),
        actor=st.sampled_from(AGENTS),
        to=st.sampled_from(TARGETS),
        text=st.sampled_from(("", "words", "5 1 5")),
        steps=st.integers(0, 2),
        choice=st.integers(0, 20),
    )
    def somebody_acts(self, action: str, actor: str, to: str | None, text: str, steps: int, choice: int) -> None:
        number = self.one(choice)
        before = self.house.ticket(number)
        plan = tuple(a_step("步骤", self.house.now + (n + 1) * 100 * MINUTE) for n in range(steps))
        decision = self.house.handle(AgentActed(number, action, actor, text, to, steps=plan)).first
        if decision.refused is not None:
            assert self.house.ticket(number) == before
            assert decision.refused

    @rule(status=st.sampled_from(["delivered", "failed"]), choice=st.integers(0, 200))
    def a_receipt_comes(self, status: str, choice: int) -> None:
        rows = [row for row in self.house.messages() if row.ticket]
        if rows:
            row = rows[choice % len(rows)]
            self.house.handle(ReceiptArrived(row.ticket or "", row.id, row.party, status, "detail"))

    @rule(which=st.sampled_from(range(len(POLICIES))))
    def the_policy_changes(self, which: int) -> None:
        self.house.world = replace(self.house.world, policy=POLICIES[which]())

    @rule(choice=st.integers(0, 20))
    def a_calendar_may_have_changed(self, choice: int) -> None:
        self.house.handle(TimerFired(self.one(choice), "calendars", self.house.now))

    @rule(choice=st.integers(0, 200))
    def a_timer_fires_although_it_did_before(self, choice: int) -> None:
        """What the store promises not to do: the decision holds by itself."""
        keys = [f"deadline/{clock.id}/warn/{one.id}/{name}" for ticket in self.tickets() for clock in ticket.deadlines.values()
                for one in self.house.world.policy.escalations for name in clock.warned]  # fmt: skip
        if keys:
            for ticket in self.tickets():
                self.house.handle(TimerFired(ticket.number, keys[choice % len(keys)], self.house.now))

    @rule(minutes=st.sampled_from([1, 9, 45, 200, 1500, 5000]))
    def time_goes_on(self, minutes: int) -> None:
        self.house.wait(timedelta(minutes=minutes))

    @invariant()
    def every_state_is_the_replay_of_its_log(self) -> None:
        with self.house.store.read() as reader:
            # Receipts and timers come in here around the store, which would know them, so those invariants say nothing.
            assert [one for one in reader.integrity(evolve) if one.invariant not in ("I2", "I6")] == []

    @invariant()
    def clocks_and_ends_are_sound(self) -> None:
        for ticket in self.tickets():
            ended = ticket.state in ENDED
            assert (ticket.closed_at is not None) is ended
            for clock in ticket.deadlines.values():
                assert not (ended and clock.running and clock.kind not in OUTLIVE)
                assert clock.paused is (clock.due is None) or clock.stopped_at is not None
                if clock.breached_at is not None and clock.due is not None:
                    assert clock.breached_at >= clock.due
            self._log_is_sound(ticket.number)

    def _log_is_sound(self, number: str) -> None:
        """A clock's run ends in a breach, a stop or a drop, never in a breach and a drop; nothing of it happens after the end. Of one run
        nobody is warned twice at a threshold, and no step is taken twice in a round.
        """
        running: dict[str, bool] = {}
        seen: set[tuple[object, ...]] = set()
        runs: Counter[str] = Counter()
        with self.house.store.read() as reader:
            stored = reader.events(number)
        state: Ticket | None = None
        for one in stored:
            event = one.event
            if state is not None and state.state in ENDED:
                assert not isinstance(event, HOLD_ENDED) or event.id in OUTLIVE
            if isinstance(event, e.DeadlineWarned | e.Escalated):
                what = event.share if isinstance(event, e.DeadlineWarned) and event.before is None else getattr(event, "before", None)
                step = (event.escalation, event.step, event.round) if isinstance(event, e.Escalated) else ()
                once = (type(event), event.id, runs[event.id], what, step)
                assert once not in seen
                seen.add(once)
            if isinstance(event, e.DeadlineStarted):
                running[event.id] = False
                runs[event.id] += 1
            elif isinstance(event, e.DeadlineBreached):
                assert running[event.id] is False
                assert one.at >= event.due
                running[event.id] = True
            elif isinstance(event, e.DeadlineDropped):
                assert running.pop(event.id) is False
            state = evolve(state, event, one.at)

    @invariant()
    def numbers_are_unique_and_of_their_day(self) -> None:
        tickets = self.tickets()
        assert len({ticket.number for ticket in tickets}) == len(tickets)
        assert tickets[0].number == f"{WEDNESDAY:%Y%m%d}0001"

    @invariant()
    def no_follow_up_says_whom_it_is_about(self) -> None:
        for ticket in self.tickets():
            if ticket.kind == "follow_up":
                assert (ticket.customer, ticket.contact, ticket.parent) == (None, None, None)

    @invariant()
    def nobody_gets_more_than_the_limit(self) -> None:
        limits = self.house.world.policy.limits
        since = self.house.now - limits.within
        rows = [row for row in self.house.messages() if row.automatic and row.created_at >= since]
        counts = Counter(row.address for row in rows if row.next_attempt_at == row.created_at)  # the others wait to be gathered
        assert max(counts.values(), default=0) <= limits.per_agent


Days.TestCase.settings = settings(max_examples=scaled(200), stateful_step_count=25, deadline=None)
TestDays = Days.TestCase
