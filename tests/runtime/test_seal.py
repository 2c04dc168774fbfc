"""Answers wait so that nothing in the database tells whose they are, and only this installation's key opens them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core.commands import KeepAnswer
from engine.core.conditions import Source
from engine.core.signals import TicketRequested
from engine.errors import ConfigurationError
from engine.runtime.seal import KEY_FILE, Seal, load_seal
from engine.store import WaitingRow, open_store
from tests.core.worlds import WEDNESDAY

REQUEST = TicketRequested(
    "follow_up", "supervisors", "", "email", "zh", parent="202603040001", source=Source("survey.yaml", 7, "surveys.0")
)
ANSWER = KeepAnswer("after-closure", {"speed": 1}, {"matters": ("speed", "price")}, "太慢", "2026-03", None, REQUEST)


def test_what_was_sealed_comes_back_as_it_was() -> None:
    seal = Seal.fresh()
    assert seal.open(WaitingRow("a1", "after-closure", WEDNESDAY, seal.close(replace(ANSWER, look_at=WEDNESDAY), "a1"))) == ANSWER


def test_a_short_answer_and_a_long_one_are_sealed_in_the_same_length() -> None:
    seal = Seal.fresh()
    lengths = {len(seal.close(replace(ANSWER, suggestion=text, follow_up=None), "a1")) for text in ("", "太慢" * 2_000)}
    assert len(lengths) == 1


def test_the_same_answer_is_never_sealed_the_same_way_twice() -> None:
    seal = Seal.fresh()
    assert seal.close(ANSWER, "a1") != seal.close(ANSWER, "a1")


@pytest.mark.parametrize("other", ["key", "row", "bytes"])
def test_another_key_another_row_or_changed_bytes_open_nothing(other: str) -> None:
    seal = Seal.fresh()
    sealed = seal.close(ANSWER, "a1")
    if other == "bytes":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    row = WaitingRow("a2" if other == "row" else "a1", "after-closure", None, sealed)
    with pytest.raises(ConfigurationError, match=KEY_FILE):
        (Seal.fresh() if other == "key" else seal).open(row)


def test_the_key_is_made_once_for_its_owner_only_and_never_stands_in_the_database(tmp_path: Path) -> None:
    store = open_store("sqlite:///engine.db", tmp_path)
    sealed = load_seal(tmp_path, store).close(ANSWER, "a1")
    assert load_seal(tmp_path, store).open(WaitingRow("a1", "", None, sealed)) == ANSWER
    store.close()
    key = (tmp_path / KEY_FILE).read_text().strip()
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob(".*"))
    everything = b"".join(path.read_bytes() for path in tmp_path.glob("engine.db*"))
    assert key.encode() not in everything
    assert bytes.fromhex(key) not in everything


@pytest.mark.parametrize("damage", ["lost", "of another", "unreadable"])
def test_a_database_that_knows_another_key_is_not_worked_on(damage: str, tmp_path: Path) -> None:
    store = open_store("sqlite:///engine.db", tmp_path)
    load_seal(tmp_path, store)
    path = tmp_path / KEY_FILE
    path.unlink()
    if damage != "lost":
        path.write_text("no key" if damage == "unreadable" else "00" * 32)
    with pytest.raises(ConfigurationError, match="every machine that shares the database"):
        load_seal(tmp_path, store)
    store.close()
