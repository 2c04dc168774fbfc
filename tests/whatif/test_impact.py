"""What another policy would change for open tickets: routing, warnings and escalations, and nothing that it does not change."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.core.calendar import Calendar, CalendarSpec, Window
from engine.core.compiled import Policy
from engine.core.index import Rules
from engine.whatif.impact import Impact, Routing, impact
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, a_step, an_agent, changed, shipped, team

WARNING = ("sla.yaml", "    warn: [50%, 80%, -10m]", "    warn: [25%, 80%, -10m]")


def held(house: House, new: Policy, old: Policy | None = None) -> dict[str, Impact]:
    with house.store.read() as reader:
        found = list(impact(reader, replace(house.world, policy=new), old or shipped(), house.now))
    return {one.ticket: one for one in found}


def changes(house: House, *wanted: tuple[str, str, str]) -> dict[str, tuple[str, ...]]:
    return {number: one.changes for number, one in held(house, changed(*wanted)).items()}


@pytest.fixture
def house() -> House:
    return House()


def test_the_same_policy_changes_nothing_and_ended_tickets_are_not_asked(house: House) -> None:
    open_one, ended = house.mail("总是报错"), house.mail("重复了")
    house.done(ended, "close", text="重复")
    assert changes(house) == {open_one: ()}


def test_a_route_changes_the_tickets_that_it_would_put_elsewhere_and_no_others(house: House) -> None:
    fails, asks = house.mail("总是报错"), house.mail("你好")
    before = held(house, shipped())[fails].new
    assert before is not None
    assert before.routing == Routing("tech_support", before.routing.skills if before.routing else {})
    routes = Rules(replace(one, queue="product") if one.queue == "tech_support" else one for one in shipped().routes)
    new = replace(shipped(), routes=routes)
    found = held(house, new)
    assert {number: one.changes for number, one in found.items()} == {fails: ("routing",), asks: ()}
    after = found[fails].new
    assert after is not None
    assert after.routing is not None
    assert after.routing.queue == "product"


def test_a_route_may_ask_the_customers_history_though_only_the_new_policy_does(house: House) -> None:
    rule = "version: 1\nroutes:\n  - {id: again, when: {field: customer.tickets, last: 30d, at_least: 1}, queue: finance}\n"
    again = ("routing-again.yaml", "", rule)
    first = house.mail("你好")
    assert changes(house, again) == {first: ()}
    second = house.mail("另一件事")
    assert changes(house, again) == {first: ("routing",), second: ("routing",)}
    found = held(house, shipped(), old=changed(again))
    assert {number: one.changes for number, one in found.items()} == {first: ("routing",), second: ("routing",)}


def test_work_of_the_house_is_put_where_it_was_asked_for_whatever_routes_say(house: House) -> None:
    number = house.mail("你好")
    house.done(number, "task", text="查一下", target="finance")
    found = held(house, shipped())
    task = next(one for one in found if one != number)
    kept = found[task].new
    assert kept is not None
    assert kept.routing is None


def test_warnings_that_are_still_ahead_are_compared(house: House) -> None:
    number = house.mail("你好")
    assert changes(house, WARNING) == {number: ("warnings",)}
    found = held(house, changed(WARNING))[number]
    assert found.old is not None
    assert found.new is not None
    told = {(one.deadline, one.mark): one.at for one in found.new.warnings if one.deadline == "response"}
    assert told == {
        ("response", "0.25"): WEDNESDAY + 30 * MINUTE,
        ("response", "0.8"): WEDNESDAY + 96 * MINUTE,
        ("response", "-600s"): WEDNESDAY + 110 * MINUTE,
    }
    assert {one.to for one in found.new.warnings} == {(house.ticket(number).assignee,)}
    house.done(number, "contact")
    house.wait(13 * HOUR)  # half of the plan's 24 hours is past
    assert changes(house, WARNING) == {number: ()}


def test_a_clock_that_is_paused_warns_later_and_is_compared_too(house: House) -> None:
    number = house.mail("你好")
    house.done(number, "contact")
    house.done(number, "hold")
    found = held(house, changed(WARNING))[number]
    assert found.changes == ("warnings",)
    assert found.new is not None
    assert {one.at for one in found.new.warnings if one.deadline == "plan"} == {None}


def test_who_hears_of_a_breach_is_compared_by_who_that_is_now(house: House) -> None:
    number = house.mail("总是报错")
    lead = shipped().queues["tech_support"].lead
    assert house.ticket(number).assignee == lead
    other = next(agent for agent in house.people.agents if agent != lead)
    queues = {**shipped().queues, "tech_support": replace(shipped().queues["tech_support"], lead=other)}
    found = held(house, replace(shipped(), queues=queues))[number]
    assert found.changes == ("escalations",)
    assert found.old is not None
    assert found.new is not None
    at_breach = [step for step in found.new.escalations if step.after == timedelta(0)]
    assert {step.notify for step in at_breach} == {(house.ticket(number).assignee, other)}
    assert {step.notify for step in found.old.escalations if step.after == timedelta(0)} == {(lead,)}


def test_a_step_that_was_taken_long_ago_changes_nothing_any_more(house: House) -> None:
    number = house.mail("你好")
    policy = shipped()
    first = policy.escalations[0]
    later = replace(first, steps=(replace(first.steps[0], script="deadline_warning"), *first.steps[1:]))
    new = replace(policy, escalations=(later, *policy.escalations[1:]))
    assert held(house, new)[number].changes == ("escalations",)
    house.done(number, "plan", text="更换", steps=(a_step("寄出", house.now + 30 * DAY),))
    house.wait(2 * HOUR)
    assert house.ticket(number).deadlines["response"].breached_at == house.now
    house.wait(MINUTE)
    found = held(house, new)[number]
    assert found.new is not None
    assert [step.after for step in found.new.escalations if step.deadline == "response" and step.repeat is None] == [
        step.after for step in first.steps if step.after > MINUTE and step.repeat is None
    ]


def test_nothing_is_decided_nor_kept_by_looking(house: House) -> None:
    number = house.mail("你好")
    before = house.decisions(number), house.log(number), house.timer_keys(number), house.messages()
    held(house, changed(WARNING))
    assert (house.decisions(number), house.log(number), house.timer_keys(number), house.messages()) == before


def test_a_ticket_that_cannot_be_reckoned_says_why_and_the_others_are_compared() -> None:
    house = House(people=replace(team(), agents={id: an_agent(id, "front_desk") for id in ("zhao", "zhou")}))
    number, other = house.mail("你好"), house.mail("第二件事")
    house.done(number, "contact")  # progress is counted on the office's calendar
    blind = Calendar(CalendarSpec("cn_office", "Asia/Shanghai", {0: (Window(540, 1080),)}, holidays={}))
    found = held(house, replace(changed(WARNING), calendars={**shipped().calendars, "cn_office": blind}))
    assert "cn_office" in (found[number].error or "")
    assert (found[number].changes, found[other].changes) == ((), ("warnings",))
