"""A plugin's field is asked within bounds: what fails, hangs or answers nonsense is missing, and the log says so once."""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.conditions import FieldType
from engine.core.facts import Facts
from engine.core.fields import FieldSource
from engine.core.signals import AgentActed
from engine.runtime.gather import Gatherer
from engine.runtime.sources import Source
from tests.core.worlds import DAY, HOUR, MAIL, House, changed

SOON = 0.05


def source(type_: FieldType, answer: Any, *choices: str) -> Source:
    read: Callable[..., object] = answer if callable(answer) else lambda customer, addresses: answer
    return Source(FieldSource("crm.field", type_, read, choices))


def fails(customer: str, addresses: object) -> object:
    raise LookupError(f"no {customer} at {addresses}")


def warnings(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__["facts"] for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("type_", "answer", "value"),
    [
        (FieldType.CHOICE, "gold", "gold"),
        (FieldType.STRING, "anything", "anything"),
        (FieldType.NUMBER, 3, 3),
        (FieldType.NUMBER, 0.5, 0.5),
        (FieldType.FLAG, False, False),
        (FieldType.LABELS, {"b", "a"}, ("a", "b")),
        (FieldType.LABELS, [], ()),
        (FieldType.CHOICE, None, None),
    ],
)
def test_a_sound_answer_is_the_value(caplog: pytest.LogCaptureFixture, type_: FieldType, answer: Any, value: object) -> None:
    assert source(type_, answer, *("gold", "a", "b") if type_ in {FieldType.CHOICE, FieldType.LABELS} else ()).tell("C1", {}) == value
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("type_", "answer", "reason"),
    [
        (FieldType.CHOICE, "silver", "the answer is no choice of this field"),
        (FieldType.STRING, 3, "the answer is no string of this field"),
        (FieldType.NUMBER, True, "the answer is no number of this field"),
        (FieldType.NUMBER, float("nan"), "the answer is no number of this field"),
        (FieldType.FLAG, 1, "the answer is no flag of this field"),
        (FieldType.LABELS, "gold", "the answer is no labels of this field"),
        (FieldType.LABELS, 3, "the answer is no labels of this field"),
        (FieldType.LABELS, ["gold", "silver"], "the answer is no labels of this field"),
        (FieldType.LABELS, ["gold", 3], "the answer is no labels of this field"),
        (FieldType.CHOICE, fails, "LookupError"),
    ],
)
def test_any_other_answer_is_missing_with_one_warning_that_shows_nobody(
    caplog: pytest.LogCaptureFixture, type_: FieldType, answer: Any, reason: str
) -> None:
    choices = ("gold",) if type_ in {FieldType.CHOICE, FieldType.LABELS} else ()
    assert source(type_, answer, *choices).tell("C1", {"email": [MAIL]}) is None
    assert warnings(caplog) == [{"field": "crm.field", "reason": reason}]


def test_a_late_answer_is_missing_and_nobody_asks_again_before_it_has_come(caplog: pytest.LogCaptureFixture) -> None:
    asked, go = [], threading.Event()

    def read(customer: str, addresses: object) -> str:
        asked.append(customer)
        go.wait()
        return "gold"

    slow = Source(FieldSource("crm.level", FieldType.CHOICE, read), SOON)
    assert [slow.tell(customer, {}) for customer in ("C1", "C2")] == [None, None]
    assert asked == ["C1"]
    assert warnings(caplog) == [{"field": "crm.level", "reason": "late"}] * 2
    go.set()
    assert slow._asked is not None
    slow._asked.join()
    assert slow.tell("C3", {}) == "gold"


def facts_of(house: House, number: str) -> Facts:
    with house.store.write() as tx:
        return Gatherer(tx, house.world, house.now).facts(house.ticket(number), AgentActed(number, "note", "zhao"), None)


HISTORY = changed(
    (
        "routing.yaml",
        "routes:\n",
        "routes:\n"
        "  - {id: often, when: {field: customer.tickets, last: 7d, at_least: 2}, queue: supervisors}\n"
        "  - {id: strange, when: {field: customer.last_contact, over: 90d}, queue: product}\n",
    )
)


def test_a_customers_history_counts_their_other_needs_and_is_kept_with_the_decision() -> None:
    house = House(HISTORY)
    numbers = []
    for _ in range(3):
        numbers.append(house.mail("发票怎么开"))
        house.wait(HOUR)
    assert [house.ticket(number).queue for number in numbers] == ["finance", "finance", "supervisors"]
    found = facts_of(house, numbers[2]).customer
    assert found is not None
    assert found.tickets == (house.now - 2 * HOUR, house.now - 3 * HOUR)
    assert found.last_contact_at == house.now - HOUR
    kept = house.decisions(numbers[2])[0].facts["customer"]
    assert [len(kept["tickets"]), kept["last_contact_at"]] == [2, json.loads(json.dumps(kept["tickets"][0]))]


def test_a_history_that_is_too_old_does_not_count() -> None:
    house = House(HISTORY)
    for _ in range(2):
        house.mail("发票怎么开")
    house.now += 8 * DAY
    later = house.mail("发票怎么开")
    assert house.ticket(later).queue == "finance"
    found = facts_of(house, later).customer
    assert found is not None
    assert found.tickets == ()


def test_a_customer_who_was_not_heard_of_for_long_is_told_by_the_last_contact() -> None:
    house = House(HISTORY)
    house.mail("发票怎么开")
    house.now += 91 * DAY
    assert house.ticket(house.mail("发票怎么开")).queue == "product"
    assert house.ticket(house.mail("发票怎么开")).queue == "finance"


def test_a_history_that_the_policy_does_not_ask_is_not_read() -> None:
    house = House()
    found = facts_of(house, house.mail("发票怎么开")).customer
    assert found is not None
    assert (found.tickets, found.last_contact_at, found.since) == ((), None, house.now)


def test_a_field_that_the_policy_does_not_ask_is_not_read() -> None:
    house = House()
    house.world = replace(house.world, sources={"crm.level": source(FieldType.CHOICE, fails)})
    assert facts_of(house, house.mail("发票怎么开")).extra == {}


def test_a_plugin_gets_the_customer_and_every_address_by_kind() -> None:
    told = []

    def read(customer: str, addresses: object) -> str:
        told.append((customer, addresses))
        return "gold"

    policy = replace(HISTORY, fields=HISTORY.fields | {"crm.level"})
    house = House(policy)
    house.world = replace(house.world, sources={"crm.level": Source(FieldSource("crm.level", FieldType.CHOICE, read))})
    number = house.mail("发票怎么开")
    assert told == [("C000001", {"email": [MAIL]})]
    assert house.decisions(number)[0].facts["extra"] == {"crm.level": "gold"}
