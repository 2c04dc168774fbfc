"""The audit: who looked at personal data, and who did what with it."""

from starlette.requests import Request
from starlette.responses import Response

from engine.errors import UsageError
from engine.services import dossier, instant
from engine_web.console.seat import seated
from engine_web.doors import demand

LAST = 200
"""How many entries a page has at most."""


def show(request: Request) -> Response:
    """Show the last of what was done, the latest first."""
    seat = seated(request)
    demand(seat.person, "read", "audit")
    asked = {name: request.query_params.get(name, "").strip() for name in ("who", "about", "from", "to")}
    problem, entries, zone = "", [], seat.words.timezone
    try:
        since = instant(asked["from"], zone, day_ends=False) if asked["from"] else None
        until = instant(asked["to"], zone) if asked["to"] else None
    except UsageError as error:
        problem = seat.words.spoken(str(error))
    else:
        with seat.engine.store.read() as reader:
            about = dossier.known_as(reader, seat.engine.project.phone_region, asked["about"]) if asked["about"] else None
            entries = reader.audits(asked["who"] or None, about, since, until, LAST)[::-1]
    people = seat.engine.world.team.agents.values()
    return seat.page("audit.html", entries=entries, asked=asked, people=people, problem=problem, last=LAST)
