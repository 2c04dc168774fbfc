"""Following a running exchange: each call once, when it is over and its records are quiet."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.channels import CallOutcome, Delivery, Inbound, Rejected, TemporaryFailure
from engine.errors import ConfigurationError
from engine.testing import SettableClock, context
from engine_phone_log import asterisk, build
from engine_phone_log.asterisk import AsteriskChannel

Row = Callable[..., bytes]
ENTER = b"1795320465|1795320465.0|support|NONE|ENTERQUEUE||13800138000|1\n"
ABANDON = b"1795320469|1795320465.0|support|NONE|ABANDON|1|1|4\n"


class Desk:
    """An exchange's directory and the channel that follows it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = SettableClock()
        self.settings: dict[str, Any] = {
            "master_csv": str(directory / "Master.csv"),
            "queue_log": str(directory / "queue_log"),
            "timezone": "UTC",
            "contexts": {"inbound": ["inbound"]},
        }
        self.context = context(directory, self.clock)
        self.restart()

    def restart(self) -> None:
        channel = build({"transport": "asterisk", "asterisk": self.settings}, self.context)
        assert isinstance(channel, AsteriskChannel)
        self.channel = channel
        self.channel.open()

    def write(self, name: str, content: bytes) -> None:
        with open(self.directory / name, "ab") as stream:
            stream.write(content)

    def take(self) -> list[Delivery]:
        return list(self.channel.receive(0))

    def settled(self) -> list[Delivery]:
        self.take()
        self.clock.advance(timedelta(seconds=30))
        return self.take()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.channel.close()


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.item.source_id for delivery in deliveries]


def test_the_samples_come_as_nine_calls_however_they_are_cut(desk: Desk, master_csv: bytes, queue_log: bytes) -> None:
    for name, content in (("queue_log", queue_log), ("Master.csv", master_csv)):
        for start in range(0, len(content), 97):
            desk.write(name, content[start : start + 97])
            assert desk.take() == []
    desk.clock.advance(timedelta(seconds=30))
    taken = desk.take()
    assert len(taken) == 9
    for delivery in taken:
        assert list(desk.channel.parse(delivery.raw, "Master.csv")) == [delivery.item]
        delivery.acknowledge()
    desk.restart()
    assert desk.settled() == []


def test_a_call_waits_until_its_records_are_quiet(desk: Desk, row: Row) -> None:
    desk.write("Master.csv", row())
    assert desk.take() == []
    desk.clock.advance(timedelta(seconds=29))
    desk.write("Master.csv", row(sequence=1, start="2026-11-22 04:07:48"))
    assert desk.take() == []
    desk.clock.advance(timedelta(seconds=29))
    assert desk.take() == []
    desk.clock.advance(timedelta(seconds=1))
    [delivery] = desk.take()
    assert delivery.raw.count(b"\n") == 2


def test_a_call_that_a_queue_still_holds_is_not_over(desk: Desk, row: Row) -> None:
    desk.write("queue_log", ENTER)
    desk.write("Master.csv", row(application="Queue", partner="", billed=4))
    assert desk.settled() == []
    desk.write("queue_log", ABANDON)
    [delivery] = desk.settled()
    assert isinstance(delivery.item, Inbound)
    assert delivery.item.call is not None
    assert delivery.item.call.outcome is CallOutcome.ABANDONED


def test_a_leg_that_ended_early_waits_for_its_call(desk: Desk, row: Row) -> None:
    desk.write("Master.csv", row(leg_id="1795320466.9", context="internal"))
    assert desk.settled() == []
    desk.write("Master.csv", row())
    assert ids(desk.settled()) == ["1795320465.0"]


def test_a_call_whose_end_was_never_written_comes_after_four_hours(desk: Desk) -> None:
    desk.write("queue_log", ENTER)
    assert desk.settled() == []
    desk.clock.advance(timedelta(hours=4))
    assert ids(desk.take()) == ["1795320465.0"]


def test_the_queue_log_alone_is_enough(desk: Desk) -> None:
    del desk.settings["master_csv"]
    desk.restart()
    desk.write("queue_log", ENTER + ABANDON)
    assert ids(desk.settled()) == ["1795320465.0"]


def test_a_call_inside_the_house_is_passed_over_for_good(desk: Desk, row: Row) -> None:
    desk.write("Master.csv", row("1.0", context="internal") + row())
    assert ids(desk.settled()) == ["1795320465.0"]
    desk.restart()
    assert ids(desk.settled()) == ["1795320465.0"]


