"""Files dropped in the folder: folded together, rejected row by row, removed only when all of them is in the engine."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.channels import CallOutcome, ChannelContext, Delivery, Inbound, Rejected, TemporaryFailure
from engine.testing import context
from engine_phone_log import build
from engine_phone_log.folder import FolderChannel

Row = Callable[..., bytes]


class Desk:
    """The folder and the channel that looks into it."""

    def __init__(self, surroundings: ChannelContext) -> None:
        self.context = surroundings
        self.incoming = surroundings.incoming
        self.restart()

    def restart(self) -> None:
        settings = {"asterisk": {"timezone": "UTC", "contexts": {"inbound": ["inbound", "public"]}}}
        channel = build(settings, self.context)
        assert isinstance(channel, FolderChannel)
        self.channel = channel
        self.channel.open()

    def drop(self, name: str, content: bytes) -> None:
        (self.incoming / name).write_bytes(content)

    def take(self) -> list[Delivery]:
        return list(self.channel.receive(0))

    def left(self) -> list[str]:
        return sorted(path.name for path in self.incoming.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(context(tmp_path))
    yield desk
    desk.channel.close()


def test_records_and_queue_log_of_one_look_are_folded_together(desk: Desk, master_csv: bytes, queue_log: bytes) -> None:
    desk.drop("Master.csv", master_csv)
    desk.drop("queue_log", queue_log)
    taken = desk.take()
    calls = {delivery.item.source_id: delivery.item for delivery in taken}
    assert len(taken) == len(calls) == 9
    gone = calls["1795320620.0"]
    assert isinstance(gone, Inbound)
    assert gone.call is not None
    assert (gone.call.outcome, gone.call.queue) == (CallOutcome.ABANDONED, "support")


def test_files_go_when_all_their_calls_are_acknowledged_and_not_before(desk: Desk, master_csv: bytes, queue_log: bytes) -> None:
    desk.drop("Master.csv", master_csv)
    desk.drop("queue_log", queue_log)
    *others, last = desk.take()
    for delivery in others:
        delivery.acknowledge()
    assert "Master.csv" in desk.left()
    desk.restart()
    [again] = desk.take()
    assert again.item == last.item
    again.acknowledge()
    assert desk.left() == []
    desk.drop("Master.csv", master_csv)
    assert len(desk.take()) == 9, "the same file dropped again is new; the engine knows its calls by their ids"


def test_freeswitch_records_are_taken_in(desk: Desk, freeswitch_csv: bytes) -> None:
    desk.drop("freeswitch-2026-11-22.csv", freeswitch_csv)
    assert len([delivery for delivery in desk.take() if isinstance(delivery.item, Inbound)]) == 6
    assert desk.left() == ["freeswitch-2026-11-22.csv"]


def test_a_bad_row_is_rejected_alone(desk: Desk, row: Row) -> None:
    desk.drop("Master.csv", row("1795320001.0") + b"rubbish\n" + row("1795320002.0"))
    rejected, first, second = desk.take()
    assert isinstance(rejected.item, Rejected)
    assert (rejected.item.name, rejected.item.raw) == ("Master.csv", b"rubbish\n")
    for delivery in (first, second):
        assert isinstance(delivery.item, Inbound)
        delivery.acknowledge()
    assert desk.left() == ["Master.csv"]
    rejected.acknowledge()
    assert desk.left() == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("Master.csv", b"", "it is empty"),
        ("Master.csv", b"\xff\xd8\n" * 5, "none of its 5 lines is a call record; the first: it is not UTF-8"),
        ("recording.wav", b"RIFF....", "recording.wav is no file of call records; those are named *.csv, queue_log*"),
        ("call.json", b'{"id": "1"}', "at is missing; from is missing"),
    ],
    ids=["empty", "rubbish", "recording", "by hand"],
)
def test_a_file_that_is_wholly_wrong_is_rejected_whole(desk: Desk, name: str, content: bytes, reason: str) -> None:
    desk.drop(name, content)
    [delivery] = desk.take()
    assert isinstance(delivery.item, Rejected)
    assert delivery.item.reason.startswith(reason)
    assert delivery.item.raw == delivery.raw == content
    assert desk.left() == [name]
    delivery.acknowledge()
    assert desk.left() == []


def test_a_queues_own_events_and_calls_inside_the_house_leave_nothing_to_do(desk: Desk, row: Row) -> None:
    desk.drop("queue_log", b"1795320378|NONE|NONE|NONE|QUEUESTART|\n")
    desk.drop("Master.csv", row(context="internal"))
    assert desk.take() == []
    assert desk.left() == []


def test_a_call_logged_by_hand_is_taken_in(desk: Desk) -> None:
    call = {"id": "call-17", "from": "13800138000", "at": "2026-03-04T10:00:00+08:00", "text": "系统宕机"}
    desk.drop("call-17.json", json.dumps(call, ensure_ascii=False).encode())
    [delivery] = desk.take()
    assert isinstance(delivery.item, Inbound)
    assert delivery.item.text == "系统宕机"
    delivery.acknowledge()
    assert desk.left() == []


def test_what_is_acknowledged_after_close_comes_again(desk: Desk, row: Row) -> None:
    desk.drop("Master.csv", row())
    [delivery] = desk.take()
    desk.channel.close()
    delivery.acknowledge()
    desk.restart()
    assert len(desk.take()) == 1


def test_a_file_that_may_not_be_read_is_a_temporary_failure(desk: Desk, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    desk.drop("2.csv", row())
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(TemporaryFailure, match=r"2\.csv cannot be read: .*Permission denied"):
        desk.take()


def test_check_says_what_lies_in_the_folder(desk: Desk, master_csv: bytes) -> None:
    desk.drop("Master.csv", master_csv)
    desk.drop("good.json", b'{"id": "1", "from": "2", "at": "2026-03-04T10:00:00Z"}')
    desk.drop("bad.json", b"{}")
    where, master, bad, good = desk.channel.check(None)
    assert where.startswith("looks for call records in")
    assert master == "Master.csv: 9 calls, 0 calls inside the house, 0 unreadable lines"
    assert bad == "bad.json: unreadable: at is missing; from is missing; id is missing"
    assert good == "good.json: 1 call"
    assert len(desk.channel.check("13800138000")) == 5
