"""The page of a ticket: who the customer is, the clocks with their arithmetic, what happened and why, what to say, what can be done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import NotFound
from engine.services import (
    ALWAYS,
    CAUSES,
    INCIDENT,
    MOST_WHYS,
    NEEDS,
    OPEN_STATES,
    TRANSITIONS,
    Arithmetic,
    Reader,
    Ticket,
    TicketQuery,
    dossier,
    events,
    explain,
    followups,
    guides,
    reckon,
    ticket_page,
)
from engine_web.console.mail import is_html
from engine_web.console.seat import Policies, Seat, seated
from engine_web.doors import demand, looked_at
from engine_web.doors.roles import allowed, may
from engine_web.files import File, contents_of, files_of

STEPS = 12
"""Lines that the arithmetic of one deadline takes at most."""

MEMBERS = 200
"""How many tickets of an incident are named."""

EARLIER = 8
"""How many other tickets of the customer are shown."""

ALLOWED: Mapping[str, str] = {
    "contact": "customer_contacted",
    "plan": "plan_recorded",
    "done": "plan_step_done",
    "progress": "progress_reported",
    "task": "task_added",
    "hold": "put_on_hold",
    "resume": "resumed",
    "resolve": "result_reported",
    "confirm": "customer_confirmed",
    "object": "customer_objected",
    "tier": "tier_assigned",
    "assign": "assigned",
    "claim": "assigned",
    "reopen": "ticket_reopened",
    "close": "ticket_closed",
    "join": "joined_incident",
}
"""Which event an action needs to be possible in the ticket's state; the others are always possible."""

_FOR_CUSTOMERS = ("contact", "write", "progress", "plan", "confirm", "object", "article", "tier")
_SPOKEN_OF = (*NEEDS, "call_back", "follow_up")
_ALWAYS = ("note", "write", "article")


@dataclass(frozen=True, slots=True)
class Moment:
    """One decision as the timeline shows it: what came, what happened with its texts, why, and the arithmetic of its clocks.

    `files` came or went with it; `mail` is the item that it answered to where that can be looked at as it was sent.
    """

    place: int
    decision: explain.Explained
    seen: tuple[tuple[str, str | None], ...]
    files: tuple[File, ...] = ()
    mail: int | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock of the ticket beside how its due instant was reckoned."""

    shown: Mapping[str, Any]
    arithmetic: Arithmetic | None


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody has just tried, to be shown again: the action, its fields, why it was not done, what the timeline got meanwhile."""

    action: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    changed: Sequence[Mapping[str, Any]] = ()


NOTHING_SAID = Said()


def show(request: Request) -> Response:
    """Show a ticket."""
    seat = seated(request)
    return draw(seat, request.path_params["number"])


def draw(seat: Seat, number: str, said: Said = NOTHING_SAID, status: int = 200) -> Response:
    """Draw the page of a ticket; what was tried and not done stands over it."""
    ticket = found(seat, number)
    demand(seat.person, "read", "ticket", ticket)
    follow_up = _revealed(seat, ticket) if ticket.kind == "follow_up" else None
    looked_at(seat.request, seat.person, "looked at", number)
    with seat.engine.store.read() as reader:
        data = ticket_page.details(ticket_page.Seen(seat.policy, seat.words, seat.now), reader, ticket)
        moments = list(_moments(seat, reader, number, data["timeline"]))
        customer = dossier.view(reader, ticket.customer) if ticket.customer else None
        timers = explain.upcoming(reader, number)
        incidents = [one for one in reader.tickets(TicketQuery(kind=INCIDENT, states=OPEN_STATES)) if one.is_incident]
        members = reader.members(number, "", MEMBERS) if ticket.is_incident else []
    others = [one for one in customer.tickets if one.number != number] if customer else []
    return seat.page(
        "ticket.html",
        status=status,
        ticket=ticket,
        data=data,
        moments=moments[::-1],
        clocks=_clocks(seat, ticket, data["clocks"]),
        customer=customer,
        earlier=earlier(seat, others),
        timers=timers,
        scripts=list(_scripts(seat, ticket)),
        articles=[seat.policy.knowledge.articles[one["id"]] for one in data["knowledge"]],
        possible=possible(ticket) if may(seat.person, "act", "ticket", ticket) else frozenset(),
        follow_up=follow_up,
        said=said,
        incidents=[one.number for one in incidents],
        members=members,
        causes=CAUSES,
        most_whys=MOST_WHYS,
        decisive=explain.decisive,
    )


def earlier(seat: Seat, tickets: list[Ticket]) -> tuple[list[Ticket], int]:
    """Return what is shown of a customer's tickets, of which others see others, and how many more there are."""
    shown = allowed(seat.person, "read", "ticket", tickets)[:EARLIER]
    return shown, len(tickets) - len(shown)


