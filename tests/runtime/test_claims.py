"""Work in batches: many rows share a commit, and none takes another along when it fails."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from engine.channels import Delivery, Inbound, TemporaryFailure
from engine.core.signals import TimerFired
from engine.errors import UsageError
from engine.runtime import inbox, timers
from engine.runtime.claims import ATTEMPTS, BATCH
from engine.store import StoreFailed, TicketQuery
from engine.store.sql.inbox import InboxWrites
from engine.store.sqlite.store import SqliteStore
from tests.core.worlds import MINUTE, WEDNESDAY, House


def delivery(source: str, acknowledged: list[str], text: str = "打印机故障") -> Delivery:
    item = Inbound(source, f"{source}@customer.example", WEDNESDAY, text)
    return Delivery(item, lambda: acknowledged.append(source), b"raw")


def take_in(house: House, *sources: str) -> list[str]:
    acknowledged: list[str] = []
    inbox.accept(house.desk, "email", [delivery(source, acknowledged) for source in sources], house.now)
    return acknowledged


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each transaction that is begun from now on."""
    begun: list[int] = []
    write = SqliteStore.write

    def counting(self, *arguments):
        begun.append(1)
        return write(self, *arguments)

    monkeypatch.setattr(SqliteStore, "write", counting)
    return begun


def states(house: House) -> dict[str, tuple[str, int]]:
    with house.store.read() as reader:
        return {row.source_id: (row.state, row.attempts) for row in reader.inbox(None, 1000)}


def test_many_rows_share_a_commit(commits: list[int]) -> None:
    house = House()
    commits.clear()
    take_in(house, *(f"{n:03}" for n in range(BATCH)))
    assert len(commits) == 1
    assert len(inbox.process(house.desk, house.world, house.now)) == BATCH
    assert len(commits) == 3, "one for the batch, one to see that nothing is left"


def test_a_batch_is_bounded(commits: list[int]) -> None:
    house = House()
    take_in(house, *(f"{n:03}" for n in range(2 * BATCH)))
    commits.clear()
    assert len(inbox.process(house.desk, house.world, house.now, limit=2 * BATCH)) == 2 * BATCH
    assert len(commits) == 2


def poison(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    handle_row = inbox._handle_row

    def handle(tx, desk, world, row, now):
        outcome = handle_row(tx, desk, world, row, now)
        if row.source_id == "poison":
            raise error
        return outcome

    monkeypatch.setattr(inbox, "_handle_row", handle)


@pytest.mark.parametrize("error", [ValueError("odd"), StoreFailed("the disk is odd")], ids=["its own fault", "all of the transaction"])
def test_a_poisoned_row_is_set_aside_without_taking_the_others_along(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    take_in(house, "a", "poison", "b")
    poison(monkeypatch, error)
    assert len(inbox.process(house.desk, house.world, house.now)) == 2
    assert states(house) == {"a": ("done", 0), "poison": ("pending", 1), "b": ("done", 0)}
    for _ in range(ATTEMPTS):
        house.now += timedelta(hours=1)
        inbox.process(house.desk, house.world, house.now)
    assert states(house)["poison"] == ("dead", ATTEMPTS)
    with house.store.read() as reader:
        assert [row.error for row in reader.inbox("dead", 9)] == [f"{type(error).__name__}: {error}"]
        assert len(reader.tickets(TicketQuery())) == 2, "what the poisoned one had done is undone"


def test_a_store_that_fails_at_the_commit_keeps_every_row_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    take_in(house, "a", "b")
    heard: list[object] = []
    monkeypatch.setattr(house.store, "write", lambda *_: (_ for _ in ()).throw(StoreFailed("the disk is full")))
    with pytest.raises(StoreFailed, match="full"):
        heard += inbox.process(house.desk, house.world, house.now)
    assert (heard, set(states(house).values())) == ([], {("pending", 0)})


def test_of_one_ticket_only_the_first_timer_fires_in_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fires may cancel those that follow it, or set one that comes before them."""
    house = House()
    number = house.mail("你好")
    fired: list[str] = []

    def handle(tx, world, signal: TimerFired, now, hold):
        fired.append(signal.key)
        if signal.key == "first":
            tx.cancel_timers(number, "third")
            tx.start_timer(number, "second", house.now - MINUTE)

    monkeypatch.setattr(timers, "handle", handle)
    with house.store.write() as tx:
        for row in tx.timers(number):
            tx.cancel_timers(number, row.key)
        tx.start_timer(number, "first", house.now - 2 * MINUTE)
        tx.start_timer(number, "third", house.now)
        tx.start_timer(number, "last", house.now)
    timers.fire(house.store, house.world, house.now, hold=False)
    assert fired == ["first", "second", "last"]


def test_a_group_is_acknowledged_when_all_of_it_is_durable() -> None:
    house = House()
    durable: list[int] = []

    def acknowledge() -> None:
        with house.store.read() as reader:
            durable.append(reader.inbox_counts()["pending"])

    items = [Inbound(str(n), "c@customer.example", WEDNESDAY, "你好") for n in range(3)]
    assert inbox.accept(house.desk, "email", [Delivery(item, acknowledge, b"raw") for item in items], house.now) == 3
    assert durable == [3, 3, 3]


@pytest.mark.parametrize("odd", ["\ud800", "refused by the store"])
def test_an_item_that_cannot_be_kept_does_not_hold_up_those_before_it(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    acknowledged: list[str] = []
    keep = InboxWrites.accept

    def refuse(self, channel, source_id, *more):
        if source_id == odd:
            raise UsageError("surrogates cannot be stored")
        return keep(self, channel, source_id, *more)

    monkeypatch.setattr(InboxWrites, "accept", refuse)
    group = [delivery("a", acknowledged), delivery(odd, acknowledged), delivery("b", acknowledged)]
    with pytest.raises((UsageError, UnicodeEncodeError), match="surrogates"):
        inbox.accept(house.desk, "email", group, house.now)
    assert (acknowledged, list(states(house))) == (["a"], ["a"])


def test_what_came_before_the_carrier_went_away_is_kept() -> None:
    house = House()
    acknowledged: list[str] = []

    def received() -> Iterator[Delivery]:
        yield delivery("a", acknowledged)
        raise TemporaryFailure("the line is cut")

    with pytest.raises(TemporaryFailure, match="cut"):
        inbox.accept(house.desk, "email", received(), house.now)
    assert (acknowledged, list(states(house))) == (["a"], ["a"])


def test_large_items_are_kept_in_smaller_groups(commits: list[int]) -> None:
    house = House()
    commits.clear()
    items = [Inbound(str(n), "c@customer.example", WEDNESDAY, "你好") for n in range(4)]
    inbox.accept(house.desk, "email", [Delivery(item, lambda: None, bytes(5_000_000)) for item in items], house.now)
    assert len(commits) == 2


def test_a_failure_in_a_batch_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    take_in(house, "poison")
    poison(monkeypatch, ValueError("odd"))
    with caplog.at_level(logging.WARNING):
        inbox.process(house.desk, house.world, house.now)
    assert [record.getMessage() for record in caplog.records] == ["not handled"]
