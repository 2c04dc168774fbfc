"""Rules by the clock: which slots are run, for whom, once each."""

import logging
from collections import Counter
from datetime import datetime

import pytest

from engine.core import events as e
from engine.core.compiled import Policy
from engine.core.signals import RuleDue
from engine.runtime import log, schedule
from engine.runtime.handle import Outcome, handle
from engine.store import Conflict, CustomerRow
from engine.store.rows import TicketQuery
from tests.core.test_rules import own, policy
from tests.core.worlds import DAY, House, at, changed

DAILY = """{{id: a, mode: {mode}, every: {{cron: "0 9 * * *", catch_up: {catch_up}}}, for: tickets,
     when: {{field: ticket.age, over: 12h}}, do: [{{add_tag: old}}]}}"""
VISIT = """{{id: a, mode: {mode}, every: {{cron: "0 9 * * *"}}, for: customers, when: {{field: customer.segment, is: vip}},
     do: [{{open: {{kind: care, queue: front_desk, text: {{zh: 关怀, en: Care}}}}}}]}}"""


def daily(mode: str = "live", catch_up: str = "once") -> Policy:
    return policy(DAILY.format(mode=mode, catch_up=catch_up))


def visit(mode: str = "live") -> Policy:
    return policy(VISIT.format(mode=mode))


def run(house: House, now: datetime) -> list[Outcome]:
    house.now = now
    return schedule.run_due(house.store, house.world, now, hold=False)


def slots(outcomes: list[Outcome]) -> list[datetime]:
    return [one.handled[0].signal.slot for one in outcomes if isinstance(one.handled[0].signal, RuleDue)]


def know(house: House, count: int, segment: str | None = "vip", language: str | None = None) -> None:
    with house.store.write() as tx:
        for number in range(count):
            row = CustomerRow(tx.new_customer_id(), f"c{number}", segment, language, house.now)
            tx.add_customer(row)
            tx.add_address(row.id, "email", f"{row.id}@example.test")


def test_a_rule_starts_with_its_next_slot_and_runs_each_once() -> None:
    house = House(daily())
    number = house.mail("你好")
    assert run(house, at("03-04 10:00")) == []
    assert run(house, at("03-05 08:59")) == []
    assert slots(run(house, at("03-05 09:00"))) == [at("03-05 09:00")]
    assert house.ticket(number).tags == ("old",)
    assert own(house, number) == [e.RuleApplied("a", ("add_tag: old",))]
    assert run(house, at("03-05 09:00")) == []
    assert slots(run(house, at("03-06 09:00"))) == [at("03-06 09:00")]


@pytest.mark.parametrize(("catch_up", "days"), [("once", ["03-08"]), ("all", ["03-05", "03-06", "03-07", "03-08"]), ("skip", [])])
def test_slots_that_were_missed_are_made_up_for_as_the_rule_says(catch_up: str, days: list[str]) -> None:
    house = House(daily(catch_up=catch_up))
    house.mail("你好")
    run(house, house.now)
    assert slots(run(house, at("03-08 12:00"))) == [at(f"{day} 09:00") for day in days]
    assert run(house, at("03-08 12:01")) == []
    assert slots(run(house, at("03-09 09:00"))) == [at("03-09 09:00")]


def test_a_draft_takes_its_slots_so_that_none_was_missed_when_it_goes_live() -> None:
    house = House(daily("draft", "all"))
    house.mail("你好")
    for day in ("03-04", "03-05", "03-06"):
        assert run(house, at(f"{day} 12:00")) == []
    house.world = House(daily("live", "all")).world
    assert slots(run(house, at("03-07 12:00"))) == [at("03-07 09:00")]
    assert "a" not in schedule.upcoming(daily("draft"), house.now)
    assert schedule.upcoming(daily(), at("03-07 09:00"))["a"] == at("03-08 09:00")


def test_only_tickets_for_which_the_rule_holds_are_decided_on() -> None:
    house = House(daily())
    old, ended = house.mail("你好"), house.mail("发票怎么开", sender="b@example.test")
    house.done(ended, "close", text="误报")
    run(house, house.now)
    house.now = at("03-05 08:00")
    young = house.mail("营业时间", sender="c@example.test")
    before = len(house.decisions(young))
    assert [one.ticket for one in run(house, at("03-05 09:00"))] == [old]
    assert len(house.decisions(young)) == before


