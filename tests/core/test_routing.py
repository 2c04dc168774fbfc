"""Who gets the ticket."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import events as e
from engine.core.routing import ASSIGN_TIMER
from engine.core.signals import TimerFired
from engine.core.team import Team
from engine.core.values import TicketValues, first_match
from engine.store.rows import CustomerRow, TicketQuery
from tests.core.worlds import HOUR, MAIL, MINUTE, House, an_agent, at, changed, facts, shipped, with_agents

NIGHT = at("03-04 22:00")


def desk(*ids: str, **more: Any) -> Team:
    return with_agents(*(an_agent(id, "front_desk", **more) for id in ids))


def test_the_least_loaded_is_first_and_the_id_decides_between_equals() -> None:
    house = House(people=desk("ann", "bob"))
    owners = [house.ticket(house.mail(f"你好{n}", sender=f"c{n}@example.test")).assignee for n in range(4)]
    assert owners == ["ann", "bob", "ann", "bob"]
    assert house.decisions("202603040002")[0].reasons[-3]["decided"] == "message: assignment to bob"


def test_who_served_the_customer_before_is_first_whatever_their_load() -> None:
    house = House(people=desk("ann", "bob"))
    first = house.mail("你好")
    house.done(first, "assign", "zhou", target="bob")
    house.mail("你好", sender="other@example.test")
    assert house.ticket(house.mail("再次咨询")).assignee == "bob"


def test_nobody_gets_more_than_they_may_hold_and_the_ticket_waits_for_a_place() -> None:
    policy = changed(("routing.yaml", "capacity: 20", "capacity: 1"))
    house = House(policy, desk("ann"))
    first, second = house.mail("你好"), house.mail("再问一下", sender="other@example.test")
    assert (house.ticket(first).assignee, house.ticket(second).assignee) == ("ann", None)
    house.wait(12 * MINUTE)
    assert house.ticket(second).assignee is None
    with house.store.read() as reader:
        assert len(reader.decisions(second)) == 1, "that still nobody was free is not kept"
    assert not house.handle(TimerFired(first, ASSIGN_TIMER, house.now)).first.idle, "who has somebody was not offered in vain"
    house.done(first, "close", text="重复")
    house.wait(5 * MINUTE)
    assert house.ticket(second).assignee == "ann"


def test_a_skill_the_route_asks_for_decides_and_is_waived_where_nobody_has_it() -> None:
    people = with_agents(an_agent("ann", "tech_support"), an_agent("bob", "tech_support", skills={"incident": 2}))
    house = House(people=people)
    for n in range(3):
        assert house.ticket(house.mail("系统宕机", sender=f"c{n}@example.test")).assignee == "bob"
    house = House(people=with_agents(an_agent("ann", "tech_support")))
    assert house.ticket(house.mail("系统宕机")).assignee == "ann"


def test_the_higher_skill_is_first_between_equals() -> None:
    people = with_agents(an_agent("ann", "tech_support", skills={"incident": 1}), an_agent("bob", "tech_support", skills={"incident": 3}))
    house = House(people=people)
    assert house.ticket(house.mail("系统宕机")).assignee == "bob"


def test_at_night_the_ticket_waits_for_the_shift_and_is_assigned_when_it_begins() -> None:
    house = House(now=NIGHT)
    number = house.mail("你好")
    assert house.ticket(number).assignee is None
    assert house.timer_keys(number)[0] == "assign"
    house.until(at("03-05 08:59"))
    assert house.ticket(number).assignee is None
    house.until(at("03-05 09:00"))
    assert house.ticket(number).assignee == "wang"
    assert house.scripts(number, "wang") == ["assignment"]


def test_a_choice_says_how_each_of_the_queue_stood() -> None:
    house = House(people=with_agents(an_agent("ann", "front_desk"), an_agent("bob", "front_desk", shift="day")), now=NIGHT)
    number = house.mail("你好")
    [chosen] = [reason for reason in house.decisions(number)[0].reasons if reason["decided"] == "assignee: ann"]
    assert dict(chosen["values"])["candidates"] == "ann 0/20, bob off shift"


def test_the_skill_is_asked_for_at_the_begin_of_the_shift_too() -> None:
    people = with_agents(an_agent("ann", "tech_support", shift="day"), an_agent("bob", "tech_support", skills={"incident": 1}, shift="day"))
    house = House(people=people, now=NIGHT)
    number = house.mail("系统宕机")
    house.until(at("03-05 09:00"))
    assert house.ticket(number).assignee == "bob"


def test_who_is_absent_gets_nothing_until_they_are_back() -> None:
    away = ((date(2026, 3, 4), date(2026, 3, 5)),)
    house = House(people=desk("ann", shift="day", absent=away))
    number = house.mail("你好")
    assert house.ticket(number).assignee is None
    house.until(at("03-06 08:59"))
    assert house.ticket(number).assignee is None
    house.until(at("03-06 09:00"))
    assert house.ticket(number).assignee == "ann"


def test_who_is_away_for_longer_than_a_month_is_asked_again_then() -> None:
    away = ((date(2026, 3, 1), date(2026, 4, 20)),)
    house = House(people=desk("ann", shift="day", absent=away))
    number = house.mail("你好")
    house.until(at("04-21 09:00"))
    assert house.ticket(number).assignee == "ann"


def test_a_queue_that_is_closed_gives_nothing_out_before_it_opens() -> None:
    queue = replace(shipped().queues["front_desk"], calendar="cn_office")
    policy = replace(shipped(), queues={**shipped().queues, "front_desk": queue})
    house = House(policy, desk("ann"), now=NIGHT)
    number = house.mail("你好")
    assert house.ticket(number).assignee is None
    house.until(at("03-05 09:00"))
    assert house.ticket(number).assignee == "ann"


def test_a_queue_without_anybody_keeps_the_ticket_for_its_lead_to_hand_out() -> None:
    house = House(people=with_agents(an_agent("ann", "finance")))
    number = house.mail("你好")
    assert (house.ticket(number).queue, house.ticket(number).assignee) == ("front_desk", None)
    assert "assign" not in house.timer_keys(number)


def test_an_agent_takes_a_ticket_and_is_not_told_so() -> None:
    house = House(now=NIGHT)
    number = house.mail("你好")
    assert house.done(number, "claim", "zhao").assignee == "zhao"
    assert house.scripts(number, "zhao") == []
    assert "already zhao's" in str(house.act(number, "claim", "zhao").refused)
    house.until(at("03-05 09:00"))
    assert house.ticket(number).assignee == "zhao"


def test_a_ticket_goes_to_a_colleague_or_another_department_by_name() -> None:
    house = House()
    number = house.mail("你好")
    assert house.done(number, "assign", "zhao", target="lin").assignee == "lin"
    assert house.scripts(number, "lin") == ["assignment"]
    ticket = house.done(number, "assign", "zhao", target="tech_support")
    assert (ticket.queue, ticket.assignee) == ("tech_support", "qian")
    assert [event.by for event in house.log(number) if isinstance(event, e.Routed)] == ["system", "zhao"]
    assert "neither an agent nor a queue" in str(house.act(number, "assign", target="nobody").refused)


def test_another_department_at_night_lets_the_holder_go_and_takes_it_in_the_morning() -> None:
    house = House(now=NIGHT)
    number = house.mail("系统宕机")
    assert house.ticket(number).assignee == "qian"
    assert house.done(number, "assign", "qian", target="finance").assignee is None
    house.until(at("03-05 09:00"))
    assert house.ticket(number).assignee == "lin"


def test_a_holder_who_is_of_the_new_department_too_keeps_it_at_night() -> None:
    people = with_agents(an_agent("ann", "front_desk", "finance", shift="day"))
    house = House(people=people)
    number = house.mail("你好")
    house.until(NIGHT)
    assert house.done(number, "assign", "ann", target="finance").assignee == "ann"


@pytest.mark.parametrize(
    ("mode", "others", "expected"), [("reassign", True, "bob"), ("reassign", False, "ann"), ("unassign", True, None), ("keep", True, "ann")]
)
def test_who_does_not_answer_loses_the_ticket_as_the_policy_says(mode: str, others: bool, expected: str | None) -> None:
    policy = changed(("routing.yaml", "on_no_response: reassign", f"on_no_response: {mode}"))
    house = House(policy, desk("ann", "bob") if others else desk("ann"))
    number = house.mail("你好")
    house.wait(2 * HOUR + 30 * MINUTE)
    assert house.ticket(number).assignee == expected
    assert house.scripts(number, "ann").count("assignment") == 1


def test_who_took_it_up_after_the_breach_keeps_it() -> None:
    house = House(people=desk("ann", "bob"))
    number = house.mail("你好")
    house.wait(2 * HOUR + MINUTE)
    house.done(number, "note", "ann", text="正在联系")
    house.wait(HOUR)
    assert house.ticket(number).assignee == "ann"


def test_a_list_of_rules_without_a_default_is_a_fault_of_the_compiler() -> None:
    with pytest.raises(AssertionError, match="ends with a default"):
        first_match((), TicketValues(shipped(), facts(), None, None))


def test_a_customer_who_is_known_by_name_is_named_to_the_agent() -> None:
    house = House()
    with house.store.write() as tx:
        tx.add_customer(CustomerRow("C000009", "王女士", "vip", "en", house.now))
        tx.add_address("C000009", "email", MAIL)
    number = house.mail("12345")
    assert "客户:王女士" in house.words(house.messages(number, script="assignment")[0])
    assert house.ticket(number).language == "en"
    assert house.ticket(number).tier == "important"


def test_a_year_without_holiday_data_holds_up_nobody_but_those_who_wait_for_it() -> None:
    house = House(people=desk("ann", shift="day"), now=at("12-31 19:00").replace(year=2027))
    number = house.mail("你好")
    assert house.ticket(number).assignee is None


def test_whose_turn_it_is_goes_round_within_one() -> None:
    policy = changed(("routing.yaml", "order: [sticky_agent, least_loaded, round_robin]", "order: [round_robin]"))
    house = House(policy, desk("ann", "bob", "cas"))
    for n in range(7):
        number = house.mail(f"你好{n}", sender=f"c{n}@example.test")
        if n % 2:
            house.done(number, "close", text="重复")
    owners = [house.ticket(row).assignee for row in numbers(house)]
    assert owners == ["ann", "bob", "cas", "ann", "bob", "cas", "ann"]


def test_the_higher_level_is_first_where_the_order_says_so_and_the_level_asked_for_is_needed() -> None:
    order = ("routing.yaml", "order: [sticky_agent, least_loaded, round_robin]", "order: [skill_level]")
    people = with_agents(
        an_agent("ann", "tech_support", skills={"incident": 1}),
        an_agent("bob", "tech_support", skills={"incident": 2}),
        an_agent("cas", "tech_support", skills={"incident": 9}, capacity=1),
    )
    house = House(changed(order), people)
    owners = [house.ticket(house.mail("系统宕机", sender=f"c{n}@example.test")).assignee for n in range(3)]
    assert owners == ["cas", "bob", "bob"]
    seen = next(reason for reason in house.decisions("202603040002")[0].reasons if reason["decided"] == "assignee: bob")
    assert dict(seen["values"])["candidates"] == "ann 0/20, bob 0/20, cas 1/1"
    assert dict(seen["values"])["skilled"] == "bob"


def test_a_queue_may_choose_in_its_own_way() -> None:
    own = (
        "routing.yaml",
        "    spill_over: {to: [after_sales, supervisors], before_breach: 15m}",
        "    assignment: {capacity: 1, on_no_response: keep}",
    )
    house = House(changed(own), desk("ann"))
    first, second = house.mail("你好"), house.mail("再问一下", sender="other@example.test")
    assert (house.ticket(first).assignee, house.ticket(second).assignee) == ("ann", None)
    common, front = house.world.policy.assignment, house.world.policy.queues["front_desk"].assignment
    assert front is not None
    assert (front.order, front.on_no_response, front.on_away) == (common.order, "keep", common.on_away)


@pytest.mark.parametrize(("back_in", "queue"), [(105 * MINUTE, "front_desk"), (106 * MINUTE, "after_sales"), (None, "after_sales")])
def test_a_ticket_spills_over_where_nobody_would_be_there_in_time(back_in: timedelta | None, queue: str) -> None:
    """A general ticket is answered in two hours, and 15 minutes before that somebody must be free."""
    people = with_agents(an_agent("ann", "front_desk"), an_agent("bob", "after_sales"))
    house = House(people=people)
    with house.store.write() as tx:
        tx.set_away("ann", house.now, None if back_in is None else house.now + back_in, "zhou")
    number = house.mail("你好")
    assert house.ticket(number).queue == queue
    assert house.ticket(number).assignee == ("bob" if queue == "after_sales" else None)
    because = [reason["rule"] for reason in house.decisions(number)[0].reasons]
    assert ("spill_over of front_desk" in because) == (queue == "after_sales")


def test_a_ticket_spills_over_as_soon_as_somebody_is_free_elsewhere() -> None:
    people = with_agents(an_agent("ann", "front_desk"), an_agent("bob", "after_sales"))
    house = House(people=people)
    with house.store.write() as tx:
        tx.set_away("ann", house.now, None, "zhou")
        tx.set_away("bob", house.now, house.now + 50 * MINUTE, "zhou")
    number = house.mail("你好")
    assert (house.ticket(number).queue, house.ticket(number).assignee) == ("front_desk", None)
    house.wait(50 * MINUTE)
    assert (house.ticket(number).queue, house.ticket(number).assignee) == ("after_sales", "bob")


def test_a_ticket_whose_queue_can_take_it_in_time_waits_for_it_and_is_not_looked_at_before() -> None:
    people = with_agents(an_agent("ann", "front_desk"), an_agent("bob", "after_sales"))
    house = House(people=people)
    back = house.now + 60 * MINUTE
    with house.store.write() as tx:
        tx.set_away("ann", house.now, back, "zhou")
    number = house.mail("你好")
    with house.store.read() as reader:
        assert [row.due for row in reader.timers(number) if row.key == "assign"] == [back]


def test_a_queue_without_anybody_waits_for_the_first_who_is_there_elsewhere() -> None:
    house = House(people=with_agents(an_agent("li", "supervisors")))
    with house.store.write() as tx:
        tx.set_away("li", house.now, house.now + 30 * MINUTE, "zhou")
    number = house.mail("你好")
    assert (house.ticket(number).queue, house.ticket(number).assignee) == ("front_desk", None)
    house.wait(30 * MINUTE)
    assert (house.ticket(number).queue, house.ticket(number).assignee) == ("supervisors", "li")


def test_a_full_queue_asks_again_after_a_pause_although_somebody_is_free_elsewhere() -> None:
    house = House(
        changed(("routing.yaml", "capacity: 20", "capacity: 1"), ("routing.yaml", "offered_again: 5m", "offered_again: 7m")),
        with_agents(an_agent("ann", "front_desk"), an_agent("bob", "after_sales")),
    )
    house.mail("你好")
    number = house.mail("再问一下", sender="other@example.test")
    with house.store.read() as reader:
        assert [row.due - house.now for row in reader.timers(number) if row.key == "assign"] == [7 * MINUTE]


def test_a_queue_without_spilling_over_waits() -> None:
    house = House(people=with_agents(an_agent("ann", "after_sales"), an_agent("bob", "front_desk")))
    with house.store.write() as tx:
        tx.set_away("ann", house.now, None, "zhou")
    number = house.mail("我要退货")
    assert (house.ticket(number).queue, house.ticket(number).assignee) == ("after_sales", None)


def test_a_queue_without_anybody_at_all_spills_over_at_once() -> None:
    house = House(people=with_agents(an_agent("li", "supervisors")))
    assert house.ticket(house.mail("你好")).queue == "supervisors"


@given(
    capacities=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    away=st.sets(st.integers(0, 3)),
    order=st.permutations(["sticky_agent", "skill_level", "least_loaded", "round_robin"]),
    count=st.integers(1, 8),
)
def test_nobody_who_is_away_or_full_is_given_anything(capacities: list[int], away: set[int], order: list[str], count: int) -> None:
    policy = changed(("routing.yaml", "order: [sticky_agent, least_loaded, round_robin]", f"order: [{', '.join(order)}]"))
    people = with_agents(*(an_agent(f"a{n}", "front_desk", capacity=most) for n, most in enumerate(capacities)))
    house = House(policy, people)
    try:
        with house.store.write() as tx:
            for n in away:
                tx.set_away(f"a{n}", house.now, None, "zhou")
        owners = [house.ticket(house.mail("你好", sender=f"c{n}@example.test")).assignee for n in range(count)]
        free = sum(most for n, most in enumerate(capacities) if n not in away)
        assert sum(owner is not None for owner in owners) == min(count, free)
        for n, most in enumerate(capacities):
            assert owners.count(f"a{n}") <= (0 if n in away else most)
    finally:
        house.close()


def numbers(house: House) -> list[str]:
    with house.store.read() as reader:
        return sorted(ticket.number for ticket in reader.tickets(TicketQuery(limit=100)))
