"""Incidents: how they come about, whom they tell what, how they end, and what survives a crash in between."""

from collections import Counter
from typing import Any

import pytest

from engine.core import events as e
from engine.core.signals import IncidentSought, TicketRequested
from engine.runtime import timers
from engine.runtime.handle import handle
from engine.store.rows import TicketQuery
from tests.core.worlds import HOUR, MINUTE, POLICIES, House, changed
from tests.support.counts import scaled

OUTAGE = "系统宕机了"
ENGLISH = "the service is down for everyone, an outage"


def incident(house: House) -> str:
    """The number of the only incident."""
    with house.store.read() as reader:
        [found] = [one.number for one in reader.tickets(TicketQuery(kind="incident")) if one.is_incident]
    return found


def report(house: House, count: int, first: int = 0) -> list[str]:
    """Tickets of so many customers who report the outage: every other one in English, every third by text message."""
    numbers = []
    for index in range(first, first + count):
        text = ENGLISH if index % 2 else OUTAGE
        if index % 3 == 0:
            number = house.sms(text, sender=f"+861390000{index:04d}")
            assert number is not None
        else:
            number = house.mail(text, sender=f"c{index}@example.test")
        numbers.append(number)
    return numbers


def by_hand(house: House, *numbers: str, title: str = "支付故障") -> str:
    """An incident that a person opens."""
    outcome = house.handle(TicketRequested("incident", "tech_support", title, "email", "zh", actor="qian"))
    assert outcome.ticket is not None
    for number in numbers:
        house.done(number, "join", target=outcome.ticket)
    return outcome.ticket


def told(house: House, number: str) -> list[str | None]:
    return [one for one in house.scripts(number, "customer") if one and one.startswith("incident")]


def test_it_opens_when_enough_tickets_came_and_takes_them_in() -> None:
    house = House()
    numbers = report(house, 4)
    assert all(house.ticket(number).incident is None for number in numbers)
    numbers += report(house, 1, first=4)
    found = incident(house)
    assert (house.ticket(found).queue, house.ticket(found).tier) == ("tech_support", "urgent")
    house.wait(MINUTE)
    assert [house.ticket(number).incident for number in numbers] == [found] * 5
    assert [told(house, number) for number in numbers] == [["incident_opened"]] * 5
    assert {row.language for row in house.messages(script="incident_opened")} == {"zh", "en"}
    assert {row.channel for row in house.messages(script="incident_opened")} == {"email", "sms"}
    assert set(house.ticket(found).deadlines) == {"incident"}
    looked = [[one for one in house.decisions(number) if one.signal_type == "incident_sought"] for number in numbers]
    assert [len(found) for found in looked] == [0, 0, 0, 0, 1], "only who found that it is one leaves a trace of that"
    assert looked[-1][0].reasons[0]["decided"] == "opens an incident"


def test_a_ticket_that_fits_later_joins_and_hears_the_latest_news() -> None:
    house = House()
    report(house, 5)
    house.wait(MINUTE)
    house.done(incident(house), "progress", "qian", "光缆正在抢修")
    house.wait(MINUTE)
    [late] = report(house, 1, first=10)
    assert house.ticket(late).incident == incident(house)
    assert "光缆正在抢修" in house.words(house.messages(late, script="incident_opened")[0])
    assert "response" in house.ticket(late).deadlines
    assert house.ticket(late).deadlines["response"].stopped_at is not None


def test_tickets_of_more_than_the_window_ago_do_not_count() -> None:
    house = House()
    report(house, 3)
    house.wait(31 * MINUTE)
    report(house, 4, first=10)
    with house.store.read() as reader:
        assert not [one for one in reader.tickets(TicketQuery(kind="incident")) if one.is_incident]
    report(house, 1, first=20)
    house.wait(MINUTE)
    with house.store.read() as reader:
        assert len(reader.members(incident(house), "", 100)) == 5


def test_only_tickets_with_the_same_values_count_together() -> None:
    house = House(changed(("incidents.yaml", "    minimum: 20\n", "    minimum: 2\n    tier: important\n    queue: front_desk\n")))
    house.mail("登录报错", sender="a@example.test", fields={"kind": "complaint"})
    house.mail("登录报错", sender="b@example.test", fields={"kind": "inquiry"})
    with house.store.read() as reader:
        assert not [one for one in reader.tickets(TicketQuery(kind="incident")) if one.is_incident]
    house.mail("登录报错", sender="c@example.test", fields={"kind": "inquiry"})
    found = house.ticket(incident(house))
    assert (found.alike, found.tier, found.queue) == ("same-fault/inquiry", "important", "front_desk")


