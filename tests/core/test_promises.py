"""What the customer was told in clock time, and when they are told again."""

from datetime import timedelta

import pytest

from engine.core import events as e
from engine.core.compiled import Policy
from tests.core.worlds import DAY, HOUR, MINUTE, WEDNESDAY, House, changed


def silent() -> Policy:
    return changed(("sla.yaml", "on_later_promise: tell", "on_later_promise: silent"))


def told(house: House, number: str) -> list[dict[str, timedelta]]:
    """Every telling: what was told, counted from the start."""
    found = [event.deadlines for event in house.log(number) if isinstance(event, e.PromiseTold)]
    return [{id: due - WEDNESDAY for id, due in deadlines.items()} for deadlines in found]


def test_only_what_is_promised_aloud_is_on_record_as_told() -> None:
    house = House()
    number = house.mail("你好")
    assert told(house, number) == [{"response": 2 * HOUR, "plan": 24 * HOUR}]
    assert "resolution" in house.ticket(number).deadlines


def test_a_policy_may_promise_a_clock_that_starts_later_and_leave_one_out() -> None:
    policy = changed(
        (
            "sla.yaml",
            "    stops: [customer_contacted, result_reported, joined_incident]",
            "    stops: [customer_contacted, result_reported, joined_incident]\n    promised: false",
        ),
        ("sla.yaml", "    then: report_progress", "    then: report_progress\n    promised: true"),
    )
    house = House(policy)
    number = house.mail("总是报错")
    assert told(house, number) == [{"plan": 4 * HOUR}]
    house.done(number, "contact")
    house.done(number, "tier", text="没那么急", target="general")
    assert set(told(house, number)[-1]) == {"plan", "progress"}


def test_what_comes_later_after_waiting_is_told_again_and_only_that() -> None:
    house = House()
    number = house.mail("总是报错")
    house.done(number, "hold", text="等备件", target="waiting_supplier")
    house.wait(20 * MINUTE)
    house.done(number, "resume")
    [message] = house.messages(number, "customer", "promise_moved")
    assert "比先前告知的要晚,今天14:20前给出处理方案" in house.words(message)
    assert told(house, number)[1:] == [{"plan": 4 * HOUR + 20 * MINUTE}]
    assert house.ticket(number).promised["response"] == WEDNESDAY + 30 * MINUTE
    [reason] = [one for one in house.decisions(number)[-1].reasons if one["decided"] == "told again"]
    assert reason["rule"] == "on_later_promise: tell"
    assert [name for name, _ in reason["values"]] == ["plan"]


def test_who_wants_to_be_silent_is() -> None:
    house = House(silent())
    number = house.mail("总是报错")
    house.done(number, "hold")
    house.wait(20 * MINUTE)
    house.done(number, "resume")
    assert house.messages(number, "customer", "promise_moved") == []
    assert len(told(house, number)) == 1


def test_nobody_is_told_the_same_instant_twice() -> None:
    house = House()
    number = house.mail("总是报错")
    for seconds in (20, 0, 39):  # within one minute, by the clock that customers read
        house.done(number, "hold")
        house.wait(timedelta(seconds=seconds))
        house.done(number, "resume")
    assert house.messages(number, "customer", "promise_moved") == []
    house.done(number, "hold")
    house.wait(timedelta(seconds=5))
    house.done(number, "resume")
    assert len(house.messages(number, "customer", "promise_moved")) == 1


def test_an_earlier_promise_and_one_that_was_never_told_are_not_told_as_later() -> None:
    house = House()
    number = house.mail("你好")
    house.done(number, "tier", text="着急", target="urgent")
    assert house.messages(number, "customer", "promise_moved") == []
    quiet = house.take("email", sender="robot@example.test", text="disk error", automatic=True)
    assert quiet is not None
    house.done(quiet, "hold")
    house.wait(HOUR)
    house.done(quiet, "resume")
    assert house.messages(quiet, "customer") == []


def test_a_change_of_tier_says_its_own_words_once() -> None:
    house = House()
    number = house.mail("总是报错")
    house.done(number, "tier", text="没那么急", target="general")
    assert house.scripts(number, "customer") == ["promise", "promise_changed"]


def test_a_change_of_queue_that_makes_it_later_is_told() -> None:
    plan = "    pauses_in: [waiting_customer, waiting_supplier, on_hold]\n  resolution:"
    budget = "    budgets: [{when: {field: ticket.queue, is: finance}, budget: 6h}]\n  resolution:"
    house = House(changed(("sla.yaml", plan, plan.replace("  resolution:", budget))))
    number = house.mail("总是报错")
    house.done(number, "assign", target="finance")
    assert told(house, number)[1:] == [{"plan": 6 * HOUR}]
    house.done(number, "assign", target="tech_support")
    assert len(told(house, number)) == 2, "what comes earlier again is no promise broken"
    house.done(number, "assign", target="finance")
    assert len(told(house, number)) == 2, "they know that instant already"


def test_what_could_not_be_told_is_not_on_record_as_told() -> None:
    house = House()
    number = house.mail("总是报错")
    house.done(number, "hold")
    house.mail("退订", number)
    house.wait(HOUR)
    house.done(number, "resume")
    assert len(told(house, number)) == 1
    assert "promise_moved" in [event.script for event in house.log(number) if isinstance(event, e.MessageSuppressed)]


@pytest.mark.parametrize(("target", "spoken"), [("urgent", []), ("important", ["今天14:00前给出处理方案"])])
def test_no_customer_is_promised_the_past(target: str, spoken: list[str]) -> None:
    """Three hours later an urgent plan, due two hours after the start, is missed already."""
    house = House()
    number = house.mail("你好")
    house.wait(3 * HOUR)
    house.done(number, "tier", text="更急了", target=target)
    [message] = house.messages(number, "customer", "promise_changed")
    words = house.words(message)
    assert "12:00" not in words
    assert "联系您" not in words
    assert [part for part in ["今天14:00前给出处理方案"] if part in words] == spoken
    assert told(house, number)[1:] == ([{"plan": 4 * HOUR}] if spoken else [])


def test_after_an_objection_the_new_round_is_no_later_promise() -> None:
    house = House()
    number = house.resolved()
    house.wait(DAY)
    house.mail("N 抬头不对", number)
    assert house.messages(number, "customer", "promise_moved") == []
