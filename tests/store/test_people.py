"""Customers, and answers that nobody can trace back without the sealed link."""

import random
import sqlite3
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from engine.errors import NotFound, Refused
from engine.store import AnswerRow, AuditRow, FeedbackRow, LinkRow, Store, StoreFailed, WaitingRow
from tests.store.samples import MINUTE, NOW, TAKEN, customer, message


def test_a_customer_is_found_by_id_and_by_address(store: Store) -> None:
    with store.write() as tx:
        id = tx.new_customer_id()
        tx.add_customer(customer(id))
        tx.add_address(id, "phone", "+8613800000000")
        tx.add_address(id, "email", "wang@example.test")
        tx.add_address(id, "email", "wang@example.test")
        assert tx.customer(id) == customer(id)
        assert tx.find_customer("email", "wang@example.test") == customer(id)
        assert tx.find_customer("phone", "wang@example.test") is None
        assert tx.addresses(id) == [("email", "wang@example.test"), ("phone", "+8613800000000")]
        assert (tx.customer("C9"), tx.addresses("C9")) == (None, [])


def test_customer_ids_are_never_given_twice_and_say_nothing(store: Store) -> None:
    with store.write() as tx:
        assert [tx.new_customer_id() for _ in range(3)] == ["C000001", "C000002", "C000003"]


def test_a_customer_who_was_taken_out_again_leaves_nothing(store: Store) -> None:
    with store.write() as tx:
        tx.add_customer(customer("C1"))
        tx.add_address("C1", "email", "wang@example.test")
        tx.remove_customer("C1")
        assert (tx.customer("C1"), tx.addresses("C1"), tx.find_customer("email", "wang@example.test")) == (None, [], None)


def test_an_address_belongs_to_one_customer_and_a_refusal_does_not_show_it(store: Store) -> None:
    with store.write() as tx:
        tx.add_customer(customer("C1"))
        tx.add_customer(customer("C2"))
        tx.add_address("C1", "email", "wang@example.test")
        with pytest.raises(Refused, match="C1") as caught:
            tx.add_address("C2", "email", "wang@example.test")
    assert "wang@" not in str(caught.value)


def test_no_address_is_too_long(store: Store) -> None:
    address = f"{random.Random(1).randbytes(40_000).hex()}@example.test"
    with store.write() as tx:
        tx.add_customer(customer("C1"))
        tx.add_address("C1", "email", address)
        tx.set_opt_out("email", address, NOW)
        tx.queue_message(message("m", address=address))
        assert tx.find_customer("email", address) == customer("C1")
        assert tx.opted_out("email", address)


def test_a_customer_is_added_once_and_changed_by_name(store: Store) -> None:
    with store.write() as tx:
        tx.add_customer(customer("C1"))
        with pytest.raises(StoreFailed, match=TAKEN), tx.savepoint():
            tx.add_customer(customer("C1"))
        changed = customer("C1", name="Wang Fang", segment=None, language="en")
        tx.update_customer(changed)
        tx.add_customer(customer("C0"))
        assert tx.customers(9) == [customer("C0"), changed]
        assert tx.customers(1) == [customer("C0")]
        assert tx.customers(9, "C0") == [changed]
        assert tx.customers(9, "C1") == []
        with pytest.raises(NotFound, match="C7"):
            tx.update_customer(customer("C7"))


def test_the_last_survey_is_remembered(store: Store) -> None:
    with store.write() as tx:
        tx.add_customer(customer("C1"))
        assert (tx.last_survey_at("C1"), tx.last_survey_at("C9")) == (None, None)
        tx.survey_sent_to("C1", NOW)
        assert tx.last_survey_at("C1") == NOW
        with pytest.raises(NotFound, match="C9"):
            tx.survey_sent_to("C9", NOW)


def test_an_opt_out_is_per_channel_and_can_be_taken_back(store: Store) -> None:
    with store.write() as tx:
        tx.set_opt_out("sms", "+8613", NOW)
        tx.set_opt_out("sms", "+8613", NOW + MINUTE)
        assert (tx.opted_out("sms", "+8613"), tx.opted_out("email", "+8613")) == (True, False)
        tx.set_opt_out("sms", "+8613", None)
        assert not tx.opted_out("sms", "+8613")


def test_answers_are_kept_by_survey_and_month_in_no_order_of_arrival(store: Store) -> None:
    with store.write() as tx:
        tx.keep_answer(AnswerRow("f3", "after-closure", "2024-05", {"speed": 5, "effect": 2}, "快一点"))
        tx.keep_answer(AnswerRow("0a", "after-closure", "2024-05", {"speed": 1}, ""))
        tx.keep_answer(AnswerRow("b1", "quarterly", "2024-06", {"nps": 9}, ""))
        assert [answer.id for answer in tx.answers()] == ["0a", "b1", "f3"]
        assert [answer.id for answer in tx.answers(survey="after-closure", month="2024-05")] == ["0a", "f3"]
        (answer,) = tx.answers(month="2024-06")
        assert (answer.survey, answer.scores, answer.suggestion) == ("quarterly", {"nps": 9}, "")
        with pytest.raises(StoreFailed, match=TAKEN), tx.savepoint():
            tx.keep_answer(AnswerRow("f3", "after-closure", "2024-05", {}, ""))


