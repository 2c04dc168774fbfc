"""`engine inbox`, `engine outbox`: what came in, what goes out, and how to try again."""

from typing import TYPE_CHECKING

import click

from engine.cli.session import FORMAT, Desk, Session, options, user_name
from engine.errors import NotFound, Refused

if TYPE_CHECKING:
    from engine.store import InboxRow, OutboxRow

LIMIT = click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many to show.")


@click.group()
def inbox() -> None:
    """See what came in, and try again what failed."""


@inbox.command("list")
@options(FORMAT)
@click.option("--state", type=click.Choice(["pending", "done", "dead"]), help="Only items in this state.")
@LIMIT
def inbox_list(session: Session, state: str | None, limit: int) -> None:
    """List what came in, the latest first."""
    with session.desk() as desk:
        with desk.store.read() as reader:
            rows = reader.inbox(state, limit)
        _print_inbox(session, desk, rows)


@inbox.command("show")
@options()
@click.argument("id", type=int)
@click.option("--raw", is_flag=True, help="Print the input exactly as it came, to be piped into a file.")
def inbox_show(session: Session, id: int, raw: bool) -> None:
    """Show one item as it came in and was understood."""
    from engine.cli.output import say, say_json
    from engine.store.codec import decode_plain

    with session.desk() as desk, desk.store.read() as reader:
        row = reader.inbox_row(id)
    if row is None:
        raise NotFound(f"there is no inbox item {id}")
    if raw:
        click.echo(row.raw, nl=False)
        return
    if row.error:
        say(row.error, "red")
    say_json(
        {
            "id": row.id,
            "channel": row.channel,
            "state": row.state,
            "attempts": row.attempts,
            "ticket": row.ticket,
            "item": decode_plain(row.item_json),
        }
    )


@inbox.command("requeue")
@options()
@click.argument("ids", type=int, nargs=-1, required=True)
def inbox_requeue(session: Session, ids: tuple[int, ...]) -> None:
    """Try items again that were set aside."""
    from engine.runtime.dead_letters import requeue

    with session.desk() as desk:
        for id in ids:
            with desk.store.write() as tx:
                if not requeue(tx, "inbox", str(id), desk.now, user_name()):
                    raise Refused(f"inbox item {id} is not set aside, or there is none")
            _said(f"inbox item {id} is tried again")


@click.group()
def outbox() -> None:
    """See what goes out, release what is held, try again what failed."""


@outbox.command("list")
@options(FORMAT)
@click.option("--state", type=click.Choice(["queued", "held", "sending", "sent", "delivered", "dead"]), help="Only messages in this state.")
@click.option("--ticket", help="Only messages about this ticket.")
@click.option("--channel", help="Only messages over this channel.")
@LIMIT
def outbox_list(session: Session, state: str | None, ticket: str | None, channel: str | None, limit: int) -> None:
    """List messages, oldest first."""
    with session.desk() as desk:
        with desk.store.read() as reader:
            rows = reader.messages(ticket=ticket, state=state, channel=channel, limit=limit)
        _print_outbox(session, desk, rows)


@outbox.command("show")
@options()
@click.argument("id")
def outbox_show(session: Session, id: str) -> None:
    """Show one message with its text."""
    from engine.cli.output import say

    with session.desk() as desk, desk.store.read() as reader:
        row = reader.message(id)
        if row is None:
            raise NotFound(f"there is no message {id}")
        text = reader.contents([row.content_id]).get(row.content_id, "")
        words = desk.words
    say(f"{row.id}  {words.name(row.state)}  {row.channel} → {words.party(row.party)} <{row.address}>", "bold")
    for line in (row.subject, row.error or ""):
        if line:
            say(line)
    say(f"\n{text}")


@outbox.command("requeue")
@options()
@click.argument("ids", nargs=-1, required=True)
def outbox_requeue(session: Session, ids: tuple[str, ...]) -> None:
    """Try messages again that were set aside or held."""
    from engine.runtime.dead_letters import requeue

    with session.desk() as desk:
        for id in ids:
            with desk.store.write() as tx:
                if not requeue(tx, "outbox", id, desk.now, user_name()):
                    raise Refused(f"message {id} is neither set aside nor held, or there is none")
            _said(f"message {id} is tried again")


@outbox.command("release")
@options()
def outbox_release(session: Session) -> None:
    """Let go of every held message: `engine run` sends them, as `outbound` in engine.yaml says."""
    with session.desk() as desk:
        if desk.project.hold:
            raise Refused("outbound in engine.yaml is `hold`: nothing would be sent. Set it to `live` or to a redirect first")
        with desk.store.write() as tx:
            count = tx.release_held()
    _said(f"{count} messages are on their way")


def _print_inbox(session: Session, desk: Desk, rows: list["InboxRow"]) -> None:
    from engine.cli.output import say_json, table

    if session.json:
        keys = ("id", "channel", "source_id", "received_at", "state", "attempts", "error", "ticket")
        say_json([{key: getattr(row, key) for key in keys} for row in rows])
        return
    words = desk.words
    if not rows:
        _said(words.name("nothing"))
        return
    table(
        [words.name(key) for key in ("id", "time", "channel", "state", "number", "error")],
        [
            (str(row.id), words.clock(row.received_at), row.channel, words.name(row.state), row.ticket or "", row.error or "")
            for row in rows
        ],
    )


def _print_outbox(session: Session, desk: Desk, rows: list["OutboxRow"]) -> None:
    from engine.cli.output import say_json, table

    if session.json:
        say_json(rows)
        return
    words = desk.words
    if not rows:
        _said(words.name("nothing"))
        return
    table(
        [words.name(key) for key in ("id", "time", "channel", "to", "script", "state", "error")],
        [
            (
                row.id,
                words.clock(row.created_at),
                row.channel,
                words.party(row.party),
                words.script(row.script),
                words.name(row.state),
                row.error or "",
            )
            for row in rows
        ],
    )


def _said(text: str) -> None:
    from engine.cli.output import say

    say(text)
