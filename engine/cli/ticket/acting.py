"""What every action on a ticket shares: who acts, the one door, and what is said about the outcome."""

from collections.abc import Callable
from typing import Any

import click

from engine.cli.output import say, say_json
from engine.cli.session import ACTOR, FORMAT, Session, options, read_text
from engine.core.signals import AgentActed, Signal
from engine.errors import Refused
from engine.runtime.engine import Engine
from engine.runtime.handle import Outcome

NUMBER = click.argument("number")


def text(what: str, *, required: bool = True, name: str = "--text") -> Callable[..., Any]:
    """The option for what is said: words, or `-` for standard input."""
    return click.option(name, "text", required=required, metavar="TEXT", help=f"{what} `-` reads it from standard input.")


def action(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give an action its shared options and the ticket's number."""
    return options(ACTOR, FORMAT)(NUMBER(verb))


def act(session: Session, number: str, name: str, text: str | None = None, **given: Any) -> None:
    """Do `name` on the ticket and say where it stands then. Raises Refused with the reason, NotFound, UsageError."""
    with session.engine() as engine:
        carry_out(engine, session, number, name, read_text(text), **given)


def carry_out(engine: Engine, session: Session, number: str, name: str, text: str, **given: Any) -> None:
    """The same with an engine that is open already."""
    actor = session.actor(engine.world.team)
    let_through(engine, session, AgentActed(ticket=number, action=name, actor=actor, text=text, **given))


def let_through(engine: Engine, session: Session, signal: Signal) -> None:
    """Let a signal through the door and say what came of it. Raises Refused with the reason, NotFound."""
    outcome = engine.handle(signal)
    if outcome.first.refused is not None:
        raise Refused(outcome.first.refused)
    _say(engine, session, outcome)


def _say(engine: Engine, session: Session, outcome: Outcome) -> None:
    """Say what happened by this action, and what is due next."""
    ticket = outcome.first.ticket
    assert ticket is not None  # noqa: S101  # an action is always about a ticket that is there
    opened = [one.number for one in outcome.handled[1:] if one.number != ticket.number]
    running = [clock for clock in ticket.deadlines.values() if clock.running and clock.due]
    following = min(running, key=lambda clock: clock.due or ticket.opened_at, default=None)
    if session.json:
        say_json(
            {
                "ticket": ticket.number,
                "state": ticket.state,
                "assignee": ticket.assignee,
                "tier": ticket.tier,
                "events": [event.name for event in outcome.first.events],
                "tickets": opened,
                "next_due": {"deadline": following.id, "due": following.due} if following else None,
            }
        )
        return
    words = session.words(engine.world.policy, engine.world.team)
    say(f"{ticket.number}  {words.name(ticket.state)}  {words.party(ticket.assignee)}", "bold")
    for event in outcome.first.events:
        say(f"  {words.event(event)}")
    if opened:
        say(f"  → {', '.join(filter(None, opened))}")
    if following is not None and following.due is not None:
        say(f"  {words.name('due')}: {words.deadline(following.id)} {words.clock(following.due)}")