def test_a_malformed_row_comes_at_once_and_alone(desk: Desk, row: Row) -> None:
    broken = row("1795320777.0").replace(b"Zhang", "张".encode("gbk"))
    desk.write("Master.csv", row() + broken + row("1795320999.0"))
    [rejected] = desk.take()
    assert isinstance(rejected.item, Rejected)
    assert rejected.item.raw == broken
    assert "not UTF-8" in rejected.item.reason
    rejected.acknowledge()
    desk.restart()
    assert ids(desk.settled()) == ["1795320465.0", "1795320999.0"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)], ids=["in order", "backwards", "middle first"])
def test_a_restart_after_any_acknowledgement_neither_loses_nor_repeats(desk: Desk, row: Row, order: tuple[int, ...]) -> None:
    calls = [f"179532046{number}.0" for number in range(3)]
    # Rows of the three calls interleaved: every call but the last spans the ones between.
    desk.write("Master.csv", b"".join(row(call_id, sequence=part) for part in range(2) for call_id in calls))
    taken = desk.settled()
    assert ids(taken) == calls
    left = set(calls)
    for number in order:
        [delivery] = [delivery for delivery in taken if delivery.item.source_id == calls[number]]
        assert delivery.raw.count(b"\n") == 2
        delivery.acknowledge()
        left.remove(calls[number])
        desk.restart()
        taken = desk.settled()
        assert set(ids(taken)) == left


def test_an_unacknowledged_call_survives_the_rotation_of_its_file(desk: Desk, row: Row) -> None:
    desk.write("Master.csv", row("1795320465.0") + row("1795320466.0"))
    first, second = desk.settled()
    second.acknowledge()
    (desk.directory / "Master.csv").rename(desk.directory / "Master.csv.1")
    desk.write("Master.csv", row("1795320467.0"))
    assert ids(desk.settled()) == ["1795320465.0", "1795320467.0"]
    desk.take()[1].acknowledge()
    desk.restart()
    [again] = desk.settled()
    assert again.item == first.item
    again.acknowledge()
    desk.write("Master.csv", row("1795320468.0"))
    desk.restart()
    assert ids(desk.settled()) == ["1795320468.0"]


def test_reading_pauses_while_too_much_waits_and_then_goes_on(desk: Desk, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk, "LINES_AT_ONCE", 1)
    monkeypatch.setattr(asterisk, "WAITING_AT_MOST", 1)
    desk.write("Master.csv", row("1795320465.0") + row("1795320466.0"))
    [first] = desk.settled()
    first.acknowledge()
    assert ids(desk.settled()) == ["1795320466.0"]


def test_what_is_acknowledged_after_close_comes_again(desk: Desk, row: Row) -> None:
    desk.write("Master.csv", row())
    [delivery] = desk.settled()
    desk.channel.close()
    delivery.acknowledge()
    desk.restart()
    assert ids(desk.settled()) == ["1795320465.0"]


def test_a_file_lost_from_sight_is_reported_once_and_reading_goes_on(desk: Desk, row: Row) -> None:
    desk.write("Master.csv", row())
    desk.settled()[0].acknowledge()
    (desk.directory / "Master.csv").unlink()
    desk.write("Master.csv", row("1795320466.0", source="13900139000"))
    with pytest.raises(TemporaryFailure, match="calls may be missing"):
        desk.take()
    assert ids(desk.settled()) == ["1795320466.0"]


def test_records_that_cannot_be_read_are_a_temporary_failure(desk: Desk) -> None:
    (desk.directory / "Master.csv").symlink_to("/proc/self/mem")  # a file whose first byte is an I/O error
    with pytest.raises(TemporaryFailure, match="the exchange's records cannot be read"):
        desk.take()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"master_csv": "/no/such/directory/Master.csv"}, "there is no directory /no/such/directory"),
        ({"queue_log": "/elsewhere/Master.csv"}, "two files of different names"),
        ({"timezone": "Asia/Shangai"}, "'Asia/Shangai' is no IANA time zone"),
    ],
    ids=["directory", "names", "zone"],
)
def test_settings_that_cannot_work_are_told(desk: Desk, change: dict[str, str], said: str) -> None:
    desk.settings |= change
    with pytest.raises(ConfigurationError, match=said):
        desk.restart()


def test_check_says_what_the_files_hold(desk: Desk, master_csv: bytes) -> None:
    desk.write("Master.csv", master_csv + b"oops\n")
    master, queue = desk.channel.check(None)
    assert master.endswith("Master.csv: 9 calls, 0 calls inside the house, 1 unreadable lines")
    assert queue.endswith("queue_log does not exist yet")
    assert len(desk.channel.check("13800138000")) == 3
