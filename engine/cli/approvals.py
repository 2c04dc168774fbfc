"""`engine approvals`: what agents asked a superior for, and the verdict."""

from typing import Any

import click

from engine.cli.session import FORMAT, Session, options
from engine.cli.ticket.acting import act, action, text
from engine.core.fields import OPEN_STATES
from engine.core.model import Ticket
from engine.store import Reader, TicketQuery


@click.group()
def group() -> None:
    """See what waits for an approval; grant or refuse it."""


@group.command("list")
@options(FORMAT)
@click.option("--all", "ended", is_flag=True, help="Those that were decided on, too.")
@click.option("--approver", metavar="AGENT", help="Only those that this agent is asked for.")
def list_(session: Session, ended: bool, approver: str | None) -> None:
    """List approvals, the one due first at the top: what is asked for, on which ticket, by whom, of whom."""
    with session.desk() as desk, desk.store.read() as reader:
        query = TicketQuery(kind="approval", states=() if ended else OPEN_STATES, assignee=approver, limit=10_000)
        rows = sorted((_row(reader, one) for one in reader.tickets(query)), key=lambda row: (row["due"] is None, row["due"], row["ticket"]))
        words = desk.words
    session.listed(
        words,
        rows,
        "number=ticket",
        "parent",
        ("what", lambda row: words.concession(row["concession"], row["amount"], row["currency"])),
        "asked_by=by",
        "approver",
        "due",
        ("state", lambda row: words.name({None: row["state"], True: "granted", False: "approval_refused"}[row["granted"]])),
    )


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


def _row(reader: Reader, ticket: Ticket) -> dict[str, Any]:
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
