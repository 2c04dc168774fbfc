"""What is wrong with a database is found and said."""

import re

import pytest

from engine.core import events as e
from engine.core.lifecycle import evolve
from engine.store import Store
from tests.store.samples import MINUTE, NOW, happen, message, open_ticket, problems

N1 = "202405120001"


def fill(store: Store) -> None:
    with store.write() as tx:
        ticket = open_ticket(tx, N1, due=NOW + MINUTE)
        happen(tx, ticket, e.TierAssigned("urgent"), e.Routed("tech"))
        tx.keep_content("c-1", N1, "message", "hello")
        tx.queue_message(message("m-1", N1))
        tx.start_timer(N1, "x", NOW)
        tx.keep_answer("answer-1", "after-closure", {"speed": 1}, "", "2024-05")
        tx.seal_link("F1", "answer-1", N1, None, None)


def test_a_sound_store_has_no_problems(store: Store) -> None:
    assert problems(store) == []
    fill(store)
    assert problems(store) == []


def test_a_message_without_its_text_is_named_until_it_was_sent(store: Store) -> None:
    with store.write() as tx:
        tx.queue_message(message("m-1", content_id="gone"))
        tx.queue_message(message("m-2", content_id="gone", state="held"))
    assert problems(store) == ["message m-1 is queued, but its text is gone", "message m-2 is held, but its text is gone"]
    with store.write() as tx:
        tx.message_sent("m-1", None, NOW)
        tx.message_dead("m-2", "erased")
    assert problems(store) == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE event SET event_json = replace(event_json, 'urgent', 'general')", "is not what the replay"),
        ("UPDATE ticket SET state_json = replace(state_json, 'tech', 'sales')", "is not what the replay"),
        ("UPDATE event SET at = at + 1 WHERE seq = 2", "is not what the replay"),
        ("DELETE FROM event WHERE seq = 2", "event 2 is missing"),
        ("DELETE FROM event WHERE seq = 4", "event 4 is missing"),
        ("UPDATE event SET type = 'ticket_sung' WHERE seq = 3", "cannot be replayed: .*ticket_sung"),
        ("UPDATE event SET event_json = '{}' WHERE seq = 1", "cannot be replayed: .*ticket_opened"),
        ("DELETE FROM event WHERE seq = 1", "event 1 is missing"),
        ("UPDATE ticket SET state_json = '{}'", "cannot be replayed: The stored ticket"),
        ("DELETE FROM ticket", "a row of timer refers to a row of ticket that does not exist"),
        ("DELETE FROM survey_answer", "follow-up F1 is linked to an answer that is gone"),
    ],
)
def test_damage_is_found(durable_backend, damage: str, problem: str) -> None:
    store = durable_backend.open()
    fill(store)
    store.close()
    with durable_backend.by_hand() as connection:
        assert connection.execute(damage).rowcount > 0
    store = durable_backend.open()
    with store.read() as view:
        found = [one.text for one in view.integrity(evolve)]
    store.close()
    assert any(re.search(problem, line) for line in found), found


def test_a_damaged_page_is_found(file_backend) -> None:
    store = file_backend.open()
    fill(store)
    store.close()
    with file_backend.by_hand() as connection:
        connection.execute("PRAGMA writable_schema = ON")
        definition = "replace(sql, 'customer, opened_at', 'kind, opened_at')"
        connection.execute(f"UPDATE sqlite_schema SET sql = {definition} WHERE name = 'ticket_by_customer'")
    store = file_backend.open()
    found = problems(store)
    store.close()
    assert any("ticket_by_customer" in line for line in found), found
