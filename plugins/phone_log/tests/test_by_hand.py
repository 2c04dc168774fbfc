"""Calls logged by hand are read whole, and what is wrong with one is said in plain words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.channels import CallOutcome, Direction, Inbound, Rejected
from engine_phone_log.documents import parse
from engine_phone_log.settings import Reading

CALL = {
    "id": "call-17",
    "from": "+8613800138000",
    "name": "王芳",
    "at": "2026-03-04T10:00:00+08:00",
    "answered": True,
    "talk_seconds": 180,
    "agent": "zhao",
    "text": "收银系统无法使用",
    "kind": "complaint",
    "impact": "outage",
    "wish": "今天恢复",
    "expected_by": "2026-03-04T18:00:00+08:00",
    "language": "zh",
    "direction": "inbound",
}


def read(call: object, reading: Reading) -> Inbound | Rejected:
    [item] = parse(call if isinstance(call, bytes) else json.dumps(call).encode(), "call.json", reading)
    assert isinstance(item, Inbound | Rejected)
    return item


def test_everything_the_agent_wrote_down_is_kept(reading: Reading) -> None:
    item = read(CALL, reading)
    assert isinstance(item, Inbound)
    assert (item.source_id, item.sender, item.sender_name) == ("call-17", "+8613800138000", "王芳")
    assert item.text == item.full_text == "收银系统无法使用"
    assert item.fields == {key: CALL[key] for key in ("kind", "impact", "wish", "expected_by", "language")}
    assert item.received_at == datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
    assert item.call is not None
    assert item.call.ended_at == datetime(2026, 3, 4, 2, 3, tzinfo=UTC)
    assert (item.call.outcome, item.call.talk_seconds, item.call.agent) == (CallOutcome.ANSWERED, 180, "zhao")


def test_number_and_instant_are_enough(reading: Reading) -> None:
    item = read({"id": "1", "from": "10086", "at": "2026-03-04T02:00:00Z"}, reading)
    assert isinstance(item, Inbound)
    assert item.fields == {}
    assert item.call is not None
    assert item.call.direction is Direction.INBOUND


def test_an_outbound_call_that_nobody_took_is_no_answer(reading: Reading) -> None:
    item = read(CALL | {"answered": False, "talk_seconds": 0, "direction": "outbound"}, reading)
    assert isinstance(item, Inbound)
    assert item.call is not None
    assert (item.call.outcome, item.call.direction) == (CallOutcome.NO_ANSWER, Direction.OUTBOUND)
    assert item.call.answered_at is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"from": ""}, "from is missing"),
        ({"id": 17}, "id must be text"),
        ({"at": "2026-03-04T10:00:00"}, "at must be an instant with its zone, such as 2026-03-04T10:00:00+08:00"),
        ({"at": "0001-01-01T00:00:00+08:00"}, "at must be an instant with its zone, such as 2026-03-04T10:00:00+08:00"),
        ({"at": "9999-12-31T23:59:59+00:00"}, "at must be an instant with its zone, such as 2026-03-04T10:00:00+08:00"),
        ({"knd": "x"}, "'knd' is not known, did you mean 'kind'?"),
        ({"zzz": "x"}, "'zzz' is not known"),
        ({"talk_seconds": -1}, "talk_seconds must be a number of seconds from 0 to 86400"),
        ({"talk_seconds": True}, "talk_seconds must be a number of seconds from 0 to 86400"),
        ({"talk_seconds": "180"}, "talk_seconds must be a number of seconds from 0 to 86400"),
        ({"answered": "no"}, "answered must be true or false"),
        ({"answered": False}, "a call that was not answered has no talk_seconds"),
        ({"direction": "sideways"}, "direction must be inbound or outbound"),
        ({"agent": "a" * 101}, "agent must have at most 100 characters"),
        ({"text": "a\0b"}, "text must be text without NUL and halves of characters"),
        ({"text": "\ud800"}, "text must be text without NUL and halves of characters"),
    ],
    ids=range(16),
)
def test_what_is_wrong_is_said(change: dict[str, Any], reason: str, reading: Reading) -> None:
    item = read(CALL | change, reading)
    assert isinstance(item, Rejected)
    assert item.reason == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "it is no JSON"),
        (b"[]", "it must be one JSON object"),
        (b"[" * 100_000, "it is no JSON"),
        ('{"id": "王"}'.encode("gbk"), "it is no JSON"),
    ],
    ids=range(4),
)
def test_what_is_no_call_at_all_is_rejected_with_all_of_it(raw: bytes, reason: str, reading: Reading) -> None:
    item = read(raw, reading)
    assert isinstance(item, Rejected)
    assert item.reason.startswith(reason)
    assert item.raw == raw
