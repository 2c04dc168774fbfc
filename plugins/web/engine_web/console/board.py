"""The board: open promises, the nearest deadline first, live; and the supervisor's view of queues, people and the next hour."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.services import KINDS, OPEN_STATES, Reader, Ticket, TicketQuery, board, rota
from engine_web.console.seat import Seat, filters, seat_of, seated
from engine_web.doors import demand
from engine_web.doors.roles import Person, allowed, may_all, sight
from engine_web.screens import PACE
from engine_web.site import site_of
from engine_web.streams import streamed

MOST = 200
"""How many promises a board shows."""

NAMES = ("queue", "assignee", "tier", "kind")
"""What the board can be narrowed to."""

ASKED_ANEW = 5.0
"""Seconds after which a board that is watched asks again who that is."""

FOUND, LONGEST = 50, 100
"""How many tickets a search shows, and how many characters it may look for."""

SOON = timedelta(hours=1)
_EVERYTHING = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A promise beside its words; `percent` is the share of its time that is used, None while it is paused."""

    promise: board.Promise
    clock: str
    due: str
    left: str
    percent: int | None


def show(request: Request) -> Response:
    """Show the board."""
    seat = seated(request)
    demand(seat.person, "read", "ticket")
    wanted = filters(request, NAMES)
    return seat.page("board.html", rows=_rows(seat, wanted), wanted=wanted, choices=_choices(seat), most=MOST, query=urlencode(wanted))


async def live(request: Request) -> Response:
    """Stream the rows of a board as they become others (server-sent events)."""
    seat = await site_of(request).screens.asked(partial(seated, request))
    demand(seat.person, "read", "ticket")
    return streamed(request, _events(request))


async def _events(request: Request) -> AsyncIterator[bytes]:
    """Yield the latest drawing whenever it is another. All who look at the same share it, and none of them asks the store."""
    site, last, asked = site_of(request), b"", -ASKED_ANEW
    with site.news.watched():
        while True:
            if time.monotonic() - asked >= ASKED_ANEW:
                seat = await site.screens.asked(partial(_seated_anew, request))
                asked = time.monotonic()
            rows = await site.screens.drawn(_looks_at(seat), partial(_drawing, request, seat.person))
            if rows is not last:
                last = rows
                yield rows
            await asyncio.sleep(PACE)


def _seated_anew(request: Request) -> Seat:
    """Ask anew who that is: a stream lasts longer than a session may."""
    if hasattr(request.state, "person"):
        del request.state.person
    return seated(request)


def _looks_at(seat: Seat) -> str:
    """Return by what somebody's board differs from those of others."""
    return f"{sight(seat.person)} {seat.language}?{urlencode(filters(seat.request, NAMES))}"


def _drawing(request: Request, person: Person) -> bytes:
    """Return the rows as an event."""
    seat = seat_of(request, person)
    html = bytes(seat.page("rows.html", rows=_rows(seat, filters(request, NAMES)), most=MOST).body).decode()
    return ("".join(f"data: {line}\n" for line in html.splitlines()) + "\n").encode()


def find(request: Request) -> Response:
    """Go to the ticket of that number, or list what has these words in it: a telephone number, a name, a matter."""
    seat = seated(request)
    demand(seat.person, "read", "ticket")
    wanted = request.query_params.get("words", "").strip()[:LONGEST]
    with seat.engine.store.read() as reader:
        if wanted and reader.ticket(wanted) is not None:
            return RedirectResponse(f"/console/tickets/{wanted}", status_code=303)
        found = _seen(reader, seat.person, {"text": wanted}, (), FOUND) if wanted else []
    return seat.page("find.html", wanted=wanted, found=found[:FOUND])


def _rows(seat: Seat, wanted: Mapping[str, str]) -> list[Row]:
    with seat.engine.store.read() as reader:
        # The tickets that are due first hold the promises that are due first, so `MOST` of them are enough.
        tickets = _seen(reader, seat.person, wanted, OPEN_STATES, MOST)
    return [_row(seat, one) for one in board.promises(tickets, seat.policy, seat.now)[:MOST]]


def _seen(reader: Reader, person: Person, wanted: Mapping[str, str], states: tuple[str, ...], most: int) -> list[Ticket]:
    """Return what the person may see of what is wanted, `most` at least where there are so many."""
    seen: dict[str, Ticket] = {}
    for one in _within(person, wanted):
        for limit in (most * 10**place for place in count()):
            found = reader.tickets(TicketQuery(states=states, limit=limit, **one))
            theirs = allowed(person, "read", "ticket", found)
            if len(theirs) >= most or len(found) < limit:
                break
        seen |= {ticket.number: ticket for ticket in theirs}
    return list(seen.values())


