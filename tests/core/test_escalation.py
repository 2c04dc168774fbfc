"""Warnings before a deadline, what follows after it, and who hears of it."""

import pytest
from msgspec import structs
from msgspec.structs import replace

from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.decide import decide
from engine.core.signals import TimerFired
from engine.store.rows import TicketQuery
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, a_step, at, changed, facts, opened, shipped

STEPS = """\
      - {at: breach, notify: [assignee, queue.lead], script: breach_notice}
      - {at: +30m, notify: [{to: manager, channel: sms}], reassign: true}"""


def escalating(steps: str) -> Policy:
    return changed(("sla.yaml", STEPS, f"      - {steps}"))


def heard(house: House, number: str, script: str) -> list[tuple[str, int]]:
    """Who was told, and how many minutes after the opening."""
    return [(row.party, round((row.created_at - WEDNESDAY).total_seconds() / 60)) for row in house.messages(number) if row.script == script]


def test_the_agent_is_warned_at_the_shares_the_policy_names_and_the_words_are_right() -> None:
    house = House()
    number = house.mail("系统宕机")
    house.wait(9 * MINUTE)
    assert heard(house, number, "deadline_warning") == [("qian", 5), ("qian", 8)]
    first = house.messages(number, script="deadline_warning")[0]
    assert "首次响应将于今天10:10到期,还剩5分钟" in house.words(first)
    assert [(event.id, event.share) for event in house.log(number) if isinstance(event, e.DeadlineWarned)] == [
        ("response", 0.5),
        ("response", 0.8),
    ]


def test_a_breach_is_told_reassigned_and_told_again_until_somebody_takes_it_up() -> None:
    house = House()
    number = house.mail("系统宕机")
    house.wait(6 * HOUR + 15 * MINUTE)
    response = [(event.step, event.round) for event in house.log(number) if isinstance(event, e.Escalated) and event.id == "response"]
    assert response == [(0, 1), (1, 1), (2, 1), (2, 2), (2, 3)]
    house.done(number, "note", "wu", "看到了")
    assert house.ticket(number).acknowledged_at == house.now
    before = [event for event in house.log(number) if isinstance(event, e.Escalated)]
    house.wait(17 * HOUR)
    assert [event for event in house.log(number) if isinstance(event, e.Escalated)] == before


def test_a_breach_of_its_own_starts_the_chain_anew_although_the_first_was_acknowledged() -> None:
    house = House()
    number = house.mail("系统宕机")
    house.wait(11 * MINUTE)
    house.done(number, "note", "qian", "看到了")
    house.wait(2 * HOUR)
    assert house.ticket(number).acknowledged_at is None
    assert ("plan", 0) in [(event.id, event.step) for event in house.log(number) if isinstance(event, e.Escalated)]


def test_what_is_done_after_the_breach_ends_its_chain() -> None:
    house = House()
    number = house.mail("系统宕机")
    house.wait(11 * MINUTE)
    house.done(number, "contact", "qian")
    house.done(number, "plan", "qian", "切换备用系统")
    assert not [key for key in house.timer_keys(number) if "response" in key or "/plan/" in key]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("[assignee]", ["qian"]),
        ("[assignee, queue.lead]", ["qian"]),
        ("[queue.lead, manager]", ["qian", "zhou"]),
        ("[finance, li]", ["lin", "li"]),
        ("[customer]", ["customer"]),
        ("[front_desk]", ["zhao", "wang"]),
    ],
)
def test_recipients_are_who_they_stand_for_each_once(names: str, expected: list[str]) -> None:
    script = "breach_notice" if "customer" not in names else "closed_confirmed"
    house = House(escalating(f"{{at: breach, notify: {names}, script: {script}}}"))
    number = house.mail("系统宕机")
    house.wait(10 * MINUTE)
    told = [row.party for row in house.messages(number, script=script)]
    assert told == expected


def test_the_notice_names_who_is_in_charge_whoever_reads_it() -> None:
    house = House()
    number = house.mail("总是报错")
    house.wait(30 * MINUTE)
    notices = house.messages(number, script="breach_notice")
    assert {row.party for row in notices} == {house.ticket(number).assignee, "qian"}
    name = house.people.agents[house.ticket(number).assignee or ""].name
    assert all(f"负责人{name}" in house.words(row) for row in notices)


def test_an_unassigned_ticket_tells_who_is_there_that_nobody_is_in_charge() -> None:
    house = House(now=WEDNESDAY + 12 * HOUR)
    number = house.mail("你好")
    house.wait(2 * HOUR)
    [notice] = house.messages(number, script="breach_notice")
    assert notice.party == "zhou"
    assert "负责人未指派" in house.words(notice)


