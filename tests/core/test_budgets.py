"""Which budget a clock gets on which calendar, and how it follows what that hangs on: tier, queue, customer, calendar."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import events as e
from engine.core.calendar import ALWAYS
from engine.core.compiled import Policy
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.facts import CustomerFacts
from engine.core.lifecycle import evolve
from engine.core.model import Deadline, Ticket
from engine.core.signals import AgentActed, CustomerChanged, MessageArrived, TimerFired
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, changed, facts, opened, rules_of, shipped

VIP = CustomerFacts("C000001", known=True, segment="vip")
PLAN = """    pauses_in: [waiting_customer, waiting_supplier, on_hold]
  resolution: """


def with_budgets(*budgets: str, plan: str = "", **changes: str) -> Policy:
    """The shipped policy with these budgets for plans, other keys of plans, and other answers to changes."""
    lines = "".join(f"      - {budget}\n" for budget in budgets)
    entry = f"    budgets:\n{lines}" if budgets else ""
    new = PLAN.replace("  resolution: ", f"{plan}{entry}  resolution: ")
    words = [("sla.yaml", f"{key}: recompute", f"{key}: {value}") for key, value in changes.items()]
    return changed(("sla.yaml", PLAN, new), *words)


def plan_of(decision: Decision) -> Deadline:
    assert decision.refused is None
    assert decision.ticket is not None
    return decision.ticket.deadlines["plan"]


def due(decision: Decision) -> timedelta:
    found = plan_of(decision).due
    assert found is not None
    return found - WEDNESDAY


def acted(ticket: Ticket | None, policy: Policy, now: datetime, action: str, **more: object) -> Decision:
    assert ticket is not None
    signal = AgentActed(ticket.number, action, "zhao", "words", **more)  # type: ignore[arg-type]  # each test gives its own
    return decide(ticket, signal, facts(), policy, now)


# ── which budget ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "held", "other"),
    [
        ("ticket.tier", "general", "urgent"),
        ("ticket.kind", "suggestion", "complaint"),
        ("ticket.channel", "email", "sms"),
        ("ticket.queue", "product", "finance"),
        ("customer.segment", "vip", "new"),
    ],
)
def test_a_budget_may_hang_on_tier_kind_channel_queue_and_segment(field: str, held: str, other: str) -> None:
    for value, budget in ((held, 3 * HOUR), (other, 24 * HOUR)):
        policy = with_budgets(f"{{when: {{field: {field}, is: {value}}}, budget: 3h}}")
        assert due(opened("建议增加夜间模式", policy, customer=VIP)) == budget
    both = with_budgets(f"{{when: [{{field: {field}, is: {held}}}, {{field: ticket.channel, is: sms}}], budget: 3h}}")
    assert due(opened("建议增加夜间模式", both, customer=VIP)) == 24 * HOUR


def test_the_first_budget_that_holds_counts_before_the_tiers_and_the_kinds() -> None:
    policy = with_budgets(
        "{when: {field: ticket.channel, is: sms}, budget: 1h}",
        "{when: {field: ticket.kind, is: inquiry}, budget: 2h}",
        "{when: {field: ticket.channel, is: email}, budget: 3h}",
        plan="    budget: 9h\n",
    )
    assert due(opened("你好", policy)) == 2 * HOUR
    assert due(opened("我要退货", policy)) == 3 * HOUR
    assert due(opened("我要退货", policy, channel="phone_log")) == 4 * HOUR  # the tier's
    bare = changed(
        ("sla.yaml", PLAN, PLAN.replace("  resolution: ", "    budget: 9h\n  resolution: ")),
        ("sla.yaml", "plan: 24h, progress: 24h", "progress: 24h"),
    )
    assert due(opened("你好", bare)) == 9 * HOUR


def test_a_budget_may_have_a_calendar_of_its_own() -> None:
    policy = with_budgets("{when: {field: ticket.kind, is: inquiry}, budget: 8h, calendar: cn_office}")
    assert plan_of(opened("你好", policy)).due == policy.calendars["cn_office"].due(WEDNESDAY, 8 * HOUR)
    assert plan_of(opened("我要退货", policy)).calendar == "24x7"


def test_the_rule_that_gave_the_budget_is_told_with_its_place_and_what_it_saw() -> None:
    policy = with_budgets("{when: {field: ticket.kind, is: complaint}, budget: 2h}", "{when: {use: vip}, budget: 3h}")
    decision = opened("你好", policy, customer=VIP)
    [reason] = [one for one in decision.reasons if one.decided == "deadline plan"]
    assert reason.rule == "plan.budget.2"
    assert reason.source is not None
    assert reason.source.path == "deadlines.plan.budgets[1]"
    assert [rule for rule, _ in reason.asked.traces] == ["plan.budget.1", "plan.budget.2"]
    [(_, first), (_, second)] = reason.asked.traces
    assert (first.result, second.result) == (False, True)
    general = opened("你好", policy)
    [reason] = [one for one in general.reasons if one.decided == "deadline plan"]
    assert (reason.rule, len(reason.asked.nearest)) == ("tier general", 2)


# ── the queue's calendar ────────────────────────────────────────────────────────────────────────────────────────────


def queue_calendars() -> Policy:
    """Plans count on the calendar of the queue, which is office time but for technical support."""
    leads = ("lead: sun", "Product}, lead: zhou", "Finance}, lead: zhou", "lead: li")
    queues = [("routing.yaml", lead, f"{lead}, calendar: cn_office") for lead in leads]
    queues.append(("routing.yaml", "lead: zhao\n", "lead: zhao\n    calendar: cn_office\n"))
    return changed(("sla.yaml", PLAN, PLAN.replace("  resolution: ", "    calendar: queue\n  resolution: ")), *queues)


def test_a_clock_on_its_queues_calendar_knows_it_once_the_ticket_is_in_the_queue() -> None:
    policy = queue_calendars()
    office = policy.calendars["cn_office"]
    decision = opened("你好", policy)
    assert (plan_of(decision).calendar, plan_of(decision).due) == ("cn_office", office.due(WEDNESDAY, 24 * HOUR))
    assert rules_of(decision)["deadline plan moved"] == "on_queue_change: recompute"
    assert plan_of(opened("系统宕机", policy)).calendar == "24x7"
    told = decision.ticket.promised if decision.ticket else {}
    assert told["plan"] == office.due(WEDNESDAY, 24 * HOUR)


def test_a_ticket_that_goes_to_another_queue_takes_its_calendar() -> None:
    policy = queue_calendars()
    ticket = opened("你好", policy).ticket
    decision = acted(ticket, policy, WEDNESDAY + HOUR, "assign", target="tech_support")
    assert (plan_of(decision).calendar, due(decision)) == ("24x7", 24 * HOUR)


# ── changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

QUEUE = "{when: {field: ticket.queue, is: finance}, budget: 3h}"


@pytest.mark.parametrize(("mode", "expected"), [("recompute", 3 * HOUR), ("restart", 4 * HOUR), ("keep", 24 * HOUR)])
def test_a_change_of_queue_moves_the_clocks_as_the_policy_says(mode: str, expected: timedelta) -> None:
    policy = with_budgets(QUEUE, on_queue_change=mode)
    decision = acted(opened("你好", policy).ticket, policy, WEDNESDAY + HOUR, "assign", target="finance")
    assert due(decision) == expected


@pytest.mark.parametrize("mode", ["recompute", "restart", "keep"])
def test_the_queue_that_a_ticket_comes_into_first_is_no_change(mode: str) -> None:
    assert due(opened("发票怎么开", with_budgets(QUEUE, on_queue_change=mode))) == 3 * HOUR


def test_a_restart_counts_from_now_on_also_where_the_budget_stays() -> None:
    policy = with_budgets(on_queue_change="restart")
    decision = acted(opened("你好", policy).ticket, policy, WEDNESDAY + HOUR, "assign", target="finance")
    assert due(decision) == 25 * HOUR
    again = acted(decision.ticket, policy, WEDNESDAY + 2 * HOUR, "assign", target="finance")
    assert due(again) == 25 * HOUR


@pytest.mark.parametrize(("mode", "expected"), [("recompute", 3 * HOUR), ("restart", 4 * HOUR), ("keep", 24 * HOUR)])
def test_a_change_of_the_customer_moves_the_clocks_as_the_policy_says(mode: str, expected: timedelta) -> None:
    policy = with_budgets("{when: {use: vip}, budget: 3h}", on_customer_change=mode)
    ticket = opened("你好", policy).ticket
    assert ticket is not None
    decision = decide(ticket, CustomerChanged(ticket.number, VIP.id), facts(customer=VIP), policy, WEDNESDAY + HOUR)
    assert due(decision) == expected
    assert decision.events[0] == e.CustomerChanged(VIP.id)


def test_a_ticket_can_be_given_to_another_customer_who_is_known() -> None:
    ticket = opened("你好").ticket
    assert ticket is not None
    other = replace(VIP, id="C000009")
    decision = decide(ticket, CustomerChanged(ticket.number, "C000009", "zhao"), facts(customer=other), shipped(), WEDNESDAY)
    assert decision.ticket is not None
    assert decision.ticket.customer == "C000009"
    for nobody in (None, VIP):
        refused = decide(ticket, CustomerChanged(ticket.number, "C000009"), facts(customer=nobody), shipped(), WEDNESDAY)
        assert refused.refused == "there is no customer 'C000009'; `engine customer list` shows them"


ON_OFFICE_TIME = "    calendar: cn_office\n"
CALENDARS = "calendars"


def look_again(ticket: Ticket | None, policy: Policy, now: datetime) -> Decision:
    assert ticket is not None
    return decide(ticket, TimerFired(ticket.number, CALENDARS, now), facts(), policy, now)


@pytest.mark.parametrize(("mode", "expected"), [("recompute", 24 * HOUR), ("restart", 25 * HOUR), ("keep", None)])
def test_a_calendar_that_changes_moves_the_clocks_that_count_on_it(mode: str, expected: timedelta | None) -> None:
    before = with_budgets(plan=ON_OFFICE_TIME, on_calendar_change=mode)
    ticket = opened("你好", before).ticket
    after = replace(before, calendars={**before.calendars, "cn_office": ALWAYS})
    decision = look_again(ticket, after, WEDNESDAY + HOUR)
    assert plan_of(decision).due == (before.calendars["cn_office"].due(WEDNESDAY, 24 * HOUR) if expected is None else WEDNESDAY + expected)
    moved = [event.id for event in decision.events if isinstance(event, e.DeadlineMoved)]
    assert moved == ([] if expected is None else ["plan"])


def test_a_calendar_that_stays_moves_nothing_and_budgets_that_changed_are_no_matter() -> None:
    before = with_budgets(plan=ON_OFFICE_TIME)
    ticket = opened("你好", before).ticket
    kind = replace(before.deadlines["plan"], budgets=())
    tiers = tuple(replace(tier, budgets={"plan": HOUR}) for tier in before.tiers)
    after = replace(before, tiers=tiers, deadlines={**before.deadlines, "plan": kind})
    assert look_again(ticket, after, WEDNESDAY + HOUR).events == ()


def test_a_clock_that_is_paused_looks_at_its_calendar_when_it_goes_on() -> None:
    before = with_budgets(plan=ON_OFFICE_TIME)
    ticket = acted(opened("你好", before).ticket, before, WEDNESDAY + HOUR, "hold").ticket
    after = replace(before, calendars={**before.calendars, "cn_office": ALWAYS})
    assert look_again(ticket, after, WEDNESDAY + HOUR).events == ()
    assert due(acted(ticket, after, WEDNESDAY + 2 * HOUR, "resume")) == 25 * HOUR


# ── breaches ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_change_breaches_at_once_is_said_once_and_never_warned_of() -> None:
    house = House()
    number = house.mail("你好")
    house.wait(3 * HOUR)
    assert [event.id for event in house.log(number) if isinstance(event, e.DeadlineBreached)] == ["response"]
    house.done(number, "tier", text="全公司停摆", target="urgent")
    before = len(house.log(number))
    house.wait(HOUR)
    after = house.log(number)[before:]
    assert [event.id for event in after if isinstance(event, e.DeadlineBreached)] == ["plan"]
    assert [event.id for event in after if isinstance(event, e.DeadlineWarned)] == []
    first = [event for event in after if isinstance(event, e.Escalated) and (event.id, event.step) == ("plan", 0)]
    assert len(first) == 1
    house.wait(DAY)
    assert [event.id for event in house.log(number)[before:] if isinstance(event, e.DeadlineBreached)].count("plan") == 1


@pytest.mark.parametrize("mode", ["recompute", "restart", "keep"])
def test_no_change_takes_a_breach_back(mode: str) -> None:
    policy = with_budgets(QUEUE, on_queue_change=mode, on_customer_change=mode, on_calendar_change=mode)
    house = House(policy)
    number = house.mail("你好")
    house.wait(25 * HOUR)
    late = house.ticket(number).deadlines["plan"]
    assert late.met is False
    house.done(number, "assign", target="finance")
    assert house.ticket(number).deadlines["plan"] == late


def test_a_promise_that_is_made_no_more_stays_as_it_was_given() -> None:
    tiers = tuple(replace(tier, budgets={"response": HOUR}) if tier.id == "important" else tier for tier in shipped().tiers)
    decision = acted(opened("你好").ticket, replace(shipped(), tiers=tiers), WEDNESDAY + HOUR, "tier", target="important")
    assert due(decision) == 24 * HOUR


# ── the customer writes on ──────────────────────────────────────────────────────────────────────────────────────────


def answered(text: str = "你好") -> tuple[House, str]:
    """A ticket whose customer was contacted."""
    house = House()
    number = house.mail(text)
    house.done(number, "contact", text="了解情况")
    return house, number


def next_response(house: House, number: str) -> Deadline | None:
    return house.ticket(number).deadlines.get("next_response")


def test_the_next_response_counts_from_the_oldest_message_that_nobody_answered() -> None:
    house, number = answered()
    house.wait(10 * MINUTE)
    first = house.now
    house.mail("还有一个问题", number)
    house.wait(HOUR)
    house.mail("在吗", number)
    clock = next_response(house, number)
    assert clock is not None
    assert (clock.started_at, clock.due) == (first, first + 4 * HOUR)
    house.done(number, "write", text="明天给您答复")
    clock = next_response(house, number)
    assert clock is not None
    assert clock.met
    house.mail("好的,明天几点?", number)
    clock = next_response(house, number)
    assert clock is not None
    assert (clock.running, clock.started_at) == (True, house.now)


def test_before_the_first_contact_the_first_response_is_what_we_owe() -> None:
    house = House()
    number = house.mail("你好")
    house.mail("在吗", number)
    assert next_response(house, number) is None


@pytest.mark.parametrize(
    ("action", "stops"),
    [("contact", True), ("write", True), ("plan", True), ("progress", True), ("resolve", True), ("note", False), ("hold", False)],
)
def test_what_answers_a_customer(action: str, stops: bool) -> None:
    house, number = answered()
    house.mail("还有一个问题", number)
    house.done(number, action, text="明天上门")
    clock = next_response(house, number)
    assert clock is not None
    assert clock.running is not stops


def test_that_we_are_at_it_answers_nobody() -> None:
    house, number = answered("总是报错")
    house.done(number, "plan", text="更换")
    house.mail("那什么时候来", number)
    house.wait(8 * HOUR)
    assert "progress_reported" in house.names(number)
    clock = next_response(house, number)
    assert clock is not None
    assert clock.running


def test_an_automats_words_and_an_agents_refused_mail_ask_for_nothing() -> None:
    house, number = answered()
    house.mail("我正在休假", number, automatic=True)
    house.mail("不认识的命令", number, by="wang")
    assert next_response(house, number) is None


def test_a_vip_is_answered_sooner_and_some_departments_answer_in_office_hours() -> None:
    ticket = opened("请问周末营业吗", customer=VIP).ticket
    assert ticket is not None
    ticket = acted(ticket, shipped(), WEDNESDAY, "contact").ticket
    assert ticket is not None
    mail = MessageArrived(ticket.number, "email", "在吗", trusted=True)
    asked = decide(ticket, mail, facts(customer=VIP), shipped(), WEDNESDAY).ticket
    assert asked is not None
    assert asked.deadlines["next_response"].due == WEDNESDAY + 15 * MINUTE
    moved = acted(decide(ticket, mail, facts(), shipped(), WEDNESDAY).ticket, shipped(), WEDNESDAY, "assign", target="finance").ticket
    assert moved is not None
    assert moved.deadlines["next_response"].due == shipped().calendars["cn_office"].due(WEDNESDAY, 4 * HOUR)


def test_what_the_customer_writes_after_the_result_wants_an_answer_too() -> None:
    house = House()
    number = house.resolved()
    house.mail("顺便问一下,下个月还能开吗", number)
    clock = next_response(house, number)
    assert clock is not None
    assert clock.running


# ── thanks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["谢谢", "非常感谢,辛苦了!", "Thank you very much :)", "ＴＨＡＮＫＳ", "谢谢🙏"])
def test_mere_thanks_start_nothing_reopen_nothing_and_object_to_nothing(text: str) -> None:
    house, number = answered()
    house.mail(text, number)
    assert next_response(house, number) is None
    house.done(number, "hold", target="waiting_customer")
    house.mail(text, number)
    assert house.ticket(number).state == "waiting_customer"
    house.done(number, "resume")
    house.done(number, "resolve", text="已处理")
    house.mail(text, number)
    assert (house.ticket(number).state, house.ticket(number).objections) == ("resolved", 0)
    house.mail("Y", number)
    house.mail(text, number)
    assert (house.ticket(number).state, house.ticket(number).reopened) == ("confirmed", 0)


@pytest.mark.parametrize("text", ["谢谢,还有一个问题", "谢谢?", "thanks but it is still broken", "好的", "", "谢谢" * 101])
def test_more_than_thanks_is_more(text: str) -> None:
    house, number = answered()
    house.mail(text or "。", number)
    assert next_response(house, number) is not None


def test_thanks_that_begin_like_a_no_are_no_objection() -> None:
    policy = replace(shipped(), replies=replace(shipped().replies, thanks=("no problem",)))
    house = House(policy)
    number = house.resolved()
    house.mail("No problem!", number)
    assert house.ticket(number).state == "resolved"
    house.mail("No, it is a problem", number)
    assert house.ticket(number).state == "in_progress"


def test_thanks_with_a_file_are_more_than_thanks() -> None:
    ticket = acted(opened("你好").ticket, shipped(), WEDNESDAY, "contact").ticket
    assert ticket is not None
    mail = MessageArrived(ticket.number, "email", "谢谢", trusted=True, attachments=(("ab12", "照片.jpg"),))
    asked = decide(ticket, mail, facts(), shipped(), WEDNESDAY).ticket
    assert asked is not None
    assert "next_response" in asked.deadlines


def test_thanks_by_text_message_after_the_end_are_no_new_need() -> None:
    house = House()
    number = house.sms("请问几点开门")
    assert number is not None
    house.done(number, "resolve", text="九点")
    house.sms("Y")
    assert house.sms("谢谢!") == number
    assert house.ticket(number).state == "confirmed"
    assert house.sms("请问几点关门") != number


def test_an_agents_thanks_are_sent_and_move_no_clock() -> None:
    house, number = answered()
    house.mail("还有一个问题", number)
    progress = house.ticket(number).deadlines["progress"]
    house.wait(HOUR)
    house.done(number, "write", text="不客气")
    assert house.words(house.messages(number, "customer")[-1]).startswith("不客气")
    clock = next_response(house, number)
    assert clock is not None
    assert clock.running
    assert house.ticket(number).deadlines["progress"] == progress


@given(st.text(max_size=300))
def test_any_words_are_read_without_fault(text: str) -> None:
    ticket = acted(opened("你好").ticket, shipped(), WEDNESDAY, "contact").ticket
    assert ticket is not None
    decide(ticket, MessageArrived(ticket.number, "email", text, trusted=True), facts(), shipped(), WEDNESDAY)


# ── sending the survey, waiting for suppliers ───────────────────────────────────────────────────────────────────────


def test_the_survey_must_be_sent_within_a_day_and_its_clock_runs_after_the_end() -> None:
    house = House()
    number = house.confirmed()
    clock = house.ticket(number).deadlines["survey_sending"]
    assert (clock.running, clock.due) == (True, house.now + DAY)
    house.wait(2 * HOUR)
    assert house.ticket(number).deadlines["survey_sending"].met


def test_a_survey_that_is_not_sent_is_neither_met_nor_missed() -> None:
    house = House()
    number = house.confirmed()
    house.mail("没解决,又出现了", number)
    assert "survey_sending" not in house.ticket(number).deadlines
    again = house.confirmed()
    house.mail("退订", again)
    house.wait(2 * DAY)
    assert "survey_sending" not in house.ticket(again).deadlines


def test_a_survey_that_comes_late_is_missed() -> None:
    policy = changed(("sla.yaml", "    stops: [survey_sent, survey_skipped]\n    budget: 24h", "    stops: [survey_sent]\n    budget: 30m"))
    house = House(policy)
    number = house.confirmed()
    house.wait(2 * HOUR)
    assert house.ticket(number).deadlines["survey_sending"].met is False


def test_waiting_for_a_supplier_pauses_like_any_waiting() -> None:
    house, number = answered()
    house.done(number, "hold", target="waiting_supplier", text="等备件")
    clocks = house.ticket(number).deadlines
    assert sorted(id for id, one in clocks.items() if one.paused) == ["plan", "progress", "resolution"]
    house.mail("到了吗", number)
    assert house.ticket(number).state == "waiting_supplier"
    house.wait(5 * HOUR)
    house.done(number, "resume")
    assert house.ticket(number).deadlines["plan"].due == WEDNESDAY + 29 * HOUR
    assert "not as 'waiting_moon'" in str(house.act(number, "hold", target="waiting_moon").refused)


# ── whatever happens ────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["tier", "queue", "vip", "hold", "resume", "calendar"])), max_size=8))
def test_no_change_makes_a_clock_due_before_it_started_or_the_log_differ_from_the_state(steps: list[tuple[int, str]]) -> None:
    policy = with_budgets(QUEUE, "{when: {use: vip}, budget: 5h, calendar: cn_office}")
    ticket, now, queues = opened("你好", policy).ticket, WEDNESDAY, ["finance", "front_desk", "product"]
    tiers = ["important", "urgent", "general"]
    assert ticket is not None
    for position, (minutes, what) in enumerate(steps):
        now += minutes * MINUTE
        match what:
            case "tier":
                decision = acted(ticket, policy, now, "tier", target=tiers[position % 3])
            case "queue":
                decision = acted(ticket, policy, now, "assign", target=queues[position % 3])
            case "vip":
                known = replace(VIP, segment="vip" if position % 2 else None)
                decision = decide(ticket, CustomerChanged(ticket.number, VIP.id), facts(customer=known), policy, now)
            case "calendar":
                policy = replace(policy, calendars={**policy.calendars, "cn_office": ALWAYS})
                decision = look_again(ticket, policy, now)
            case _:
                decision = acted(ticket, policy, now, what)
        breached = {id: one.breached_at for id, one in ticket.deadlines.items() if one.breached_at}
        replayed: Ticket | None = ticket
        for event in decision.events:
            replayed = evolve(replayed, event, now)
        if decision.refused is None and decision.ticket is not None:
            assert replayed == decision.ticket
            ticket = decision.ticket
        assert all(ticket.deadlines[id].breached_at == when for id, when in breached.items())
        assert all(one.due is None or one.due >= one.started_at for one in ticket.deadlines.values())


def test_thanks_of_the_shipped_policy_stand_alone() -> None:
    """No word is made of the others: each says something of its own."""
    words = [word.replace(" ", "").replace("'", "") for word in shipped().replies.thanks]
    for word in words:
        others, reached = [other for other in words if other != word], {0}
        for start in range(len(word)):
            if start in reached:
                reached |= {start + len(other) for other in others if word.startswith(other, start)}
        assert len(word) not in reached, word
