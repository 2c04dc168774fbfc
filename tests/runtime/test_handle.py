"""The one door: all that a signal leads to is kept together, or nothing is."""

import threading
from contextlib import suppress
from datetime import date, timedelta

import pytest

from engine.core.decide import decide
from engine.core.lifecycle import evolve
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import AgentActed, TicketRequested
from engine.errors import NotFound
from engine.runtime import handle as door
from engine.runtime.gather import Gatherer
from engine.runtime.handle import handle
from engine.store import codec
from engine.store.rows import CustomerRow
from tests.core.worlds import DAY, HOUR, MAIL, MINUTE, PHONE, House, an_agent, at, with_agents


def test_a_ticket_that_does_not_exist_is_not_found() -> None:
    house = House()
    with pytest.raises(NotFound, match="there is no ticket 209901010001"):
        house.act("209901010001", "note", text="x")


def test_a_refused_action_leaves_the_ticket_and_records_why() -> None:
    house = House()
    number = house.mail("你好")
    before = (house.ticket(number), house.timer_keys(number), len(house.messages()))
    house.act(number, "resume")
    assert (house.ticket(number), house.timer_keys(number), len(house.messages())) == before
    last = house.decisions(number)[-1]
    assert (last.first_seq, last.last_seq) == (None, None)
    assert "cannot happen" in (last.refused or "")


def test_a_refused_intake_leaves_no_customer_and_takes_no_number() -> None:
    house = House()
    assert house.take("email", sender=MAIL, text="  ") is None
    with house.store.read() as reader:
        assert reader.customers(10) == []
    assert house.mail("你好") == "202603040001"


def test_numbers_follow_the_local_day_across_midnight_in_shanghai() -> None:
    house = House(now=at("03-04 23:59"))
    numbers = [house.mail("你好", sender=f"a{n}@example.test") for n in range(2)]
    house.now = at("03-05 00:00")
    numbers += [house.mail("你好", sender=f"b{n}@example.test") for n in range(2)]
    house.now = at("03-05 08:00")
    numbers.append(house.mail("你好", sender="c@example.test"))
    assert numbers == ["202603040001", "202603040002", "202603050001", "202603050002", "202603050003"]


def test_numbers_are_unique_whoever_comes_at_once() -> None:
    house = House()
    numbers: list[str] = []

    def open_some() -> None:
        for _ in range(5):
            outcome = house.handle(TicketRequested("task", "finance", "核对", "sms", "zh"))
            numbers.append(outcome.ticket or "")

    threads = [threading.Thread(target=open_some) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [f"20260304{n:04d}" for n in range(1, 31)]


def test_a_task_is_opened_in_the_transaction_that_asked_for_it() -> None:
    house = House()
    number = house.mail("你好")
    with suppress(ZeroDivisionError), house.store.write() as tx:
        handle(tx, house.world, AgentActed(number, "task", "zhao", "核对", "finance"), house.now)
        raise ZeroDivisionError
    assert house.ticket(number).tasks == ()
    outcome = house.handle(AgentActed(number, "task", "zhao", "核对", "finance"))
    assert [one.number for one in outcome.handled] == [number, "202603040002"]
    assert outcome.ticket == number
    assert not outcome.forget


def test_signals_that_raise_signals_for_ever_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "CHAIN_LIMIT", 1)
    house = House()
    number = house.mail("你好")
    with pytest.raises(RuntimeError, match="led to more than 1 further signals"):
        house.act(number, "task", text="核对", target="finance")
    assert house.ticket(number).tasks == ()


def test_held_messages_wait_for_a_person() -> None:
    house = House()
    with house.store.write() as tx:
        handle(tx, house.world, TicketRequested("task", "finance", "核对", "sms", "zh"), house.now, hold=True)
    assert {row.state for row in house.messages()} == {"held"}


def test_a_decision_is_made_again_from_what_was_recorded_and_comes_out_the_same() -> None:
    house = House()
    number = house.mail("登录异常", fields={"impact": "outage"})
    house.done(number, "contact", "qian")
    recorded = house.decisions(number)[-1]
    first, last = recorded.first_seq or 0, recorded.last_seq or 0
    log = house.log(number)
    state: Ticket | None = None
    for event in log[: first - 1]:
        state = evolve(state, event, house.now)
    signal = codec.decode_signal(recorded.signal_type, codec.encode(recorded.signal))
    facts = codec.decode_facts(codec.encode(recorded.facts))
    assert list(decide(state, signal, facts, house.world.policy, house.now).events) == log[first - 1 : last]