def _within(person: Person, wanted: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Return what to ask for so that all is found that the person may see of what is wanted."""
    if may_all(person, "read", "ticket"):
        return [wanted]
    narrow: list[dict[str, str]] = [{"queue": queue} for queue in sorted(person.queues | person.led)] + [{"assignee": person.agent}]
    return [{**wanted, **one} for one in narrow if all(wanted.get(name, value) == value for name, value in one.items())]


def _row(seat: Seat, promise: board.Promise) -> Row:
    if promise.left is None:
        left = seat.words.name("paused")
    else:
        left = seat.words.name("over" if promise.stage == "overdue" else "left_over", seat.span(promise.left))
    percent = None if promise.used is None else min(100, round(promise.used * 100))
    return Row(promise, seat.words.deadline(promise.deadline), seat.clock(promise.due), left, percent)


def _choices(seat: Seat) -> list[tuple[str, list[tuple[str, str]]]]:
    words, policy = seat.words, seat.policy
    return [
        ("queue", [(id, words.queue(id)) for id in policy.queues]),
        ("assignee", [(id, agent.name) for id, agent in seat.engine.world.team.agents.items()]),
        ("tier", [(tier.id, words.tier(tier.id)) for tier in policy.tiers]),
        ("kind", [(kind, words.name(kind)) for kind in KINDS]),
    ]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """How a queue stands: its open tickets, how many of them are overdue or due within the hour, nobody's; and who is there.

    The counts are None for who may not look into the queue.
    """

    id: str
    open: int | None
    overdue: int | None
    soon: int | None
    nobody: int | None
    watch: rota.Watch


@dataclass(frozen=True, slots=True)
class PersonRow:
    """What somebody holds of what they can, and whether they are there; `overdue` is None for who may not look into all of their queues."""

    id: str
    queues: tuple[str, ...]
    load: int
    capacity: int
    overdue: int | None
    here: bool


def team(request: Request) -> Response:
    """Show the supervisor's view: queues, people, and what will be overdue within the hour unless something happens."""
    seat = seated(request)
    demand(seat.person, "read", "kpi")
    with seat.engine.store.read() as reader:
        tickets = allowed(seat.person, "read", "ticket", reader.tickets(TicketQuery(states=OPEN_STATES, limit=_EVERYTHING)))
        staff = rota.Rota(seat.engine.world.team, seat.policy, reader.agents())
        loads = reader.loads()
    every = board.promises(tickets, seat.policy, seat.now)
    overdue = {one.number for one in every if one.stage == "overdue"}
    near = [one for one in every if one.left is not None and timedelta(0) < one.left <= SOON]
    soon = {one.number for one in near}
    queues = set(seat.policy.queues)
    seen = queues if may_all(seat.person, "read", "ticket") else queues & (seat.person.queues | seat.person.led)
    return seat.page(
        "team.html",
        queues=[_queue(seat, staff, id, tickets if id in seen else None, overdue, soon) for id in seat.policy.queues],
        people=_people(seat, staff, loads, Counter(one.assignee for one in tickets if one.number in overdue), seen),
        near=[_row(seat, one) for one in near[:MOST]],
        counts=dict(zip(("open", "overdue", "soon"), (len(tickets), len(overdue), len(near)) if seen else (None,) * 3, strict=True)),
    )


def _queue(seat: Seat, staff: rota.Rota, id: str, tickets: list[Ticket] | None, overdue: set[str], soon: set[str]) -> QueueRow:
    watch = staff.watch(seat.policy.queues[id], seat.now)
    if tickets is None:
        return QueueRow(id, None, None, None, None, watch)
    mine = [ticket for ticket in tickets if ticket.queue == id]
    numbers = {ticket.number for ticket in mine}
    nobody = sum(ticket.assignee is None for ticket in mine)
    return QueueRow(id, len(mine), len(numbers & overdue), len(numbers & soon), nobody, watch)


def _people(seat: Seat, staff: rota.Rota, loads: dict[str, int], overdue: "Counter[str | None]", seen: set[str]) -> list[PersonRow]:
    agents = seat.engine.world.team.agents.values()
    common = seat.policy.assignment.capacity
    rows = [
        PersonRow(
            one.id,
            one.queues,
            loads.get(one.id, 0),
            common if one.capacity is None else one.capacity,
            overdue[one.id] if seen.issuperset(one.queues or seat.policy.queues) else None,
            staff.here(seat.now, one.id),
        )
        for one in agents
    ]
    return sorted(rows, key=lambda row: (not row.here, -row.load, row.id))
