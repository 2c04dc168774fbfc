"""Warnings before a deadline, what follows after it, and who hears of it."""

from dataclasses import replace

import pytest

from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.decide import decide
from engine.core.signals import TimerFired
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, changed, facts, opened, shipped

STEPS = "      - {at: breach, notify: [assignee, queue.lead], script: breach_notice}\n      - {at: +30m, notify: [manager], reassign: true}"


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


def test_an_unassigned_ticket_tells_the_lead_that_nobody_is_in_charge() -> None:
    house = House(now=WEDNESDAY + 12 * HOUR)
    number = house.mail("你好")
    house.wait(2 * HOUR)
    [notice] = house.messages(number, script="breach_notice")
    assert notice.party == "zhao"
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
    ticket = replace(decision.ticket, queue="gone", assignee=None)
    fired = TimerFired(ticket.number, "deadline/response/breach", WEDNESDAY)
    told = decide(ticket, fired, facts(agents={}), shipped(), WEDNESDAY + HOUR)
    assert [event.type for event in told.events] == ["deadline_breached", "escalated"]
