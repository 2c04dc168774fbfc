"""Calls on a ticket that is there: the policy's call rules say which of them are contacts, and records name agents as people do."""

import pytest

from engine.core.events import CustomerContacted
from engine.core.model import Ticket
from tests.core.worlds import House, changed

IGNORED = changed(("intake.yaml", "    contact: true\n", "    ignore: true\n"))


def called(house: House, direction: str, outcome: str, agent: str = "") -> Ticket:
    number = house.sms("请问营业时间")
    assert number is not None
    assert house.call(outcome, direction, agent) == number
    with house.store.read() as reader:
        ticket = reader.ticket(number)
    assert ticket is not None
    return ticket


@pytest.mark.parametrize(
    ("direction", "outcome", "is_contact"),
    [
        ("outbound", "answered", True),  # contact: true
        ("inbound", "answered", True),  # it would open a ticket, and this is the one
        ("outbound", "no_answer", False),  # ignore: true
    ],
)
def test_a_call_counts_as_a_contact_by_its_rule(direction: str, outcome: str, is_contact: bool) -> None:
    assert (called(House(), direction, outcome).first_contact_at is not None) is is_contact


def test_an_answered_call_is_no_contact_where_its_rule_ignores_it() -> None:
    house = House(IGNORED)
    ticket = called(house, "outbound", "answered")
    assert ticket.first_contact_at is None
    with house.store.read() as reader:
        assert "call_noted" in [kept.event.type for kept in reader.events(ticket.number)]


@pytest.mark.parametrize("said", ["wang", "王芳", "+8613800000002", "138 0000 0002"])
def test_a_record_names_the_agent_by_id_name_or_number(said: str) -> None:
    house = House()
    number = called(house, "outbound", "answered", said).number
    with house.store.read() as reader:
        events = [kept.event for kept in reader.events(number)]
    assert [event.by for event in events if isinstance(event, CustomerContacted)] == ["wang"]
