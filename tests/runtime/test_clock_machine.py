"""Clocks keep their laws whatever happens to ticket, tier, state, policy and the machine's own clock, in any order."""

from collections import Counter
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from engine.core import events as e
from engine.core.calendar import CalendarUnknown
from engine.core.compiled import Policy
from engine.core.lifecycle import evolve
from engine.core.model import Deadline, Ticket
from engine.core.signals import AgentActed
from engine.runtime import timers
from engine.store.rows import TicketQuery
from tests.core.worlds import MINUTE, House, a_step, changed, shipped
from tests.support.counts import scaled

ZERO = timedelta(0)
GENERAL = "budgets: {response: 2h, next_response: 4h, plan: 24h, progress: 24h}\n    calendar: 24x7"
IN_OFFICE_HOURS = ("sla.yaml", GENERAL, GENERAL.replace("24x7", "cn_office"))
SHORT = (
    "sla.yaml",
    "budgets: {response: 30m, next_response: 1h, plan: 4h, progress: 4h,",
    "budgets: {response: 5m, next_response: 1h, plan: 20m, progress: 10m,",
)
RESTART = ("sla.yaml", "on_tier_change: recompute", "on_tier_change: restart")
KEEP = ("sla.yaml", "on_tier_change: recompute", "on_tier_change: keep")
PAUSING = (
    "sla.yaml",
    "stops: [customer_contacted, result_reported, joined_incident]",
    "stops: [customer_contacted, result_reported, joined_incident]\n    pauses_in: [on_hold]",
)
POLICIES = {
    "shipped": (),
    "office hours": (IN_OFFICE_HOURS,),
    "short": (SHORT, PAUSING),
    "restart": (RESTART, IN_OFFICE_HOURS),
    "keep": (KEEP, SHORT),
}
ACTS = (
    ("tier", "urgent"),
    ("tier", "important"),
    ("tier", "general"),
    ("hold", None),
    ("hold", "waiting_customer"),
    ("resume", None),
    ("contact", None),
    ("progress", None),
    ("plan", None),
    ("resolve", None),
    ("object", None),
    ("reopen", None),
    ("close", None),
)
ABOUT_A_CLOCK = (e.DeadlineBreached, e.DeadlineWarned, e.DeadlineReminded, e.Escalated)


def policy_of(name: str) -> Policy:
    return changed(*POLICIES[name]) if POLICIES[name] else shipped()


