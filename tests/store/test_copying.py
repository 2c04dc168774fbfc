"""A whole installation moves from one database to another and back, and is the same there, or is not there at all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.core.lifecycle import evolve
from engine.errors import EngineError, Refused
from engine.store import Store, open_store
from engine.store.copying import copy, digest, replay
from tests.core.worlds import HOUR, House
from tests.store.golden import fill
from tests.store.samples import NOW

SERIES = ("customer_number", "decision", "inbox", "timer")


@pytest.fixture
def full() -> House:
    """A house that was at work, and whose timers and customers had higher numbers than those that are left."""
    house = House()
    number = house.surveyed()
    house.mail("1 1 1 很差", number)
    house.mail("系统宕机了", sender="wang@example.test")
    house.take("email", sender="x@example.test", text="nul \0 \ufdd0 🐼", automatic=True)
    house.wait(4 * HOUR)
    with house.store.write() as tx:
        tx.new_customer_id()
        tx.cancel_timers(number, "survey")
    return house


@pytest.fixture
def places(tmp_path: Path, database: str) -> Callable[[str], str]:
    urls = {"file": f"sqlite:///{tmp_path}/other.db", "postgresql": database}
    return lambda name: urls[name]


def moved(source: Store, target: Store) -> dict[str, int]:
    with source.read() as reader, target.write() as tx:
        counts = copy(reader, tx)
        replay(reader, tx, evolve)
    return counts


def everything(store: Store) -> dict[str, Any]:
    with store.read() as reader:
        return {table: digest(reader, table) for table in reader.tables()} | {
            "numbers": {series: reader.last_numbers().get(series) for series in SERIES}
        }


def test_all_that_a_house_holds_goes_to_a_server_and_comes_back_the_same(full: House, database: str, tmp_path: Path) -> None:
    with closing(open_store(database)) as server, closing(open_store(f"sqlite:///{tmp_path}/back.db")) as back:
        counts = moved(full.store, server)
        assert counts["ticket"] >= 3
        assert counts["survey_answer"] == counts["follow_up_link"] == 1
        assert everything(server) == everything(full.store)
        moved(server, back)
        assert everything(back) == everything(full.store)


@pytest.mark.parametrize("name", ["file", "postgresql"])
def test_numbers_go_on_behind_the_last_that_was_ever_given(full: House, places: Callable[[str], str], name: str) -> None:
    with full.store.read() as reader:
        last = reader.last_numbers()
    with closing(open_store(places(name))) as store:
        moved(full.store, store)
        with store.write() as tx:
            assert tx.new_customer_id() == f"C{last['customer_number'] + 1:06d}"
            assert tx.start_timer(next(iter(tx.opened_until(full.now))), "rule/x", full.now) == last["timer"] + 1
            number = tx.next_number(full.now.date())
            assert tx.ticket(number) is None
            assert tx.accept("email", "one more", full.now, "{}", b"")


def test_every_table_of_the_schema_is_moved_without_anybody_naming_it(tmp_path: Path, database: str) -> None:
    fill(tmp_path / "one.db")
    with sqlite3.connect(tmp_path / "one.db") as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%yoyo%'")}
    connection.close()
    with closing(open_store(f"sqlite:///{tmp_path}/one.db")) as source, closing(open_store(database)) as target:
        counts = moved(source, target)
        assert set(counts) == {name for name in names if not name.startswith("sqlite_")}
        empty = [name for name, count in counts.items() if not count and name != "free_number"]  # which SQLite leaves alone
        assert empty == [], "something is in every table, so that none can be forgotten"
        assert everything(target) == everything(source)


@pytest.mark.parametrize("name", ["file", "postgresql"])
def test_what_holds_anything_is_not_copied_to(full: House, places: Callable[[str], str], name: str) -> None:
    with closing(open_store(places(name))) as store:
        with store.write() as tx:
            tx.set_meta("colour", "blue")
        before = everything(store)
        with pytest.raises(Refused, match="there is something in meta"):
            moved(full.store, store)
        assert everything(store) == before


@pytest.mark.parametrize("name", ["file", "postgresql"])
def test_what_is_interrupted_in_the_middle_leaves_the_target_empty(full: House, places: Callable[[str], str], name: str) -> None:
    def interrupt(rows: int, total: int) -> None:
        raise KeyboardInterrupt

    with closing(open_store(places(name))) as store:
        with pytest.raises(KeyboardInterrupt), full.store.read() as reader, store.write() as tx:
            copy(reader, tx, interrupt)
        with store.read() as reader:
            assert set(reader.tables().values()) == {0}
        moved(full.store, store)


def test_a_copy_that_differs_is_not_kept(full: House, database: str) -> None:
    with closing(open_store(database)) as store:
        with pytest.raises(EngineError, match="differs from its source in content"), full.store.read() as reader, store.write() as tx:
            copy(reader, tx, lambda rows, total: tx._session.run("UPDATE content SET body = 'another'"))  # type: ignore[attr-defined]  # by hand
        with store.read() as reader:
            assert set(reader.tables().values()) == {0}


def test_what_is_wrong_in_the_source_already_does_not_keep_it_from_being_moved(full: House, database: str) -> None:
    with full.store.write() as tx:
        tx._session.run("UPDATE ticket SET tier = 'other'")  # type: ignore[attr-defined]  # by hand
    with closing(open_store(database)) as store:
        moved(full.store, store)
        with store.write() as tx:
            tx._session.run("UPDATE ticket SET queue = 'other'")  # type: ignore[attr-defined]  # by hand
            tx._session.run("DELETE FROM event WHERE seq = 2")  # type: ignore[attr-defined]  # by hand
        with full.store.read() as reader, store.read() as there, pytest.raises(EngineError, match="event 2 is missing"):
            replay(reader, there, evolve)


def test_a_server_is_backed_up_into_a_file_that_opens_as_a_store(full: House, database: str, tmp_path: Path) -> None:
    with closing(open_store(database)) as server:
        moved(full.store, server)
        server.backup(tmp_path / "kept.db")
        with closing(open_store(f"sqlite:///{tmp_path}/kept.db")) as kept:
            assert everything(kept) == everything(server)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_whoever_must_be_alone_on_a_server_is_told_that_others_are_there(database: str) -> None:
    with closing(open_store(database)) as one:
        one.lock_for_writing("copy", alone=True)
        with closing(open_store(database)) as other, other.read():
            with pytest.raises(Refused, match="in use by the engine"):
                one.lock_for_writing("copy", alone=True)
            one.lock_for_writing("engine run")


def test_ids_go_on_behind_those_that_are_there_where_the_source_does_not_count_them(database: str) -> None:
    row: dict[str, str | int | None] = {"id": 7, "at": 0, "who": "li", "what": "x", "about": "F", "reason": None}
    with closing(open_store(database)) as store, store.write() as tx:
        tx.add_rows("audit", [tuple(row[name] for name in tx.columns("audit"))])
        tx.continue_after({})
        assert tx.last_numbers()["audit"] == 7
        tx.audit(NOW, "li", "y", "F")
