"""The doors: who asks, whether they may, and how people sign in. Every room asks here, and nowhere else."""

import asyncio
import hashlib
import hmac
import math
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from engine.services import Ticket, accounts
from engine_web.doors.roles import Person, may, person_of
from engine_web.doors.throttle import Throttle, source
from engine_web.site import Site, inside, site_of

_TRIES = 5
"""Wrong passwords in a minute, of one account from one address."""

_TRIES_OF_AN_ADDRESS = 100
_AT_ONCE = 2
"""How many passwords are looked at at once: each takes 64 MB and a processor (Argon2id)."""

_LONGEST = 4096
"""Characters of where somebody wanted to go."""

_FIELDS, _LONGEST_FIELD = 200, 10_000
"""How many fields a form of the console may have, and how many characters one of them."""


def routes() -> list[BaseRoute]:
    """Return the routes of signing in and out."""
    by_account, by_address, looked_through = Throttle(_TRIES, 60), Throttle(_TRIES_OF_AN_ADDRESS, 60), asyncio.Semaphore(_AT_ONCE)

    async def enter(request: Request) -> Response:
        form = await request.form()
        agent, password, target = (str(form.get(name, ""))[:_LONGEST] for name in ("agent", "password", "next"))
        address = source(request)
        both = accounts.hashed(f"{address} {agent}")
        if (pause := by_address.wait(address) or by_account.wait(both)) > 0:
            answer = await run_in_threadpool(_asked, request, target, "doors.too_often", 429, agent)
            answer.headers["retry-after"] = str(math.ceil(pause))
            return answer
        async with looked_through:
            entered = await run_in_threadpool(_entered, request, agent, password, target)
        if entered is None:
            return await run_in_threadpool(_asked, request, target, "doors.wrong", 401, agent)
        by_account.forgive(both)
        return entered

    return [
        Route("/login", _door, name="login"),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", _leave, methods=["POST"], name="logout"),
    ]


def known(request: Request) -> Person | None:
    """Return who is signed in, None for nobody. Asked once a request."""
    if not hasattr(request.state, "person"):
        request.state.person = _known(site_of(request), request.cookies.get(_cookie(site_of(request)), ""))
    found: Person | None = request.state.person
    return found


def who(request: Request) -> Person:
    """Return who is signed in; whoever is not is led to the door."""
    person = known(request)
    if person is None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = f"?next={quote(target, safe='')}" if request.method == "GET" and len(target) < _LONGEST else ""
        raise HTTPException(303, headers={"location": f"/login{back}"})
    return person


def demand(person: Person, verb: str, what: str, ticket: Ticket | None = None) -> None:
    """Raise 403 unless the person may do it."""
    if not may(person, verb, what, ticket):
        raise HTTPException(403)


async def checked_form(request: Request) -> dict[str, str]:
    """Return what a form of the console says, without the blanks around it.

    Raises 403 unless it came from a page that this person was shown, 400 for what none of these forms says and no database keeps.
    """
    person = await run_in_threadpool(who, request)
    form = await request.form(max_files=0, max_fields=_FIELDS)
    if not hmac.compare_digest(str(form.get("csrf", "")).encode(), person.csrf.encode()):
        raise HTTPException(403)
    fields = {name: str(text).replace("\r\n", "\n").strip() for name, text in form.items()}
    if any(len(text) > _LONGEST_FIELD or "\0" in text for text in fields.values()):
        raise HTTPException(400)
    return fields


def looked_at(request: Request, person: Person, what: str, about: str) -> None:
    """Keep in the audit that somebody read personal data."""
    site_of(request).looked_at(person.agent, what, about)


def _known(site: Site, secret: str) -> Person | None:
    if not secret:
        return None
    with site.engine.store.read() as reader:
        row = accounts.recognised(reader, "session", secret, site.engine.clock.now())
    csrf = hashlib.sha256(f"csrf {secret}".encode()).hexdigest()
    return person_of(row.agent, site.engine.world.team, site.engine.world.policy, csrf) if row else None


def _door(request: Request) -> Response:
    if known(request) is not None:
        return RedirectResponse(_inside(request.query_params.get("next", "")), 303)
    return _asked(request, request.query_params.get("next", ""), "", 200)


def _asked(request: Request, target: str, problem: str, status: int, agent: str = "") -> Response:
    return site_of(request).page(request, "doors/login.html", status=status, next=target, problem=problem, agent=agent)


def _entered(request: Request, agent: str, password: str, target: str) -> Response | None:
    """Let somebody in who proves to be the agent, None where they do not."""
    site, engine = site_of(request), site_of(request).engine
    with engine.store.read() as reader:
        account = reader.account(agent)
    if not accounts.proven(account, password) or agent not in engine.world.team.agents:
        return None
    now = engine.clock.now()
    with engine.store.write() as tx:
        secret = accounts.let_in(tx, engine.world.chance, "session", agent, "", now, site.settings.session)
        tx.audit(now, agent, "signed in", agent)
    entered = RedirectResponse(_inside(target), 303)
    entered.set_cookie(_cookie(site), secret, httponly=True, samesite="lax", secure=site.settings.secure, path="/")
    return entered


async def _leave(request: Request) -> Response:
    await checked_form(request)
    site = site_of(request)

    def end() -> None:
        with site.engine.store.write() as tx:
            tx.end_access(accounts.hashed(request.cookies.get(_cookie(site), "")))

    await run_in_threadpool(end)
    left = RedirectResponse("/login", 303)
    left.delete_cookie(_cookie(site), path="/", secure=site.settings.secure, httponly=True, samesite="lax")
    return left


def _cookie(site: Site) -> str:
    """The cookie's name; behind TLS one that no neighbouring site can set."""
    return "__Host-session" if site.settings.secure else "session"


def _inside(target: str) -> str:
    """Where to go from the door: to a page of this site, the console by itself."""
    return inside(target, "/console/")
