"""Actions while a ticket is worked on."""

import click

from engine.analysis.texts import instant
from engine.cli.session import Session, read_text
from engine.cli.ticket.acting import act, action, carry_out, let_through, text
from engine.core.signals import CustomerChanged, StepDraft
from engine.errors import UsageError


@click.command()
@action
def claim(session: Session, number: str) -> None:
    """Take ticket NUMBER over: it is yours."""
    act(session, number, "claim")


@click.command()
@action
@click.argument("target", metavar="AGENT_OR_QUEUE")
def assign(session: Session, number: str, target: str) -> None:
    """Give ticket NUMBER to an agent, or put it into a queue, which chooses one."""
    act(session, number, "assign", target=target)


@click.command()
@action
@text("What you talked about.", required=False)
@click.option("--channel", help="How you reached the customer, such as phone. Default: the ticket's channel.")
def contact(session: Session, number: str, text: str | None, channel: str | None) -> None:
    """Record that you spoke with the customer of ticket NUMBER; the response clock stops."""
    act(session, number, "contact", text, channel=channel)


@click.command()
@action
@click.argument("id", metavar="ARTICLE")
@click.option("--told", "channel", metavar="CHANNEL", help="Only note that you told it, such as --told phone.")
def article(session: Session, number: str, id: str, channel: str | None) -> None:
    """Send ARTICLE of the knowledge base, with its files by e-mail, to the customer of ticket NUMBER; that is a contact too."""
    act(session, number, "article", target=id, channel=channel)


@click.command()
@action
@text("What will be done.")
@click.option(
    "--step",
    "steps",
    multiple=True,
    metavar="'WHAT; WHO; WHEN'",
    help="A completion point, such as 'Replace the router; qian; 2026-03-06 17:00'. May be repeated.",
)
def plan(session: Session, number: str, text: str, steps: tuple[str, ...]) -> None:
    """Record the solution plan of ticket NUMBER and tell the customer; each step is a clock of its own."""
    with session.engine() as engine:
        zone = engine.world.policy.company.timezone
        drafts = tuple(StepDraft(what, who, instant(when, zone)) for what, who, when in map(split_step, steps))
        carry_out(engine, session, number, "plan", read_text(text), steps=drafts)


@click.command()
@action
@click.argument("step")
def done(session: Session, number: str, step: str) -> None:
    """Tick off STEP (its number) of the plan of ticket NUMBER."""
    act(session, number, "done", target=step)


@click.command()
@action
@click.argument("target", metavar="QUEUE_OR_AGENT")
@text("What is to be done.")
@click.option("--due", metavar="WHEN", help="By when, such as 2026-03-06 17:00 in the company's zone.")
def task(session: Session, number: str, target: str, text: str, due: str | None) -> None:
    """Ask a department or a person to do a part of ticket NUMBER; the task is a ticket of its own, and you keep the lead."""
    with session.engine() as engine:
        at = instant(due, engine.world.policy.company.timezone) if due else None
        carry_out(engine, session, number, "task", read_text(text), target=target, due=at)


@click.command()
@action
@text("Why it waits.", required=False)
@click.option(
    "--for", "whom", type=click.Choice(["customer", "supplier"]), help="For whom it waits; the customer's next message resumes it."
)
@click.option("--for-customer", is_flag=True, help="The same as `--for customer`.")
def hold(session: Session, number: str, text: str | None, whom: str | None, for_customer: bool) -> None:
    """Let ticket NUMBER wait; clocks that pause in that state stand still."""
    whom = "customer" if for_customer else whom
    act(session, number, "hold", text, target=f"waiting_{whom}" if whom else "on_hold")


@click.command()
@action
@click.argument("customer")
def customer(session: Session, number: str, customer: str) -> None:
    """Say that ticket NUMBER is about CUSTOMER (an id of `engine customer list`); its clocks follow the policy."""
    with session.engine() as engine:
        let_through(engine, session, CustomerChanged(number, customer, session.actor(engine.world.team)))


@click.command()
@action
def resume(session: Session, number: str) -> None:
    """Go on with ticket NUMBER."""
    act(session, number, "resume")


@click.command()
@action
@click.argument("tier")
@text("Why.", name="--reason")
def tier(session: Session, number: str, tier: str, text: str) -> None:
    """Grade ticket NUMBER as TIER by hand; the customer hears of the new times."""
    act(session, number, "tier", text, target=tier)


def split_step(step: str) -> tuple[str, str, str]:
    """Read `what; who; when`, with full-width semicolons too. Raises UsageError."""
    parts = [part.strip() for part in step.replace("；", ";").rsplit(";", 2)]
    if len(parts) != 3 or not all(parts):
        raise UsageError(f"the step {step!r} is not understood: write 'what; who; 2026-03-06 17:00'")
    return parts[0], parts[1], parts[2]