def test_what_does_not_hold_any_more_when_its_turn_comes_is_refused() -> None:
    house = House(daily())
    number = house.mail("你好")
    for rule in ("a", "gone"):
        refused = house.handle(RuleDue(number, rule, house.now)).first.refused
        assert refused == f"the rule {rule} does not hold here any more"


def test_every_customer_for_whom_the_rule_holds_gets_a_ticket_of_their_own() -> None:
    house = House(visit())
    know(house, 3)
    know(house, 2, None)
    run(house, house.now)
    outcomes = run(house, at("03-05 09:00"))
    assert len(outcomes) == 3
    opened = [one.handled[1].decision for one in outcomes]
    tickets = [decision.ticket for decision in opened if decision.ticket]
    assert [(one.kind, one.queue, one.customer, one.channel, one.parent) for one in tickets] == [
        ("care", "front_desk", f"C00000{number}", "email", None) for number in (1, 2, 3)
    ]
    assert opened[0].reasons[0].rule == "a"
    house.done(tickets[0].number, "write", text="您好")
    assert [row.address for row in house.messages(tickets[0].number, "customer")] == ["C000001@example.test"]


def test_customers_are_paged_through_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_PAGE", 2)
    house = House(visit())
    know(house, 5)
    run(house, house.now)
    assert len(run(house, at("03-05 09:00"))) == 5


def test_a_customer_is_written_to_in_their_language() -> None:
    house = House(visit())
    know(house, 1, language="en")
    know(house, 1, language="fr")
    run(house, house.now)
    languages = [one.handled[1].decision.ticket for one in run(house, at("03-05 09:00"))]
    assert [ticket.language for ticket in languages if ticket] == ["en", "zh"]


def test_an_observed_rule_for_customers_opens_nothing_and_says_what_it_would_have_done() -> None:
    house = House(visit("observe"))
    know(house, 1)
    run(house, house.now)
    [outcome] = run(house, at("03-05 09:00"))
    [handled] = outcome.handled
    [reason] = handled.decision.reasons
    assert (handled.decision.ticket, handled.decision.commands, reason.rule) == (None, (), "a")
    assert dict(reason.values) == {"actions": "open: {kind: care, queue: front_desk, text: {zh: 关怀, en: Care}}"}
    assert reason.asked.traces[0][1].result is True


def test_a_rule_for_customers_counts_in_the_chain_of_what_it_opens() -> None:
    house = House(policy(VISIT.format(mode="live"), "{id: b, on: ticket_opened, do: [{add_tag: deep}]}", depth=1))
    know(house, 1)
    run(house, house.now)
    [outcome] = run(house, at("03-05 09:00"))
    assert e.RuleSkipped("b", "too_deep") in outcome.handled[1].decision.events


def test_one_ticket_that_fails_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    house = House(daily())
    numbers = [house.mail("你好", sender=f"c{number}@example.test") for number in range(3)]
    run(house, house.now)

    def fails(tx, world, signal, now, hold):
        if signal.ticket == numbers[1]:
            raise RuntimeError("poison")
        return handle(tx, world, signal, now, hold=hold)

    monkeypatch.setattr(schedule, "handle", fails)
    with caplog.at_level("WARNING"):
        assert sorted(str(one.ticket) for one in run(house, at("03-05 09:00"))) == [numbers[0], numbers[2]]
    assert [record.facts["ticket"] for record in caplog.records if record.message == "not handled"] == [numbers[1]]  # type: ignore[attr-defined]  # our own


