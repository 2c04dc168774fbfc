"""The chat: an answer of the knowledge base first, and a person at any time. A conversation is one ticket, and its address a link to it.

A question that an answer helped with is not kept. Without scripts it is forms that load the page anew.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.channels import Inbound
from engine.services import CUSTOMER, LINK, PAGES, Reader, Ticket, accounts, from_text
from engine_web.answers import answers
from engine_web.customers.replies import first
from engine_web.customers.requests import LONGEST, Values, channel_of, own_id, read_form, read_texts
from engine_web.customers.uploads import MOST_FILES, Enclosed, Files, Unfit, attachments
from engine_web.customers.view import may_be_shown, view
from engine_web.doors.throttle import pause
from engine_web.intake import take_in
from engine_web.site import Site, site_of
from engine_web.streams import streamed

CHANNEL = "chat"
MOST_LIVE = 5
"""How many pages follow one conversation at once."""

_COOKIE = "chat"
_HIDDEN = {"x-robots-tag": "noindex, nofollow"}


def begin(request: Request) -> Response:
    """Ask what it is about; who has a conversation already is shown the way back to it."""
    site, token = _site(request), request.cookies.get(_COOKIE, "")
    with site.engine.store.read() as reader:
        known = _ticket(site, reader, token)
    return _begin(request, {}, {}, resume=f"/chat/{token}" if known else "")


def _begin(request: Request, values: Values, errors: Mapping[str, str], headers: Mapping[str, str] | None = None, **shown: Any) -> Response:
    return site_of(request).page(
        request,
        "customers/chat.html",
        status=_status(errors),
        headers=headers,
        id=own_id(request, values),
        values={name: first(values, name) for name in ("text", "name", "contact")},
        errors=errors,
        longest=LONGEST,
        **{"stage": "begin", "article": None, "resume": "", **shown},
    )


async def ask(request: Request) -> Response:
    """Answer a question from the knowledge base, or hand it over to a person."""
    _site(request)
    values = await read_texts(request)
    return await run_in_threadpool(_ask, request, values)


def _ask(request: Request, values: Values) -> Response:
    site, deed = site_of(request), first(values, "deed")
    if deed == "helped":
        return _begin(request, {}, {}, stage="helped")
    text, contact, id = first(values, "text"), first(values, "contact"), own_id(request, values)
    errors = {name: "request.too_long" for name in ("text", "name", "contact") if len(first(values, name)) > LONGEST[name]}
    if not text:
        errors["text"] = "request.no_text"
    if contact and channel_of(site.engine, contact) is None:
        errors["contact"] = "request.no_contact"
    seconds = 0 if errors else pause(request)
    if seconds:
        errors["page"] = "page.too_often"
    if errors:
        return _begin(request, values, errors, {"retry-after": str(seconds)} if seconds else None)
    language = site.language(request)
    if deed != "person":
        best = next(iter(answers(site.engine.world.policy, text, language)), None)
        return _begin(request, values, {}, stage="asked", article=best)
    if contact:
        text = f"{text}\n\n{site.say(language, 'chat.reached', contact=contact)}"
    item = Inbound(
        source_id=id,
        sender=accounts.hashed(id)[:32],  # whoever of the house reads it cannot write in the visitor's name
        sender_name=first(values, "name"),
        received_at=site.engine.clock.now(),
        text=text,
        fields={"language": language},
    )
    number = take_in(site.engine, CHANNEL, item)
    if number is None:
        return _begin(request, {**values, "id": [id]}, {}, stage="waits")
    token = site.engine.tokens.page(number)
    answer = RedirectResponse(f"/chat/{token}", 303)
    answer.set_cookie(_COOKIE, token, path="/chat", httponly=True, samesite="lax", secure=site.settings.secure)
    return answer


def talk(request: Request) -> Response:
    """Show the conversation."""
    return _talk(request, {}, {})


def _talk(request: Request, values: Values, errors: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Response:
    return site_of(request).page(
        request,
        "customers/conversation.html",
        status=_status(errors),
        headers={**_HIDDEN, **(headers or {})},
        path=f"/chat/{request.path_params['token']}",
        id=own_id(request, {}),
        text=first(values, "text"),
        errors=errors,
        longest=LONGEST["text"],
        most_files=MOST_FILES,
        **_said(request),
    )


async def say(request: Request) -> Response:
    """Take in what the visitor writes, with files."""
    if _site(request).engine.tokens.linked(request.path_params["token"]) is None:
        raise HTTPException(404)  # before what a stranger sends is read
    values, files = await read_form(request)
    return await run_in_threadpool(_say, request, values, files)


def _say(request: Request, values: Values, files: Files) -> Response:
    site, text = site_of(request), first(values, "text")
    with site.engine.store.read() as reader:
        ticket = _known(request, reader)
        kept = reader.contents([ticket.contact]) if ticket.contact else {}
    errors = {"text": "request.too_long"} if len(text) > LONGEST["text"] else {}
    enclosed: Enclosed = ()
    try:
        enclosed = attachments(files)
    except Unfit as unfit:
        errors["files"] = str(unfit)
    if not (text or enclosed or errors):
        errors["text"] = "page.no_text"
    if not errors and (seconds := pause(request, ticket.number)):
        return _talk(request, values, {"page": "page.too_often"}, {"retry-after": str(seconds)})
    if errors:
        return _talk(request, values, errors)
    address = from_text(kept.get(ticket.contact or "", "")).addresses.get(CHANNEL, "")
    token = site.engine.tokens.make(ticket.number, CUSTOMER)
    id = f"{ticket.number} {own_id(request, values)}"
    take_in(site.engine, CHANNEL, Inbound(id, address, site.engine.clock.now(), text, tokens=(token,), attachments=enclosed))
    return RedirectResponse(f"/chat/{request.path_params['token']}#end", 303)


async def live(request: Request) -> Response:
    """Stream what was said as it becomes more (server-sent events)."""
    number = site_of(request).engine.tokens.linked(request.path_params["token"]) or ""  # however its letters are written
    after, drawn = await run_in_threadpool(_begun, request)
    if request.app.state.live[number] >= MOST_LIVE:
        raise HTTPException(429)
    return streamed(request, _events(request, number, after, drawn))


def _begun(request: Request) -> tuple[int, str]:
    """Return what was said until now, and behind which decision it goes on."""
    return site_of(request).news.latest(), _drawn(request)


async def _events(request: Request, number: str, after: int, drawn: str) -> AsyncIterator[str]:
    following = request.app.state.live
    following[number] += 1
    try:
        yield drawn
        async for rows in site_of(request).news.follow(after):
            if any(row.ticket == number for row in rows):
                yield await run_in_threadpool(_drawn, request)
            elif not rows:
                yield ": still here\n\n"
    finally:
        following[number] -= 1
        if not following[number]:
            del following[number]


def _drawn(request: Request) -> str:
    """Return what was said as an event."""
    html = bytes(site_of(request).page(request, "customers/said.html", **_said(request)).body).decode()
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"


def _said(request: Request) -> dict[str, Any]:
    site = _site(request)
    with site.engine.store.read() as reader:
        ticket = _known(request, reader)
        seen = view(site.engine, reader, ticket, site.language(request))
    return {"ticket": ticket, "said": seen.said, "link": LINK, "page": f"{PAGES}/{request.path_params['token']}"}


def _known(request: Request, reader: Reader) -> Ticket:
    """Return the ticket that the address proves. Raises HTTPException."""
    ticket = _ticket(site_of(request), reader, request.path_params["token"])
    if ticket is None:
        raise HTTPException(404)
    return ticket


def _ticket(site: Site, reader: Reader, token: str) -> Ticket | None:
    number = site.engine.tokens.linked(token)
    ticket = reader.ticket(number) if number else None
    shown = may_be_shown(reader, ticket, site.engine.clock.now(), site.settings.links)
    return ticket if shown and ticket is not None and ticket.channel == CHANNEL else None


def _site(request: Request) -> Site:
    """Return the site, if it has a chat."""
    site = site_of(request)
    if not site.chats:
        raise HTTPException(404)
    return site


def _status(errors: Mapping[str, str]) -> int:
    return 429 if "page" in errors else 422 if errors else 200
