"""Calls logged by hand: one JSON object, as `engine phone log` writes it."""

import difflib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.channels import CallOutcome, CallRecord, Direction, Inbound

_REQUIRED = ("id", "from", "at")
_FIELDS = ("kind", "impact", "wish", "expected_by", "language")
_TEXTS = {"id": 200, "from": 100, "at": 40, "name": 200, "agent": 100, "text": 50_000, "direction": 8} | dict.fromkeys(_FIELDS, 5_000)
_KEYS = (*_TEXTS, "answered", "talk_seconds")
_LONGEST_CALL = 86_400.0


def read_call(raw: bytes) -> Inbound:
    """Understand one hand-logged call. Raises ValueError that names the key and what it must be."""
    try:
        call = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(call, dict):
        raise ValueError("it must be one JSON object with id, from and at")
    problems = _problems(call)
    if problems:
        raise ValueError("; ".join(problems))
    direction = Direction(call.get("direction") or Direction.INBOUND)
    answered, talk = call.get("answered", True), float(call.get("talk_seconds", 0))
    started_at = _instant(call["at"])
    record = CallRecord(
        direction=direction,
        outcome=CallOutcome.ANSWERED if answered else CallOutcome.NO_ANSWER,
        started_at=started_at,
        answered_at=started_at if answered else None,
        ended_at=started_at + timedelta(seconds=talk),
        wait_seconds=0.0,
        talk_seconds=talk,
        agent=call.get("agent", ""),
    )
    text = call.get("text", "")
    return Inbound(
        source_id=call["id"],
        sender=call["from"],
        received_at=started_at,
        text=text,
        full_text=text,
        sender_name=call.get("name", ""),
        fields={key: call[key] for key in _FIELDS if call.get(key)},
        call=record,
    )


def _problems(call: Mapping[str, Any]) -> list[str]:
    problems = [f"{key} is missing" for key in _REQUIRED if not call.get(key)]
    for key in call.keys() - set(_KEYS):
        near = difflib.get_close_matches(key, _KEYS, n=1)
        problems.append(f"{key[:40]!r} is not known" + (f", did you mean {near[0]!r}?" if near else ""))
    for key in call.keys() & _TEXTS.keys():
        if not isinstance(call[key], str):
            problems.append(f"{key} must be text")
        elif len(call[key]) > _TEXTS[key]:
            problems.append(f"{key} must have at most {_TEXTS[key]} characters")
        elif "\0" in call[key] or any("\ud800" <= sign <= "\udfff" for sign in call[key]):
            problems.append(f"{key} must be text without NUL and halves of characters")
    talk = call.get("talk_seconds", 0)
    if isinstance(talk, bool) or not isinstance(talk, int | float) or not 0 <= talk <= _LONGEST_CALL:
        problems.append("talk_seconds must be a number of seconds from 0 to 86400")
    if not isinstance(call.get("answered", True), bool):
        problems.append("answered must be true or false")
    elif talk and not call.get("answered", True):
        problems.append("a call that was not answered has no talk_seconds")
    if isinstance(call.get("direction", ""), str) and call.get("direction") not in (None, "", "inbound", "outbound"):
        problems.append("direction must be inbound or outbound")
    if isinstance(call.get("at"), str) and call["at"]:
        try:
            _instant(call["at"])
        except ValueError:
            problems.append("at must be an instant with its zone, such as 2026-03-04T10:00:00+08:00")
    return sorted(problems)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.utcoffset() is None or not 1970 <= instant.year <= 2200:
        raise ValueError("no zone, or no year of telephones")
    return instant.astimezone(UTC)