class Clocks(RuleBasedStateMachine):
    """One house and a few tickets. The machine's clock may be set back or stand still for hours; the policy may be another one."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()

    def teardown(self) -> None:
        self.house.close()

    def tickets(self) -> list[Ticket]:
        with self.house.store.read() as reader:
            return sorted(reader.tickets(TicketQuery()), key=lambda ticket: ticket.number)

    @initialize(text=st.sampled_from(("系统宕机", "总是报错", "你好")))
    def open(self, text: str) -> None:
        self.house.mail(text)

    @rule(text=st.sampled_from(("系统宕机", "总是报错", "你好")))
    def another_ticket(self, text: str) -> None:
        self.house.sms(text)

    @rule(act=st.sampled_from(ACTS), choice=st.integers(0, 5), steps=st.integers(0, 1))
    def somebody_acts(self, act: tuple[str, str | None], choice: int, steps: int) -> None:
        tickets = self.tickets()
        number = tickets[choice % len(tickets)].number
        plan = tuple(a_step("步骤", self.house.now + 90 * MINUTE) for _ in range(steps)) if act[0] == "plan" else ()
        self.house.handle(AgentActed(number, act[0], "zhao", "words", act[1], steps=plan))

    @rule(to=st.sampled_from((None, "waiting_customer")), choice=st.integers(0, 5), minutes=st.sampled_from((0, 7, 60, 2000, -15)))
    def it_waits_for_a_while(self, to: str | None, choice: int, minutes: int) -> None:
        self.somebody_acts(("hold", to), choice, 0)
        if minutes < 0:
            self.house.now += minutes * MINUTE
        else:
            self.house.wait(minutes * MINUTE)
        self.somebody_acts(("resume", None), choice, 0)

    @rule(text=st.sampled_from(("Y", "N 还不行", "还有一个问题")), choice=st.integers(0, 5))
    def the_customer_replies(self, text: str, choice: int) -> None:
        tickets = self.tickets()
        self.house.mail(text, tickets[choice % len(tickets)].number)

    @rule(name=st.sampled_from(sorted(POLICIES)))
    def another_policy_is_in_force(self, name: str) -> None:
        self.house.world = replace(self.house.world, policy=policy_of(name))

    @rule(minutes=st.sampled_from((1, 5, 12, 40, 130, 700, 3000)))
    def time_goes_on(self, minutes: int) -> None:
        self.house.wait(minutes * MINUTE)

    @rule(minutes=st.sampled_from((3, 30, 600)))
    def the_engine_stands_still_and_then_does_what_is_due(self, minutes: int) -> None:
        self.house.now += minutes * MINUTE
        timers.fire(self.house.store, self.house.world, self.house.now, hold=False)

    @rule(minutes=st.sampled_from((1, 20, 90)))
    def the_clock_is_set_back(self, minutes: int) -> None:
        self.house.now -= minutes * MINUTE

    @invariant()
    def the_state_is_the_replay_of_its_log(self) -> None:
        with self.house.store.read() as reader:
            assert reader.integrity(evolve) == []
            assert reader.dead_timers(10) == []

    @invariant()
    def a_clock_is_due_after_its_start_and_what_it_used_is_never_negative(self) -> None:
        calendars = self.house.world.policy.calendars
        for ticket in self.tickets():
            for clock in ticket.deadlines.values():
                assert all(end is None or begin <= end for begin, end in clock.pauses)
                if clock.budget is None:
                    continue
                assert clock.due is None or clock.due >= clock.started_at
                try:
                    assert calendars[clock.calendar].elapsed(clock.started_at, self.house.now, clock.pauses) >= ZERO
                    if clock.due is not None:
                        assert calendars[clock.calendar].elapsed(clock.started_at, clock.due, clock.pauses) == clock.budget
                except CalendarUnknown:
                    assert self.house.now.year > 2027

    @invariant()
    def only_a_clock_that_runs_has_timers(self) -> None:
        for ticket in self.tickets():
            running = {clock.id for clock in ticket.deadlines.values() if clock.running and not clock.paused}
            for key in self.house.timer_keys(ticket.number):
                if key.startswith("deadline/"):
                    assert key.split("/")[1] in running, key

    @invariant()
    def what_was_cancelled_never_fires_and_nothing_fires_twice(self) -> None:
        for ticket in self.tickets():
            self._log_is_sound(ticket.number)
            with self.house.store.read() as reader:
                fired = [one.signal for one in reader.decisions(ticket.number) if one.signal_type == "timer_fired"]
            twice = [key for key, count in Counter((signal["key"], signal["due"]) for signal in fired).items() if count > 1]
            assert twice == []

    def _log_is_sound(self, number: str) -> None:
        state: Ticket | None = None
        breached: set[str] = set()
        with self.house.store.read() as reader:
            stored = reader.events(number)
        for one in stored:
            event = one.event
            if isinstance(event, e.DeadlineStarted):
                breached.discard(event.id)
            if isinstance(event, ABOUT_A_CLOCK):
                assert state is not None
                self._may_fire(state.deadlines[event.id], event)
            if isinstance(event, e.DeadlineBreached):
                assert event.id not in breached
                assert event.due <= one.at
                breached.add(event.id)
            state = evolve(state, event, one.at)

    def _may_fire(self, clock: Deadline, event: e.Event) -> None:
        assert clock.running, event
        assert not clock.paused, event
        if isinstance(event, e.Escalated):
            assert clock.breached_at is not None


Clocks.TestCase.settings = settings(max_examples=scaled(300, least=15), stateful_step_count=25, deadline=None)
TestClocks = Clocks.TestCase
