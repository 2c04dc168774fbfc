"""Handing a request in: the form, and what its sender sees when it has arrived."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from engine.channels import Inbound
from engine.services import NEEDS, Engine
from engine_web.customers.replies import first
from engine_web.customers.uploads import LARGEST_FILE, MOST_FILES, Enclosed, Files, Unfit, attachments
from engine_web.customers.view import promises
from engine_web.doors.throttle import pause
from engine_web.intake import take_in
from engine_web.site import site_of

KINDS = tuple(kind for kind in NEEDS if kind != "care")
LONGEST = {"text": 5000, "wish": 1000, "expected_by": 100, "name": 80, "contact": 254}
"""Characters of each field at most."""

ID = re.compile(r"[0-9a-f]{32}")
"""What a form is known by."""
_MAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")

_MOST_READ, _LONGEST_READ = 60, 200_000
"""More fields or files, or more bytes in a field, are no form of ours."""

Values = dict[str, list[str]]


async def read_form(request: Request) -> tuple[Values, Files]:
    """Return the texts of a form by name, and its files: None where it is too large to be read whole, for its texts stand before them.

    Raises HTTPException where it is none, ClientDisconnect where one without files is too large.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await read_texts(request), []
    parser = MultiPartParser(request.headers, request.stream(), max_files=_MOST_READ, max_fields=_MOST_READ, max_part_size=_LONGEST_READ)
    try:
        form = await parser.parse()
    except ClientDisconnect:
        return _texts(parser.items), None
    except MultiPartException:
        raise HTTPException(400) from None
    files = [(one.filename or "", await one.read(LARGEST_FILE + 1)) for _, one in form.multi_items() if isinstance(one, UploadFile)]
    await form.close()
    return _texts(form.multi_items()), files


async def read_texts(request: Request) -> Values:
    """Return the texts of a form without files, by name. Raises HTTPException where it is none, ClientDisconnect where it is too large."""
    async with request.form(max_files=0, max_fields=_MOST_READ, max_part_size=_LONGEST_READ) as form:
        return _texts(form.multi_items())


def _texts(items: Iterable[tuple[str, str | UploadFile]]) -> Values:
    values: Values = {}
    for name, value in items:
        if not isinstance(value, UploadFile):
            values.setdefault(name, []).append(value)
    return values


def form(request: Request) -> Response:
    """Show the form. Its id makes the request one, however often it is sent."""
    return _form(request, {}, {}, 200)


def _form(request: Request, values: Values, errors: Mapping[str, str], status: int, headers: Mapping[str, str] | None = None) -> Response:
    site = site_of(request)
    shown: dict[str, Any] = {
        "id": own_id(request, values),
        "values": {name: first(values, name) for name in ("kind", *LONGEST)},
        "errors": errors,
        "kinds": KINDS,
        "longest": LONGEST,
        "most_files": MOST_FILES,
    }
    return site.page(request, "customers/request.html", status=status, headers=headers, **shown)


def own_id(request: Request, values: Values) -> str:
    """Return the id that a form came with, else a new one."""
    known = first(values, "id")
    return known if ID.fullmatch(known) else site_of(request).fresh_id()


async def submit(request: Request) -> Response:
    """Take a request in, or show the form again with what is wrong."""
    values, files = await read_form(request)
    return await run_in_threadpool(_submit, request, values, files)


def _submit(request: Request, values: Values, files: Files) -> Response:
    site = site_of(request)
    engine = site.engine
    errors = {name: "request.too_long" for name, most in LONGEST.items() if len(first(values, name)) > most}
    if not first(values, "text"):
        errors["text"] = "request.no_text"
    channel = channel_of(engine, first(values, "contact"))
    if channel is None:
        errors["contact"] = "request.no_contact"
    enclosed: Enclosed = ()
    try:
        enclosed = attachments(files)
    except Unfit as unfit:
        errors["files"] = str(unfit)
    id = first(values, "id")
    if errors or channel is None or not ID.fullmatch(id):
        return _form(request, values, errors, 422)
    if seconds := pause(request):
        return _form(request, values, {"page": "page.too_often"}, 429, {"retry-after": str(seconds)})
    fields = {name: first(values, name) for name in ("kind", "wish", "expected_by") if first(values, name)}
    item = Inbound(
        source_id=id,
        sender=first(values, "contact"),
        sender_name=first(values, "name"),
        received_at=engine.clock.now(),
        text=first(values, "text"),
        attachments=enclosed,
        fields={**fields, "language": site.language(request)},
    )
    take_in(engine, channel, item)
    return RedirectResponse(f"/request/{id}", 303)


def channel_of(engine: Engine, contact: str) -> str | None:
    """Return the channel for a mail address or a telephone number, None for what is neither."""
    if _MAIL.fullmatch(contact):
        return "web"
    return "web_phone" if re.fullmatch(r"\+\d{7,15}", engine.normalise("web_phone", contact)) else None


def submitted(request: Request) -> Response:
    """Say that a request has arrived, under which number, and what is promised. More is shown only to whom our message reaches."""
    site, id = site_of(request), str(request.path_params["id"])
    with site.engine.store.read() as reader:
        row = reader.inbox_item("web", id) or reader.inbox_item("web_phone", id) if ID.fullmatch(id) else None
        ticket = reader.ticket(row.ticket) if row and row.ticket else None
    if row is None:
        raise HTTPException(404)
    promised = tuple(promises(ticket, site.engine.world.policy, site.language(request))) if ticket else ()
    return site.page(request, "customers/submitted.html", ticket=ticket, promises=promised)
