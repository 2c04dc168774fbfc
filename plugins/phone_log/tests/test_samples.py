"""The records of a real Asterisk 22, call by call, as checked by hand against what the callers did."""

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.channels import CallOutcome, CallRecord, Direction, Inbound
from engine_phone_log.documents import parse
from engine_phone_log.settings import Reading


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-22T{clock}").replace(tzinfo=UTC)


def call(outcome: str, start: str, answer: str | None, end: str, wait: float, talk: float, **known: Any) -> CallRecord:
    answered_at = at(answer) if answer else None
    return CallRecord(Direction.INBOUND, CallOutcome(outcome), at(start), answered_at, at(end), wait, talk, **known)


SUPPORT = {"queue": "support", "menu": ("support",)}
BOTH = {
    # A busy extension: nobody, at once.
    "1795320467.6": ("13800138003", "Busy Guy", "1003", call("busy", "04:07:47", None, "04:07:47", 0, 0)),
    # Two callers of the support queue, answered at once by one agent each.
    "1795320465.0": (
        "13800138000",
        "Zhang San",
        "1000",
        call("answered", "04:07:45", "04:07:45", "04:07:48", 0, 3, agent="Agent One", **SUPPORT),
    ),
    "1795320466.2": (
        "13800138001",
        "Li Si",
        "1000",
        call("answered", "04:07:46", "04:07:46", "04:07:49", 0, 3, agent="Agent Two", **SUPPORT),
    ),
    # A direct call to an agent, no queue.
    "1795320466.4": ("13800138002", "Wang Wu", "1001", call("answered", "04:07:46", "04:07:46", "04:07:49", 0, 3, agent="PJSIP/agent2")),
    # Rang two seconds; the ringing leg is FAILED, the caller's is NO ANSWER.
    "1795320468.10": ("13800138005", "No Answer", "1004", call("no_answer", "04:07:48", None, "04:07:50", 2, 0)),
    # The queue picked up at :47, its member at :48; two rows, one of them the member's own side.
    "1795320467.9": (
        "13800138004",
        "Robot Caller",
        "1002",
        call("answered", "04:07:47", "04:07:48", "04:07:50", 0, 2, queue="vip", agent="Robot"),
    ),
    # Master.csv bills 2 s, the queue logged 3 s of talk.
    "1795320470.29": (
        "13900139000",
        "Callback",
        "1000",
        call("answered", "04:07:50", "04:07:50", "04:07:53", 0, 3, agent="Agent One", **SUPPORT),
    ),
    # Hung up after 4 s in the queue: the agent's phone rang, nobody came; 3 s are billed all the same.
    "1795320620.0": ("13700137000", "Gone", "1000", call("abandoned", "04:10:20", None, "04:10:24", 4, 0, **SUPPORT)),
    # Waited the queue's 12 s out while two ringings went unanswered; the ANSWERED row is the dialplan's Hangup.
    "1795320620.3": ("13700137001", "Patient", "1000", call("no_answer", "04:10:20", None, "04:10:32", 12, 0, **SUPPORT)),
}


def heard(raw: bytes, reading: Reading) -> dict[str, Inbound]:
    items = list(parse(raw, "records", reading))
    calls = {item.source_id: item for item in items if isinstance(item, Inbound)}
    assert len(calls) == len(items), "one item a call, nothing unreadable"
    return calls


@pytest.mark.parametrize("call_id", BOTH)
def test_each_call_of_the_samples_is_what_it_was(call_id: str, master_csv: bytes, queue_log: bytes, reading: Reading) -> None:
    item = heard(master_csv + queue_log, reading)[call_id]
    assert (item.sender, item.sender_name, item.recipient, item.call) == BOTH[call_id]
    assert item.text == ""
    assert item.fields == {}


def test_the_samples_hold_nine_calls_in_any_order_of_files(master_csv: bytes, queue_log: bytes, reading: Reading) -> None:
    assert heard(master_csv + queue_log, reading).keys() == BOTH.keys()
    assert heard(queue_log + master_csv, reading) == heard(master_csv + queue_log, reading)
    backwards = b"".join(reversed(master_csv.splitlines(keepends=True)))
    assert heard(backwards + queue_log, reading) == heard(master_csv + queue_log, reading)


def test_without_the_queue_log_only_the_reason_of_an_abandoned_call_is_unknown(master_csv: bytes, reading: Reading) -> None:
    calls = {call_id: item.call for call_id, item in heard(master_csv, reading).items()}
    outcomes = {call_id: record.outcome.value for call_id, record in calls.items() if record}
    expected = {call_id: record.outcome.value for call_id, (*_, record) in BOTH.items()}
    assert outcomes == expected | {"1795320620.0": "no_answer"}


def test_the_queue_log_alone_tells_the_calls_that_reached_a_queue(queue_log: bytes, reading: Reading) -> None:
    calls = heard(queue_log, reading)
    assert calls.keys() == {call_id for call_id, (*_, record) in BOTH.items() if record.queue}
    for call_id, item in calls.items():
        sender, _, _, record = BOTH[call_id]
        assert item.call is not None
        assert (item.sender, item.call.outcome, item.call.agent) == (sender, record.outcome, record.agent)
        assert (item.call.wait_seconds, item.call.talk_seconds) == (record.wait_seconds, record.talk_seconds)
