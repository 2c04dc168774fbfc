"""What is drawn for review by cron: tickets that were closed and calls that opened none, since the last time, each once."""

import logging

import pytest
from msgspec.structs import replace

from engine.core.signals import AgentActed, MessageArrived
from engine.runtime import quality
from engine.runtime.gather import Origin
from engine.whatif.lab import Lab
from tests.core.worlds import MAIL, House, at, shipped, team

MONDAY = "03-09 06:00"


def reviews(house: House) -> list[tuple[str, str | None]]:
    with house.store.read() as reader:
        return sorted((review.agent, review.ticket or (review.call and "call")) for _, review in quality.reviews(reader))


def run(house: House, when: str) -> None:
    house.now = at(when)
    quality.run_due(house.store, house.world, house.now, hold=False)


def worked() -> tuple[House, str]:
    """A house in which a ticket was closed and two calls were made on a Wednesday, of which nobody wrote a ticket."""
    house = House()
    run(house, "03-04 10:00")
    number = house.mail("请问营业时间")
    house.act(number, "claim", "zhao")
    house.act(number, "close", "zhao", "好")
    assert house.call("answered", "outbound", "wang") is None
    assert house.call("busy", "outbound", "wang") is None
    return house, number


def test_what_was_closed_since_the_last_slot_is_drawn_once_and_so_are_calls_without_a_ticket() -> None:
    house, number = worked()
    run(house, "03-09 05:59")
    assert reviews(house) == []
    run(house, MONDAY)
    drawn = reviews(house)
    assert dict(drawn) == {"wang": "call", "zhao": number}
    run(house, MONDAY)
    run(house, "03-16 06:00")
    assert reviews(house) == drawn


def test_tests_of_policies_see_what_is_drawn_too() -> None:
    lab = Lab(shipped(), team(), at("03-04 10:00"))
    origin = Origin("email", MAIL, "陈先生", None)
    number = lab.handle(MessageArrived(None, "email", "请问营业时间"), origin).ticket
    assert number is not None
    for action in ("claim", "close"):
        assert lab.handle(AgentActed(number, action, "zhao", "好")).first.refused is None
    lab.advance(at(MONDAY))
    with lab.store.read() as reader:
        assert {review.ticket for _, review in quality.reviews(reader)} == {number}
    lab.close()


def test_the_review_of_a_call_names_it_as_the_exchange_does() -> None:
    house, _ = worked()
    run(house, MONDAY)
    with house.store.read() as reader:
        ticket, *_ = [one for one, review in quality.reviews(reader) if review.call is not None]
        said = reader.contents([str(ticket.description)])[str(ticket.description)]
        ((_, name, call),) = reader.calls_without_ticket(at("03-04 00:00"), at("03-05 00:00"))
    assert name
    assert said == f"{name} {call.at.isoformat(timespec='seconds')}"
    assert (ticket.review and ticket.review.channel, call.channel) == ("phone_log", "phone_log")


def test_where_nobody_can_review_somebody_that_is_said_once_and_the_others_are_drawn(caplog: pytest.LogCaptureFixture) -> None:
    house, _ = worked()
    alone = {id: agent for id, agent in house.world.team.agents.items() if id in ("zhao", "wang")}
    house.world = replace(house.world, team=replace(house.world.team, agents=alone, manager="zhao"))
    with caplog.at_level(logging.ERROR, logger="closedloop"):
        run(house, MONDAY)
        run(house, MONDAY)
    assert reviews(house) == [("wang", "call")]
    assert [record.getMessage() for record in caplog.records] == ["not drawn for review"]


@pytest.mark.parametrize("without", ["form", "schedule"])
def test_without_a_form_or_a_schedule_nothing_is_drawn(without: str) -> None:
    house, _ = worked()
    form = house.world.policy.quality
    assert form is not None
    spared = None if without == "form" else replace(form, schedule=None)
    house.world = replace(house.world, policy=replace(house.world.policy, quality=spared))
    run(house, MONDAY)
    run(house, "03-16 06:00")
    assert reviews(house) == []
