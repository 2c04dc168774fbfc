"""`engine ticket list`."""

from datetime import datetime

import click

from engine.analysis.texts import picked
from engine.cli.output import Cell, one_line, say_json, span
from engine.cli.session import ACTOR, FORMAT, Session, options
from engine.cli.words import Words
from engine.core.fields import KINDS, OPEN_STATES, STATES
from engine.core.model import Deadline, Ticket
from engine.store import TicketQuery


@click.command("list")
@options(ACTOR, FORMAT)
@click.option("--state", "states", type=click.Choice([*STATES, "open", "all"]), multiple=True, help="Default: open. May be repeated.")
@click.option("--queue", help="Only tickets of this queue.")
@click.option("--assignee", help="Only tickets of this agent.")
@click.option("--mine", is_flag=True, help="Only your own tickets.")
@click.option("--kind", type=click.Choice(KINDS), help="Only tickets of this kind.")
@click.option("--tier", help="Only tickets of this tier.")
@click.option("--customer", help="Only tickets of this customer (an id).")
@click.option("--parent", help="Only tasks of this ticket.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many to show.")
def command(session: Session, states: tuple[str, ...], mine: bool, assignee: str | None, limit: int, **filters: str | None) -> None:
    """List tickets, the next one due first."""
    with session.desk() as desk:
        holder = session.actor(desk.team) if mine else assignee
        query = TicketQuery(states=wanted_states(states), assignee=holder, limit=limit, **filters)
        with desk.store.read() as reader:
            tickets = reader.tickets(query)
            subjects = reader.contents(
                [id for ticket in tickets if ticket.kind != "follow_up" for id in (ticket.subject, ticket.description) if id]
            )
        words, now = desk.words, desk.now
    if session.json:
        say_json([plain(ticket, subjects) for ticket in tickets])
        return

    def left(ticket: Ticket) -> Cell:
        clock = next_clock(ticket)
        return time_left(clock.due, now, clock.started_at, words) if clock is not None and clock.due is not None else ""

    session.listed(
        words,
        tickets,
        ("number", lambda ticket: (ticket.number, "bold")),
        *("kind", "tier", "state", "queue", "assignee"),
        ("clock", lambda ticket: words.deadline(clock.id) if (clock := next_clock(ticket)) else ""),
        ("left", left),
        ("subject", lambda ticket: one_line(_subject(ticket, subjects), 40)),
    )


def wanted_states(states: tuple[str, ...]) -> tuple[str, ...]:
    """Return the states to list; `open` and `all` stand for several, nothing for the open ones. Empty means all."""
    if "all" in states:
        return ()
    return tuple(dict.fromkeys(one for state in states or ("open",) for one in (OPEN_STATES if state == "open" else (state,))))


def next_clock(ticket: Ticket) -> Deadline | None:
    """Return the running clock that is due first."""
    running = [clock for clock in ticket.deadlines.values() if clock.running and clock.due]
    return min(running, key=lambda clock: clock.due or ticket.opened_at, default=None)


def time_left(due: datetime, now: datetime, started: datetime, words: Words) -> Cell:
    """Return how much time is left in words: green, yellow when a fifth of it or less is left, red when it is over."""
    if due <= now:
        return words.name("over", span(now - due)), "bold red"
    near = (due - now) * 5 <= due - started
    return words.name("left_over", span(due - now)), "yellow" if near else "green"


def plain(ticket: Ticket, texts: dict[str, str]) -> dict[str, object]:
    """Return a ticket as `--format json` lists it."""
    clock = next_clock(ticket)
    return {
        **picked(ticket, "number kind tier state queue assignee channel customer parent opened_at closed_at"),
        "next_due": {"deadline": clock.id, "due": clock.due} if clock else None,
        "subject": _subject(ticket, texts) or None,
    }


def _subject(ticket: Ticket, texts: dict[str, str]) -> str:
    return texts.get(ticket.subject or "", "") or texts.get(ticket.description or "", "")