def test_when_the_agent_forgot_the_customer_hears_at_least_that_it_is_being_worked_on() -> None:
    house = House()
    number = house.mail("系统宕机")
    house.done(number, "contact", "qian")
    house.wait(HOUR)
    [told] = house.messages(number, "customer", "progress")
    assert "我们仍在处理中" in house.words(told)
    log = [event.type for event in house.log(number)]
    assert log.index("deadline_breached") < log.index("progress_reported")
    assert house.ticket(number).deadlines["progress"].breached_at is None


def test_a_customer_nobody_can_write_to_makes_the_forgotten_progress_a_plain_breach() -> None:
    house = House(senders=())
    number = house.mail("系统宕机")
    house.done(number, "contact", "qian")
    house.wait(HOUR)
    assert house.ticket(number).deadlines["progress"].met is False


def test_progress_that_would_come_after_the_result_is_not_told() -> None:
    kind = replace(shipped().deadlines["progress"], stops=frozenset({"ticket_closed"}))
    house = House(replace(shipped(), deadlines={**shipped().deadlines, "progress": kind}))
    number = house.mail("系统宕机")
    house.done(number, "contact", "qian")
    house.done(number, "resolve", "qian", "已恢复")
    house.wait(HOUR)
    assert house.ticket(number).deadlines["progress"].met is False
    assert house.messages(number, "customer", "progress") == []


def test_a_reminder_goes_to_the_customer_and_then_the_ticket_is_closed_as_unconfirmed() -> None:
    house = House()
    number = house.resolved()
    house.wait(3 * DAY)
    ticket = house.ticket(number)
    assert ticket.state == "unconfirmed"
    assert house.scripts(number, "customer")[-3:] == ["confirmation_reminder"] * 2 + ["closed_unconfirmed"]
    assert ticket.survey is None
    assert "customer_confirmed" not in house.names(number)
    assert ticket.deadlines["confirmation"].breached_at is None
    [reason] = [r for d in house.decisions(number) for r in d.reasons if r["decided"] == "closed: unconfirmed"]
    assert reason["source"]["file"] == "sla.yaml"


def test_escalations_and_scripts_that_a_new_policy_lacks_end_quietly() -> None:
    ticket = opened("系统宕机").ticket
    assert ticket is not None
    watch = shipped().escalations[0]
    bare = replace(shipped(), escalations=(replace(watch, steps=watch.steps[:1]),))
    for key in ("warn/gone/0.5", "step/gone/0/1", "step/response-and-plan/2/1", "remind/0"):
        fired = TimerFired(ticket.number, f"deadline/response/{key}", WEDNESDAY)
        assert decide(ticket, fired, facts(), bare, WEDNESDAY + HOUR).events == ()
    forgotten = TimerFired(ticket.number, "deadline/response/remind/0", WEDNESDAY)
    assert decide(ticket, forgotten, facts(), shipped(), WEDNESDAY + HOUR).events == ()


def test_a_step_is_taken_although_the_queue_is_gone() -> None:
    decision = opened("系统宕机")
    assert decision.ticket is not None
    ticket = structs.replace(decision.ticket, queue="gone", assignee=None)
    fired = TimerFired(ticket.number, "deadline/response/breach", WEDNESDAY)
    told = decide(ticket, fired, facts(agents={}), shipped(), WEDNESDAY + HOUR)
    assert [event.type for event in told.events] == ["deadline_breached", "escalated", "message_suppressed"]


# ── warnings: at which instants, and never twice ────────────────────────────────────────────────────────────────────

WARN = "    warn: [50%, 80%, -10m]\n"


def warning_at(*thresholds: str, policy: tuple[tuple[str, str, str], ...] = ()) -> Policy:
    return changed(("sla.yaml", WARN, f"    warn: [{', '.join(thresholds)}]\n"), *policy)


def warnings_of(house: House, number: str, clock: str = "response") -> list[int]:
    """How many minutes after the opening the clock was warned of."""
    with house.store.read() as reader:
        events = reader.events(number)
    found = [one for one in events if isinstance(one.event, e.DeadlineWarned) and one.event.id == clock]
    return [round((one.at - WEDNESDAY) / MINUTE) for one in found]