def found(seat: Seat, number: str) -> Ticket:
    """Return a ticket. Raises HTTPException 404."""
    with seat.engine.store.read() as reader:
        ticket = reader.ticket(number)
    if ticket is None:
        raise HTTPException(404)
    return ticket


def possible(ticket: Ticket) -> frozenset[str]:
    """Return the actions that the ticket's kind and state leave."""
    actions = {name for name, event in ALLOWED.items() if ticket.state in TRANSITIONS[event]} | set(_ALWAYS)
    if ticket.kind not in NEEDS or ticket.customer is None:
        actions -= {*_FOR_CUSTOMERS, "join"} - ({"contact"} if ticket.kind == "follow_up" else set())  # whose matter is to be called about
    if ticket.is_incident:
        actions |= {"progress"} & {name for name, event in ALLOWED.items() if ticket.state in TRANSITIONS[event]}
    if ticket.incident is not None:
        actions = actions - {"join"} | {"leave"}
    if ticket.kind == "approval":
        actions = actions - {"resolve", "close"} | ({"grant", "refuse"} if "resolve" in actions else set())
    if ticket.kind in ("follow_up", "complaint"):
        actions.add("outcome")
    if ticket.review is not None and ticket.review.score is None and ticket.state in OPEN_STATES:
        actions = actions - {"resolve", "close"} | {"score"}
    if ticket.plan is None or all(step.done_at for step in ticket.plan.steps):
        actions.discard("done")
    return frozenset(actions)


def _revealed(seat: Seat, ticket: Ticket) -> followups.FollowUpView | None:
    """Whom a follow-up is about, which the store notes; None once it is over."""
    try:
        return followups.reveal(seat.engine, ticket.number, seat.person.agent)
    except followups.Severed:
        return None


def _moments(seat: Seat, reader: Reader, number: str, timeline: list[dict[str, Any]]) -> Iterator[Moment]:
    """Put the entries of a timeline to the decisions that they came of; a decision whose every event is silent has none."""
    texts = {entry["seq"]: (str(entry["what"]), entry["text"]) for entry in timeline}
    contents = contents_of(reader, number)
    seq = 0
    for place, decision in enumerate(explain.explain(reader, number, Policies(reader, seat.policy), most=STEPS), 1):
        numbered = list(enumerate(decision.events, seq + 1))
        files = {seq: list(files_of(event, contents)) for seq, event in numbered}
        seen = tuple(texts[seq] for seq, event in numbered if seq in texts and not (isinstance(event, events.Noted) and files[seq]))
        seq += len(decision.events)
        mail = decision.inbox if decision.inbox is not None and is_html(seat.site, reader, decision.inbox) else None
        yield Moment(place, decision, seen, tuple(one for those in files.values() for one in those), mail)


def _clocks(seat: Seat, ticket: Ticket, shown: list[dict[str, Any]]) -> list[Clock]:
    """The clocks of a ticket, each with the arithmetic of its due instant where it was reckoned."""
    clocks = []
    for one in shown:
        clock = ticket.deadlines[one["id"]]
        arithmetic = None
        if clock.budget is not None:
            calendar = seat.policy.calendars.get(clock.calendar, ALWAYS)
            arithmetic = reckon(calendar, clock.started_at, clock.budget, clock.pauses, most=STEPS)
        clocks.append(Clock(one, arithmetic))
    return clocks


def known_to_scripts(seat: Seat, number: str) -> dict[str, object]:
    """Return what scripts may say to the customer of a ticket when this person reads them aloud. Raises NotFound."""
    me = {"id": seat.person.agent, "name": seat.words.party(seat.person.agent)}
    return {**guides.about(seat.engine, number, seat.person.agent), "agent": me}


def _scripts(seat: Seat, ticket: Ticket) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the guides of the policy with the words to read aloud: first those for this kind of ticket, then that for taking it in.

    Nobody speaks to a customer about an incident or other work of the house as such.
    """
    if ticket.is_incident or ticket.kind not in _SPOKEN_OF:
        return
    try:
        known = known_to_scripts(seat, ticket.number)
    except NotFound:
        return
    named = sorted(seat.policy.guides, key=lambda id: (not id.startswith(f"{ticket.kind}_"), id != guides.INTAKE))
    for id in named:
        guide = seat.policy.guides[id]
        steps = guides.steps(guide, seat.policy, seat.words, seat.person.agent, seat.now, known, ticket.language)
        if spoken := [step for step in steps if step["text"]]:
            yield seat.words.text(guide.label) or id, spoken
