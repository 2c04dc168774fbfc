"""`engine ticket outcome`: what came of a follow-up, or why it came to a complaint."""

import click

from engine.cli.session import Session
from engine.cli.ticket.acting import act, action
from engine.core.improvements import CAUSES, MOST_WHYS, Outcome


@click.command()
@action
@click.option("--why", "whys", multiple=True, metavar="TEXT", help=f"An answer to 'why?', then why that is so: up to {MOST_WHYS} times.")
@click.option("--cause", type=click.Choice(CAUSES), help="Where the cause lies.")
@click.option("--remedy", default="", metavar="TEXT", help="What was done about it.")
@click.option("--words", default="", metavar="TEXT", help="What the customer said, in their words.")
@click.option("--satisfied", type=click.Choice(["yes", "no"]), help="Whether the customer is satisfied now.")
def command(
    session: Session, number: str, whys: tuple[str, ...], cause: str | None, remedy: str, words: str, satisfied: str | None
) -> None:
    """Record what came of follow-up NUMBER: causes, remedy, what the customer says now. Recorded again, it replaces what was there."""
    content = None if satisfied is None else satisfied == "yes"
    act(session, number, "outcome", outcome=Outcome(cause, tuple(filter(str.strip, whys)), remedy, words, content))
