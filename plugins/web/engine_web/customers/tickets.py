"""A customer's page of a ticket, reached by the link in a message, and what they do there."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.channels import Inbound
from engine.services import CUSTOMER, LINK, PAGES, Engine, MessageArrived, Reader, Ticket, handle, is_opt_out
from engine_web.customers import replies
from engine_web.customers.replies import first
from engine_web.customers.requests import LONGEST, Values, own_id, read_form
from engine_web.customers.uploads import MOST_FILES, Enclosed, Files, Unfit, attachments
from engine_web.customers.view import may_be_shown, view, ways
from engine_web.doors.throttle import pause
from engine_web.files import download
from engine_web.intake import take_in
from engine_web.site import site_of

DONE = ("confirmed", "objected", "rated", "sent", "withdrawn", "allowed")
_HIDDEN = {"x-robots-tag": "noindex, nofollow"}


class Wrong(Exception):  # control flow between a form and its page
    """What was posted cannot be done; `errors` are keys of words by field, `status` and `headers` say how an answer is marked."""

    def __init__(self, errors: Mapping[str, str], status: int = 422, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.errors, self.status, self.headers = errors, status, headers


def show(request: Request) -> Response:
    """Show the page; looking changes nothing."""
    done = request.query_params.get("done", "")
    return _page(request, _number(request), {}, done=done if done in DONE else "")


def _page(request: Request, number: str, values: Values, wrong: Wrong | None = None, done: str = "") -> Response:
    site = site_of(request)
    with site.engine.store.read() as reader:
        seen = view(site.engine, reader, _shown(request, reader, number), site.language(request))
    return site.page(
        request,
        "customers/ticket.html",
        status=wrong.status if wrong else 200,
        headers={**_HIDDEN, **(wrong.headers if wrong else {})},
        view=seen,
        path=f"{PAGES}/{request.path_params['token']}",
        form_id=own_id(request, values),
        given=lambda name: values.get(name, []),
        values={name: first(values, name) for name in ("reason", "text")},
        errors=wrong.errors if wrong else {},
        most_files=MOST_FILES,
        longest=LONGEST["text"],
        link=LINK,
        done=done,
    )


def file(request: Request) -> Response:
    """Hand out a file that the customer sent, or that was sent to them."""
    number, engine = _number(request), site_of(request).engine
    path = "{content}/{place}".format(**request.path_params)
    with engine.store.read() as reader:
        seen = view(engine, reader, _shown(request, reader, number), site_of(request).language(request))
        if path not in {one.path for said in seen.said for one in said.files}:
            raise HTTPException(404)
        answer = download(engine, reader, number, path)
    answer.headers.update(_HIDDEN)
    return answer


async def act(request: Request) -> Response:
    """Do what a form of the page says, once: of several at the same time one is done, and the others are shown what is so by now."""
    deed = _DEEDS.get(request.path_params["deed"])
    if deed is None:
        raise HTTPException(404)
    number = _number(request)  # before what a stranger sends is read
    values, files = await read_form(request)
    return await run_in_threadpool(_act, request, number, deed, values, files)


def _act(request: Request, number: str, deed: "_Deed", values: Values, files: Files) -> Response:
    try:
        if seconds := pause(request, number):
            raise Wrong({"page": "page.too_often"}, 429, {"retry-after": str(seconds)})
        done = deed(request, number, values, attachments(files))
    except Unfit as unfit:
        return _page(request, number, values, Wrong({"files": str(unfit)}))
    except Wrong as wrong:
        return _page(request, number, values, wrong)
    return RedirectResponse(f"{PAGES}/{request.path_params['token']}?done={done}", 303)


def _number(request: Request) -> str:
    """Return the number of the ticket that the link's token proves. Raises HTTPException."""
    number = site_of(request).engine.tokens.linked(request.path_params["token"])
    if number is None:
        raise HTTPException(404)
    return number


def _shown(request: Request, reader: Reader, number: str) -> Ticket:
    site = site_of(request)
    ticket = reader.ticket(number)
    if ticket is None or not may_be_shown(reader, ticket, site.engine.clock.now(), site.settings.links):
        raise HTTPException(404)
    return ticket


