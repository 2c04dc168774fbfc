"""One line of a call record file becomes one value. Each line tells its own format, so a file's name never decides.

- Asterisk `Master.csv` (cdr_csv): 16 columns; `uniqueid`, `userfield` and (`peeraccount`, `linkedid`, `sequence`) where enabled.
- Asterisk `queue_log`: `epoch|callid|queue|agent|event|parameters…`.
- FreeSWITCH cdr_csv, default template: 15 columns.
"""

import csv
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_QUEUE_LINE = re.compile(rb"\d+\|")
_UNIQUE_ID = re.compile(r"(?:.+-)?(\d{9,11})\.\d+")
_CALLER_ID = re.compile(r'\s*"?(?P<name>.*?)"?\s*<(?P<number>[^<>]*)>\s*')
_DISPOSITIONS = frozenset({"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"})
_LONGEST_ID = 200
_FREESWITCH_COLUMNS = 15
_ASTERISK_COLUMNS = range(16, 22)
_FREESWITCH_CAUSES = {"USER_BUSY": "BUSY", "ORIGINATOR_CANCEL": "ABANDONED"}
_FREESWITCH_UNANSWERED = frozenset({"NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "NORMAL_CLEARING", "LOSE_RACE"})
_CALL_EVENTS = frozenset(
    {
        *("ENTERQUEUE", "CONNECT", "RINGNOANSWER", "ABANDON", "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY"),
        *("COMPLETECALLER", "COMPLETEAGENT", "TRANSFER", "BLINDTRANSFER", "ATTENDEDTRANSFER"),
    }
)


@dataclass(frozen=True, slots=True)
class Leg:
    """One row of a call detail record. `partner` is the channel it was connected to, empty if only the exchange itself answered.

    `disposition` is Asterisk's word, or ABANDONED where the caller gave up; `billed` is in seconds; `peer_id` is the id of the
    leg it was bridged to, where the format tells.
    """

    call_id: str
    leg_id: str
    source: str
    destination: str
    context: str
    caller_name: str
    partner: str
    application: str
    application_data: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    billed: float
    disposition: str
    userfield: str = ""
    sequence: int = 0
    peer_id: str = ""


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """One line of queue_log that belongs to a call."""

    at: datetime
    call_id: str
    queue: str
    agent: str
    event: str
    parameters: tuple[str, ...]

    def number(self, index: int) -> float:
        """Return a parameter as seconds, 0 where it is missing or no number."""
        try:
            return max(0.0, float(int(self.parameters[index])))
        except (IndexError, ValueError):
            return 0.0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that could not be understood, and why."""

    reason: str


Record = Leg | QueueEvent | Unreadable


def read_line(raw: bytes, zone: ZoneInfo) -> Record | None:
    """Understand one line; None for what belongs to no call (blank, a queue's own events). `zone` is that of local stamps."""
    content = raw.rstrip(b"\r\n")
    if not content.strip():
        return None
    try:
        text = content.decode()
        if any(sign < " " and sign != "\t" for sign in text):
            return Unreadable("it holds control characters")
        return _queue_event(text) if _QUEUE_LINE.match(content) else _leg(text, zone)
    except UnicodeDecodeError as error:
        return Unreadable(f"it is not UTF-8 (byte {error.start + 1}); let the exchange write UTF-8")
    except (ValueError, OverflowError, csv.Error) as error:
        return Unreadable(str(error))


def _queue_event(text: str) -> QueueEvent | None:
    parts = text.split("|")
    if len(parts) < 5:
        raise ValueError(f"a queue_log line has at least 5 fields, this one has {len(parts)}")
    epoch, call_id, queue, agent, event, *parameters = parts
    if call_id in ("", "NONE") or event not in _CALL_EVENTS:
        return None
    agent = "" if agent == "NONE" else agent
    return QueueEvent(_epoch(epoch), _identity(call_id), "" if queue == "NONE" else queue, agent, event, tuple(parameters))


def _leg(text: str, zone: ZoneInfo) -> Leg:
    [row] = csv.reader([text], strict=True)
    if len(row) == _FREESWITCH_COLUMNS:
        return _freeswitch_leg(row, zone)
    if len(row) in _ASTERISK_COLUMNS:
        return _asterisk_leg(row, zone)
    raise ValueError(f"a call record has 15 (FreeSWITCH) or 16 to 21 (Asterisk) columns, this one has {len(row)}")


def _asterisk_leg(row: list[str], zone: ZoneInfo) -> Leg:
    _, source, destination, context, caller, channel, partner, application, data, start, answer, end = row[:12]
    disposition = row[14]
    if disposition not in _DISPOSITIONS:
        raise ValueError(f"disposition {disposition[:40]!r} is none of {', '.join(sorted(_DISPOSITIONS))}")
    optional, linked = (row[16:-3], row[-3:]) if len(row) >= 19 else (row[16:], ["", "", "0"])
    unique_id = optional[0] if optional and (len(optional) == 2 or _UNIQUE_ID.fullmatch(optional[0])) else ""
    userfield = optional[-1] if optional and (len(optional) == 2 or not unique_id) else ""
    # Without ids every row is a call of its own; its channel and start make it unique on one exchange.
    fingerprint = "row-" + hashlib.sha256("\0".join((channel, start, *row[:3])).encode()).hexdigest()[:32]
    call_id = linked[1] or unique_id or fingerprint
    near = _UNIQUE_ID.fullmatch(unique_id)
    created_at = _epoch(near[1]) if near else None
    started_at = _local(start, zone, created_at)
    name = _CALLER_ID.fullmatch(caller)
    return Leg(
        call_id=_identity(call_id),
        leg_id=_identity(unique_id or call_id),
        source=source or (name["number"] if name else ""),
        destination=destination,
        context=context,
        caller_name=name["name"].replace('""', '"') if name else "",
        partner=partner,
        application=application,
        application_data=data,
        started_at=started_at,
        answered_at=_local(answer, zone, started_at) if answer else None,
        ended_at=_local(end, zone, started_at),
        billed=_seconds(row[13], "billsec"),
        disposition=disposition,
        userfield=userfield,
        sequence=_whole(linked[2] or "0", "sequence"),
    )


def _freeswitch_leg(row: list[str], zone: ZoneInfo) -> Leg:
    name, number, destination, context, start, answer, end, _, billed, cause, uuid, peer_id, *_ = row
    if not uuid:
        raise ValueError("a FreeSWITCH record needs its uuid (column 11)")
    started_at = _local(start, zone)
    answered_at = _local(answer, zone, started_at) if answer else None
    unanswered = "NO ANSWER" if cause in _FREESWITCH_UNANSWERED else _FREESWITCH_CAUSES.get(cause, "FAILED")
    return Leg(
        call_id=_identity(uuid),
        leg_id=uuid,
        source=number,
        destination=destination,
        context=context,
        caller_name=name,
        partner=peer_id,
        application="",
        application_data="",
        started_at=started_at,
        answered_at=answered_at,
        ended_at=_local(end, zone, started_at),
        billed=_seconds(billed, "billsec"),
        disposition="ANSWERED" if answered_at else unanswered,
        peer_id=peer_id,
    )


def _epoch(seconds: str) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=_whole(seconds, "epoch"))


def _whole(text: str, column: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError(f"{column} {text[:40]!r} is no whole number")
    return int(text)


def _identity(text: str) -> str:
    if len(text) > _LONGEST_ID:
        raise ValueError(f"a call id has at most {_LONGEST_ID} characters, this one has {len(text)}")
    return text


def _local(stamp: str, zone: ZoneInfo, near: datetime | None = None) -> datetime:
    """Read a local stamp. In the hour that clocks repeat, `near` (an instant known to be close) tells which one it is."""
    try:
        local = datetime.fromisoformat(stamp)
    except ValueError:
        raise ValueError(f"{stamp[:40]!r} is no time such as 2026-11-22 04:07:45") from None
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if near and abs(second - near) < abs(first - near) else first


def _seconds(text: str, column: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(f"{column} {text[:40]!r} is no number of seconds") from None
    if not 0 <= seconds < 10_000_000:
        raise ValueError(f"{column} {text[:40]!r} is no sensible number of seconds")
    return seconds
