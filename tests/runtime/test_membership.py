"""A worker that was not seen for too long comes back as another one, and sends nothing of what it had claimed."""

import random
from collections.abc import Iterator

import pytest

from engine.runtime.membership import Membership
from engine.runtime.outbox import Delivery, Postman
from engine.store import Store, open_store
from engine.store.contract.workers import DEAD_AFTER
from tests.core.worlds import WEDNESDAY, House
from tests.store.samples import message


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store("sqlite://:memory:")
    yield opened
    opened.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [0.0]
    monkeypatch.setattr("engine.runtime.membership.time.monotonic", lambda: seconds[0])
    return seconds


def member(store: Store) -> Membership:
    return Membership(store, ("timers",), random.Random(1))


def known(store: Store) -> list[tuple[str, str]]:
    with store.read() as reader:
        return [(one.id, one.policy) for one in reader.workers(WEDNESDAY)]


def test_it_is_seen_from_time_to_time(store: Store, clock: list[float]) -> None:
    one = member(store)
    assert not one.alive(), "nobody knows it yet"
    one.seen("first", WEDNESDAY)
    assert (known(store), one.alive()) == ([(one.id, "first")], True)
    clock[0] += 4.9
    one.seen("second", WEDNESDAY)
    assert known(store) == [(one.id, "first")], "so often is not needed"
    clock[0] += 0.2
    one.seen("second", WEDNESDAY)
    assert known(store) == [(one.id, "second")]
    one.leave()
    assert known(store) == []


def test_who_stood_still_comes_back_as_another(store: Store, clock: list[float]) -> None:
    one = member(store)
    one.seen("first", WEDNESDAY)
    before = one.id
    clock[0] += DEAD_AFTER.total_seconds()
    assert not one.alive()
    one.seen("first", WEDNESDAY)
    assert one.alive()
    assert one.id != before
    assert known(store) == [(one.id, "first")]


def test_the_next_process_on_a_file_strikes_out_the_one_that_was_killed(store: Store) -> None:
    killed, following = member(store), Membership(store, ("timers",), random.Random(2))
    killed.seen("first", WEDNESDAY)
    following.seen("first", WEDNESDAY)
    assert known(store) == [(following.id, "first")]


class Carrier:
    def __init__(self, meanwhile) -> None:
        self.sent: list[str] = []
        self._meanwhile = meanwhile

    def send(self, outbound):
        self.sent.append(outbound.message_id)
        self._meanwhile()
        return type("Sent", (), {"provider_id": ""})()


def test_who_is_taken_for_dead_neither_claims_nor_sends_on() -> None:
    house = House()
    alive = [True]
    with house.store.write() as tx:
        for id in ("a", "b"):
            tx.queue_message(message(id, created_at=house.now))
    postman = Postman(house.store, house.tokens, "email", Delivery(), lambda address: address, worker="w", alive=lambda: alive[0])
    carrier = Carrier(lambda: alive.__setitem__(0, False))
    postman.dispatch(carrier, house.world, lambda: house.now)  # type: ignore[arg-type]  # a carrier is what a channel does with one
    postman.dispatch(carrier, house.world, lambda: house.now)  # type: ignore[arg-type]  # a carrier is what a channel does with one
    assert carrier.sent == ["a"]
    with house.store.read() as reader:
        assert [(row.id, row.state, row.worker) for row in reader.messages()] == [("a", "sent", "w"), ("b", "sending", "w")]