def test_the_link_of_a_follow_up_is_there_until_it_is_severed(store: Store) -> None:
    with store.write() as tx:
        tx.seal_link("F1", "answer-1", "T1", "C1", None)
        assert tx.link("F1") == LinkRow("F1", "answer-1", "T1", "C1", None)
        with pytest.raises(StoreFailed, match=TAKEN), tx.savepoint():
            tx.seal_link("F1", "answer-2", "T2", None, None)
        assert tx.sever_link("F1")
        assert tx.link("F1") is None
        assert not tx.sever_link("F1")


def test_looks_are_kept_in_order(store: Store) -> None:
    with store.write() as tx:
        tx.audit(NOW, "li", "looked up the customer", "F1")
        tx.audit(NOW, "li", "printed the form", "F1")
        assert tx.audits() == [AuditRow(NOW, "li", "looked up the customer", "F1"), AuditRow(NOW, "li", "printed the form", "F1")]


def test_looks_are_found_by_who_looked_at_what_and_when_the_last_at_the_end(store: Store) -> None:
    hours = [NOW + timedelta(hours=hour) for hour in range(3)]
    with store.write() as tx:
        for at, who, about in zip(hours, ("li", "wang", "li"), ("F1", "F1", "F2"), strict=True):
            tx.audit(at, who, "looked at", about)
        assert [row.about for row in tx.audits(who="li")] == ["F1", "F2"]
        assert [row.who for row in tx.audits(about="F1")] == ["li", "wang"]
        assert [row.at for row in tx.audits(since=hours[1], until=hours[2])] == [hours[1]]
        assert [row.at for row in tx.audits(limit=2)] == hours[1:]


def test_no_hidden_row_number_ties_answers_and_links_to_when_they_came(file_backend) -> None:
    file_backend.open().close()
    with file_backend.by_hand() as connection:
        for table in ("survey_answer", "follow_up_link"):
            with pytest.raises(sqlite3.OperationalError, match="rowid"):
                connection.execute(f"SELECT rowid FROM {table}")


def test_whose_turn_it_is_and_who_is_away_are_kept_apart(store: Store) -> None:
    with store.write() as tx:
        assert tx.agents() == {}
        for agent in ("ann", "bob", "ann"):
            tx.take_turn(agent)
        tx.set_away("bob", NOW, NOW + MINUTE, "zhou")
        tx.set_away("cas", NOW, None, "cas")
    with store.read() as reader:
        kept = reader.agents()
    assert {id: row.turn for id, row in kept.items()} == {"ann": 3, "bob": 2, "cas": 0}
    assert [kept["bob"].away(at) for at in (NOW - MINUTE, NOW, NOW + MINUTE)] == [False, True, False]
    assert [kept["cas"].away(at) for at in (NOW, NOW + 10_000 * MINUTE)] == [True, True]
    assert (kept["ann"].away(NOW), kept["bob"].away_by) == (False, "zhou")
    with store.write() as tx:
        tx.set_away("cas", None, None, "zhou")
        assert not tx.agents()["cas"].away(NOW)


def test_answers_wait_until_they_are_forgotten(store: Store) -> None:
    first, second = WaitingRow("0a", "after-closure", NOW, b"\0sealed"), WaitingRow("f3", "quarterly", None, b"")
    with store.write() as tx:
        tx.keep_waiting(second)
        tx.keep_waiting(first)
        assert tx.waiting_answers() == [first, second]
        with pytest.raises(StoreFailed, match=TAKEN), tx.savepoint():
            tx.keep_waiting(first)
        tx.looked_at("0a")
        tx.forget_waiting("f3")
        assert tx.waiting_answers() == [WaitingRow("0a", "after-closure", None, b"\0sealed")]
    store.scrub()


def test_choices_are_kept_with_the_scores(store: Store) -> None:
    row = AnswerRow("f3", "quarterly", "2024-05", {"nps": 9}, "", {"matters": ("price", "speed")})
    with store.write() as tx:
        tx.keep_answer(row)
        assert tx.answers() == [row]
        assert (tx.answer(row.id), tx.answer("none")) == (row, None)


def test_what_customers_said_is_kept_once_and_found_by_its_day(store: Store) -> None:
    with store.write() as tx:
        id = tx.new_customer_id()
        tx.add_customer(customer(id))
        rows = [
            FeedbackRow("0a", date(2024, 5, 12), "review", "送货快", 4.5, (1, 5), id, NOW, "zhao"),
            FeedbackRow("0b", date(2024, 5, 13), "interview", "too slow", None, None, None, NOW, "zhou"),
        ]
        assert [tx.keep_feedback(row) for row in (*rows, rows[0])] == [True, True, False]
        with pytest.raises(StoreFailed), tx.savepoint():
            tx.keep_feedback(replace(rows[0], id="0c", customer="nobody"))
    with store.read() as reader:
        assert reader.feedback(date(2024, 5, 12), date(2024, 5, 13)) == rows
        assert reader.feedback(date(2024, 5, 13), date(2024, 5, 31)) == rows[1:]
        assert reader.feedback(date(2024, 5, 14), date(2024, 5, 31)) == []