def test_a_decision_records_the_agents_that_it_looked_at_and_no_others() -> None:
    house = House()
    number = house.mail("系统宕机")
    house.done(number, "contact", "qian")
    opened, *_, contacted = house.decisions(number)
    assert {"qian", "wu"} <= set(opened.facts["agents"]) < set(house.world.team.agents)
    assert set(contacted.facts["agents"]) <= {"qian"}


def test_what_is_recorded_of_a_decision_names_no_person() -> None:
    house = House()
    number = house.mail("王芳的电话13912345678宕机", sender_name="王芳", subject="王芳")
    text = str([(row.signal, row.facts, row.reasons) for row in house.decisions(number)])
    for secret in ("王芳", MAIL, "13912345678", "qian@example.test", "钱伟"):
        assert secret not in text
    assert "宕机" in text


# ── facts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agent_is_there_by_shift_calendar_and_absence() -> None:
    people = with_agents(
        an_agent("ann", "front_desk", shift="day"),
        an_agent("bob", "front_desk", shift="day", absent=((date(2026, 3, 4), date(2026, 3, 4)),)),
        an_agent("cat", "front_desk", language="en"),
    )
    for now, expected in (("03-04 10:00", ["ann", "cat", "zhou"]), ("03-04 12:30", ["cat", "zhou"]), ("05-01 10:00", ["cat", "zhou"])):
        house = House(people=people, now=at(now))
        with house.store.write() as tx:
            agents = Gatherer(tx, house.world, house.now).facts(None, TicketRequested("task", "finance", "x", "sms", "zh"), None).agents
        assert [agent.id for agent in agents.values() if agent.available] == expected
    assert (agents["cat"].language, agents["ann"].language) == ("en", "zh")
    assert agents["ann"].next_available == at("05-06 09:00")


def test_one_customer_is_known_by_every_address_they_have() -> None:
    house = House()
    with house.store.write() as tx:
        tx.add_customer(CustomerRow("C000009", "王", "vip", "en", house.now))
        tx.add_address("C000009", "phone", PHONE)
        tx.add_address("C000009", "email", MAIL)
    by_mail, by_phone = house.mail("12345"), house.sms("12345")
    assert {house.ticket(number or "").customer for number in (by_mail, by_phone)} == {"C000009"}
    assert house.ticket(by_mail).tier == "important"
    assert house.call("abandoned") not in (by_mail, by_phone)


def test_loads_and_recent_messages_count_by_agent() -> None:
    house = House(people=with_agents(an_agent("ann", "front_desk"), an_agent("bob", "front_desk")))
    number = house.mail("你好")
    with house.store.write() as tx:
        found = Gatherer(tx, house.world, house.now).facts(house.ticket(number), AgentActed(number, "note", "ann"), None)
    assert ({id: agent.load for id, agent in found.agents.items()}, found.recent) == (
        {"ann": 1, "bob": 0, "zhou": 0},
        {"ann": 1, CUSTOMER: 1},
    )
    house.wait(HOUR + MINUTE)
    with house.store.write() as tx:
        later = Gatherer(tx, house.world, house.now).facts(house.ticket(number), AgentActed(number, "note", "ann"), None)
    assert later.recent.get(CUSTOMER) is None


def test_a_customer_whose_row_is_gone_is_nobody() -> None:
    house = House()
    number = house.handle(TicketRequested("task", "finance", "核对", "sms", "zh", customer="C000099")).ticket or ""
    with house.store.write() as tx:
        found = Gatherer(tx, house.world, house.now).facts(house.ticket(number), AgentActed(number, "note", "lin"), None)
    assert found.customer is None
    assert found.last_agent is None


def test_the_same_seed_gives_the_same_decisions() -> None:
    logs = []
    for _ in range(2):
        house = House(seed=7)
        number = house.surveyed()
        house.mail("1 2 3", number)
        house.wait(3 * DAY + timedelta(seconds=1))
        logs.append((house.log(number), [row.id for row in house.messages()]))
    assert logs[0] == logs[1]


def test_a_clock_that_was_set_back_neither_wedges_a_ticket_nor_counts_backwards() -> None:
    house = House()
    number = house.mail("系统宕机")
    house.wait(20 * MINUTE)
    house.done(number, "hold")
    held = house.ticket(number).deadlines["plan"].pauses[-1][0]
    house.now -= 3 * HOUR
    house.done(number, "resume")
    clock = house.ticket(number).deadlines["plan"]
    assert clock.pauses == ((held, held),)
    assert clock.due == clock.started_at + 2 * HOUR
    with house.store.read() as reader:
        assert [stored.at for stored in reader.events(number)] == sorted(stored.at for stored in reader.events(number))
