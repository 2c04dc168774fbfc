"""Each invariant is broken by hand in a database that was sound, and exactly that is found."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.channels import Outbound, Sent
from engine.cli.check import copies
from engine.core.lifecycle import evolve
from engine.runtime.outbox import Delivery, Postman
from engine.store import Finding
from engine.store.sql.session import Session
from engine.store.sql.transaction import SqlReader
from tests.core.worlds import HOUR, House
from tests.store.samples import TAKEN


class Carrier:
    """Takes every message, and remembers which."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def send(self, message: Outbound) -> Sent:
        self.seen[message.message_id] += 1
        return Sent(f"carrier-{message.message_id}")


class Sound:
    """A house after a few busy days, its connection by hand, and what its carrier saw."""

    def __init__(self, house: House, connection: Any, session: Callable[[Any], Session]) -> None:
        self.house, self.carrier = house, Carrier()
        self._connection, self._session = connection, session
        self.closed = house.surveyed()
        house.mail("5 5 5 很好", self.closed)
        self.open = house.mail("系统宕机了", sender="wang@example.test")
        house.act(self.open, "contact", "qian", "在查")
        house.sms("登录异常")
        house.call("abandoned")
        house.wait(3 * HOUR)
        for channel in ("email", "sms"):
            postman = Postman(house.store, house.tokens, channel, Delivery(), lambda address: address)
            while postman.dispatch(self.carrier, house.world, lambda: house.now):  # type: ignore[arg-type]  # all it uses of a channel
                pass
        house.mail("退货怎么办", sender="li@example.test")

    def findings(self, *damage: str, drained: bool = False) -> list[Finding]:
        """What is found after statements that are undone again."""
        self._connection.execute("BEGIN")
        try:
            for sql in damage:
                assert self._connection.execute(sql).rowcount != 0, f"nothing to break: {sql}"
            drained_at = self.house.now if drained else None
            return SqlReader(self._session(self._connection)).integrity(evolve, drained_at)
        finally:
            self._connection.execute("ROLLBACK")


@pytest.fixture
def sound(durable_backend) -> Iterator[Sound]:
    house = House(url=durable_backend.url)
    with durable_backend.by_hand() as connection:
        if durable_backend.name == "file":
            from engine.store.sqlite.session import SqliteSession as session

            connection.isolation_level = None
        else:
            from engine.store.postgresql.session import PostgresSession as session  # type: ignore[assignment]  # the same to the test
        yield Sound(house, connection, session)


A_FIRING = "signal_type = 'timer_fired' AND signal_json LIKE '%/warn/%'"
# What breaks it by a statement, and what is found: the invariant and words of it.
BROKEN = {
    "an item without a decision": ("UPDATE decision SET inbox = NULL WHERE inbox = 1", "I1", "item 1 was handled, but no decision"),
    "a decision on what still waits": ("UPDATE inbox SET state = 'pending' WHERE id = 1", "I1", "item 1 is pending, but decision 1"),
    "a decision on what was set aside": ("UPDATE inbox SET state = 'dead' WHERE id = 1", "I1", "item 1 is dead, but decision 1"),
    "a decision on what never came": ("DELETE FROM inbox WHERE id = 1", "I1", "came of inbox item 1, which does not exist"),
    "an item of another ticket": ("UPDATE inbox SET ticket = NULL WHERE id = 1", "I1", "item 1 was handled for another ticket"),
    "a message without its text": (
        "DELETE FROM content WHERE id IN (SELECT content_id FROM outbox WHERE state = 'queued')",
        "I2",
        "is queued, but its text is gone",
    ),
    "a message in no log": (
        'UPDATE event SET type = \'call_noted\', event_json = \'{"content":"","direction":"","outcome":""}\' '
        "WHERE type = 'message_queued' AND ticket = (SELECT max(number) FROM ticket)",
        "I2",
        "is in no log",
    ),
    "a message that was lost": ("DELETE FROM outbox WHERE state = 'sent'", "I2", "queued is not in the outbox"),
    "a message only said to be sent": ("UPDATE outbox SET state = 'sent' WHERE state = 'queued'", "I2", "is sent, but the last"),
    "a message sent and yet in line": ("UPDATE outbox SET state = 'queued' WHERE state = 'sent'", "I2", "heard of it is: message_sent"),
    "a message set aside in silence": ("UPDATE outbox SET state = 'dead' WHERE state = 'sent'", "I2", "is dead, but the last"),
    "a state by hand": ("UPDATE ticket SET state_json = replace(state_json, 'qian', 'sun')", "I4", "not what the replay"),
    "a promise by hand": (
        'UPDATE event SET event_json = replace(event_json, \'"response":"2026-03-04T0\', \'"response":"2026-03-05T0\') '
        "WHERE type = 'promise_told' AND event_json LIKE '%\"response\":\"2026-03-04T0%'",
        "I4",
        "not what the replay",
    ),
    "a column by hand": ("UPDATE ticket SET next_due = 1 WHERE next_due IS NOT NULL", "I4", "the columns that lists ask by"),
    "an event that is gone": ("DELETE FROM event WHERE seq = 3", "I4", "event 3 is missing"),
    "an event too many": (
        "UPDATE decision SET last_seq = last_seq - 1 WHERE ticket = (SELECT max(number) FROM ticket)",
        "I4",
        "came of no decision",
    ),
    "an event of another hour": ("UPDATE event SET at = at + 1 WHERE seq = 1", "I4", "is not as decision"),
    "a row that refers to nothing": ("UPDATE content SET ticket = '20260304'", "I5", "a row of content refers to a row of ticket"),
    "an answer that is gone": (
        "INSERT INTO follow_up_link (follow_up, answer, ticket) VALUES ('F1', 'gone', 'T1')",
        "I5",
        "follow-up F1 is linked to an answer that is gone",
    ),
    "a timer that fired early": (
        f"UPDATE decision SET signal_json = replace(signal_json, ':\"2026-03-04T', ':\"2026-03-05T') WHERE {A_FIRING}",
        "I6",
        "fired early",
    ),
    "a timer that fired twice": (
        "INSERT INTO decision (ticket, at, signal_type, signal_json, facts_json, policy_digest, reasons_json) "
        f"SELECT ticket, at, signal_type, signal_json, facts_json, policy_digest, reasons_json FROM decision WHERE {A_FIRING}",
        "I6",
        "fired twice",
    ),
    "a timer that fired although it was cancelled": (
        "INSERT INTO decision (ticket, at, signal_type, signal_json, facts_json, policy_digest, reasons_json) "
        "SELECT (SELECT min(number) FROM ticket), at, signal_type, signal_json, facts_json, policy_digest, reasons_json "
        f"FROM decision WHERE {A_FIRING}",
        "I6",
        "fired though it was cancelled",
    ),
    "a timer that nothing waits for": (
        "INSERT INTO timer (ticket, key, due, next_attempt_at) SELECT number, 'deadline/none/warn', 0, 0 FROM ticket",
        "I6",
        "nothing waits for it",
    ),
    "a timer that is lost": ("DELETE FROM timer WHERE key LIKE 'deadline/%/breach'", "I6", "neither waits nor has fired"),
    "a timer of another hour": ("UPDATE timer SET due = due + 1 WHERE key LIKE 'deadline/%/breach'", "I6", "neither waits nor has fired"),
}


