"""`engine policy repromise`: the promises of open tickets moved to the policy in force, on purpose."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import click
from msgspec import Struct

from engine.cli.app import FINDINGS
from engine.cli.output import Cell, say, say_json, span, table
from engine.cli.session import ACTOR, FORMAT, Session, options
from engine.cli.ticket.overview import time_left
from engine.cli.words import Words
from engine.core.calendar import CalendarUnknown
from engine.core.events import DeadlineMoved
from engine.core.fields import FIELDS, OPEN_STATES
from engine.core.model import Ticket
from engine.core.signals import RenewalRequested
from engine.errors import UsageError
from engine.policy.diagnostics import suggestion
from engine.runtime.engine import Engine
from engine.store import TicketQuery

_ALL = 1_000_000


class Renewed(Struct, frozen=True):
    """What became of one ticket's promises; `error` says why nothing did."""

    ticket: str
    moved: tuple[DeadlineMoved, ...] = ()
    error: str | None = None


@click.command()
@options(ACTOR, FORMAT)
@click.option(
    "--where",
    "wanted",
    multiple=True,
    required=True,
    metavar="FIELD=VALUE",
    help="Which open tickets, such as tier=urgent; of several, all fields must fit, and of one field any of its values.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be moved, and save nothing.")
def command(session: Session, wanted: tuple[str, ...], dry_run: bool) -> int:
    """Move the promises of open tickets to the policy in force, and list the old and new deadlines.

    Without this they keep the promises they were given. Clocks are counted anew from their start, with their pauses; what was missed
    stays missed, and what is overdue by the new promise is missed at once. Warnings and reminders are set as the policy in force says.
    """
    with session.engine() as engine:
        tickets, team = matching(engine, wanted), engine.world.team
        actor = (session.known_actor(team) or "system") if dry_run else session.actor(team)
        found = [_renew(engine, ticket.number, actor, dry_run) for ticket in tickets]
        words, now = session.words(engine.world.policy, team), engine.clock.now()
        digest = engine.world.policy.digest
    if session.json:
        say_json({"policy": digest, "saved": not dry_run, "tickets": found})
    else:
        _say(found, dry_run, words, now)
    return FINDINGS if any(one.error for one in found) else 0


def matching(engine: Engine, wanted: Sequence[str]) -> list[Ticket]:
    """Return the open tickets that fit every `FIELD=VALUE`. Raises UsageError for a field or a value that does not exist."""
    with engine.store.read() as reader:
        tickets = reader.tickets(TicketQuery(states=OPEN_STATES, limit=_ALL))
    fields = _fields(engine)
    values: dict[str, set[str]] = {}
    for one in wanted:
        name, equals, value = (part.strip() for part in one.removeprefix("ticket.").partition("="))
        if not equals:
            raise UsageError(f"--where {one}: write FIELD=VALUE, such as tier=urgent")
        if name not in fields:
            raise UsageError(f"--where {one}: there is no field {name!r}; {suggestion(name, fields)}")
        known = {*fields[name], *(held for ticket in tickets if (held := getattr(ticket, name)) is not None)}
        if value not in known:
            raise UsageError(f"--where {one}: no open ticket has the {name} {value!r}; {suggestion(value, known)}")
        values.setdefault(name, set()).add(value)
    return [ticket for ticket in tickets if all(getattr(ticket, name) in those for name, those in values.items())]


def _fields(engine: Engine) -> Mapping[str, Collection[str]]:
    """The fields of a ticket that `--where` may ask, as matchers do, with the values that are known of each."""
    policy = engine.world.policy
    known: dict[str, Collection[str]] = {
        "tier": [tier.id for tier in policy.tiers],
        "queue": policy.queues,
        "channel": engine.world.channels,
        "language": policy.company.languages,
        "assignee": engine.world.team.agents,
        "state": OPEN_STATES,
    }
    choices = {
        name.removeprefix("ticket."): field.choices
        for name, field in FIELDS.items()
        if field.type == "choice" and name.startswith("ticket.")
    }
    return {name: known.get(name, found) for name, found in choices.items()}


def _renew(engine: Engine, number: str, actor: str, dry_run: bool) -> Renewed:
    through = engine.foresee if dry_run else engine.handle
    try:
        decision = through(RenewalRequested(number, actor)).first
    except CalendarUnknown as unknown:
        return Renewed(number, error=str(unknown))
    return Renewed(number, tuple(event for event in decision.events if isinstance(event, DeadlineMoved)))


def _say(found: Sequence[Renewed], dry_run: bool, words: Words, now: datetime) -> None:
    rows = [(one.ticket, *_row(event, words, now)) for one in found for event in one.moved]
    if rows:
        table([words.name(key) for key in ("number", "clock", "budget", "due", "left")], rows)
    for one in found:
        if one.error:
            say(f"{one.ticket}: {one.error}", "red")
    changed = sum(bool(one.moved) for one in found)
    say(words.name("would_renew" if dry_run else "renewed", str(len(found)), str(changed), str(len(rows))), "bold")


def _row(event: DeadlineMoved, words: Words, now: datetime) -> tuple[Cell, ...]:
    """One promise: its name, the budget and the due instant before and now, how much time is left by it."""

    def due(at: datetime | None) -> str:
        return words.clock(at) or words.name("paused")

    budgets = " → ".join(span(budget) if budget else "?" for budget in (event.budget_before, event.budget))
    left: Cell = time_left(event.due, now, event.started_at, words) if event.due else ""
    return words.deadline(event.id), budgets, f"{due(event.due_before)} → {due(event.due)}", left
