"""Legs and queue events of one call are found together and folded into one `Inbound` with one `CallRecord`.

Whether a person answered is what matters: an exchange marks a call ANSWERED as soon as its menu or queue picks up. queue_log
knows better than the call detail record, and is believed about queues wherever both speak.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from engine.channels import CallOutcome, CallRecord, Direction, Inbound
from engine_phone_log.records import Leg, QueueEvent, Record
from engine_phone_log.settings import Reading

_COMPLETED = frozenset({"COMPLETECALLER", "COMPLETEAGENT"})
_TRANSFERRED = frozenset({"TRANSFER", "BLINDTRANSFER", "ATTENDEDTRANSFER"})
_GIVEN_UP = frozenset({"EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY"})
_LEAVING = _COMPLETED | _TRANSFERRED | _GIVEN_UP | {"ABANDON"}
_OUTCOMES = {"BUSY": CallOutcome.BUSY, "FAILED": CallOutcome.FAILED, "CONGESTION": CallOutcome.FAILED, "ABANDONED": CallOutcome.ABANDONED}
_CHANNEL_SERIAL = re.compile(r"-[0-9a-f]{8}(;[12])?$")
_MENU_STEP = re.compile(r"\s*[>/,]\s*")


@dataclass(slots=True)
class Call:
    """What is known of one call: its legs by time and its queue events as logged."""

    call_id: str
    legs: list[Leg] = field(default_factory=list)
    events: list[QueueEvent] = field(default_factory=list)

    @property
    def main_legs(self) -> list[Leg]:
        """The legs of the channel that began the call; every leg where none is known to be it."""
        return [leg for leg in self.legs if leg.leg_id == self.call_id] or self.legs

    def is_over(self, expects_legs: bool) -> bool:
        """Whether the channel that began the call hung up (if call detail records are read) and no queue still holds it."""
        hung_up = any(leg.leg_id == self.call_id for leg in self.legs) or not expects_legs
        entered = sum(event.event == "ENTERQUEUE" for event in self.events)
        return hung_up and sum(event.event in _LEAVING for event in self.events) >= entered


def call_ids(records: Iterable[Record]) -> list[str]:
    """Return for each record the id of the call it belongs to, in the same order; "" for what is unreadable.

    A queue event names a channel; the legs tell to which call that channel belongs.
    """
    records = list(records)
    owner: dict[str, str] = {}
    for leg in sorted((record for record in records if isinstance(record, Leg)), key=_by_time):
        call_id = owner.setdefault(leg.leg_id, owner.get(leg.call_id, leg.call_id))
        if leg.peer_id:
            owner.setdefault(leg.peer_id, call_id)
    return [
        owner.get(record.leg_id, record.call_id)
        if isinstance(record, Leg)
        else owner.get(record.call_id, record.call_id)
        if isinstance(record, QueueEvent)
        else ""
        for record in records
    ]


def gather(call_id: str, records: Iterable[Record]) -> Call:
    """Put the records of one call in order."""
    records = list(records)
    legs = sorted((record for record in records if isinstance(record, Leg)), key=_by_time)
    return Call(call_id, legs, [record for record in records if isinstance(record, QueueEvent)])


def fold(call: Call, reading: Reading) -> Inbound | None:
    """Fold a call into one Inbound; None for a call inside the house, which touches no customer context."""
    direction = _direction(call, reading)
    if direction is None:
        return None
    record = _record(call, direction, reading)
    ours, theirs = _parties(call, direction, reading)
    name = next((leg.caller_name for leg in call.main_legs if leg.caller_name), "")
    return Inbound(
        source_id=call.call_id,
        sender=theirs,
        received_at=record.ended_at,
        sender_name=name if direction is Direction.INBOUND and name != theirs else "",
        recipient=ours,
        call=record,
    )


def _by_time(leg: Leg) -> tuple[datetime, int]:
    return leg.started_at, leg.sequence


def _direction(call: Call, reading: Reading) -> Direction | None:
    for leg in (*call.main_legs, *call.legs):
        if leg.context in reading.inbound:
            return Direction.INBOUND
        if leg.context in reading.outbound:
            return Direction.OUTBOUND
    return None if call.legs and reading.inbound else Direction.INBOUND


def _parties(call: Call, direction: Direction, reading: Reading) -> tuple[str, str]:
    """Return (our number, the customer's number); a withheld number is empty."""
    if direction is Direction.OUTBOUND:
        leg = next(leg for leg in (*call.main_legs, *call.legs) if leg.context in reading.outbound)
        return leg.source, leg.destination
    outside = [leg for leg in call.legs if leg.context in reading.inbound] or call.main_legs
    callers = [leg.source for leg in outside]
    callers += [event.parameters[1] for event in call.events if event.event == "ENTERQUEUE" and len(event.parameters) > 1]
    return next((leg.destination for leg in outside), ""), next((caller for caller in callers if caller), "")


def _record(call: Call, direction: Direction, reading: Reading) -> CallRecord:
    queues = _Queues(call.events)
    talks = [leg for leg in call.main_legs if leg.disposition == "ANSWERED" and leg.partner and leg.answered_at]
    if call.events:  # what a queue connected is queue_log's to tell
        talks = [leg for leg in talks if leg.application != "Queue"]
    instants = [leg.started_at for leg in call.legs] + [event.at for event in call.events]
    started_at, ended_at = min(instants), max(instants + [leg.ended_at for leg in call.legs])
    answers = [leg.answered_at for leg in talks if leg.answered_at] + [event.at for event in queues.connects]
    answered_at = min(max(started_at, min(answers)), ended_at) if answers else None
    by_queue = bool(queues.connects) or (bool(call.events) and not answered_at)
    waited = ((answered_at or ended_at) - started_at).total_seconds()
    menus = [leg.userfield for leg in call.main_legs if leg.userfield] if reading.menu_in_userfield else []
    return CallRecord(
        direction=direction,
        outcome=CallOutcome.ANSWERED if answered_at else _unanswered(call, queues),
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        wait_seconds=queues.wait if by_queue else waited,
        talk_seconds=queues.talk(ended_at) + sum(leg.billed for leg in talks),
        queue=queues.queue or _queue_of_legs(call),
        agent=queues.agent or next((_agent(leg, call) for leg in talks), ""),
        menu=tuple(step for step in _MENU_STEP.split(menus[0]) if step) if menus else (),
        transfers=queues.transfers,
    )


class _Queues:
    """What queue_log tells of one call."""

    def __init__(self, events: list[QueueEvent]) -> None:
        self.events = events
        self.connects = [event for event in events if event.event == "CONNECT"]
        named = self.connects or events[-1:]
        self.queue = named[0].queue if named else ""
        self.agent = self.connects[0].agent if self.connects else ""
        # A blind transfer's first parameter is the extension; an attended one's second is the bridge or channel it ended in.
        self.transfers = tuple(
            event.parameters[1 if event.event == "ATTENDEDTRANSFER" else 0]
            for event in events
            if event.event in _TRANSFERRED and len(event.parameters) > 1
        )

    @property
    def wait(self) -> float:
        """Seconds in queues until a person answered or the caller was out of them."""
        waited = 0.0
        for event in self.events:
            if event.event == "CONNECT":
                return waited + event.number(0)
            if event.event in _GIVEN_UP or event.event == "ABANDON":
                waited += event.number(-1)
        return waited

    def talk(self, ended_at: datetime) -> float:
        """Seconds agents talked; a connection whose end was not logged lasted until the call's end."""
        talked, connected_at = 0.0, None
        for event in self.events:
            if event.event == "CONNECT":
                connected_at = event.at
            elif event.event in _COMPLETED:
                talked, connected_at = talked + event.number(1), None
            elif event.event in _TRANSFERRED:
                talked, connected_at = talked + event.number(-2 if event.event == "ATTENDEDTRANSFER" else 3), None
        return talked + ((ended_at - connected_at).total_seconds() if connected_at else 0.0)


def _unanswered(call: Call, queues: _Queues) -> CallOutcome:
    leaving = [event.event for event in queues.events if event.event in _LEAVING]
    if leaving:
        return CallOutcome.ABANDONED if leaving[-1] == "ABANDON" else CallOutcome.NO_ANSWER
    disposition = call.main_legs[-1].disposition if call.legs else ""
    return _OUTCOMES.get(disposition, CallOutcome.NO_ANSWER)


def _queue_of_legs(call: Call) -> str:
    return next((leg.application_data.split(",")[0] for leg in call.main_legs if leg.application == "Queue"), "")


def _agent(leg: Leg, call: Call) -> str:
    """The device a leg was connected to: `PJSIP/agent1` of the channel `PJSIP/agent1-00000009`, FreeSWITCH's called extension."""
    if leg.peer_id:
        return next((peer.destination for peer in call.legs if peer.leg_id == leg.peer_id), "")
    return _CHANNEL_SERIAL.sub("", leg.partner)
