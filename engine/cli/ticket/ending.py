"""Actions around the end of a ticket."""

import click

from engine.cli.session import Session
from engine.cli.ticket.acting import act, action, text


@click.command()
@action
@text("The result, as the customer will read it.")
def resolve(session: Session, number: str, text: str) -> None:
    """Report the result of ticket NUMBER; the customer is asked whether it is solved. The house's own work is closed by it."""
    act(session, number, "resolve", text)


@click.command()
@action
@text("What the customer said.", required=False)
def confirm(session: Session, number: str, text: str | None) -> None:
    """Record that the customer of ticket NUMBER says it is solved."""
    act(session, number, "confirm", text)


@click.command("object")
@action
@text("What the customer objects to.")
def object_(session: Session, number: str, text: str) -> None:
    """Record that the customer of ticket NUMBER does not agree; the work goes round again."""
    act(session, number, "object", text)


@click.command()
@action
@text("The scores in order, and a suggestion if there is one, such as '5 4 5 thank you'.")
def answer(session: Session, number: str, text: str) -> None:
    """Enter the answer to the survey of ticket NUMBER that the customer gave by word of mouth."""
    act(session, number, "answer", text)


@click.command()
@action
@text("Why.")
def reopen(session: Session, number: str, text: str) -> None:
    """Work again on ticket NUMBER, which has ended."""
    act(session, number, "reopen", text)


@click.command()
@action
@text("Why.")
def close(session: Session, number: str, text: str) -> None:
    """End ticket NUMBER by your decision. That is never counted as a customer's confirmation."""
    act(session, number, "close", text)
