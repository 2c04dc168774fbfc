"""What came with the messages of a ticket: a mail as it was sent, and files to be saved. Who may look at the ticket may look at these."""

import html

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.services import Ticket
from engine_web.apart import apart
from engine_web.cleaning import TooMuch, cleaned_apart, links_apart
from engine_web.console.mail import original
from engine_web.console.seat import Seat, seated
from engine_web.console.ticket import found
from engine_web.doors import demand, looked_at
from engine_web.files import download
from engine_web.links import fit
from engine_web.site import whole


def mail(request: Request) -> Response:
    """Show a message as it was sent, in a page of its own that runs nothing."""
    seat, _, written = _written(request)
    try:
        body, status = cleaned_apart(written), 200
    except TooMuch:
        body, status = html.escape(seat.say("as_sent_not")), 422
    return apart(body, seat.language, seat.say("as_sent"), status)


def links(request: Request) -> Response:
    """List the links of a message, to be followed knowingly."""
    seat, ticket, written = _written(request)
    try:
        (shown, others), status = fit(links_apart(written)), 200
    except TooMuch:
        (shown, others), status = ([], 0), 422
    return seat.page("links.html", status=status, ticket=ticket, links=shown, others=others)


def _written(request: Request) -> tuple[Seat, Ticket, str]:
    """Return who asks about which ticket, and the HTML of which message. Raises HTTPException 404."""
    seat, ticket = _looked(request)
    item = whole(request.path_params["item"])
    with seat.engine.store.read() as reader:
        if item is None or item not in {decision.inbox for decision in reader.decisions(ticket.number)}:
            raise HTTPException(404)
        written = original(seat.engine, reader, item)
    if not written:
        raise HTTPException(404)
    return seat, ticket, written


def file(request: Request) -> Response:
    """Hand out a file."""
    seat, ticket = _looked(request)
    with seat.engine.store.read() as reader:
        return download(seat.engine, reader, ticket.number, "{content}/{place}".format(**request.path_params))


def _looked(request: Request) -> tuple[Seat, Ticket]:
    """Return who asks about which ticket; that they looked is kept in the audit."""
    seat = seated(request)
    ticket = found(seat, request.path_params["number"])
    demand(seat.person, "read", "ticket", ticket)
    looked_at(request, seat.person, "looked at", ticket.number)
    return seat, ticket
