"""What `write` and `read` promise, whatever the tables are."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest

from engine.core.lifecycle import evolve
from engine.errors import UsageError
from engine.store import Store, StoreFailed, Transaction
from engine.store.sql.transaction import SPARE, Pool
from tests.store.samples import MISSING, NOW, TAKEN, message, open_ticket, record

DAY = date(2024, 5, 12)


def fail_after(work) -> None:
    work()
    raise ZeroDivisionError


def write_in_two_savepoints(tx: Transaction) -> None:
    tx.set_meta("inside", "1")
    with tx.savepoint():
        tx.set_meta("deeper", "1")


def queue(tx: Transaction, *ids: str) -> None:
    for id in ids:
        tx.queue_message(message(id))


def test_what_was_written_is_there_for_readers(store: Store) -> None:
    with store.write() as tx:
        tx.set_meta("a", "1")
        assert tx.meta("a") == "1"
    with store.read() as view:
        assert (view.meta("a"), view.meta("b")) == ("1", None)


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        fail_after(lambda: open_ticket(tx))
    with store.write() as tx:
        assert tx.next_number(DAY) == "202405120001"
        assert tx.ticket("202405120001") is None


def test_a_savepoint_that_raises_undoes_only_what_is_inside(store: Store) -> None:
    with store.write() as tx:
        tx.set_meta("before", "1")
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            fail_after(lambda: write_in_two_savepoints(tx))
        with tx.savepoint():
            tx.set_meta("after", "1")
    with store.read() as view:
        assert {key: view.meta(key) for key in ("before", "inside", "deeper", "after")} == {
            "before": "1",
            "inside": None,
            "deeper": None,
            "after": "1",
        }


def test_what_the_database_refuses_can_be_undone_alone(store: Store) -> None:
    with store.write() as tx:
        tx.queue_message(message("m-1"))
        with pytest.raises(StoreFailed, match=TAKEN), tx.savepoint():
            queue(tx, "m-2", "m-1")
    with store.read() as view:
        assert [row.id for row in view.messages()] == ["m-1"]


REFERRING = {
    "content": lambda tx: tx.keep_content("c-1", "202405120001", "note", "x"),
    "timer": lambda tx: tx.start_timer("202405120001", "x", NOW),
    "message": lambda tx: tx.queue_message(message("m-1", "202405120001")),
    "refusal": lambda tx: tx.record_refusal("202405120001", record()),
}


@pytest.mark.parametrize("refer", REFERRING.values(), ids=REFERRING)
def test_nothing_refers_to_a_ticket_that_does_not_exist(store: Store, refer) -> None:
    with store.write() as tx, pytest.raises(StoreFailed, match=MISSING), tx.savepoint():
        refer(tx)


@pytest.mark.parametrize("value", ["\ud800 王芳", "a\udcff"])
def test_text_that_is_no_text_is_refused_without_being_shown(store: Store, value: str) -> None:
    with store.write() as tx, pytest.raises(UsageError, match="cannot be stored") as caught:
        tx.set_meta("a", value)
    assert "王芳" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["a\0b", "\ufdd0", "\ufdd00\0", "\0\ufdd0\ufdd0\0", "'; DROP TABLE ticket; --", "%s ? :a /*pg x*/", "宕机 🚒 ‮", "\x1b[31m"]
)
def test_any_text_comes_back_as_it_was(store: Store, value: str) -> None:
    with store.write() as tx:
        tx.set_meta(value, value)
        assert tx.meta(value) == value


def test_a_naive_instant_is_refused(store: Store) -> None:
    with store.write() as tx, pytest.raises(UsageError, match="time zone"):
        tx.take_slot("weekly", datetime(2024, 5, 12), NOW)  # noqa: DTZ001 - the mistake under test


def test_write_cannot_be_nested_and_goes_on_afterwards(store: Store) -> None:
    with store.write() as tx:
        with pytest.raises(UsageError, match="savepoint"), store.write():
            raise AssertionError("a transaction inside a transaction")
        tx.set_meta("a", "1")
    with store.write() as tx:
        assert tx.meta("a") == "1"


def test_a_transaction_is_over_when_its_block_ends(store: Store) -> None:
    with store.write() as tx:
        pass
    with store.read() as view:
        pass
    for use in (lambda: tx.set_meta("a", "1"), lambda: tx.meta("a"), lambda: view.meta("a")):
        with pytest.raises(UsageError, match="over"):
            use()


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    for door in (store.read, store.write):
        with pytest.raises(UsageError, match="closed"), door():
            raise AssertionError("a closed store opened its door")


def test_readers_may_be_nested(store: Store) -> None:
    with store.write() as tx:
        tx.set_meta("a", "1")
    with store.read() as view:
        assert view.meta("a") == "1"
        with store.read() as second:
            assert second.meta("a") == "1"


def test_readers_see_one_moment_while_others_write(durable_backend) -> None:
    store = durable_backend.open()
    with store.read() as view:
        with store.write() as tx:
            tx.set_meta("a", "1")
            assert view.meta("a") is None
        assert view.meta("a") is None
    with store.read() as view:
        assert view.meta("a") == "1"
    store.close()


def test_a_reader_does_not_wait_for_the_writer(durable_backend) -> None:
    store = durable_backend.open()

    def look() -> str | None:
        with store.read() as view:
            return view.meta("a")

    with ThreadPoolExecutor(1) as pool, store.write() as tx:
        tx.set_meta("a", "1")
        assert pool.submit(look).result(timeout=30) is None
    store.close()


def test_a_reader_that_outlives_the_store_does_no_harm(durable_backend) -> None:
    store = durable_backend.open()
    with store.read() as view:
        store.close()
        assert view.meta("a") is None


def test_numbers_are_unique_under_threads(store: Store) -> None:
    threads, each = 8, 25
    together = threading.Barrier(threads)

    def work() -> list[str]:
        together.wait()
        numbers = []
        for _ in range(each):
            with store.write() as tx:
                numbers.append(open_ticket(tx).number)
        return numbers

    with ThreadPoolExecutor(threads) as pool:
        given = [number for done in [pool.submit(work) for _ in range(threads)] for number in done.result()]
    assert sorted(given) == [f"20240512{n:04d}" for n in range(1, threads * each + 1)]
    with store.read() as view:
        assert view.integrity(evolve) == []


def test_numbers_go_on_over_restarts(durable_backend) -> None:
    given = []
    for _ in range(3):
        store = durable_backend.open()
        with store.write() as tx:
            given += [tx.next_number(DAY), tx.next_number(date(2024, 5, 13))]
        store.close()
    assert given == [number for n in (1, 2, 3) for number in (f"20240512000{n}", f"20240513000{n}")]


def test_a_number_past_9999_grows_a_digit(store: Store) -> None:
    numbers = ["202405129999", "2024051210000", "2024051210001"]
    with store.write() as tx:  # as if all before them were taken
        for number in reversed(numbers):
            tx.give_back_number(number)
        assert [tx.next_number(DAY) for _ in numbers] == numbers


def test_of_many_connections_that_were_needed_at_once_few_are_kept() -> None:
    pool = Pool(lambda: sqlite3.connect(":memory:"))
    borrowed = [pool.borrow() for _ in range(SPARE + 2)]
    for connection in borrowed:
        pool.give_back(connection)
    for closed in borrowed[SPARE:]:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            closed.execute("SELECT 1")
    assert {pool.borrow() for _ in range(SPARE)} == set(borrowed[:SPARE])
    for connection in borrowed[:SPARE]:
        connection.close()
