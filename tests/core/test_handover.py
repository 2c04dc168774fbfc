"""At the end of a shift somebody hears of the promises that are left open."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.core.calendar import Calendar
from engine.core.compiled import Policy
from engine.core.routing import HANDOVER_TIMER
from engine.core.signals import TimerFired
from tests.core.worlds import HOUR, MINUTE, House, an_agent, at, changed, shipped, team, with_agents

SCRIPT = """
version: 1
scripts:
  handover:
    audience: team
    zh: "移交{{ ticket.number }}{% for promise in promises %} {{ promise.label }}{{ promise.due | clock }}{% endfor %}"
    en: "handed over: {{ ticket.number }}{% for promise in promises %} {{ promise.label }} {{ promise.due | clock }}{% endfor %}"
"""


def handing_over(to: str = "[queue.lead]") -> Policy:
    rule = f"\nhandover: {{before_end: 15m, to: {to}, script: handover}}\nassignment:\n"
    return changed(("routing.yaml", "\nassignment:\n", rule), ("scripts-handover.yaml", "", SCRIPT))


def told(house: House, number: str, party: str) -> list[str]:
    return [house.words(row) for row in house.messages(number, party, "handover")]


def test_a_quarter_of_an_hour_before_the_shift_ends_the_lead_hears_of_the_open_promises_nearest_first() -> None:
    """The day shift of Wednesday ends at 18:00."""
    house = House(handing_over())
    number = house.mail("我有个建议")
    holder = house.ticket(number).assignee
    assert holder == "chen"
    house.until(at("03-04 17:44"))
    assert told(house, number, "zhou") == []
    house.done(number, "contact", holder)
    house.until(at("03-04 17:45"))
    [text] = told(house, number, "zhou")
    assert text.startswith(f"移交{number} ")
    assert [word for word in ("进展告知", "解决方案") if word in text] == ["进展告知", "解决方案"]
    assert "首次响应" not in text
    [because] = [reason for reason in house.decisions(number)[-1].reasons if reason["decided"] == "handed over"]
    assert because["rule"] == "handover"


def test_it_is_said_again_at_the_end_of_each_shift_until_the_ticket_has_ended() -> None:
    house = House(handing_over("[manager]"))
    number = house.mail("我有个建议")
    house.done(number, "contact", "chen")
    house.until(at("03-05 17:45"))
    assert len(told(house, number, "zhou")) == 2
    house.done(number, "close", "chen", "重复")
    assert "handover" not in house.timer_keys(number)
    house.until(at("03-06 18:00"))
    assert len(told(house, number, "zhou")) == 2


def test_who_leaves_is_not_told_and_without_open_promises_nobody_is() -> None:
    house = House(handing_over("[assignee, queue.lead]"), with_agents(an_agent("ann", "front_desk", shift="day")))
    number = house.mail("你好")
    house.done(number, "resolve", "ann", "好了")
    house.until(at("03-04 18:00"))
    assert [row.party for row in house.messages(number, script="handover")] == []


def test_who_leaves_owes_the_promises_and_is_not_told_of_them() -> None:
    house = House(handing_over("[assignee, queue.lead]"), with_agents(an_agent("ann", "front_desk", shift="day")))
    number = house.mail("你好")
    house.until(at("03-04 18:00"))
    assert [row.party for row in house.messages(number, script="handover")] == ["zhou"]


@pytest.mark.parametrize("without", ["rule", "holder"])
def test_a_shift_that_ends_without_a_rule_or_a_holder_is_told_to_nobody(without: str) -> None:
    house = House(handing_over())
    number = house.mail("我有个建议")
    if without == "rule":
        house.world = replace(house.world, policy=shipped())
    else:
        house.world = replace(house.world, team=with_agents())
        assert house.done(number, "assign", "zhou", target="finance").assignee is None
    decision = house.handle(TimerFired(number, HANDOVER_TIMER, house.now)).first
    assert (decision.refused, decision.events) == (None, ())


def test_whoever_takes_the_ticket_hands_over_at_the_end_of_their_own_shift() -> None:
    house = House(
        handing_over("[manager]"), with_agents(an_agent("ann", "front_desk", shift="day"), an_agent("bob", "front_desk", shift="any"))
    )
    number = house.mail("你好")
    house.done(number, "assign", "zhou", target="bob")
    keys = house.timer_keys(number)
    house.done(number, "assign", "zhou", target="ann")
    assert "handover" in house.timer_keys(number)
    assert "handover" not in keys


def test_without_a_rule_nothing_is_handed_over() -> None:
    house = House(shipped())
    assert "handover" not in house.timer_keys(house.mail("你好"))


@pytest.mark.parametrize(
    ("shift", "after", "expected"),
    [
        ("day", "03-04 10:00", "03-04 17:45"),
        ("day", "03-04 17:45", "03-05 17:45"),
        ("day", "03-06 18:00", "03-09 17:45"),
        ("any", "03-04 10:00", None),
    ],
)
def test_a_shift_ends_with_the_last_hours_of_its_day(shift: str, after: str, expected: str | None) -> None:
    calendars: dict[str, Calendar] = dict(shipped().calendars)
    people = with_agents(an_agent("ann", "front_desk", shift=shift))
    found = people.handover_at("ann", at(after), 15 * MINUTE, calendars)
    assert found == (None if expected is None else at(expected))


def test_where_the_calendar_does_not_know_the_year_nobody_hands_over() -> None:
    late = at("03-04 10:00") + timedelta(days=3 * 365)
    assert team().handover_at("zhao", late, HOUR, shipped().calendars) is None