def test_a_customer_hears_once_even_with_several_tickets() -> None:
    house = House()
    numbers = [house.mail(OUTAGE, sender="same@example.test") for _ in range(5)]
    house.wait(MINUTE)
    assert {house.ticket(number).incident for number in numbers} == {incident(house)}
    house.done(incident(house), "progress", "qian", "正在抢修")
    house.wait(MINUTE)
    assert [told(house, number) for number in numbers] == [["incident_opened", "incident_update"], [], [], [], []]
    reasons = [event.reason for event in house.log(numbers[1]) if isinstance(event, e.MessageSuppressed)]
    assert reasons[-2:] == ["told_once", "told_once"]
    house.done(numbers[0], "resolve", "qian", "已单独处理")
    house.mail("Y", numbers[0], sender="same@example.test")
    house.done(incident(house), "progress", "qian", "即将恢复")
    house.wait(MINUTE)
    assert told(house, numbers[1]) == ["incident_update"]  # who spoke for it has ended


def test_customers_hear_on_schedule_without_news_until_it_is_over() -> None:
    house = House()
    [number] = [house.mail("请问发票")]
    found = by_hand(house, number)
    house.wait(HOUR + MINUTE)
    house.wait(HOUR)
    updates = house.messages(number, script="incident_update")
    assert len(updates) == 2
    assert "仍在全力恢复中" in house.words(updates[0])
    house.done(found, "progress", "qian", "已定位原因")
    house.wait(59 * MINUTE)
    assert len(house.messages(number, script="incident_update")) == 3
    house.done(found, "resolve", "qian", "已更换设备。")
    house.wait(5 * HOUR)
    assert len(house.messages(number, script="incident_update")) == 3
    assert house.ticket(found).state == "closed"


def test_recovery_gives_every_ticket_its_result_and_asks_for_confirmation() -> None:
    house = House()
    numbers = report(house, 6)
    house.wait(MINUTE)
    house.done(incident(house), "resolve", "qian", "已更换设备。")
    house.wait(MINUTE)
    for number in numbers:
        assert house.ticket(number).state == "resolved"
        assert {"incident_recovered", "result_reported"} <= set(house.names(number))
        assert told(house, number)[-1] == "incident_recovered"
        assert house.ticket(number).deadlines["confirmation"].running
    house.mail("Y", numbers[1], sender="c1@example.test")
    assert house.ticket(numbers[1]).state == "confirmed"
    house.mail("N 还是不行", numbers[2], sender="c2@example.test")
    assert house.ticket(numbers[2]).state == "in_progress"


def test_who_cannot_be_told_of_the_recovery_is_somebodys_task() -> None:
    house = House()
    number = house.call(text="发票怎么开")
    assert number is not None
    house.sms("退订", sender="+8613912345678")
    found = by_hand(house, number)
    house.done(found, "resolve", "qian", "已恢复。")
    house.wait(MINUTE)
    reasons = {event.script: event.reason for event in house.log(number) if isinstance(event, e.MessageSuppressed)}
    assert reasons["incident_opened"] == reasons["incident_recovered"] == "opted_out"
    assert "undelivered" in house.scripts(number)


def test_a_false_alarm_sets_its_tickets_free() -> None:
    house = House()
    number = house.mail("请问发票")
    found = by_hand(house, number)
    assert not house.ticket(number).deadlines["plan"].running
    house.done(found, "close", "qian", "误报")
    house.wait(MINUTE)
    assert house.ticket(number).incident is None
    assert house.ticket(number).deadlines["plan"].running


def test_a_ticket_is_put_in_and_taken_out_by_hand() -> None:
    house = House()
    number = house.mail("请问发票")
    found = by_hand(house, number)
    assert house.act(number, "join", target=found).refused == (
        f"ticket {number} cannot join incident {found}: it is one, or belongs to it already"
    )
    assert house.act(found, "join", target=found).refused is not None
    assert house.done(number, "leave").incident is None
    assert house.act(number, "leave").refused == f"ticket {number} belongs to no incident"
    assert house.act(number, "join", target="209901010001").refused == "there is no incident '209901010001'"
    assert house.act(number, "join", target=number).refused == f"there is no incident {number!r}"
    house.done(found, "resolve", "qian", "已恢复。")
    assert house.act(number, "join", target=found).refused == "the incident is over"


def test_a_rule_may_open_an_incident_for_its_ticket() -> None:
    house = House(
        changed(("rules.yaml", "rules:\n", "rules:\n  - {id: o, on: put_on_hold, do: [{open: {kind: incident, queue: tech_support}}]}\n"))
    )
    number = house.mail("请问发票")
    house.done(number, "hold", target="on_hold")
    assert house.ticket(number).incident == incident(house)