def test_a_house_at_work_breaks_no_invariant(sound: Sound) -> None:
    assert sound.findings() == []
    assert sound.carrier.seen
    with sound.house.store.read() as reader:
        assert list(copies(reader, sound.carrier.seen, 0)) == []


def test_each_invariant_that_is_broken_is_found_and_named(sound: Sound) -> None:
    for what, (damage, invariant, words) in BROKEN.items():
        found = sound.findings(damage)
        assert any(words in one.text for one in found), f"{what}: {found}"
        assert {one.invariant for one in found} == {invariant}, f"{what}: {found}"


def test_what_still_waits_after_a_drain_is_found(sound: Sound) -> None:
    assert {one.invariant for one in sound.findings(drained=True)} == {"I2"}  # the last mail is answered in the outbox
    damage = "UPDATE inbox SET state = 'pending', ticket = NULL WHERE id = 1", "UPDATE decision SET inbox = NULL WHERE inbox = 1"
    late = "UPDATE timer SET next_attempt_at = 0 WHERE key LIKE 'deadline/%'"
    assert sound.findings(*damage, late) == []
    texts = [one.text for one in sound.findings(*damage, late, drained=True)]
    assert "inbox item 1 still waits" in texts
    assert any("is overdue" in text for text in texts)
    assert any("is still queued" in text for text in texts)


def test_an_item_that_was_decided_on_twice_cannot_be_kept_and_is_found(sound: Sound) -> None:
    again = (
        "INSERT INTO decision (ticket, at, signal_type, signal_json, facts_json, policy_digest, reasons_json, inbox) "
        "SELECT ticket, at, signal_type, signal_json, facts_json, policy_digest, reasons_json, inbox FROM decision WHERE inbox = 1"
    )
    with pytest.raises(Exception, match=TAKEN):
        sound.findings(again)
    found = sound.findings("DROP INDEX decision_by_inbox", again)
    assert [(one.invariant, one.text) for one in found] == [("I1", "inbox item 1 was decided on 2 times")]


def test_the_copies_that_a_carrier_got_are_held_against_the_messages(sound: Sound) -> None:
    seen = sound.carrier.seen
    once, twice = sorted(seen)[:2]
    with sound.house.store.read() as reader:
        doubled = list(copies(reader, seen + Counter([twice]), 0))
        assert doubled == [Finding("I3", f"message {twice} reached its carrier 2 times")]
        assert list(copies(reader, seen + Counter([twice]), 1)) == []
        (unknown,) = copies(reader, seen + Counter(["x"]), 0)
        assert unknown == Finding("I3", "a carrier was given x, which no message is called")
        lost = list(copies(reader, seen - Counter([once]), 0))
        assert {one.text for one in lost} >= {f"message {once} is sent, but no carrier was given it"}


def test_what_is_forgotten_for_a_survey_leaves_no_way_from_its_item_to_the_ticket(sound: Sound) -> None:
    with sound.house.store.read() as reader:
        forgotten = [row for row in reader.inbox("done", 100) if row.item_json == "null"]
        assert [row.ticket for row in forgotten] == [None]
    session = sound._session(sound._connection)
    assert session.all("SELECT id FROM decision WHERE inbox = ?", forgotten[0].id) == []
