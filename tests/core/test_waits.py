"""Which timers a ticket waits for follows from its state alone."""

from datetime import timedelta

import pytest

from engine.core.model import Ticket
from engine.core.waits import awaits, owed
from tests.core.worlds import HOUR, House


@pytest.fixture
def house() -> House:
    return House()


def waiting(house: House, number: str) -> dict[str, object]:
    with house.store.read() as reader:
        return {row.key: row.due for row in reader.timers(number)}


def test_each_timer_that_is_set_is_waited_for_and_each_that_is_owed_is_set(house: House) -> None:
    for number in (house.mail("系统宕机了"), house.resolved(), house.confirmed(), house.surveyed()):
        ticket, timers = house.ticket(number), waiting(house, number)
        assert timers
        assert all(awaits(ticket, key, due) for key, due in timers.items())  # type: ignore[arg-type]  # instants
        assert dict(owed(ticket)).items() <= timers.items()


def test_a_breach_is_waited_for_at_its_own_instant_while_its_clock_runs(house: House) -> None:
    ticket = house.ticket(house.mail("系统宕机了"))
    due = ticket.deadlines["response"].due
    assert due is not None
    assert awaits(ticket, "deadline/response/breach", due)
    assert not awaits(ticket, "deadline/response/breach", due + timedelta(seconds=1))
    assert awaits(ticket, "deadline/response/warn/x/0.5", due)
    assert not awaits(ticket, "deadline/none/breach", due)
    ended = house.ticket(house.confirmed())
    assert not awaits(ended, "deadline/response/warn/x/0.5", due)


def test_a_survey_is_waited_for_before_it_is_sent_and_its_answer_until_it_is_there(house: House) -> None:
    def waits(ticket: Ticket) -> list[bool]:
        return [awaits(ticket, f"survey/{what}", house.now) for what in ("send", "remind/0", "expire")]

    number = house.confirmed()
    assert waits(house.ticket(number)) == [True, False, False]
    assert "survey/send" in dict(owed(house.ticket(number)))
    house.wait(2 * HOUR)
    assert waits(house.ticket(number)) == [False, True, True]
    house.mail("5 5 5", number)
    assert waits(house.ticket(number)) == [False, False, False]
    assert dict(owed(house.ticket(number))) == {}
    assert waits(house.ticket(house.mail("登录异常"))) == [False, False, False]


def test_nobody_is_looked_for_when_the_ticket_has_ended_and_what_no_ticket_knows_is_never_waited_for(house: House) -> None:
    going, ended = house.ticket(house.mail("登录异常")), house.ticket(house.confirmed())
    for key in ("assign", "handover", "incident/news"):
        assert awaits(going, key, house.now)
        assert not awaits(ended, key, house.now)
    for key in ("calendars", "rule/mine", "incident/updated/-/-"):
        assert awaits(ended, key, house.now)
    assert not awaits(going, "nonsense", house.now)
