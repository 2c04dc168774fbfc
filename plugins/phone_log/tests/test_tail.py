"""Following a file that grows, rotates, is copied and truncated, or disappears."""

import os
import shutil
from pathlib import Path

import pytest

from engine_phone_log.documents import LONGEST_LINE
from engine_phone_log.tail import Tail

FIRST = b"the first line of this very file, long enough to tell it from any other file of its kind\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "Master.csv"
    path.write_bytes(FIRST)
    return path


def append(path: Path, content: bytes) -> None:
    with open(path, "ab") as stream:
        stream.write(content)


def read(tail: Tail, limit: int = 100) -> list[bytes]:
    return [line for _, _, line in tail.lines(limit)]


def again(tail: Tail) -> Tail:
    """What a restarted engine makes of the place that was kept."""
    return Tail(tail.path, tail.mark)


def test_lines_come_once_as_the_file_grows(path: Path) -> None:
    tail = Tail(path, None)
    assert read(tail) == [FIRST]
    assert read(tail) == []
    append(path, b"two\nthree\n")
    assert read(tail) == [b"two\n", b"three\n"]
    assert read(again(tail)) == []


def test_a_half_written_line_waits_for_its_end(path: Path) -> None:
    tail = Tail(path, None)
    append(path, b"ha")
    assert read(tail) == [FIRST]
    append(path, b"lf\n")
    assert read(tail) == [b"half\n"]


def test_a_file_that_is_not_there_yet_is_read_when_it_comes(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "Master.csv", None)
    assert read(tail) == []
    append(tail.path, FIRST)
    assert read(tail) == [FIRST]
    assert not tail.lost


def test_a_look_is_bounded_and_the_next_goes_on(path: Path) -> None:
    append(path, b"two\nthree\n")
    tail = Tail(path, None)
    assert [read(tail, limit=2), read(tail, limit=2)] == [[FIRST, b"two\n"], [b"three\n"]]


def test_a_line_without_end_comes_in_pieces(path: Path) -> None:
    append(path, b"x" * (LONGEST_LINE + 10) + b"\n")
    assert [len(line) for line in read(Tail(path, None))] == [len(FIRST), LONGEST_LINE, 11]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("suffix", [".1", "-20261122"])
def test_a_rotated_file_is_read_to_its_end_before_the_new_one(path: Path, restarted: bool, suffix: str) -> None:
    tail = Tail(path, None)
    read(tail)
    append(path, b"before\nhalf")
    path.rename(path.with_name(path.name + suffix))
    tail = again(tail) if restarted else tail
    assert read(tail) == [b"before\n"]
    append(path, b"after\n")
    assert read(tail) == [b"half", b"after\n"]
    assert read(again(tail)) == []
    assert not tail.lost


def test_an_exchange_that_still_writes_to_the_rotated_file_loses_nothing(path: Path) -> None:
    tail = Tail(path, None)
    read(tail)
    rotated = path.with_name("Master.csv.1")
    path.rename(rotated)
    path.touch()
    assert read(tail) == []
    append(rotated, b"late\n")
    assert read(tail) == [b"late\n"]
    append(path, b"after\n")
    assert read(tail) == [b"after\n"]


def test_two_rotations_while_away_are_read_in_order(path: Path) -> None:
    tail = Tail(path, None)
    read(tail)
    append(path, b"one\n")
    path.rename(path.with_name("Master.csv.2"))
    append(path, b"two\n")
    path.rename(path.with_name("Master.csv.1"))
    append(path, b"three\n")
    for age, name in enumerate(("Master.csv", "Master.csv.1", "Master.csv.2")):
        os.utime(path.with_name(name), (1_795_320_000 - age, 1_795_320_000 - age))
    assert read(again(tail)) == [b"one\n", b"two\n", b"three\n"]


def test_copytruncate_is_followed_through_the_copy(path: Path) -> None:
    tail = Tail(path, None)
    read(tail)
    append(path, b"before\n")
    shutil.copy(path, path.with_name("Master.csv.1"))
    os.truncate(path, 0)
    append(path, b"after\n")
    assert read(tail) == [b"before\n", b"after\n"]
    assert not tail.lost


def test_a_file_lost_from_sight_is_reported_and_the_new_one_read_from_its_beginning(path: Path) -> None:
    tail = Tail(path, None)
    read(tail)
    os.truncate(path, 0)
    append(path, b"another file that grew longer than the first one, perhaps even with the very same inode number......\n")
    assert len(read(again(tail))) == 1
    assert len(read(tail)) == 1
    assert "calls may be missing" in tail.lost


def test_compressed_files_are_not_read(path: Path) -> None:
    tail = Tail(path, None)
    read(tail)
    path.rename(path.with_name("Master.csv.1.gz"))
    append(path, b"after\n")
    assert read(tail) == [b"after\n"]
    assert tail.lost
