"""What people do with a ticket: shown beforehand, refused where the ticket has changed meanwhile, else let through the one door."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.errors import EngineError, UsageError
from engine.services import (
    ENCLOSED,
    MOST_WHYS,
    AgentActed,
    FollowUpOutcome,
    KeepContent,
    Outcome,
    QueueMessage,
    StepDraft,
    attachments,
    handle,
    instant,
    ticket_page,
)
from engine_web.console.seat import Seat, seated
from engine_web.console.ticket import ALLOWED, Said, draw, found
from engine_web.doors import checked_form, demand
from engine_web.doors.roles import Person, may
from engine_web.site import whole

ACTIONS = (*ALLOWED, "note", "write", "article", "grant", "refuse", "outcome", "score", "leave")
"""What may be done from the page, by the names of the engine's actions."""

STEPS = 3
"""How many completion points the form of a plan has."""

SHOWN = 5
"""How many messages a preview shows in full."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that would go out."""

    party: str
    channel: str
    address: str
    subject: str
    text: str
    files: tuple[str, ...]


async def act(request: Request) -> Response:
    """Do what a form asks for, or show beforehand what it would lead to."""
    return await run_in_threadpool(_act, request, await checked_form(request))


def _act(request: Request, fields: Mapping[str, str]) -> Response:
    seat, number, action = seated(request), request.path_params["number"], fields.get("action", "")
    ticket = found(seat, number)
    seq = whole(fields.get("seq", ""))
    if action not in ACTIONS or seq is None:
        raise HTTPException(400)
    demand(seat.person, "act", "ticket", ticket)
    try:
        signal = _signal(seat, number, action, fields)
        if fields.get("step") == "preview":
            return _foreseen(seat, signal, fields)
        changed = _done(seat, signal, seq)
    except EngineError as error:
        return draw(seat, number, Said(action, fields, seat.words.spoken(str(error))), 422)
    if isinstance(changed, str):
        return draw(seat, number, Said(action, fields, seat.words.spoken(changed)), 422)
    if changed:
        return draw(seat, number, Said(action, fields, seat.say("stale"), changed), 409)
    return RedirectResponse(f"/console/tickets/{number}", status_code=303)


def _done(seat: Seat, signal: AgentActed, seq: int) -> Sequence[Mapping[str, Any]] | str:
    """Let the signal through unless the ticket is another one than was seen; return what changed, or why it is refused, else nothing.

    Receipts and clocks that go on by themselves change nothing that an agent decides by.
    """
    engine = seat.engine
    with engine.store.write() as tx:
        ticket = tx.hold_ticket(signal.ticket)
        if ticket is not None and ticket.seq != seq and (changed := ticket_page.since(seat.words, tx, ticket, seq)):
            return changed
        outcome = handle(tx, engine.world, signal, engine.clock.now(), hold=engine.project.hold)
    engine.tell([outcome])
    return outcome.first.refused or ()


def _foreseen(seat: Seat, signal: AgentActed, fields: Mapping[str, str]) -> Response:
    """Show what would go out and what would happen; nothing of it is kept."""
    outcome = seat.engine.foresee(signal, at_once=True)
    if outcome.first.refused is not None:
        raise UsageError(outcome.first.refused)
    carried = {name: value for name, value in fields.items() if name not in ("csrf", "step")}
    letters = list(_letters(seat.person, outcome))
    return seat.page(
        "preview.html",
        number=signal.ticket,
        action=signal.action,
        letters=[one for one in letters if one][:SHOWN],
        count=len(letters),
        events=[seat.words.event(event) for event in outcome.first.events],
        fields=carried,
    )


def _letters(person: Person, outcome: Outcome) -> Iterator[Letter | None]:
    """Yield what would go out, None for what goes out about a ticket that the person may not look at."""
    for one in outcome.handled:
        kept = {command.id: command for command in one.decision.commands if isinstance(command, KeepContent)}
        for command in one.decision.commands:
            if isinstance(command, QueueMessage):
                ticket = one.decision.ticket
                seen = ticket is not None and may(person, "read", "ticket", ticket)
                text, enclosed = kept.get(command.content), kept.get(f"{command.id}{ENCLOSED}")
                files = tuple(attachments.names(enclosed.kind, enclosed.body)) if enclosed else ()
                words = text.body if text else ""
                yield Letter(command.party, command.channel, command.to, command.subject, words, files) if seen else None


def _signal(seat: Seat, number: str, action: str, fields: Mapping[str, str]) -> AgentActed:
    """Read a form. Raises UsageError for a date that is none, or a step that lacks something."""
    zone = seat.words.timezone
    due = fields.get("due", "")
    return AgentActed(
        ticket=number,
        action=action,
        actor=seat.person.agent,
        text=fields.get("text", ""),
        target=fields.get("target") or None,
        channel=fields.get("channel") or None,
        due=instant(due, zone) if due else None,
        steps=tuple(_steps(seat, fields)) if action == "plan" else (),
        outcome=_outcome(fields) if action == "outcome" else None,
        points=dict(_points(fields)) if action == "score" else {},
        via="web",
    )


def _outcome(fields: Mapping[str, str]) -> FollowUpOutcome:
    whys = (fields.get(f"why{place}", "") for place in range(1, MOST_WHYS + 1))
    satisfied = {"yes": True, "no": False}.get(fields.get("satisfied", ""))
    return FollowUpOutcome(
        fields.get("cause") or None, tuple(filter(None, whys)), fields.get("remedy", ""), fields.get("words", ""), satisfied
    )


def _points(fields: Mapping[str, str]) -> Iterator[tuple[str, int | None]]:
    for name, value in fields.items():
        if name.startswith("points-"):
            points = whole(value)
            if value and points is None:
                raise HTTPException(400)
            yield name.removeprefix("points-"), points


def _steps(seat: Seat, fields: Mapping[str, str]) -> Iterator[StepDraft]:
    for place in range(1, STEPS + 1):
        what, who, due = (fields.get(f"{name}{place}", "") for name in ("what", "who", "by"))
        if not (what or due):
            continue
        if not (what and who and due):
            raise UsageError(seat.say("step_incomplete", number=place))
        yield StepDraft(what, who, instant(due, seat.words.timezone))
