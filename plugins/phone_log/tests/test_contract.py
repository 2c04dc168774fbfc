"""The phone log keeps the channel contract, on each of its ways in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.channels import ChannelContext, write_atomically
from engine.testing import Carrier, ChannelContract
from engine_phone_log import engine_channel_types

[PHONE_LOG] = engine_channel_types()
ROW = (
    '"","1380013{0:04}","1000","inbound","""Zhang San"" <1380013{0:04}>","PJSIP/caller-{0:08x}","PJSIP/agent1-{0:08x}","Queue",'
    '"support,,,,12","2026-11-22 04:07:45","2026-11-22 04:07:45","2026-11-22 04:07:48",3,3,"ANSWERED","DOCUMENTATION",'
    '"1795320465.{0}","support","","1795320465.{0}",{0}\n'
)
EVENTS = (
    "1795320465|1795320465.{0}|support|NONE|ENTERQUEUE||1380013{0:04}|1\n"
    "1795320466|1795320465.{0}|support|Agent One|CONNECT|1|1795320465.9{0}|0\n"
    "1795320468|1795320465.{0}|support|Agent One|COMPLETECALLER|1|2|1\n"
)


class Dropped(Carrier):
    """Files dropped in the folder, three calls' rows to a file where the format allows."""

    channel_type = PHONE_LOG

    def __init__(self, context: ChannelContext) -> None:
        self.incoming = context.incoming
        self.count = 0

    def settings(self) -> Mapping[str, Any]:
        return {}

    def drop(self, suffix: str, content: str) -> None:
        self.count += 1
        write_atomically(self.incoming / f"{self.count:03}{suffix}", content.encode())


class DroppedRecords(Dropped):
    def put_good(self, count: int) -> None:
        first = self.count * 10
        numbers = range(first, first + count)
        self.drop("-Master.csv", "".join(ROW.format(number) for number in numbers))
        write_atomically(self.incoming / f"queue_log.{first}", "".join(map(EVENTS.format, numbers)).encode())

    def put_bad(self) -> None:
        self.drop("-Master.csv", '"","13800138000","1000"\n')


class DroppedByHand(Dropped):
    input_name = "call.json"

    def put_good(self, count: int) -> None:
        for _ in range(count):
            call = {"id": f"call-{self.count}", "from": "13800138000", "at": "2026-03-04T10:00:00+08:00", "text": "系统宕机"}
            self.drop(".json", json.dumps(call))

    def put_bad(self) -> None:
        self.drop(".json", '{"id": "call-x"}')


class Exchange(Carrier):
    """The files of a running Asterisk."""

    channel_type = PHONE_LOG

    def __init__(self, directory: Path) -> None:
        self.master_csv, self.queue_log = directory / "Master.csv", directory / "queue_log"
        self.count = 0

    def settings(self) -> Mapping[str, Any]:
        files = {"master_csv": str(self.master_csv), "queue_log": str(self.queue_log)}
        return {"transport": "asterisk", "asterisk": files | {"timezone": "UTC", "settle": "0s"}}

    def put_good(self, count: int) -> None:
        for _ in range(count):
            append(self.master_csv, ROW.format(self.count))
            append(self.queue_log, EVENTS.format(self.count))
            self.count += 1

    def put_bad(self) -> None:
        append(self.master_csv, '"","13800138000","1000"\n')


def append(path: Path, text: str) -> None:
    with open(path, "a") as stream:
        stream.write(text)


class TestDroppedRecordsKeepTheContract(ChannelContract):
    @pytest.fixture
    def carrier(self, context: ChannelContext) -> Carrier:
        return DroppedRecords(context)


class TestCallsLoggedByHandKeepTheContract(ChannelContract):
    @pytest.fixture
    def carrier(self, context: ChannelContext) -> Carrier:
        return DroppedByHand(context)


class TestARunningExchangeKeepsTheContract(ChannelContract):
    @pytest.fixture
    def carrier(self, tmp_path: Path) -> Carrier:
        return Exchange(tmp_path)