@pytest.mark.parametrize(("conflicts", "handled"), [(1, [0, 2, 1]), (3, [0, 2, 1]), (4, [0, 2])])
def test_a_ticket_that_somebody_else_was_at_has_its_turn_again(
    conflicts: int, handled: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(daily())
    numbers = [house.mail("你好", sender=f"c{number}@example.test") for number in range(3)]
    run(house, house.now)
    left = [conflicts]

    def conflict(tx, world, signal, now, hold):
        if signal.ticket == numbers[1] and left[0]:
            left[0] -= 1
            raise Conflict("somebody was there first")
        return handle(tx, world, signal, now, hold=hold)

    monkeypatch.setattr(schedule, "handle", conflict)
    assert [one.ticket for one in run(house, at("03-05 09:00"))] == [numbers[number] for number in handled]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["not handled"] * (conflicts > 3)


def test_what_only_rules_by_the_clock_ask_is_read_for_them_alone() -> None:
    ask = """{id: a, every: {cron: "0 9 * * *"}, for: tickets, do: [{add_tag: old}],
     when: [{field: customer.last_contact, over: 12h}, {field: customer.tickets, last: 30d, is: 0}]}"""
    house = House(policy(ask))
    number = house.mail("你好")
    customer = house.decisions(number)[0].facts["customer"]
    assert (customer["last_contact_at"], customer["tickets"]) == (None, [])
    run(house, house.now)
    [outcome] = run(house, at("03-05 09:00"))
    assert outcome.ticket == number
    assert house.decisions(number)[-1].facts["customer"]["last_contact_at"] is not None


def facts_logged(outcomes: list[Outcome], caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    with caplog.at_level(logging.INFO, "closedloop"):
        for outcome in outcomes:
            for one in outcome.handled:
                log.decision(one)
    return [getattr(record, "facts", {}) for record in caplog.records if record.name == "closedloop"]


def test_the_log_says_what_an_observed_rule_would_have_done(caplog: pytest.LogCaptureFixture) -> None:
    house = House(policy(DAILY.format(mode="observe", catch_up="once")))
    house.mail("你好")
    run(house, house.now)
    [facts] = facts_logged(run(house, at("03-05 09:00")), caplog)
    assert (facts["signal"], facts["rule"], facts["observed"]) == ("rule_due", "a", {"a": ("add_tag: old",)})


def test_the_log_names_the_customer_of_a_rule_by_the_clock_and_no_rule_that_did_not_hold(caplog: pytest.LogCaptureFixture) -> None:
    house = House(policy(VISIT.format(mode="live"), "{id: b, on: ticket_opened, when: {field: ticket.kind, is: task}, do: [{add_tag: x}]}"))
    know(house, 1)
    run(house, house.now)
    due, opened = facts_logged(run(house, at("03-05 09:00")), caplog)
    assert (due["rule"], due["customer"], due["ticket"], due["decided"]) == ("a", "C000001", None, ["rule applied"])
    assert [rule for rule in opened["rules"] if rule.startswith("rules")] == []  # type: ignore[attr-defined]  # a list of texts


def surveyed(house: House, when: str) -> list[str | None]:
    """The segments of those who were invited."""
    run(house, house.now)
    run(house, at(when))
    with house.store.read() as reader:
        return [
            row.segment for one in reader.tickets(TicketQuery(kind="survey", limit=1000)) if (row := reader.customer(one.customer or ""))
        ]


def test_a_survey_by_the_clock_draws_its_share_of_each_segment_but_not_too_few() -> None:
    house = House(changed(("survey.yaml", "{field: customer.last_contact, under: 180d}", "{field: customer.known, is: true}")))
    know(house, 200, "new")
    know(house, 50, "vip")
    know(house, 10, None)
    invited = Counter(surveyed(house, "04-10 10:00"))
    assert invited == {"new": 40, "vip": 30, None: 10}


def test_whom_a_survey_by_the_clock_chose_is_asked_once_a_quarter_and_its_ticket_is_never_open() -> None:
    house = House(changed(("survey.yaml", "{field: customer.last_contact, under: 180d}", "{field: customer.known, is: true}")))
    know(house, 1)
    surveyed(house, "04-10 10:00")
    house.wait(DAY)
    with house.store.read() as reader:
        [ticket] = reader.tickets(TicketQuery(kind="survey"))
    assert (ticket.state, ticket.queue, set(ticket.deadlines)) == ("closed", None, {"survey_sending"})
    [invitation] = house.messages(ticket.number)
    assert "9=" not in house.words(invitation)
    assert (
        "9. 您有多大可能向朋友或同事推荐我们(0-10,10最好)\n10. 最希望我们改进什么 A=响应更快 B=价格更低 C=质量更好(可多选)"
        in house.words(invitation)
    )
    house.mail("5 4 4 5 4 5 4 5 9 ac 谢谢", ticket.number, sender=invitation.address)
    with house.store.read() as reader:
        [row] = reader.waiting_answers()
    kept = house.world.seal.open(row)
    assert (kept.scores["recommend"], kept.choices, kept.suggestion) == (9, {"matters": ("speed", "quality")}, "谢谢")