@pytest.mark.parametrize(
    ("text", "thresholds", "expected"),
    [
        ("总是报错", ["50%", "80%"], [15, 24]),  # 30 minutes
        ("总是报错", ["-10m"], [20]),
        ("总是报错", ["-10m", "50%"], [15, 20]),
        ("总是报错", ["50%", "80%", "-10m", "-5m"], [15, 20, 24, 25]),
        ("总是报错", ["-15m", "50%"], [15]),
        ("总是报错", ["80%", "-6m"], [24]),
        ("总是报错", ["-30m"], []),
        ("总是报错", ["-1h"], []),
        ("总是报错", ["-30s"], [30]),
        ("系统宕机", ["50%", "80%", "-10m"], [5, 8]),  # 10 minutes
        ("系统宕机", ["-2m"], [8]),
        ("请问营业时间", ["50%", "80%", "-10m"], [60, 96, 110]),  # 2 hours
        ("请问营业时间", ["0.5%"], [1]),
        ("请问营业时间", ["-1h 30m"], [30]),
    ],
)
def test_warnings_come_at_shares_and_at_offsets_each_instant_once(text: str, thresholds: list[str], expected: list[int]) -> None:
    house = House(warning_at(*thresholds))
    number = house.mail(text)
    house.wait(3 * HOUR)
    assert warnings_of(house, number) == expected


def test_an_offset_counts_on_the_hours_of_the_clock() -> None:
    office = ("sla.yaml", "budgets: {response: 2h, next_response: 4h, plan: 24h, progress: 24h}\n    calendar: 24x7",
              "budgets: {response: 2h, next_response: 4h, plan: 24h, progress: 24h}\n    calendar: cn_office")  # fmt: skip
    house = House(warning_at("-30m", policy=(office,)), now=at("03-04 16:10"))
    number = house.mail("请问营业时间")
    due = house.ticket(number).deadlines["response"].due
    assert due == at("03-05 09:10")
    house.until(at("03-05 09:05"))
    [warned] = [decision for decision in house.decisions(number) for reason in decision.reasons if reason["decided"] == "warned: response"]
    assert warned.at == at("03-04 17:40")


def test_a_date_that_a_person_gave_is_warned_of_so_long_before() -> None:
    policy = changed(
        (
            "sla.yaml",
            "deadlines: [plan_step, task, resolution, review]\n    warn: [80%]",
            "deadlines: [plan_step, task, resolution, review]\n    warn: [-20m, 50%]",
        )
    )
    house = House(policy)
    number = house.mail("总是报错")
    house.done(number, "plan", "qian", "换主板", steps=(a_step("寄出", WEDNESDAY + HOUR),))
    house.wait(HOUR)
    assert warnings_of(house, number, "plan_step:1") == [30, 40]
    events = [event for event in house.log(number) if isinstance(event, e.DeadlineWarned) and event.id == "plan_step:1"]
    assert [(round(event.share, 3), event.before) for event in events] == [(0.5, None), (0.667, 20 * MINUTE)]


@pytest.mark.parametrize("mode", ["recompute", "restart", "keep"])
def test_nobody_is_warned_twice_at_a_threshold_whatever_a_change_does_to_the_clock(mode: str) -> None:
    house = House(warning_at("50%", "80%", policy=(("sla.yaml", "on_tier_change: recompute", f"on_tier_change: {mode}"),)))
    number = house.mail("总是报错")
    house.wait(16 * MINUTE)
    assert warnings_of(house, number) == [15]
    house.done(number, "tier", "qian", "普通问题", target="general")
    house.wait(3 * HOUR)
    assert len(warnings_of(house, number)) == 2
    assert house.ticket(number).deadlines["response"].warned == ("0.5", "0.8")


def test_a_clock_that_starts_anew_is_warned_of_anew() -> None:
    house = House(warning_at("50%"))
    number = house.resolved("总是报错")
    house.mail("N 还是不行", number)
    house.wait(16 * MINUTE)
    assert warnings_of(house, number) == [15]
    assert house.ticket(number).deadlines["response"].warned == ("0.5",)


def test_a_warning_that_comes_too_late_is_none() -> None:
    """The engine stood still until after the end: the breach alone is told."""
    house = House()
    number = house.mail("总是报错")
    house.now += HOUR
    house.wait(MINUTE)
    assert warnings_of(house, number) == []
    assert house.messages(number, script="deadline_warning") == []
    assert house.messages(number, script="breach_notice")


def test_a_threshold_that_the_policy_has_no_more_is_not_told() -> None:
    ticket = opened("总是报错").ticket
    assert ticket is not None
    fired = TimerFired(ticket.number, "deadline/response/warn/response-and-plan/0.33", WEDNESDAY)
    assert decide(ticket, fired, facts(), shipped(), WEDNESDAY + MINUTE).events == ()


# ── what steps do ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("raised", "text", "expected"),
    [
        ("true", "请问营业时间", "important"),
        ("true", "总是报错", "urgent"),
        ("true", "系统宕机", "urgent"),
        ("urgent", "请问营业时间", "urgent"),
        ("important", "总是报错", "important"),
        ("general", "总是报错", "important"),
        ("false", "总是报错", "important"),
    ],
)
def test_a_step_raises_the_tier_and_never_lowers_it(raised: str, text: str, expected: str) -> None:
    house = House(escalating(f"{{at: breach, notify: [manager], script: breach_notice, raise_tier: {raised}}}"))
    number = house.mail(text)
    house.until(house.ticket(number).deadlines["response"].due or house.now)
    assert house.ticket(number).tier == expected
    assert house.ticket(number).tier_overridden is False