def _say(request: Request, number: str, words: Callable[[Reader, Ticket], str | None], channel: str = "web") -> None:
    """Let the customer have said the words that fit the ticket as it is now. Raises Wrong where none fit any more."""
    engine: Engine = site_of(request).engine
    with engine.store.write() as tx:
        if tx.hold_ticket(number) is None:
            raise HTTPException(404)
        text = words(tx, _shown(request, tx, number))
        if text is None:
            raise Wrong({"page": "page.too_late"}, 409)
        signal = MessageArrived(number, channel, text, trusted=True)
        outcome = handle(tx, engine.world, signal, engine.clock.now(), hold=engine.project.hold)
    engine.tell([outcome])


def _confirm(request: Request, number: str, values: Values, enclosed: Enclosed) -> str:
    policy = site_of(request).engine.world.policy
    _say(request, number, lambda _, ticket: replies.confirmation(ticket, policy))
    return "confirmed"


def _object(request: Request, number: str, values: Values, enclosed: Enclosed) -> str:
    policy, reason = site_of(request).engine.world.policy, first(values, "reason")
    if not reason:
        raise Wrong({"reason": "page.no_reason"})
    if len(reason) > LONGEST["text"]:
        raise Wrong({"reason": "request.too_long"})
    _say(request, number, lambda _, ticket: replies.objection(ticket, policy, reason))
    return "objected"


def _rate(request: Request, number: str, values: Values, enclosed: Enclosed) -> str:
    policy = site_of(request).engine.world.policy

    def words(_: Reader, ticket: Ticket) -> str | None:
        survey = replies.survey_of(ticket, policy)
        if survey is None:
            return None
        asked = replies.questions(survey, policy, ticket.language)

        def given(name: str) -> list[str]:
            return [value.strip() for value in values.get(name, [])]

        if missing := replies.unanswered(asked, given):
            raise Wrong(dict.fromkeys(missing, "page.unanswered"))
        if any(len(word) > LONGEST["text"] for question in asked for word in given(question.name)):
            raise Wrong({question.name: "request.too_long" for question in asked if not question.points})
        call = replies.call_word(survey) if first(values, "call") else ""
        return replies.rating(ticket, policy, asked, given, call)

    _say(request, number, words)
    return "rated"


def _write(request: Request, number: str, values: Values, enclosed: Enclosed) -> str:
    engine, text = site_of(request).engine, first(values, "text")
    if len(text) > LONGEST["text"]:
        raise Wrong({"text": "request.too_long"})
    if not text and not enclosed:
        raise Wrong({"text": "page.no_text"})
    with engine.store.read() as reader:
        reached = [*ways(engine, reader, _shown(request, reader, number))]
    token, id = engine.tokens.make(number, CUSTOMER), f"{number} {own_id(request, values)}"
    take_in(engine, "web", Inbound(id, "", engine.clock.now(), text, tokens=(token,), attachments=enclosed))
    return "withdrawn" if reached and is_opt_out(text, engine.world.policy.replies) else "sent"


def _withdraw(request: Request, number: str, values: Values, enclosed: Enclosed) -> str:
    return _consent(request, number, values, withdrawn=True)


def _allow(request: Request, number: str, values: Values, enclosed: Enclosed) -> str:
    return _consent(request, number, values, withdrawn=False)


def _consent(request: Request, number: str, values: Values, withdrawn: bool) -> str:
    """End, or allow again, automatic messages over one channel to the address that the ticket has there."""
    engine, channel = site_of(request).engine, first(values, "channel")

    def words(reader: Reader, ticket: Ticket) -> str | None:
        open_ways = [way.channel for way in ways(engine, reader, ticket) if way.withdrawn is not withdrawn]
        return replies.consent(engine.world.policy, withdrawn) if channel in open_ways else None

    _say(request, number, words, channel)
    return "withdrawn" if withdrawn else "allowed"


_Deed = Callable[[Request, str, Values, Enclosed], str]
_DEEDS: Mapping[str, _Deed] = {
    "confirm": _confirm,
    "object": _object,
    "rate": _rate,
    "message": _write,
    "withdraw": _withdraw,
    "allow": _allow,
}
