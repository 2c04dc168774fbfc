"""What was decided to be said is sent, at least once, and what cannot be ends where a person sees it."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from engine.channels import Outbound, PermanentFailure, Sent, TemporaryFailure
from engine.core.model import CUSTOMER
from engine.runtime.carriers import Circuit
from engine.runtime.outbox import Postman
from engine.runtime.retries import Retries
from engine.runtime.tokens import Tokens
from engine.store.rows import OutboxRow
from tests.core.worlds import HOUR, MAIL, MINUTE, PHONE, House, an_agent, with_agents

PATIENT = Retries(attempts=3, backoff=timedelta(seconds=30), longest=HOUR)


class Carrier:
    """The world outside: takes a message, or fails as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[Outbound] = []

    def send(self, message: Outbound) -> Sent:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)
        return Sent(f"<{message.message_id}@carrier>")


def house() -> House:
    return House(people=with_agents(an_agent("ann", "front_desk")))


def postman(house: House, channel: str = "email", redirect: Callable[[str], str | None] = lambda address: address) -> Postman:
    return Postman(house.store, house.tokens, channel, PATIENT, redirect, circuit=Circuit(failures=100))


def dispatch(house: House, carrier: Carrier, **more: object) -> int:
    return len(postman(house, **more).dispatch(carrier, house.world, lambda: house.now))  # type: ignore[arg-type]  # a carrier is what a channel does with one


def to_customer(house: House, number: str) -> OutboxRow:
    return house.messages(number, CUSTOMER)[0]


def test_a_message_is_sent_with_the_token_that_brings_its_answer_back() -> None:
    there = house()
    number = there.mail("你好", subject="咨询")
    carrier = Carrier()
    assert dispatch(there, carrier) == 2
    [assignment, promise] = carrier.sent
    assert (promise.to, promise.automatic, promise.language) == (MAIL, True, "zh")
    assert there.tokens.read(promise.token) == (number, CUSTOMER)
    assert there.tokens.read(assignment.token) == (number, "ann")
    row = to_customer(there, number)
    assert (row.state, row.provider_id, row.sent_at) == ("sent", f"<{row.id}@carrier>", there.now)
    assert there.names(number)[-2:] == ["message_sent", "message_sent"]
    assert dispatch(there, carrier) == 0


def test_the_link_to_the_customers_page_is_put_in_as_the_message_goes_out_and_stands_nowhere_else() -> None:
    there = house()
    there.world, there.tokens = (
        structs.replace(there.world, links=True),
        Tokens(b"key", there.people.agents, "https://service.example.test"),
    )
    number = there.mail("{link} 你好", subject="咨询")
    carrier = Carrier()
    dispatch(there, carrier)
    [assignment, promise] = carrier.sent
    link = there.tokens.link(number)
    assert link in promise.text
    assert "{link} 你好" in assignment.text  # a colleague must not act for the customer
    with there.store.read() as reader:
        kept = reader.contents([to_customer(there, number).content_id])
    assert [("{link}" in text, link in text) for text in kept.values()] == [(True, False)]


def test_without_pages_messages_say_nothing_of_them() -> None:
    there = house()
    number = there.mail("你好", subject="咨询")
    there.done(number, "write", "ann", "您好 {link}")
    carrier = Carrier()
    dispatch(there, carrier)
    assert ["进度" in message.text for message in carrier.sent] == [False] * 3
    assert carrier.sent[-1].text == "您好 {link}"


def test_a_message_names_those_before_it_in_its_thread() -> None:
    there = house()
    number = there.mail("你好")
    carrier = Carrier()
    dispatch(there, carrier)
    there.done(number, "write", "ann", "您好")
    dispatch(there, carrier)
    assert carrier.sent[-1].references == (to_customer(there, number).provider_id,)


def test_a_failure_for_now_is_tried_again_later_and_ends_with_the_dead() -> None:
    there = house()
    number = there.mail("你好")
    carrier = Carrier(*[TemporaryFailure("busy")] * 6)
    for _ in range(2):
        assert dispatch(there, carrier) == 0
        assert len(carrier.failures) in (4, 2)
        assert dispatch(there, carrier) == 0
        there.now += 5 * MINUTE
    assert dispatch(there, carrier) == 2
    row = to_customer(there, number)
    assert (row.state, row.attempts, row.error) == ("dead", 3, "busy")
    assert sorted(there.names(number)[-3:]) == ["message_failed", "message_failed", "message_queued"]


@pytest.mark.parametrize(("asked", "waits"), [(90.0, 90.0), (1e12, 3600.0), (-5.0, 0.0)])
def test_a_carrier_may_say_when_to_come_again_within_reason(asked: float, waits: float) -> None:
    there = house()
    number = there.mail("你好")
    dispatch(there, Carrier(TemporaryFailure("busy", asked), TemporaryFailure("busy", asked)))
    assert to_customer(there, number).next_attempt_at == there.now + timedelta(seconds=waits)


def test_what_can_never_be_sent_is_not_tried_again() -> None:
    there = house()
    number = there.mail("你好")
    assert dispatch(there, Carrier(PermanentFailure("no such user"), PermanentFailure("no such user"))) == 2
    assert {row.state for row in there.messages(number) if row.script in ("promise", "assignment")} == {"dead"}


def test_a_fault_of_the_plugin_costs_its_own_message_a_try_and_no_other() -> None:
    there = house()
    number = there.mail("你好")
    carrier = Carrier(ValueError("bug"))
    assert dispatch(there, carrier) == 1
    assert [message.to for message in carrier.sent] == [MAIL]
    [assignment] = there.messages(number, "ann")
    assert (assignment.state, assignment.error) == ("queued", "ValueError: bug")


def test_a_redirected_message_goes_elsewhere_and_one_without_a_place_is_held() -> None:
    there = house()
    number = there.mail("你好")
    carrier = Carrier()
    dispatch(there, carrier, redirect=lambda address: "me@example.test" if address == MAIL else None)
    assert [message.to for message in carrier.sent] == ["me@example.test"]
    assert [row.state for row in there.messages(number, "ann")] == ["held"]
    assert to_customer(there, number).address == MAIL


def test_a_message_of_no_ticket_is_sent_without_a_token_and_told_to_nobody() -> None:
    there = house()
    with there.store.write() as tx:
        for n in (1, 2):
            tx.keep_content(f"k{n}", None, "message", "hello")
            tx.queue_message(OutboxRow(f"m{n}", None, "sms", CUSTOMER, PHONE, "", f"k{n}", "zh", True, None, there.now))
    carrier = Carrier(PermanentFailure("no"))
    assert dispatch(there, carrier, channel="sms") == 0
    assert [(message.text, message.token, message.references) for message in carrier.sent] == [("hello", "", ())]


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_pauses_grow_to_the_longest_and_a_quarter_by_chance(attempts: int, seed: int) -> None:
    pause = PATIENT.pause(attempts, random.Random(seed))
    plain = min(PATIENT.backoff * 2 ** min(max(attempts - 1, 0), 7), PATIENT.longest)
    assert plain <= pause <= plain * 1.25
