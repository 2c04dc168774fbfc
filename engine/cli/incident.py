"""`engine incident`: one outage with many tickets, opened, told of and ended in one place."""

from collections.abc import Iterator
from typing import Any

import click

from engine.analysis.texts import picked
from engine.cli.output import say, say_json
from engine.cli.session import ACTOR, FORMAT, Session, options, read_text
from engine.cli.ticket.acting import act, text
from engine.core.events import MessageQueued
from engine.core.fields import INCIDENT, OPEN_STATES
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import AgentActed, TicketRequested
from engine.errors import NotFound, Refused, UsageError
from engine.runtime.engine import Engine
from engine.store import Reader, TicketQuery

NUMBER = click.argument("incident")
TICKETS = click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
_PAGE = 1_000


@click.group()
def group() -> None:
    """Tell the customers of one outage together, and end it."""


@group.command("open")
@options(ACTOR, FORMAT)
@TICKETS
@click.option("--title", required=True, metavar="TEXT", help="What is wrong, as customers read it. `-` reads it from standard input.")
@click.option("--queue", help="Who works on it. Default: as incidents.yaml says.")
def open_(session: Session, numbers: tuple[str, ...], title: str, queue: str | None) -> None:
    """Open an incident by hand and put tickets into it; their customers are told."""
    with session.engine() as engine:
        world, actor, words = engine.world, session.actor(engine.world.team), read_text(title)
        where = queue or (world.policy.incidents.queue if world.policy.incidents else "")
        if not words.strip() or where not in world.policy.queues:
            known = ", ".join(world.policy.queues)
            raise UsageError(f"an incident needs a --title, and a --queue that there is; there are {known}")
        channel, language = next(iter(world.channels), ""), world.policy.company.languages[0]
        opened = engine.handle(TicketRequested(INCIDENT, where, words, channel, language, actor=actor)).ticket
        _put_in(session, engine, str(opened), numbers, actor)


@group.command("add")
@options(ACTOR, FORMAT)
@NUMBER
@TICKETS
def add(session: Session, incident: str, numbers: tuple[str, ...]) -> None:
    """Put tickets into INCIDENT; their customers are told."""
    with session.engine() as engine:
        with engine.store.read() as reader:
            _incident(reader, incident)
        _put_in(session, engine, incident, numbers, session.actor(engine.world.team))


@group.command("remove")
@options(ACTOR, FORMAT)
@click.argument("number")
def remove(session: Session, number: str) -> None:
    """Take ticket NUMBER out of its incident: it is worked on by itself again."""
    act(session, number, "leave")


@group.command("update")
@options(ACTOR, FORMAT)
@NUMBER
@text("How far it is, for customers.")
def update(session: Session, incident: str, text: str) -> None:
    """Tell the customers of INCIDENT how far it is."""
    _act(session, incident, "progress", text)


@group.command("recover")
@options(ACTOR, FORMAT)
@NUMBER
@text("What was done, for customers.")
def recover(session: Session, incident: str, text: str) -> None:
    """Say that INCIDENT is over: every ticket of it gets its result, and its customer is asked to confirm it."""
    _act(session, incident, "resolve", text)


@group.command("cancel")
@options(ACTOR, FORMAT)
@NUMBER
@text("Why it was none.")
def cancel(session: Session, incident: str, text: str) -> None:
    """Say that INCIDENT was none: its tickets are worked on by themselves again."""
    _act(session, incident, "close", text)


@group.command("list")
@options(FORMAT)
@click.option("--all", "all_", is_flag=True, help="Those that are over too.")
def list_(session: Session, all_: bool) -> None:
    """List the incidents that are open, the next one due first."""
    with session.desk() as desk:
        with desk.store.read() as reader:
            query = TicketQuery(kind=INCIDENT, states=() if all_ else OPEN_STATES, limit=10_000)
            rows = [_plain(reader, one) for one in reader.tickets(query) if one.is_incident]
        words = desk.words
    number = ("number", lambda row: (row["number"], "bold"))
    session.listed(words, rows, number, "state", "queue", "assignee", "opened=opened_at", "tickets", "subject=title")


@group.command("show")
@options(FORMAT)
@NUMBER
def show(session: Session, incident: str) -> None:
    """Show INCIDENT with its tickets, and how many of their customers were told what."""
    with session.desk() as desk:
        with desk.store.read() as reader:
            found = _incident(reader, incident)
            members = [one for number in _members(reader, incident) if (one := reader.ticket(number)) is not None]
            data = _plain(reader, found) | {"members": [_member(reader, one) for one in members]}
        words = desk.words
    if session.json:
        say_json(data)
        return
    say(f"{incident}  {words.name(found.state)}  {words.queue(found.queue)}  {words.party(found.assignee)}", "bold")
    say(f"  {data['title']}")
    if data["news"]:
        say(f"  {data['news']}")
    told = ("messages", lambda one: ", ".join(map(words.script, one["told"])))
    words.table(data["members"], "number", "state", "channel", "language", told)


def _act(session: Session, number: str, action: str, text: str) -> None:
    with session.desk() as desk, desk.store.read() as reader:
        _incident(reader, number)
    act(session, number, action, text)


def _put_in(session: Session, engine: Engine, incident: str, numbers: tuple[str, ...], actor: str) -> None:
    """Put each ticket in, in a transaction of its own, and say what became of it. Raises Refused where one could not be."""
    refused: dict[str, str] = {}
    for number in dict.fromkeys(numbers):
        try:
            why = engine.handle(AgentActed(number, "join", actor, target=incident)).first.refused
        except NotFound as error:
            why = str(error)
        refused |= {number: why} if why else {}
    joined = [number for number in dict.fromkeys(numbers) if number not in refused]
    if session.json:
        say_json({"incident": incident, "joined": joined, "refused": refused})
    else:
        say(f"{incident}  + {len(joined)}", "bold")
    if refused:
        raise Refused("\n".join(refused.values()))


def _incident(reader: Reader, number: str) -> Ticket:
    found = reader.ticket(number)
    if found is None or not found.is_incident:
        raise NotFound(f"there is no incident {number}; `engine incident list` names them")
    return found


def _members(reader: Reader, incident: str) -> Iterator[str]:
    after = ""
    while page := reader.members(incident, after, _PAGE):
        yield from page
        after = page[-1]


def _plain(reader: Reader, one: Ticket) -> dict[str, Any]:
    texts = reader.contents([id for id in (one.description, one.news) if id])
    return picked(one, "number state tier queue assignee opened_at closed_at") | {
        "title": texts.get(one.description or "", ""),
        "news": texts.get(one.news or "", ""),
        "tickets": sum(1 for _ in _members(reader, one.number)),
    }


def _member(reader: Reader, one: Ticket) -> dict[str, Any]:
    sent = [kept.event for kept in reader.events(one.number)]
    told = [event.script for event in sent if isinstance(event, MessageQueued) and event.party == CUSTOMER and event.script]
    return picked(one, "number state channel language") | {"told": told}
