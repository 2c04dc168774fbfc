"""`engine approvals`: what agents asked a superior for, and the verdict."""

from typing import TYPE_CHECKING, Any

import click

from engine.cli.session import FORMAT, Desk, Session, options
from engine.cli.ticket.acting import act, action, text

if TYPE_CHECKING:
    from engine.core.model import Ticket
    from engine.store import Reader


@click.group()
def group() -> None:
    """See what waits for an approval; grant or refuse it."""


@group.command("list")
@options(FORMAT)
@click.option("--all", "ended", is_flag=True, help="Those that were decided on, too.")
@click.option("--approver", metavar="AGENT", help="Only those that this agent is asked for.")
def list_(session: Session, ended: bool, approver: str | None) -> None:
    """List approvals, the one due first at the top: what is asked for, on which ticket, by whom, of whom."""
    from engine.cli.output import say, say_json, table
    from engine.core.fields import OPEN_STATES
    from engine.store import TicketQuery

    with session.desk() as desk, desk.store.read() as reader:
        query = TicketQuery(kind="approval", states=() if ended else OPEN_STATES, assignee=approver, limit=10_000)
        rows = sorted((_row(reader, one) for one in reader.tickets(query)), key=lambda row: (row["due"] is None, row["due"], row["ticket"]))
        if session.json:
            say_json(rows)
        elif rows:
            keys = ("number", "parent", "what", "asked_by", "approver", "due", "state")
            table([desk.words.name(key) for key in keys], [_shown(desk, row) for row in rows])
        else:
            say(desk.words.name("nothing"))


@group.command()
@action
@text("A word about it.", required=False)
def grant(session: Session, number: str, text: str | None) -> None:
    """Grant what approval NUMBER asks for; who asked for it hears of it."""
    act(session, number, "grant", text)


@group.command()
@action
@text("Why.")
def refuse(session: Session, number: str, text: str) -> None:
    """Refuse what approval NUMBER asks for; who asked for it takes it back by that."""
    act(session, number, "refuse", text)


def _row(reader: "Reader", ticket: "Ticket") -> dict[str, Any]:
    """One approval; once it was refused, the ticket it was about no longer says what it asked for."""
    parent = reader.ticket(ticket.parent) if ticket.parent else None
    granted = {one.approval: one for one in parent.concessions} if parent else {}
    wanted = (parent.approvals.get(ticket.number) if parent else None) or granted.get(ticket.number)
    return {
        "ticket": ticket.number,
        "parent": ticket.parent,
        "concession": wanted.name if wanted else None,
        "amount": str(wanted.amount) if wanted and wanted.amount is not None else None,
        "currency": wanted.currency if wanted else None,
        "by": ticket.opened_by,
        "approver": ticket.assignee,
        "due": next((clock.due for clock in ticket.deadlines.values() if clock.running), None),
        "state": ticket.state,
        "granted": ticket.number in granted if ticket.closed_at else None,
        "text": reader.contents([ticket.description]).get(ticket.description) if ticket.description else None,
    }


def _shown(desk: Desk, row: dict[str, Any]) -> tuple[str, ...]:
    words = desk.words
    verdict = {None: row["state"], True: "granted", False: "approval_refused"}[row["granted"]]
    what = words.concession(row["concession"], row["amount"], row["currency"])
    people = (words.party(row["by"]), words.party(row["approver"]))
    return row["ticket"], row["parent"] or "", what, *people, words.clock(row["due"]), words.name(verdict)
