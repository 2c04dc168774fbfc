"""One line of a record file, in all the shapes that exchanges write, and in shapes that they should not."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_phone_log.records import Leg, QueueEvent, Unreadable, read_line

UTC_ZONE = ZoneInfo("UTC")
BASE = (
    '"","13800138000","1000","inbound","""Zhang San"" <13800138000>","PJSIP/a-00000000","PJSIP/b-00000001","Dial","x",'
    '"2026-11-22 04:07:45","2026-11-22 04:07:45","2026-11-22 04:07:48",3,3,"ANSWERED","DOCUMENTATION"'
)


def leg(line: str, zone: ZoneInfo = UTC_ZONE) -> Leg:
    record = read_line(line.encode(), zone)
    assert isinstance(record, Leg), record
    return record


def reason(raw: bytes) -> str:
    record = read_line(raw, UTC_ZONE)
    assert isinstance(record, Unreadable), record
    return record.reason


@pytest.mark.parametrize(
    ("tail", "call_id", "leg_id", "userfield"),
    [
        (',"1795320465.0"', "1795320465.0", "1795320465.0", ""),
        (',"pbx1-1795320465.0"', "pbx1-1795320465.0", "pbx1-1795320465.0", ""),
        (',"1795320466.7","billing"', "1795320466.7", "1795320466.7", "billing"),
        (',"1795320466.7","","","1795320465.0",4', "1795320465.0", "1795320466.7", ""),
        (',"1795320466.7","","1795320465.0",4', "1795320465.0", "1795320466.7", ""),
    ],
    ids=["uniqueid", "uniqueid with system name", "and userfield", "all columns", "no userfield"],
)
def test_the_optional_columns_are_told_apart(tail: str, call_id: str, leg_id: str, userfield: str) -> None:
    read = leg(BASE + tail)
    assert (read.call_id, read.leg_id, read.userfield) == (call_id, leg_id, userfield)


@pytest.mark.parametrize("tail", ["", ',"billing"'], ids=["none", "userfield"])
def test_a_row_without_ids_is_a_call_of_its_own_with_a_stable_id(tail: str) -> None:
    read = leg(BASE + tail)
    assert read.call_id == read.leg_id == leg(BASE + tail).call_id
    assert read.call_id.startswith("row-")
    assert read.call_id != leg((BASE + tail).replace("a-00000000", "a-00000009")).call_id
    assert read.userfield == tail.strip(',"')


def test_without_uniqueid_but_with_linkedid_rows_still_meet() -> None:
    read = leg(BASE + ',"","1795320465.0",4')
    assert read.call_id == read.leg_id == "1795320465.0"
    assert read.sequence == 4


def test_local_stamps_become_utc() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert leg(BASE, zone).started_at == datetime(2026, 11, 21, 20, 7, 45, tzinfo=UTC)
    assert leg(BASE.replace(":45", ":45+00:00"), zone).started_at == datetime(2026, 11, 22, 4, 7, 45, tzinfo=UTC)


@pytest.mark.parametrize(("epoch", "hour"), [(1793509200, 5), (1793512800, 6)], ids=["summer", "winter"])
def test_in_the_hour_that_clocks_repeat_the_unique_id_tells_which(epoch: int, hour: int) -> None:
    line = BASE.replace("2026-11-22 04:07", "2026-11-01 01:00") + f',"{epoch}.7"'
    read = leg(line, ZoneInfo("America/New_York"))
    assert read.started_at == datetime(2026, 11, 1, hour, 0, 45, tzinfo=UTC)
    assert read.ended_at == datetime(2026, 11, 1, hour, 0, 48, tzinfo=UTC)


def test_a_caller_id_with_quotes_and_commas_is_read() -> None:
    read = leg(BASE.replace('"""Zhang San"" <13800138000>"', '"""Zhang, ""San"""" <13800138000>"'))
    assert read.caller_name == 'Zhang, "San"'


def test_a_number_that_is_only_in_the_caller_id_is_used() -> None:
    assert leg(BASE.replace('"","13800138000"', '"",""', 1)).source == "13800138000"


def test_queue_log_lines_become_events_and_a_queues_own_lines_do_not() -> None:
    event = read_line(b"1795320624|1795320620.0|support|NONE|ABANDON|1|1|4\n", UTC_ZONE)
    assert isinstance(event, QueueEvent)
    assert (event.queue, event.agent, event.event, event.number(2), event.number(9)) == ("support", "", "ABANDON", 4, 0)
    assert event.at == datetime(2026, 11, 22, 4, 10, 24, tzinfo=UTC)
    for own in (b"1795320620|NONE|support|Agent One|PAUSE|lunch", b"1|2.0|q|NONE|DID|4000", b"", b"  \r\n"):
        assert read_line(own, UTC_ZONE) is None


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'"","13800138000","1000"', "15 (FreeSWITCH) or 16 to 21 (Asterisk) columns, this one has 3"),
        (BASE.replace('"ANSWERED"', '"SORT OF"').encode(), "disposition 'SORT OF' is none of"),
        (BASE.replace("2026-11-22 04:07:48", "yesterday").encode(), "'yesterday' is no time such as"),
        (BASE.replace(",3,3,", ",3,x,").encode(), "billsec 'x' is no number of seconds"),
        (BASE.replace(",3,3,", ",3,-3,").encode(), "billsec '-3' is no sensible number"),
        ((BASE + ',"1.0","","","1.0",x').encode(), "sequence 'x' is no whole number"),
        ((BASE + ',"","","","' + "1" * 201 + '",1').encode(), "a call id has at most 200 characters"),
        (BASE.replace("Zhang San", "张三").encode("gbk"), "it is not UTF-8"),
        (BASE.replace("Zhang San", "Zhang\0San").encode(), "control characters"),
        (BASE[:-5].encode(), "unexpected end of data"),
        (b"1795320624|1795320620.0|support", "at least 5 fields, this one has 3"),
        (b"9999999999999|1.0|support|NONE|ABANDON|1|1|4", "epoch '9999999999999' is no whole number"),
        (b"999999999999|1.0|support|NONE|ABANDON|1|1|4", "out of range"),
        (b'"a","1","2","c","2026-11-22 12:00:00","","2026-11-22 12:00:21","1","0","X","","","","",""', "needs its uuid"),
    ],
    ids=range(14),
)
def test_an_unreadable_line_says_why(raw: bytes, why: str) -> None:
    assert why in reason(raw)


@given(raw=st.binary(max_size=500))
def test_no_bytes_make_reading_raise(raw: bytes) -> None:
    assert isinstance(read_line(raw, UTC_ZONE), Leg | QueueEvent | Unreadable | None)


@given(columns=st.lists(st.text(max_size=20), min_size=15, max_size=21), hurt=st.integers(0, 20), value=st.text(max_size=30))
def test_no_columns_make_reading_raise(columns: list[str], hurt: int, value: str) -> None:
    good = [*next(csv.reader([BASE])), "1795320465.0", "", "", "1795320465.0", "4"]
    for parts in (columns, [*good[:hurt], value, *good[hurt + 1 :]]):
        line = io.StringIO()
        csv.writer(line).writerow(parts)
        record = read_line(line.getvalue().encode(errors="replace"), UTC_ZONE)
        assert isinstance(record, Leg | QueueEvent | Unreadable | None)


def test_a_made_row_is_a_row(row: Callable[..., bytes]) -> None:
    assert leg(row().decode()).call_id == "1795320465.0"
