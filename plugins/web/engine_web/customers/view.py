"""What a customer is shown of their ticket: its promises, how far it is, what was said, and what they can do now.

Only what was said to them or by them is shown, never a note, a task or an answer to a survey.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.services import CUSTOMER, NEEDS, Engine, Policy, Reader, Ticket, events, from_text, mask
from engine_web.customers import replies
from engine_web.files import Contents, File, contents_of, files_of

_SHOWN = (*NEEDS, "call_back", "survey")


@dataclass(frozen=True, slots=True)
class Promise:
    """A promised instant: `label` says of what; `done_at` is when it was done, `kept` whether that was in time, None while it is open."""

    label: str
    due: datetime
    done_at: datetime | None
    kept: bool | None


@dataclass(frozen=True, slots=True)
class Step:
    """How far the ticket is: `name` is the key of its words, `at` when it was reached, None if it was not yet."""

    name: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was said: by the customer (`own`) or to them. `verdict` says whether it confirmed or objected."""

    at: datetime
    own: bool
    text: str
    files: tuple[File, ...] = ()
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The same as it is kept: `content` is the id of its text, `channel` over which it came or goes."""

    at: datetime
    channel: str
    own: bool
    verdict: str
    content: str | None
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A channel that reaches the customer, their address there in part, and whether it may not be used by automats."""

    channel: str
    address: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class View:
    """All of a customer's page. `wants` says what they may say now: confirm, object or nothing of both."""

    ticket: Ticket
    text: str
    promises: tuple[Promise, ...]
    steps: tuple[Step, ...]
    plan: str
    plan_steps: tuple[tuple[str, datetime, bool], ...]
    result: str
    said: tuple[Said, ...]
    ways: tuple[Way, ...]
    can_confirm: bool
    can_object: bool
    intro: str = ""
    questions: Sequence[replies.Question] = field(default=())
    call: bool = False
    consent: bool = False

    @property
    def is_need(self) -> bool:
        """Whether it is about something that the customer needs, and not a survey alone."""
        return self.ticket.kind != "survey"


def may_be_shown(reader: Reader, ticket: Ticket | None, now: datetime, valid: timedelta) -> bool:
    """Whether the customer may still look at the ticket: theirs, not erased, and not over for longer than links are `valid`."""
    if ticket is None or ticket.kind not in _SHOWN or ticket.customer is None or reader.customer(ticket.customer) is None:
        return False
    return ticket.closed_at is None or now < ticket.closed_at + valid


def view(engine: Engine, reader: Reader, ticket: Ticket, language: str) -> View:
    """Return what the customer is shown, in a language."""
    policy = engine.world.policy
    texts = contents_of(reader, ticket.number)
    survey = replies.survey_of(ticket, policy)
    plan = ticket.plan
    return View(
        ticket=ticket,
        text=_text(texts, ticket.description),
        promises=tuple(promises(ticket, policy, language)),
        steps=tuple(_steps(ticket)),
        plan=_text(texts, plan.content) if plan else "",
        plan_steps=tuple((_text(texts, step.content), step.due, step.done_at is not None) for step in plan.steps) if plan else (),
        result=_text(texts, ticket.result),
        said=tuple(_said(reader, ticket, policy, texts)),
        ways=tuple(ways(engine, reader, ticket)),
        can_confirm=replies.confirmation(ticket, policy) is not None,
        can_object=replies.objection(ticket, policy, "") is not None,
        intro=policy.text(survey.intro, language) if survey else "",
        questions=replies.questions(survey, policy, language) if survey else (),
        call=bool(survey and replies.call_word(survey)),
        consent=replies.consent(policy, withdrawn=True) is not None and replies.consent(policy, withdrawn=False) is not None,
    )


def promises(ticket: Ticket, policy: Policy, language: str) -> Iterator[Promise]:
    """Yield what the customer was promised, the nearest first."""
    for id, due in sorted(ticket.promised.items(), key=lambda one: one[1]):
        clock = ticket.deadlines.get(id)
        kind = policy.deadlines.get(clock.kind) if clock else None
        if clock is not None and kind is not None:
            yield Promise(policy.text(kind.label, language), due, clock.stopped_at, clock.met)


def _steps(ticket: Ticket) -> Iterator[Step]:
    ended = ticket.closed_at
    yield Step("received", ticket.opened_at)
    yield Step("contacted", ticket.first_contact_at)
    yield Step("planned", ticket.plan.recorded_at if ticket.plan else None)
    yield Step("resolved", ticket.resolved_at if ticket.result else None)
    yield Step(ticket.state if ended and ticket.state in ("confirmed", "unconfirmed") else "closed", ended)


def _text(texts: Contents, content: str | None) -> str:
    return texts.get(content or "", ("", ""))[1]


def _said(reader: Reader, ticket: Ticket, policy: Policy, texts: Contents) -> Iterator[Said]:
    """What was said, in its order; questionnaires aside, for they are the page's own part."""
    of_surveys = {script for survey in policy.surveys for script in survey.scripts.values()}
    for one in spoken(reader, ticket, texts, of_surveys):
        text = _without_word(_text(texts, one.content), policy) if one.verdict else _text(texts, one.content)
        if text or one.files or one.verdict:
            yield Said(one.at, one.own, text, one.files, one.verdict)


def spoken(reader: Reader, ticket: Ticket, texts: Contents, of_surveys: Collection[str] = ()) -> Iterator[Spoken]:
    """Yield what was said, in its order, each with its files: those of the customer stand by what they came with."""
    log = reader.events(ticket.number)
    sent: dict[int, list[File]] = {}
    for stored in log:
        if isinstance(stored.event, events.Noted) and stored.event.by == CUSTOMER:
            sent.setdefault(stored.decision_id, []).extend(files_of(stored.event, texts))
    for stored in log:
        if (known := heard(stored.event, of_surveys)) is not None:
            own, verdict, content = known
            files = tuple(sent.pop(stored.decision_id, ()) if own else files_of(stored.event, texts))
            yield Spoken(stored.at, getattr(stored.event, "channel", ticket.channel), own, verdict, content, files)


def heard(event: events.Event, of_surveys: Collection[str] = ()) -> tuple[bool, str, str | None] | None:
    """Whether the customer said it or was told, its verdict, and the content; None for what is not between them and us."""
    match event:
        case events.TicketOpened() if event.by == CUSTOMER:
            return True, "", event.description
        case events.MessageReceived() if event.by == CUSTOMER:
            return True, "", event.content
        case events.CustomerConfirmed() if event.by == CUSTOMER:
            return True, "confirmed", event.content
        case events.CustomerObjected() | events.TicketReopened() if event.by == CUSTOMER:
            return True, "objected", event.content
        case events.MessageQueued() if event.party == CUSTOMER and event.script not in of_surveys:
            return False, "", event.content
        case _:
            return None


def _without_word(text: str, policy: Policy) -> str:
    """What was added to a yes or no that stands in a line of its own."""
    word, _, rest = text.partition("\n")
    return rest if word in (*policy.replies.confirm, *policy.replies.object) else text


def ways(engine: Engine, reader: Reader, ticket: Ticket) -> Iterator[Way]:
    """Yield how the customer is reached about the ticket."""
    kept = reader.contents([ticket.contact]) if ticket.contact else {}
    addresses = from_text(kept.get(ticket.contact or "", "")).addresses
    for channel in engine.world.senders:
        if address := addresses.get(channel):
            yield Way(channel, mask(address), reader.opted_out(channel, address))
