"""Actions that give the customer something beyond what they are due: of one's own authority, else with an approval."""

import click

from engine.cli.session import Session
from engine.cli.ticket.acting import act, action, text
from engine.core.authority import read_amount
from engine.errors import UsageError

STEP = click.option("--step", metavar="STEP", help="The step of the plan that this is: it cannot be ticked off before it is granted.")


@click.command()
@action
@click.option("--amount", required=True, metavar="AMOUNT", help="How much, in the currency of authority.yaml, such as 300 or 199.90.")
@text("Why.")
@STEP
def compensate(session: Session, number: str, amount: str, text: str, step: str | None) -> None:
    """Grant the customer of ticket NUMBER an amount. What goes beyond your authority waits for an approval; all else goes on."""
    read = read_amount(amount.strip())
    if read is None:
        raise UsageError(f"{amount!r} is no amount: write a number above 0 with at most two decimals, such as 300 or 199.90")
    act(session, number, "compensate", text, amount=read, step=step)


@click.command("except")
@action
@click.argument("name")
@text("Why.")
@STEP
def exception(session: Session, number: str, name: str, text: str, step: str | None) -> None:
    """Make the exception NAME of authority.yaml for the customer of ticket NUMBER, or ask for an approval of it."""
    act(session, number, "except", text, target=name, step=step)
