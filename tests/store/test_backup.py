"""A backup taken while work goes on."""

import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.store import Store, StoreFailed, open_store
from tests.store.conftest import BACKENDS

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.fixture(params=["file", "memory"])
def embedded(request: pytest.FixtureRequest) -> Iterator[Store]:
    store = BACKENDS[request.param](request).open()
    yield store
    store.close()


def test_a_backup_holds_what_was_durable_and_opens_as_a_store(embedded: Store, tmp_path: Path) -> None:
    store = embedded
    with store.write() as tx:
        tx.set_meta("colour", "blue")
    target = tmp_path / "backups" / "copy.db"
    store.backup(target)
    with store.write() as tx:
        tx.set_meta("colour", "red")
    copy = open_store(f"sqlite:///{target}")
    with copy.read() as reader:
        assert reader.meta("colour") == "blue"
    copy.close()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_backup_does_not_wait_for_a_writer_that_is_at_work(file_backend, tmp_path: Path) -> None:
    store = file_backend.open()
    target = tmp_path / "copy.db"
    with store.write() as tx:
        tx.set_meta("colour", "blue")
        thread = threading.Thread(target=store.backup, args=(target,))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
    store.close()
    copy = open_store(f"sqlite:///{target}")
    with copy.read() as reader:
        assert reader.meta("colour") is None
    copy.close()


def test_a_backup_that_cannot_be_written_says_so_and_leaves_no_half_file(embedded: Store, tmp_path: Path) -> None:
    store = embedded
    (tmp_path / "taken").write_text("a file, not a directory")
    with pytest.raises(StoreFailed, match="cannot be backed up"):
        store.backup(tmp_path / "taken" / "copy.db")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