def test_rules_run_for_each_ticket_of_an_incident() -> None:
    house = House(changed(("rules.yaml", "rules:\n", "rules:\n  - {id: t, on: joined_incident, do: [{add_tag: hit}]}\n")))
    numbers = report(house, 5)
    house.wait(MINUTE)
    assert [house.ticket(number).tags for number in numbers] == [("hit",)] * 5


def test_a_ticket_that_was_solved_meanwhile_is_left_alone() -> None:
    house = House()
    number = house.mail("请问发票")
    found = by_hand(house, number)
    house.done(number, "resolve", text="已开")
    house.done(found, "progress", "qian", "还在处理")
    house.wait(MINUTE)
    assert told(house, number) == ["incident_opened"]
    assert house.decisions(number)[-1].refused == f"ticket {number} is resolved and awaits nothing of incident {found}"


def test_an_automat_is_not_told() -> None:
    house = House()
    report(house, 5)
    number = house.mail(OUTAGE, sender="robot@example.test", automatic=True)
    assert house.ticket(number).incident is None
    assert house.scripts(number, "customer") == []


def test_one_that_is_reopened_is_told_of_again() -> None:
    house = House()
    number = house.mail("请问发票")
    found = by_hand(house, number)
    house.done(found, "resolve", "qian", "已恢复。")
    house.wait(MINUTE)
    house.mail("N 还是不行", number)
    house.done(found, "reopen", "qian", "又坏了")
    house.wait(HOUR + MINUTE)
    assert told(house, number) == ["incident_opened", "incident_recovered", "incident_update"]


def test_a_ticket_that_fits_no_group_looks_for_no_incident() -> None:
    house = House()
    number = house.mail("请问发票")
    assert house.handle(IncidentSought(number)).first.refused == f"ticket {number} looks for no incident"


def test_without_the_file_there_are_no_groups_and_nobody_is_told() -> None:
    text = (POLICIES / "incidents.yaml").read_text("utf-8")
    house = House(changed(("incidents.yaml", text, "version: 1\n")))
    report(house, 6)
    number = house.mail("请问发票")
    found = by_hand(house, number)
    house.done(found, "progress", "qian", "在处理")
    house.done(found, "resolve", "qian", "已恢复。")
    house.wait(2 * HOUR)
    assert told(house, number) == []
    assert house.names(found).count("incident_updated") == 1
    assert house.ticket(number).state == "resolved"


class Killed(BaseException):
    """The process dies."""


def test_a_thousand_tickets_are_told_once_each_though_the_process_dies_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    house, count = House(), scaled(1000, 240) // 4 * 4
    numbers = _many(house, count)
    found = by_hand(house)
    for number in numbers:
        house.done(number, "join", target=found)
    house.done(found, "progress", "qian", "正在抢修")
    _with_crashes(house, monkeypatch)
    house.done(found, "resolve", "qian", "已恢复。")
    _with_crashes(house, monkeypatch)
    for script in ("incident_opened", "incident_update", "incident_recovered"):
        with house.store.read() as reader:
            rows = [row for row in reader.messages(limit=100_000) if row.script == script]
        assert Counter(row.address for row in rows).most_common(1)[0][1] == 1
        assert Counter((row.channel, row.language) for row in rows) == {
            (channel, language): count // 4 for channel in ("email", "sms") for language in ("zh", "en")
        }


def _many(house: House, count: int) -> list[str]:
    """Tickets of so many customers, half of them by text message, half in English."""
    numbers = []
    for index in range(count):
        text = "what are your opening hours" if index % 2 else "请问营业时间"
        sms = index % 4 < 2
        number = house.sms(text, sender=f"+861390001{index:04d}") if sms else house.mail(text, sender=f"c{index}@example.test")
        assert number is not None
        numbers.append(number)
    return numbers


def _dying(*given: Any, **more: Any) -> None:
    """Decide, and die before it is kept."""
    handle(*given, **more)
    raise Killed


def _with_crashes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fire timers until the incident has said everything; every third page, the process dies in the middle of it."""
    told_so_far = 0
    while True:
        with house.store.read() as reader:
            due = [row for row in reader.due_timers(house.now, 100) if row.key.startswith("incident/") and "news" not in row.key]
        if not due:
            return
        told_so_far += 1
        if told_so_far % 3 == 0:
            monkeypatch.setattr(timers, "handle", _dying)
            with pytest.raises(Killed):
                timers.fire(house.store, house.world, house.now, hold=False)
            monkeypatch.setattr(timers, "handle", handle)
        timers.fire(house.store, house.world, house.now, hold=False)
