"""The work that the house opens for itself: follow-ups of bad scores, measures of improvement, reviews of quality, incidents."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.errors import EngineError, Refused, UsageError
from engine.services import (
    AIMS,
    CATEGORIES,
    IMPROVEMENT,
    INCIDENT,
    KPIS,
    OPEN_STATES,
    AgentActed,
    Aim,
    Improvement,
    Outcome,
    RequestRow,
    TicketQuery,
    TicketRequested,
    accounts,
    handle,
    instant,
    kpi,
    learned,
    quality,
)
from engine_web.console.figures import named
from engine_web.console.seat import Seat, form_of, seated
from engine_web.doors import checked_form, demand
from engine_web.doors.roles import allowed, may

MOST = 1_000
"""How many a register shows."""

Change: TypeAlias = Callable[[Seat, Mapping[str, str]], Response]

_WEEK = timedelta(days=7)
_REMEMBERED = timedelta(days=1)
"""For how long a form that was sent is known again."""


def follow_ups(request: Request) -> Response:
    """List the follow-ups that are open; whom each is about stands on its own page, where each look is kept."""
    seat = seated(request)
    demand(seat.person, "read", "answer")
    with seat.engine.store.read() as reader:
        found = reader.tickets(TicketQuery(kind="follow_up", states=OPEN_STATES, limit=MOST))
    return seat.page("follow_ups.html", found=found)


def measures(request: Request) -> Response:
    """Show the register of measures."""
    return _measures(seated(request), {}, "", 200)


async def change_measures(request: Request) -> Response:
    """Enter a measure, or put a verdict on one on record."""
    return await _changed(request, _measured)


def reviews(request: Request) -> Response:
    """Show the reviews of quality."""
    return _reviews(seated(request), "", 200)


async def draw_reviews(request: Request) -> Response:
    """Draw tickets that were closed in the last seven days, and call for their reviews."""
    return await _changed(request, _drawn)


def incidents(request: Request) -> Response:
    """Show the incidents that are open."""
    return _incidents(seated(request), {}, "", 200)


async def open_incident(request: Request) -> Response:
    """Open an incident by hand and put tickets into it; their customers are told."""
    return await _changed(request, _opened)


async def _changed(request: Request, change: Change) -> Response:
    fields = await checked_form(request)
    return await run_in_threadpool(lambda: change(seated(request), fields))


def _measures(seat: Seat, fields: Mapping[str, str], problem: str, status: int) -> Response:
    demand(seat.person, "read", "improvement")
    with seat.engine.store.read() as reader:
        rows = [learned.entry(reader, one, seat.now) for one in reader.tickets(TicketQuery(kind=IMPROVEMENT, limit=MOST))]
        verdicts = {row["number"]: list(learned.verdicts_on(reader, row["number"])) for row in rows}
    rows.sort(key=lambda row: (row["state"] not in OPEN_STATES, row["due"] is None, row["due"], row["number"]))
    known = {
        "categories": CATEGORIES,
        "kpis": [name for name in AIMS if not KPIS[name].settings or name in seat.policy.reports.kpis],
        "named": named,
    }
    return seat.page("measures.html", status=status, rows=rows, verdicts=verdicts, fields=fields, problem=problem, **known)


def _measured(seat: Seat, fields: Mapping[str, str]) -> Response:
    demand(seat.person, "act" if fields.get("number") else "create", "improvement")
    try:
        if number := fields.get("number"):
            _verify(seat, number)
        else:
            _once(seat, fields, _planned(seat, fields))
    except EngineError as error:
        return _measures(seat, fields, seat.words.spoken(str(error)), 422)
    return RedirectResponse("/console/measures", status_code=303)


def _planned(seat: Seat, fields: Mapping[str, str]) -> TicketRequested:
    """Read the form of a measure. Raises UsageError."""
    world, zone, owner = seat.engine.world, seat.words.timezone, fields.get("owner", "")
    agent = world.team.agents.get(owner)
    if not fields.get("text") or agent is None or not agent.queues:
        raise UsageError(seat.say("measure_incomplete"))
    due = instant(fields["due"], zone) if fields.get("due") else None
    aim = None
    if name := fields.get("kpi"):
        aim = Aim(name, *learned.windows(name, seat.now, due, zone))
    sources = tuple(fields.get("sources", "").replace(",", " ").split())
    return TicketRequested(
        IMPROVEMENT,
        agent.queues[0],
        fields["text"],
        next(iter(world.channels), ""),
        world.policy.company.languages[0],
        due=due,
        assignee=owner,
        actor=seat.person.agent,
        improvement=Improvement(fields.get("category") or None, sources, aim),
    )


def _verify(seat: Seat, number: str) -> None:
    """Measure before and after, and let the verdict be recorded. Raises Refused for a measure that should move no KPI."""
    store = seat.engine.store
    with store.read() as reader:
        ticket = reader.ticket(number)
    if ticket is None or ticket.kind != IMPROVEMENT:
        raise HTTPException(404)
    if ticket.improvement is None or ticket.improvement.aim is None:
        raise Refused(seat.say("no_aim"))
    kpi.catch_up(store, seat.policy)
    with store.read() as reader:
        found = kpi.evidence(reader, seat.policy, ticket.improvement.aim)
    _through(seat, AgentActed(number, "verify", seat.person.agent, evidence=found, via="web"))


def _once(seat: Seat, fields: Mapping[str, str], opening: TicketRequested, members: Iterable[str] = ()) -> str:
    """Open what a form asks for and put the members into it, all of it or nothing; return its number, the same for the same form.

    Raises Refused, and HTTPException 400 for what no form of ours sent.
    """
    engine, key = seat.engine, accounts.hashed(f"form {seat.person.agent} {form_of(fields)}")
    with engine.store.write() as tx:
        if (known := tx.request(key)) is not None:
            return known.answer
        through = partial(handle, tx, engine.world, now=seat.now, hold=engine.project.hold)
        outcomes = [through(opening)]
        opened = str(outcomes[0].ticket)
        outcomes += [through(AgentActed(one, "join", seat.person.agent, target=opened, via="web")) for one in members]
        for outcome in outcomes:
            _must_be_done(outcome)
        if not tx.keep_request(RequestRow(key, "", opened, seat.now), seat.now - _REMEMBERED):
            raise Refused(seat.say("sent_twice"))
    engine.tell(outcomes)
    return opened


def _through(seat: Seat, signal: AgentActed) -> None:
    _must_be_done(seat.engine.handle(signal))


def _must_be_done(outcome: Outcome) -> None:
    if outcome.first.refused is not None:
        raise Refused(outcome.first.refused)


def _reviews(seat: Seat, problem: str, status: int) -> Response:
    demand(seat.person, "read", "quality")
    with seat.engine.store.read() as reader:
        every = quality.reviews(reader)[::-1]
    found = [(one, review) for one, review in every if may(seat.person, "read", "ticket", one)][:MOST]
    return seat.page("reviews.html", status=status, found=found, problem=problem)


def _drawn(seat: Seat, fields: Mapping[str, str]) -> Response:
    demand(seat.person, "create", "quality")
    try:
        with seat.engine.store.read() as reader:
            world = seat.engine.world
            drawn = quality.sample(reader, world, seat.now - _WEEK, seat.now, world.chance, seat.person.agent)
        for signal in drawn:
            seat.engine.handle(signal)
    except EngineError as error:
        return _reviews(seat, seat.words.spoken(str(error)), 422)
    return RedirectResponse("/console/reviews", status_code=303)


def _incidents(seat: Seat, fields: Mapping[str, str], problem: str, status: int) -> Response:
    demand(seat.person, "read", "incident")
    with seat.engine.store.read() as reader:
        found = [one for one in reader.tickets(TicketQuery(kind=INCIDENT, states=OPEN_STATES, limit=MOST)) if one.is_incident]
        texts = reader.contents([id for one in found for id in (one.description, one.news) if id])
        counts = {one.number: len(reader.members(one.number, "", MOST)) for one in found}
    return seat.page("incidents.html", status=status, found=found, texts=texts, counts=counts, fields=fields, problem=problem)


def _opened(seat: Seat, fields: Mapping[str, str]) -> Response:
    demand(seat.person, "create", "incident")
    numbers = list(dict.fromkeys(fields.get("numbers", "").replace(",", " ").split()))
    try:
        incident = _once(seat, fields, _opening(seat, fields, numbers), numbers)
    except EngineError as error:
        return _incidents(seat, fields, seat.words.spoken(str(error)), 422)
    return RedirectResponse(f"/console/tickets/{incident}", status_code=303)


def _opening(seat: Seat, fields: Mapping[str, str], numbers: list[str]) -> TicketRequested:
    """Read the form of an incident. Raises UsageError, also for tickets that the person may not work on."""
    world = seat.engine.world
    with seat.engine.store.read() as reader:
        known = [ticket for number in numbers if number.isdecimal() and (ticket := reader.ticket(number)) is not None]
    unknown = sorted({*numbers} - {ticket.number for ticket in allowed(seat.person, "act", "ticket", known)})
    if not fields.get("title") or fields.get("queue") not in world.policy.queues or unknown:
        raise UsageError(seat.say("incident_incomplete", unknown=", ".join(unknown)))
    channel, language = next(iter(world.channels), ""), world.policy.company.languages[0]
    return TicketRequested(INCIDENT, fields["queue"], fields["title"], channel, language, actor=seat.person.agent)
