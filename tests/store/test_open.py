"""Which database a URL names, and what is refused."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.store import StoreFailed, open_store
from engine.store.sqlite import store as sqlite_store
from tests.store.samples import problems
from tests.support.repository import ROOT


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///var/",
        "sqlite://store.db",
        "sqlite:///store.db?mode=ro",
        "sqlite:///a\0b",
        "mysql://root:secret@localhost/x",
        "postgresqlx://u:secret@localhost/x",
    ],
)
def test_another_url_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///var/closedloop\.db") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_a_relative_path_lies_below_the_base_and_an_absolute_one_where_it_says(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "var").mkdir()
    open_store("sqlite:///var/a b%20#.db", tmp_path).close()
    open_store(f"sqlite:///{tmp_path}/b.db", tmp_path / "var").close()
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///c.db").close()
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.db"))
    assert found == ["b.db", "c.db", "var/a b%20#.db"]


def test_two_stores_in_memory_are_two() -> None:
    one, other = open_store("sqlite://:memory:"), open_store("sqlite://:memory:")
    one.lock_for_writing("test")
    other.lock_for_writing("test")
    with one.write() as tx:
        tx.set_meta("a", "1")
    with other.read() as view:
        assert view.meta("a") is None
    one.close()
    other.close()


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    store = open_store("sqlite:///store.db", tmp_path)
    store.lock_for_writing("test")
    with store.write() as tx:
        tx.set_meta("a", "1")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    store.close()
    assert modes == dict.fromkeys(["store.db", "store.db-wal", "store.db-shm", "store.db.lock"], 0o600)


def test_the_connection_is_set_for_safety(tmp_path: Path) -> None:
    store = sqlite_store.SqliteStore(tmp_path / "store.db")
    settings = ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
    values = [store._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in settings]
    store.close()
    assert values == ["wal", 2, 1, 1]


def test_erased_text_is_gone_from_the_file(tmp_path: Path) -> None:
    store = open_store("sqlite:///store.db", tmp_path)
    with store.write() as tx:
        tx.set_meta("a", "geheim-13800000000")
    with store.write() as tx:
        tx.set_meta("a", "x")
    store.close()
    assert b"geheim" not in (tmp_path / "store.db").read_bytes()
    assert not (tmp_path / "store.db-wal").exists()


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 2000])
def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"store\.db"):
        open_store("sqlite:///store.db", tmp_path)
    assert (tmp_path / "store.db").read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(ConfigurationError, match="another program"):
        open_store("sqlite:///store.db", tmp_path)


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere/store\.db.*No such file"):
        open_store("sqlite:///nowhere/store.db", tmp_path)


def test_an_old_sqlite_is_refused(monkeypatch) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 36, 9))
    with pytest.raises(ConfigurationError, match=r"3\.37\.0 or newer"):
        open_store("sqlite://:memory:")


def test_many_processes_may_make_the_same_new_database(new_backend) -> None:
    command = [sys.executable, "-m", "tests.store.child", "write", new_backend.url, "3"]
    children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = [child.communicate(timeout=120)[0].split() for child in children]
    assert [child.returncode for child in children] == [0] * 6
    numbers = sorted(number for numbers in said for number in numbers)
    assert numbers == [f"20240512{n:04d}" for n in range(1, 19)]
    store = new_backend.open()
    assert problems(store) == []
    store.close()


def test_a_writer_that_never_ends_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sqlite_store, "_PATIENCE", 0.05)
    one, other = open_store("sqlite:///store.db", tmp_path), open_store("sqlite:///store.db", tmp_path)
    with one.write() as tx:
        tx.set_meta("a", "1")
        with pytest.raises(StoreFailed, match="locked"), other.write():
            raise AssertionError("two writers at once")
    with other.write() as tx:
        assert tx.meta("a") == "1"
    one.close()
    other.close()


def test_a_full_disk_undoes_the_transaction_and_says_so(tmp_path: Path) -> None:
    store = sqlite_store.SqliteStore(tmp_path / "store.db")
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFailed, match="full"), store.write() as tx:
        tx.keep_content("c-1", None, "message", "x" * 1_000_000)
    with store.write() as tx:
        assert tx.contents(["c-1"]) == {}
    store.close()


def test_a_reader_of_a_file_that_went_away_says_so(tmp_path: Path) -> None:
    store = open_store("sqlite:///store.db", tmp_path)
    for path in tmp_path.iterdir():
        path.rename(path.with_suffix(".moved"))
    with pytest.raises(StoreFailed, match="opened for reading"), store.read():
        raise AssertionError("a file that is not there was read")
    store.close()