def test_a_tier_that_is_raised_moves_the_other_clocks_and_says_by_which_step() -> None:
    house = House(escalating("{at: breach, script: breach_notice, raise_tier: urgent}"))
    number = house.mail("总是报错")
    house.wait(30 * MINUTE)
    assert house.ticket(number).deadlines["plan"].due == WEDNESDAY + 2 * HOUR
    [reason] = [r for d in house.decisions(number) for r in d.reasons if r["decided"] == "tier: urgent"]
    assert (reason["rule"], reason["source"]["file"]) == ("response-and-plan", "sla.yaml")


def test_a_ticket_without_a_tier_or_past_its_result_is_not_graded() -> None:
    policy = escalating("{at: breach, script: breach_notice, raise_tier: urgent}")
    found = opened("请问营业时间", policy).ticket
    assert found is not None
    for ticket in (structs.replace(found, tier="gone"), structs.replace(found, state="resolved"), structs.replace(found, tier=None)):
        fired = TimerFired(ticket.number, "deadline/response/breach", WEDNESDAY)
        told = decide(ticket, fired, facts(), policy, WEDNESDAY + 3 * HOUR)
        assert "tier_assigned" not in [event.type for event in told.events]
    gone = replace(policy.escalations[0], steps=(replace(policy.escalations[0].steps[0], raise_tier="gone"),))
    told = decide(found, TimerFired(found.number, "deadline/response/breach", WEDNESDAY), facts(),
                  replace(policy, escalations=(gone,)), WEDNESDAY + 3 * HOUR)  # fmt: skip
    assert told.ticket is not None
    assert told.ticket.tier == "important"


OPENING = "{at: breach, notify: [queue.lead], script: breach_notice, open: {kind: incident, queue: tech_support}}"


def test_a_step_opens_an_incident_once_of_which_the_ticket_is_part() -> None:
    house = House(escalating(f"{OPENING}\n      - {{at: +1h, open: {{kind: incident, queue: supervisors}}}}"))
    number = house.mail("总是报错", subject="支付失败")
    house.wait(6 * HOUR)
    with house.store.read() as reader:
        [incident] = reader.tickets(TicketQuery(kind="incident"))
    assert (incident.kind, incident.queue, incident.customer, incident.contact) == ("incident", "tech_support", None, None)
    assert "支付失败" in house.text(incident.description)
    assert house.ticket(number).opened == ("incident",)
    assert [event.opens for event in house.log(number) if isinstance(event, e.Escalated) and event.opens] == ["incident"]
    assert house.ticket(number).incident == incident.number
    assert "incident_opened" in house.scripts(number, "customer")
    house.wait(2 * DAY)
    with house.store.read() as reader:
        assert len(reader.tickets(TicketQuery(kind="incident"))) == 1


def test_a_task_that_a_step_opens_is_closed_towards_its_ticket() -> None:
    house = House(escalating("{at: breach, script: breach_notice, open: {kind: task, queue: finance}}"))
    number = house.mail("总是报错")
    house.wait(30 * MINUTE)
    with house.store.read() as reader:
        [task] = reader.tickets(TicketQuery(parent=number))
    house.done(task.number, "resolve", "lin", "已核对")
    assert "task_finished" in house.names(number)


def test_a_later_step_ends_when_somebody_takes_the_ticket_up_also_where_it_does_not_repeat() -> None:
    house = House(
        escalating("{at: breach, notify: [queue.lead], script: breach_notice}\n      - {at: +1h, notify: [manager], until: acknowledged}")
    )
    number = house.mail("总是报错")
    house.wait(40 * MINUTE)
    house.done(number, "note", "qian", "看到了")
    house.wait(HOUR)
    assert house.messages(number, "zhou") == []


def test_what_repeats_until_it_is_stopped_goes_on_although_somebody_took_the_ticket_up() -> None:
    house = House(escalating("{at: breach, notify: [manager], script: breach_notice, repeat: 1h, until: stopped}"))
    number = house.mail("总是报错")
    house.wait(40 * MINUTE)
    house.done(number, "note", "qian", "看到了")
    house.wait(2 * HOUR)
    assert len([event for event in house.log(number) if isinstance(event, e.Escalated) and event.id == "response"]) == 3
    house.done(number, "contact", "qian", "已联系")
    house.wait(HOUR)
    assert len([event for event in house.log(number) if isinstance(event, e.Escalated) and event.id == "response"]) == 3
