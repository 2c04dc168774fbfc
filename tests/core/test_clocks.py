"""The clocks of a ticket: started, stopped, paused, moved, breached, dropped, each exactly when it should."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import events as e
from engine.core.calendar import ALWAYS
from engine.core.compiled import Policy
from engine.core.decide import decide
from engine.core.model import Deadline, Ticket
from engine.core.signals import AgentActed, MessageArrived, TimerFired
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, a_step, at, changed, facts, opened, shipped

FOREVER = at("12-31 23:59")


def tier_change(mode: str) -> Policy:
    return changed(("sla.yaml", "on_tier_change: recompute", f"on_tier_change: {mode}"))


def a_ticket(text: str = "你好", policy: Policy | None = None, now: datetime = WEDNESDAY) -> Ticket:
    ticket = opened(text, policy, now).ticket
    assert ticket is not None
    return ticket


def act(ticket: Ticket, now: datetime, action: str, text: str = "words", policy: Policy | None = None, **more: object) -> Ticket:
    signal = AgentActed(ticket.number, action, "zhao", text, **more)  # type: ignore[arg-type]  # each test gives its own
    decision = decide(ticket, signal, facts(), policy or shipped(), now)
    assert decision.refused is None
    assert decision.ticket is not None
    return decision.ticket


def clock(ticket: Ticket, id: str) -> Deadline:
    return ticket.deadlines[id]


# ── pauses ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.integers(1, 600), min_size=1, max_size=8))
def test_a_due_instant_after_any_pauses_is_the_calendars(spans: list[int]) -> None:
    """Each span is so many minutes; after it the ticket is held or taken up again, in turns."""
    ticket, now = a_ticket(), WEDNESDAY
    pauses: list[tuple[datetime, datetime | None]] = []
    for position, minutes in enumerate(spans):
        now += minutes * MINUTE
        if now >= (clock(ticket, "plan").due or FOREVER):
            return
        ticket = act(ticket, now, "hold" if position % 2 == 0 else "resume")
        pauses = [*pauses, (now, None)] if position % 2 == 0 else [*pauses[:-1], (pauses[-1][0], now)]
        assert clock(ticket, "plan").due == ALWAYS.due(WEDNESDAY, 24 * HOUR, pauses)
        assert clock(ticket, "plan").pauses == tuple(pauses)
        assert clock(ticket, "response").due == WEDNESDAY + 2 * HOUR


def test_a_paused_clock_does_not_fire_and_fires_after_it_resumed() -> None:
    house = House()
    number = house.mail("总是报错")
    house.done(number, "contact")
    house.wait(2 * HOUR)
    house.done(number, "hold", text="等客户发截图", target="waiting_customer")
    assert clock(house.ticket(number), "plan").paused
    house.wait(3 * DAY)
    assert "deadline_breached" not in house.names(number)
    house.mail("截图在附件里", number)
    assert house.ticket(number).state == "in_progress"
    assert clock(house.ticket(number), "plan").due == house.now + 2 * HOUR
    house.wait(2 * HOUR)
    assert [event.id for event in house.log(number) if isinstance(event, e.DeadlineBreached)] == ["next_response", "plan"]


def test_a_clock_that_starts_while_the_ticket_waits_is_paused_at_once() -> None:
    ticket = act(a_ticket(), WEDNESDAY, "hold")
    ticket = act(ticket, WEDNESDAY + HOUR, "contact")
    assert clock(ticket, "progress").paused
    ticket = act(ticket, WEDNESDAY + 2 * HOUR, "resume")
    assert not clock(ticket, "progress").paused


def test_a_date_that_a_person_gave_stays_whatever_the_ticket_waits_for() -> None:
    policy = changed(("sla.yaml", "    due: plan_step.due", "    due: plan_step.due\n    pauses_in: [on_hold]"))
    due = WEDNESDAY + DAY
    ticket = act(a_ticket(policy=policy), WEDNESDAY, "plan", policy=policy, steps=(a_step("换货", due),))
    ticket = act(ticket, WEDNESDAY + HOUR, "hold", policy=policy)
    assert clock(ticket, "plan_step:1").due == due
    task = decide(None, MessageArrived(None, "email", "x"), facts(), policy, WEDNESDAY).ticket
    assert task is not None


@pytest.mark.parametrize("after", [24 * HOUR, 25 * HOUR])
def test_what_is_due_is_not_saved_by_a_pause(after: timedelta) -> None:
    ticket = act(a_ticket(), WEDNESDAY + after, "hold")
    assert not clock(ticket, "plan").paused
    breached = decide(ticket, TimerFired(ticket.number, "deadline/plan/breach", WEDNESDAY), facts(), shipped(), WEDNESDAY + 25 * HOUR)
    assert breached.ticket is not None
    assert clock(breached.ticket, "plan").met is False


# ── met, breached, dropped ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("after", "met"), [(2 * HOUR, True), (2 * HOUR + timedelta(seconds=1), False)])
def test_what_comes_late_is_a_breach_even_if_no_timer_had_the_time_to_fire(after: timedelta, met: bool) -> None:
    ticket = act(a_ticket(), WEDNESDAY + after, "contact")
    assert clock(ticket, "response").met is met
    assert clock(ticket, "response").stopped_at == WEDNESDAY + after


def test_progress_that_is_told_late_is_a_breach_and_starts_anew() -> None:
    ticket = act(a_ticket(), WEDNESDAY, "contact")
    due = clock(ticket, "progress").due
    assert due is not None
    signal = AgentActed(ticket.number, "progress", "zhao", "正在查")
    decision = decide(ticket, signal, facts(), shipped(), due + HOUR)
    names = [event.type for event in decision.events]
    assert names.index("deadline_breached") < names.index("deadline_started")
    assert decision.ticket is not None
    assert clock(decision.ticket, "progress").breached_at is None


def test_progress_told_in_time_starts_the_clock_anew() -> None:
    ticket = act(a_ticket(), WEDNESDAY, "contact")
    ticket = act(ticket, WEDNESDAY + HOUR, "progress")
    working = shipped().calendars["cn_office"]
    assert clock(ticket, "progress").due == working.due(WEDNESDAY + HOUR, 24 * HOUR)


@pytest.mark.parametrize("action", ["close", "resolve"])
def test_an_end_drops_what_was_not_due_and_keeps_what_was_breached(action: str) -> None:
    late = at("03-04 10:40")
    ticket = a_ticket("总是报错")
    decision = decide(ticket, AgentActed(ticket.number, action, "zhao", "done"), facts(), shipped(), late)
    kinds = [(event.type, event.id) for event in decision.events if isinstance(event, e.DeadlineBreached | e.DeadlineDropped)]
    dropped = [("deadline_dropped", "plan"), ("deadline_dropped", "resolution")]
    assert kinds == [("deadline_breached", "response"), *(dropped if action == "close" else [])]
    assert decision.ticket is not None
    assert clock(decision.ticket, "response").met is False
    assert clock(decision.ticket, "response").stopped_at == late


def test_an_ended_or_resolved_ticket_owes_no_progress_however_often_people_talk() -> None:
    house = House()
    number = house.resolved()
    house.done(number, "contact", text="客户来电")
    assert not clock(house.ticket(number), "progress").running
    house.mail("Y", number)
    house.done(number, "contact", text="客户再来电")
    assert [one.id for one in house.ticket(number).deadlines.values() if one.running] == ["survey_sending"]


def test_nothing_of_a_clock_fires_once_the_ticket_has_ended() -> None:
    house = House()
    number = house.mail("总是报错")
    house.done(number, "contact")
    house.done(number, "plan", text="更换", steps=(a_step("寄出", house.now + DAY),))
    house.done(number, "close", text="重复工单")
    before = house.log(number)
    house.wait(30 * DAY)
    assert house.log(number) == before
    assert house.timer_keys(number) == []


def test_a_timer_whose_matter_is_settled_changes_nothing() -> None:
    ticket = act(a_ticket(), WEDNESDAY + MINUTE, "contact")
    for key in ("deadline/response/breach", "deadline/gone/breach", "deadline/plan/breach", "deadline/plan/odd", "survey/send"):
        decision = decide(ticket, TimerFired(ticket.number, key, WEDNESDAY), facts(), shipped(), WEDNESDAY + HOUR)
        assert (decision.events, decision.refused) == ((), None)
    unknown = decide(ticket, TimerFired(ticket.number, "nonsense", WEDNESDAY), facts(), shipped(), WEDNESDAY)
    assert unknown.refused == "no timer is called 'nonsense'"


# ── the tier changes ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("mode", "response"), [("recompute", WEDNESDAY + 30 * MINUTE), ("restart", WEDNESDAY + 50 * MINUTE), ("keep", WEDNESDAY + 2 * HOUR)]
)
def test_a_new_tier_moves_the_clocks_as_the_policy_says(mode: str, response: datetime) -> None:
    policy = tier_change(mode)
    ticket = act(a_ticket(policy=policy), WEDNESDAY + 20 * MINUTE, "tier", policy=policy, target="important")
    assert clock(ticket, "response").due == response


@pytest.mark.parametrize("mode", ["recompute", "restart", "keep"])
def test_no_change_of_tier_takes_a_breach_back(mode: str) -> None:
    policy = tier_change(mode)
    now = WEDNESDAY + 3 * HOUR
    unnoticed = act(a_ticket(policy=policy), now, "tier", policy=policy, target="important")
    assert clock(unnoticed, "response").due == WEDNESDAY + 2 * HOUR
    fired = TimerFired(unnoticed.number, "deadline/response/breach", WEDNESDAY)
    breached = decide(unnoticed, fired, facts(), policy, now).ticket
    assert breached is not None
    again = act(breached, now + MINUTE, "tier", policy=policy, target="general")
    assert clock(again, "response").met is False


@pytest.mark.parametrize(("mode", "left"), [("recompute", 3 * HOUR), ("restart", 4 * HOUR)])
def test_a_clock_that_is_paused_when_the_tier_changes_goes_on_afterwards(mode: str, left: timedelta) -> None:
    policy = tier_change(mode)
    ticket = act(a_ticket(policy=policy), WEDNESDAY + HOUR, "hold", policy=policy)
    ticket = act(ticket, WEDNESDAY + 2 * HOUR, "tier", policy=policy, target="important")
    assert clock(ticket, "plan").due is None
    ticket = act(ticket, WEDNESDAY + 5 * HOUR, "resume", policy=policy)
    assert clock(ticket, "plan").due == WEDNESDAY + 5 * HOUR + left


@pytest.mark.parametrize("mode", ["recompute", "restart"])
def test_pauses_before_the_change_count_only_where_the_clock_goes_on(mode: str) -> None:
    policy = tier_change(mode)
    ticket = act(a_ticket(policy=policy), WEDNESDAY, "hold", policy=policy)
    ticket = act(ticket, WEDNESDAY + HOUR, "resume", policy=policy)
    ticket = act(ticket, WEDNESDAY + 2 * HOUR, "tier", policy=policy, target="important")
    assert clock(ticket, "plan").due == WEDNESDAY + (5 if mode == "recompute" else 6) * HOUR


def test_a_tier_with_the_same_budget_moves_nothing() -> None:
    policy = changed(("sla.yaml", "next_response: 4h, plan: 24h, progress: 24h}", "plan: 4h}"))
    ticket = act(a_ticket(policy=policy), WEDNESDAY, "tier", policy=policy, target="important")
    assert clock(ticket, "plan").due == WEDNESDAY + 4 * HOUR


def test_a_tier_that_promises_less_leaves_the_clock_it_does_not_know() -> None:
    policy = changed(("sla.yaml", "plan: 4h, progress: 4h, resolution: 48h}", "plan: 4h}"))
    ticket = act(a_ticket(policy=policy), WEDNESDAY, "contact", policy=policy)
    due = clock(ticket, "progress").due
    ticket = act(ticket, WEDNESDAY, "tier", policy=policy, target="important")
    assert clock(ticket, "progress").due == due
    fresh = act(a_ticket("总是报错", policy), WEDNESDAY, "contact", policy=policy)
    assert "progress" not in fresh.deadlines


def test_a_clock_that_is_moved_warns_only_of_what_is_still_ahead() -> None:
    house = House()
    number = house.mail("你好")
    house.wait(20 * MINUTE)
    house.done(number, "tier", text="客户着急", target="important")
    assert [key for key in house.timer_keys(number) if key.startswith("deadline/response/warn")] == [
        "deadline/response/warn/response-and-plan/0.8"
    ]


def test_nobody_is_reminded_after_the_matter_is_over() -> None:
    kind = replace(shipped().deadlines["confirmation"], remind=(DAY, 4 * DAY))
    house = House(replace(shipped(), deadlines={**shipped().deadlines, "confirmation": kind}))
    number = house.resolved()
    assert [key for key in house.timer_keys(number) if "remind" in key] == ["deadline/confirmation/remind/0"]


# ── the work goes round again ───────────────────────────────────────────────────────────────────────────────────────


def test_an_objection_starts_response_and_plan_anew() -> None:
    house = House()
    number = house.resolved()
    house.wait(2 * HOUR)
    house.mail("N 发票抬头不对", number)
    ticket = house.ticket(number)
    assert (ticket.state, ticket.objections) == ("in_progress", 1)
    assert clock(ticket, "response").due == house.now + 2 * HOUR
    assert clock(ticket, "plan").due == house.now + 24 * HOUR
    assert not clock(ticket, "confirmation").running


def test_a_result_taken_back_by_an_agent_is_not_closed_for_want_of_an_answer() -> None:
    house = House()
    number = house.resolved()
    house.done(number, "reopen", text="发错了结果")
    house.done(number, "contact")
    house.done(number, "hold")
    house.wait(4 * DAY)
    assert house.ticket(number).state == "on_hold"


# ── plan steps ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_step_of_a_plan_has_its_clock_and_stops_it_alone() -> None:
    steps = (a_step("检测", WEDNESDAY + DAY), a_step("更换", WEDNESDAY + 2 * DAY))
    ticket = act(a_ticket(), WEDNESDAY, "plan", steps=steps)
    assert [clock(ticket, f"plan_step:{n}").due for n in "12"] == [WEDNESDAY + DAY, WEDNESDAY + 2 * DAY]
    ticket = act(ticket, WEDNESDAY + HOUR, "done", target="1")
    assert [clock(ticket, f"plan_step:{n}").running for n in "12"] == [False, True]
    assert ticket.plan is not None
    assert [step.done_at is not None for step in ticket.plan.steps] == [True, False]
    refused = decide(ticket, AgentActed(ticket.number, "done", "zhao", target="1"), facts(), shipped(), WEDNESDAY)
    assert refused.refused == "the plan has no open step '1'; open are: 2"


def test_a_new_plan_forgets_the_clocks_of_the_old_ones_steps() -> None:
    three = tuple(a_step(f"第{n}步", WEDNESDAY + n * HOUR) for n in (1, 2, 3))
    ticket = act(a_ticket(), WEDNESDAY, "plan", steps=three)
    ticket = act(ticket, WEDNESDAY + 90 * MINUTE, "plan", steps=(a_step("直接更换", WEDNESDAY + DAY),))
    assert {id: (one.running, one.met) for id, one in ticket.deadlines.items() if one.kind == "plan_step"} == {"plan_step:1": (True, None)}


def test_the_breach_of_an_old_plans_step_stays_in_the_log() -> None:
    house = House()
    number = house.mail("我要退货")
    house.done(number, "plan", text="换货", steps=(a_step("寄出", house.now + HOUR),))
    house.wait(2 * HOUR)
    house.done(number, "plan", text="退款")
    assert clock(house.ticket(number), "plan_step:1").met is False
    assert not clock(house.ticket(number), "plan_step:1").running


def test_an_event_that_names_no_step_stops_the_clocks_of_all() -> None:
    policy = changed(("sla.yaml", "    stops: plan_step_done", "    stops: [plan_step_done, result_reported]"))
    steps = (a_step("检测", WEDNESDAY + DAY), a_step("更换", WEDNESDAY + 2 * DAY))
    ticket = act(a_ticket(policy=policy), WEDNESDAY, "plan", policy=policy, steps=steps)
    ticket = act(ticket, WEDNESDAY + HOUR, "resolve", policy=policy)
    assert {one.met for one in ticket.deadlines.values() if one.kind == "plan_step"} == {True}


def test_a_step_in_the_past_is_no_plan() -> None:
    ticket = a_ticket()
    signal = AgentActed(ticket.number, "plan", "zhao", "换货", steps=(a_step("寄出", WEDNESDAY),))
    assert "due in the past" in str(decide(ticket, signal, facts(), shipped(), WEDNESDAY).refused)


# ── the policy changed under the ticket ─────────────────────────────────────────────────────────────────────────────


def without(policy: Policy, *kinds: str) -> Policy:
    deadlines = {name: kind for name, kind in policy.deadlines.items() if name not in kinds}
    return replace(policy, deadlines=deadlines, calendars={"24x7": ALWAYS}, tiers=policy.tiers[1:])


def test_an_open_ticket_keeps_its_promises_when_the_policy_forgets_their_kind_calendar_and_tier() -> None:
    ticket = act(a_ticket("系统宕机"), WEDNESDAY, "contact")
    later = without(shipped(), "plan")
    ticket = act(ticket, WEDNESDAY + MINUTE, "hold", policy=later)
    assert clock(ticket, "plan").due == WEDNESDAY + 2 * HOUR
    ticket = act(ticket, WEDNESDAY + 2 * MINUTE, "resume", policy=later)
    assert clock(ticket, "progress").due == WEDNESDAY + 61 * MINUTE
    fired = TimerFired(ticket.number, "deadline/plan/breach", WEDNESDAY)
    breached = decide(ticket, fired, facts(), later, WEDNESDAY + 3 * HOUR)
    assert breached.ticket is not None
    assert clock(breached.ticket, "plan").met is False
    closed = act(breached.ticket, WEDNESDAY + 4 * HOUR, "close", policy=later)
    assert [one.id for one in closed.deadlines.values() if one.running] == []


def test_a_clock_paused_under_the_old_policy_goes_on_under_one_that_knows_no_such_pause() -> None:
    ticket = act(a_ticket(), WEDNESDAY, "hold")
    later = without(shipped(), "plan")
    ticket = act(ticket, WEDNESDAY + HOUR, "resume", policy=later)
    assert clock(ticket, "plan").due == WEDNESDAY + 25 * HOUR


@given(st.integers(0, 60 * 24 * 6), st.sampled_from(["contact", "plan", "resolve", "close", "hold", "progress"]))
def test_whenever_something_is_done_a_clock_is_met_breached_or_dropped_but_never_two_of_them(minutes: int, action: str) -> None:
    ticket = act(a_ticket("总是报错"), WEDNESDAY, "note")
    now = WEDNESDAY + minutes * MINUTE
    decision = decide(ticket, AgentActed(ticket.number, action, "zhao", "words"), facts(), shipped(), now)
    ended: dict[str, list[str]] = {}
    for event in decision.events:
        if isinstance(event, e.DeadlineBreached | e.DeadlineDropped):
            ended.setdefault(event.id, []).append(event.type)
    assert all(len(types) == 1 for types in ended.values())
    assert decision.ticket is not None
    for one in decision.ticket.deadlines.values():
        if one.stopped_at is not None and one.due is not None:
            assert one.met is (one.stopped_at <= one.due)
