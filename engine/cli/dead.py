"""`engine dead`: what was set aside after its last attempt, why, and what is to become of it."""

from typing import Any

import click

from engine.cli.output import say, say_json
from engine.cli.queues import LIMIT
from engine.cli.session import ACTOR, FORMAT, Desk, Session, options, user_name
from engine.errors import NotFound, Refused, UsageError
from engine.runtime.dead_letters import dead_letters
from engine.runtime.dead_letters import drop as give_up
from engine.runtime.dead_letters import requeue as try_again
from engine.store import Reader

_KINDS = click.Choice(["inbox", "outbox", "timer"])
_CHANNEL = click.option("--channel", help="Only what came or goes over this channel.")
_ALL = 1_000_000


@click.group()
def command() -> None:
    """See everything that was set aside after its last attempt, try it again or give it up."""


@command.command("list")
@options(FORMAT)
@click.option("--kind", type=_KINDS, help="Only this kind.")
@_CHANNEL
@click.option("--dropped", is_flag=True, help="What was given up instead: when, by whom and why.")
@LIMIT
def list_(session: Session, kind: str | None, channel: str | None, dropped: bool, limit: int) -> None:
    """List inbox items, messages and timers that were set aside."""
    with session.desk() as desk, desk.store.read() as reader:
        words = desk.words
        given_up = [one for one in reader.dropped(limit) if kind in (None, one.kind)] if dropped else []
        found = [] if dropped else dead_letters(reader, kind, channel, limit)
    if dropped:
        session.listed(words, given_up, "time=at", "kind", "id=item", ("who", lambda one: one.who or ""), "error=detail")
    else:
        session.listed(words, found, ("kind", lambda one: one.kind), "id", "number=ticket", "channel", "attempts", "error")


@command.command()
@options(FORMAT)
@click.argument("kind", type=_KINDS)
@click.argument("id")
@click.option("--raw", is_flag=True, help="Of an inbox item, only the input exactly as it came, to be piped into a file.")
def show(session: Session, kind: str, id: str, raw: bool) -> None:
    """Show one whole: what came in or was to be said, what went wrong each time, and what people did about it."""
    with session.desk() as desk, desk.store.read() as reader:
        found = _found(reader, kind, id)
        trials, words = reader.trials(kind, id), desk.words
        text = reader.contents([found.content_id]).get(found.content_id, "") if kind == "outbox" else None
    body = text if text is not None else found.raw.decode("utf-8", "backslashreplace") if kind == "inbox" else ""
    if raw:
        if kind != "inbox":
            raise UsageError("only an inbox item has raw input; leave --raw away")
        click.echo(found.raw, nl=False)
        return
    told = {key: getattr(found, key) for key in _SHOWN if hasattr(found, key)}
    if session.json:
        say_json({"kind": kind, **told, "text": body, "history": trials})
        return
    say(f"{kind} {id}", "bold")
    for key, value in told.items():
        if value is not None:
            say(f"{words.name(key)}: {words.clock(value) if hasattr(value, 'astimezone') else value}")
    for one in trials:
        say(f"  {words.clock(one.at, seconds=True)}  {words.name(one.what)}  {one.who or ''}  {one.detail}")
    if body:
        say(f"\n{body}")


@command.command()
@options(ACTOR)
@click.argument("kind", type=_KINDS)
@click.argument("ids", nargs=-1)
@click.option("--all", "all_", is_flag=True, help="All of the kind.")
@_CHANNEL
def requeue(session: Session, kind: str, ids: tuple[str, ...], all_: bool, channel: str | None) -> None:
    """Try again: kind and ids as `engine dead list` shows them, or all of a kind."""
    if bool(ids) == all_ or (channel and not all_):
        raise UsageError("name ids, or say --all, with --channel NAME only those of a channel")
    with session.desk() as desk:
        who = _who(session, desk)
        with desk.store.write() as tx:
            wanted = [one.id for one in dead_letters(tx, kind, channel, _ALL)] if all_ else ids
            for id in wanted:
                if not try_again(tx, kind, id, desk.now, who):
                    raise Refused(f"{kind} {id} is not set aside, or there is none")
        words = desk.words
    say(words.name("tried_again", str(len(wanted))))


@command.command()
@options(ACTOR)
@click.argument("kind", type=_KINDS)
@click.argument("id")
@click.option("--reason", required=True, help="Why; it is kept with your name.")
def drop(session: Session, kind: str, id: str, reason: str) -> None:
    """Give one up: it is never tried again. What came in or was to be said stays, with who gave it up and why."""
    if not reason.strip():
        raise UsageError("say why with --reason: it is all that will be known of it later")
    with session.desk() as desk:
        with desk.store.write() as tx:
            if not give_up(tx, kind, id, desk.now, _who(session, desk), reason.strip()):
                raise Refused(f"{kind} {id} is not set aside, or there is none")
        say(desk.words.name("given_up", kind, id))


_SHOWN = ("ticket", "channel", "source_id", "received_at", "party", "address", "subject", "due", "attempts", "error", "dropped_at")


def _found(reader: Reader, kind: str, id: str) -> Any:
    ticket, _, key = id.partition("/")
    if kind == "inbox":
        row: Any = reader.inbox_row(int(id)) if id.isdecimal() else None
    elif kind == "outbox":
        row = reader.message(id)
    else:
        row = next((timer for timer in reader.timers(ticket) if timer.key == key), None)
    if row is None:
        raise NotFound(f"there is no {kind} {id}; `engine dead list` shows what was set aside, with --dropped what was given up")
    return row


def _who(session: Session, desk: Desk) -> str:
    return session.known_actor(desk.team) or user_name()
