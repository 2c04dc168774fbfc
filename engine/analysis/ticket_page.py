"""One ticket as plain data: what `engine ticket show` prints, and the console shows as a page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.analysis.board import share_used
from engine.analysis.learned import measures_of, outcome_of
from engine.analysis.texts import picked
from engine.analysis.words import Words
from engine.core.compiled import Policy
from engine.core.contacts import from_text
from engine.core.fields import NEEDS, OPEN_STATES
from engine.core.model import Concession, Deadline, Ticket
from engine.errors import NotFound
from engine.store import Reader, StoredEvent

_TEXTS = ("content", "reason", "detail")
"""Fields of events that name a text kept beside the log."""

_SILENT = (
    "deadline_started",
    "deadline_stopped",
    "deadline_paused",
    "deadline_resumed",
    "deadline_dropped",
    "message_sent",
    "message_delivered",
)
"""What the clocks' own table tells better than the timeline."""


@dataclass(frozen=True, slots=True)
class Seen:
    """By which policy, in whose words and at which instant a page is seen."""

    policy: Policy
    words: Words
    now: datetime


def page(seen: Seen, reader: Reader, number: str) -> dict[str, Any]:
    """Return all there is to see of a ticket. Raises NotFound. Nothing of a confidential follow-up but that it exists."""
    ticket = reader.ticket(number)
    if ticket is None:
        raise NotFound(f"there is no ticket {number}")
    head: dict[str, Any] = {"number": number, "kind": ticket.kind, "state": ticket.state, "opened_at": ticket.opened_at}
    return head if ticket.kind == "follow_up" else head | details(seen, reader, ticket)


def details(seen: Seen, reader: Reader, ticket: Ticket) -> dict[str, Any]:
    """Return everything of a ticket beyond that it exists."""
    texts = _texts(reader, ticket)
    contact = from_text(reader.contents([ticket.contact]).get(ticket.contact, "") if ticket.contact else "")
    return {
        **picked(ticket, "tier tier_overridden queue assignee channel language customer"),
        "contact": {"name": contact.name, "addresses": dict(contact.addresses)},
        "text": texts.get(ticket.description or ""),
        "tags": list(ticket.tags),
        **{key: texts.get(id or "") for key, id in picked(ticket, "subject wish expected_by result").items()},
        **picked(ticket, "impact parent incident closed_at objections reopened"),
        "survey": _survey(ticket),
        "clocks": [_clock(clock, seen.policy, seen.now) for clock in sorted(ticket.deadlines.values(), key=_place)],
        "plan": _plan(ticket, texts),
        "concessions": [*_concessions(ticket.concessions, texts, ticket), *_concessions(ticket.approvals.values(), texts, ticket)],
        "tasks": [_task(reader, number) for number in ticket.tasks],
        "knowledge": _offered(seen, ticket, texts),
        "outcome": outcome_of(reader, ticket.number),
        "measures": [
            {"number": one.number, "verdict": one.improvement and one.improvement.verdict} for one in measures_of(reader, ticket.number)
        ],
        "timeline": list(_timeline(reader.events(ticket.number), texts, seen.words)),
    }


def since(words: Words, reader: Reader, ticket: Ticket, seq: int) -> list[dict[str, Any]]:
    """Return the timeline of a ticket behind the event `seq`."""
    later = [kept for kept in reader.events(ticket.number) if kept.seq > seq and kept.event.type not in _SILENT]
    return list(_timeline(later, _texts(reader, ticket), words)) if later else []


def _texts(reader: Reader, ticket: Ticket) -> dict[str, str]:
    """The texts of a ticket by their ids; of a file, what it is called."""
    contents = reader.content_of(ticket.number)
    texts = {id: body.partition(" ")[2] if kind == "attachment" else body for id, kind, body in contents}
    if ticket.incident is not None:  # in whose words they were told
        texts |= {id: body for id, _, body in reader.content_of(ticket.incident)}
    return texts


def _offered(seen: Seen, ticket: Ticket, texts: dict[str, str]) -> list[dict[str, str]]:
    """What the knowledge base has on the matter of a need that is open."""
    if ticket.kind not in NEEDS or ticket.state not in OPEN_STATES:
        return []
    about = "\n".join(texts.get(id or "", "") for id in (ticket.subject, ticket.description))
    return [{"id": one.id, "title": seen.words.text(one.title)} for one in seen.policy.knowledge.offers(about, ticket.kind)]


def _place(clock: Deadline) -> tuple[bool, datetime]:
    """Where a clock stands in the list: those that run first, the nearest before the others."""
    return clock.stopped_at is not None, clock.due or clock.started_at


def _clock(clock: Deadline, policy: Policy, now: datetime) -> dict[str, Any]:
    """A clock with the share of its budget that is used up, counted on its calendar; None where it cannot be said."""
    if clock.met is None:
        state = "paused" if clock.paused else "running"
    elif clock.met:
        state = "met"
    else:
        state = "overdue" if clock.running else "late"
    used = share_used(clock, policy, clock.stopped_at or now)
    return {**picked(clock, "id started_at due stopped_at"), "state": state, "used": used}


def _plan(ticket: Ticket, texts: dict[str, str]) -> dict[str, Any] | None:
    plan = ticket.plan
    if plan is None:
        return None
    steps = [
        {"id": step.id, "text": texts.get(step.content), "who": step.who, "due": step.due, "done_at": step.done_at} for step in plan.steps
    ]
    return {"text": texts.get(plan.content), "by": plan.by, "recorded_at": plan.recorded_at, "steps": steps}


def _concessions(those: Iterable[Concession], texts: dict[str, str], ticket: Ticket) -> Iterator[dict[str, Any]]:
    """What was granted beyond what is due, and what waits for an approval."""
    for one in those:
        yield {
            "concession": one.name,
            "amount": None if one.amount is None else str(one.amount),
            **picked(one, "currency by step approval approved_by"),
            "waits": one.approval in ticket.approvals,
            "text": texts.get(one.content or ""),
        }


def _task(reader: Reader, number: str) -> dict[str, Any]:
    task = reader.ticket(number)
    if task is None:
        return {"number": number}
    text = reader.contents([task.description]).get(task.description) if task.description else None
    return picked(task, "number state assignee queue due") | {"text": text}


def _survey(ticket: Ticket) -> str | None:
    """How far the survey came; never what was answered."""
    state = ticket.survey
    if state is None:
        return None
    if state.answered_at is not None:
        return "came"
    if state.awaited:
        return "awaited"
    return "none_came" if state.expired else "scheduled"


def _timeline(events: list[StoredEvent], texts: dict[str, str], words: Words) -> Iterator[dict[str, Any]]:
    for kept in events:
        if kept.event.type in _SILENT:
            continue
        ids = [getattr(kept.event, field, None) for field in _TEXTS]
        said = [texts[id] for id in ids if isinstance(id, str) and id in texts]
        yield {"seq": kept.seq, "at": kept.at, "event": kept.event.name, "what": words.event(kept.event), "text": said[0] if said else None}
