"""Personal data are cleared where they lie, and nothing of them is left in the file."""

import random
from pathlib import Path

import pytest

from engine.core.lifecycle import evolve
from engine.store import CustomerRow, HoldRow, Store, open_store
from engine.store.personal import Whose
from tests.store.samples import NOW, open_ticket

SOME = 40


def canary(number: int) -> str:
    return f"canary-{number:05d}"


def filled(store: Store) -> dict[int, str]:
    """Texts of many customers, in such a disorder that pages are split and rows move from one to another; the ticket of each."""
    draw, tickets, count = random.Random(3), dict[int, str](), 0
    with store.write() as tx:
        for number in range(SOME):
            tx.add_customer(CustomerRow(f"C{number:06d}", canary(number), None, None, NOW))
            tickets[number] = open_ticket(tx, customer=f"C{number:06d}").number
    for _ in range(25):
        with store.write() as tx:
            for _ in range(50):
                number, count = draw.randrange(SOME), count + 1
                text = f"{canary(number)} {'z' * draw.randrange(3000)}"
                tx.keep_content(f"{draw.getrandbits(64):016x}.{count}", tickets[number], "note", text)
                tx.accept(
                    "email", f"{draw.getrandbits(64):x}", NOW, '{"kind":"x"}', f"{canary(number)} raw".encode() * draw.randrange(1, 60)
                )
                tx.inbox_done(count, tickets[number])
    return tickets


def left(path: Path) -> set[int]:
    data = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))
    return {number for number in range(SOME) if canary(number).encode() in data}


def test_nothing_of_who_was_erased_is_left_on_any_page_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(f"sqlite:///{path}")
    tickets = filled(store)
    store.scrub()
    assert left(path) == set(range(SOME))
    erased = set(range(0, SOME, 2))
    with store.write() as tx:
        for number in erased:
            tx.erase_customer(Whose(f"C{number:06d}", (tickets[number],)))
    store.scrub(whole=True)
    assert left(path) == set(range(SOME)) - erased
    with store.read() as reader:
        assert reader.integrity(evolve) == []
        assert [row.name for row in reader.customers(SOME)] == [canary(number) for number in range(1, SOME, 2)]
    store.close()


def test_an_item_that_was_cleared_is_known_when_it_comes_again(store: Store) -> None:
    with store.write() as tx:
        number = open_ticket(tx).number
        assert tx.accept("email", "<1@example.test>", NOW, '{"kind":"x"}', b"raw")
        tx.inbox_done(1, number)
        tx.clear("inbox.items", tx.personal("inbox.items", Whose("", (number,))))
        assert not tx.accept("email", "<1@example.test>", NOW, '{"kind":"x"}', b"raw")
        assert tx.accept("sms", "<1@example.test>", NOW, '{"kind":"x"}', b"raw")
        row = tx.inbox_row(1)
        assert row is not None
        assert (row.item_json, row.raw, row.ticket) == ("null", b"", number)
        assert "example" not in row.source_id


@pytest.mark.parametrize("subject", ["C000001", "202405120001"])
def test_an_erasure_is_recorded_once_and_a_hold_stands_until_it_is_released(store: Store, subject: str) -> None:
    with store.write() as tx:
        tx.keep_erasure("mark", "C000001", NOW)
        tx.keep_erasure("mark", "C000002", NOW)
        assert (tx.erasures(), tx.erased("C000001"), tx.erased("C000002")) == ({"mark": "C000001"}, NOW, None)
        hold = HoldRow(subject, NOW, "zhou", "a dispute")
        assert [
            tx.hold(hold),
            tx.hold(hold),
            tx.holds([subject, "other"]),
            tx.release(subject),
            tx.release(subject),
            tx.holds([subject]),
        ] == [True, False, [hold], True, False, []]
