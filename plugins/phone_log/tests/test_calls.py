"""Legs and events of one call fold into one record, whichever way the call went."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.channels import CallOutcome, CallRecord, Direction, Inbound
from engine_phone_log.documents import parse
from engine_phone_log.settings import Reading

Row = Callable[..., bytes]


def heard(raw: bytes, reading: Reading) -> list[Inbound]:
    items = list(parse(raw, "records", reading))
    assert all(isinstance(item, Inbound) for item in items), items
    return [item for item in items if isinstance(item, Inbound)]


def the_call(raw: bytes, reading: Reading) -> CallRecord:
    [item] = heard(raw, reading)
    assert item.call is not None
    return item.call


def events(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


ENTER = "1795320465|1795320465.0|support|NONE|ENTERQUEUE||13800138000|1"
CONNECT = "1795320470|1795320465.0|support|Agent One|CONNECT|5|1795320465.1|2"


@pytest.mark.parametrize(
    ("event", "transfers"),
    [
        ("BLINDTRANSFER|2000|internal|5|40|1", ("2000",)),
        ("TRANSFER|2000|internal|5|40", ("2000",)),
        ("ATTENDEDTRANSFER|BRIDGE|b-77|5|40|1", ("b-77",)),
        ("ATTENDEDTRANSFER|LINK|PJSIP/x-1|PJSIP/y-2|5|40|1", ("PJSIP/x-1",)),
    ],
    ids=["blind", "old", "attended by bridge", "attended by link"],
)
def test_a_transfer_keeps_its_destination_and_both_talks(event: str, transfers: tuple[str, ...], row: Row, reading: Reading) -> None:
    legs = row(application="Queue", data="support", billed=45, end="2026-11-22 04:08:30")
    legs += row(partner="PJSIP/boss-00000009", sequence=1, start="2026-11-22 04:08:30", answer="2026-11-22 04:08:32",
                end="2026-11-22 04:08:52", billed=20)  # fmt: skip
    call = the_call(legs + events(ENTER, CONNECT, f"1795320510|1795320465.0|support|Agent One|{event}"), reading)
    assert (call.transfers, call.agent, call.wait_seconds, call.talk_seconds) == (transfers, "Agent One", 5, 60)


def test_a_queue_that_overflows_into_an_answered_extension_is_answered(row: Row, reading: Reading) -> None:
    left = "1795320477|1795320465.0|support|NONE|EXITWITHTIMEOUT|1|1|12"
    legs = row(application="Queue", data="support", partner="", end="2026-11-22 04:07:57", billed=12)
    legs += row(sequence=1, start="2026-11-22 04:07:57", answer="2026-11-22 04:08:00", end="2026-11-22 04:08:10", billed=10)
    call = the_call(legs + events(ENTER, left), reading)
    assert (call.outcome, call.wait_seconds, call.talk_seconds) == (CallOutcome.ANSWERED, 15, 10)
    assert (call.queue, call.agent) == ("support", "PJSIP/agent1")


def test_waits_in_two_queues_add_up(reading: Reading) -> None:
    call = the_call(
        events(
            ENTER,
            "1795320477|1795320465.0|support|NONE|EXITWITHTIMEOUT|1|1|12",
            "1795320477|1795320465.0|vip|NONE|ENTERQUEUE||13800138000|1",
            "1795320480|1795320465.0|vip|Agent Two|CONNECT|3|1795320465.1|2",
            "1795320490|1795320465.0|vip|Agent Two|COMPLETEAGENT|3|10|1",
        ),
        reading,
    )
    assert (call.outcome, call.queue, call.agent) == (CallOutcome.ANSWERED, "vip", "Agent Two")
    assert (call.wait_seconds, call.talk_seconds) == (15, 10)


def test_a_connection_whose_end_was_not_logged_lasts_until_the_end_of_the_call(row: Row, reading: Reading) -> None:
    call = the_call(row(application="Queue", end="2026-11-22 04:08:00") + events(ENTER, CONNECT), reading)
    assert (call.outcome, call.talk_seconds) == (CallOutcome.ANSWERED, 10)


@pytest.mark.parametrize("how", ["EXITEMPTY|1|1|7", "EXITWITHKEY|0|1|1|7", "EXITWITHTIMEOUT|1|1|7"])
def test_leaving_a_queue_without_an_agent_is_no_answer(how: str, reading: Reading) -> None:
    call = the_call(events(ENTER, f"1795320472|1795320465.0|support|NONE|{how}"), reading)
    assert (call.outcome, call.wait_seconds) == (CallOutcome.NO_ANSWER, 7)


def test_queue_events_that_name_another_channel_of_the_call_are_its_own(row: Row, reading: Reading) -> None:
    legs = row("1795320400.1", partner="", disposition="NO ANSWER") + row("1795320400.1", leg_id="1795320465.0")
    assert the_call(legs + events(ENTER, CONNECT), reading).agent == "Agent One"


@pytest.mark.parametrize(
    ("disposition", "outcome"),
    [("BUSY", "busy"), ("FAILED", "failed"), ("CONGESTION", "failed"), ("NO ANSWER", "no_answer"), ("ANSWERED", "no_answer")],
)
def test_a_call_that_reached_no_person_is_not_answered(disposition: str, outcome: str, row: Row, reading: Reading) -> None:
    call = the_call(row(disposition=disposition, partner="", application="Playback", billed=3), reading)
    assert (call.outcome.value, call.answered_at, call.talk_seconds, call.agent) == (outcome, None, 0, "")


def test_the_last_attempt_tells_why_nobody_answered(row: Row, reading: Reading) -> None:
    call = the_call(row(disposition="NO ANSWER", billed=0) + row(disposition="BUSY", billed=0, sequence=1), reading)
    assert call.outcome is CallOutcome.BUSY


def test_an_outbound_calls_customer_is_who_was_called(row: Row, reading: Reading) -> None:
    [item] = heard(row(context="outbound", source="1001", destination="13900139000", caller='"Desk" <1001>'), reading)
    assert (item.sender, item.recipient, item.sender_name) == ("13900139000", "1001", "")
    assert item.call is not None
    assert item.call.direction is Direction.OUTBOUND


def test_a_call_inside_the_house_is_none_of_ours_unless_no_context_is_named(row: Row, reading: Reading) -> None:
    assert heard(row(context="internal"), reading) == []
    assert len(heard(row(context="internal"), replace(reading, inbound=frozenset()))) == 1


def test_the_caller_is_the_first_from_outside(row: Row, reading: Reading) -> None:
    legs = row(leg_id="1795320465.5", context="internal", source="1001", caller="", start="2026-11-22 04:07:40")
    [item] = heard(legs + row(), reading)
    assert (item.sender, item.sender_name) == ("13800138000", "Zhang San")


def test_a_withheld_number_is_an_empty_sender(row: Row, reading: Reading) -> None:
    [item] = heard(row(source="", caller=""), reading)
    assert (item.sender, item.sender_name) == ("", "")


def test_the_menu_path_is_read_where_the_settings_say_so(row: Row, reading: Reading) -> None:
    assert the_call(row(userfield="billing > refund"), reading).menu == ("billing", "refund")
    assert the_call(row(userfield="billing > refund"), replace(reading, menu_in_userfield=False)).menu == ()


def test_a_clock_set_back_during_a_call_makes_no_negative_time(row: Row, reading: Reading) -> None:
    call = the_call(row(answer="2026-11-22 04:07:40", end="2026-11-22 04:07:41"), reading)
    assert call.started_at == call.answered_at == call.ended_at
    assert call.wait_seconds == 0


def test_freeswitch_calls_are_told_from_their_causes(freeswitch_csv: bytes, reading: Reading) -> None:
    reading = replace(reading, inbound=frozenset({"public"}))
    told = {
        item.sender: (item.call.outcome.value, item.call.wait_seconds, item.call.talk_seconds, item.call.agent)
        for item in heard(freeswitch_csv, reading)
        if item.call
    }
    assert told == {
        "13800138000": ("answered", 8, 120, "1001"),  # both legs were logged
        "13800138001": ("abandoned", 21, 0, ""),
        "13800138002": ("busy", 1, 0, ""),
        "13800138003": ("no_answer", 30, 0, ""),
        "13800138004": ("no_answer", 12, 0, ""),  # only the menu answered
        "13800138005": ("failed", 0, 0, ""),
        "13900139000": ("answered", 5, 60, ""),  # outbound, the other leg not logged
    }
