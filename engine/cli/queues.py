"""`engine inbox`, `engine outbox`: what came in, what goes out, and how to try again."""

from collections.abc import Iterable

import click

from engine.analysis.texts import picked
from engine.cli.output import say, say_json
from engine.cli.session import FORMAT, Session, options, user_name
from engine.errors import NotFound, Refused
from engine.runtime.dead_letters import requeue
from engine.store.codec import decode_plain

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
            found = reader.inbox(state, limit)
        words = desk.words
    rows = [picked(row, "id channel source_id received_at state attempts error ticket") for row in found]
    session.listed(words, rows, "id", "time=received_at", "channel", "state", "number=ticket", "error")


@inbox.command("show")
@options()
@click.argument("id", type=int)
@click.option("--raw", is_flag=True, help="Print the input exactly as it came, to be piped into a file.")
def inbox_show(session: Session, id: int, raw: bool) -> None:
    """Show one item as it came in and was understood."""
    with session.desk() as desk, desk.store.read() as reader:
        row = reader.inbox_row(id)
    if row is None:
        raise NotFound(f"there is no inbox item {id}")
    if raw:
        click.echo(row.raw, nl=False)
        return
    if row.error:
        say(row.error, "red")
    say_json(picked(row, "id channel state attempts ticket") | {"item": decode_plain(row.item_json)})


@inbox.command("requeue")
@options()
@click.argument("ids", type=int, nargs=-1, required=True)
def inbox_requeue(session: Session, ids: tuple[int, ...]) -> None:
    """Try items again that were set aside."""
    _try_again(session, "inbox", "inbox item", ids, "is not set aside")


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
        words = desk.words
    session.listed(words, rows, "id", "time=created_at", "channel", "to=party", "script", "state", "error")


@outbox.command("show")
@options()
@click.argument("id")
def outbox_show(session: Session, id: str) -> None:
    """Show one message with its text."""
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
    _try_again(session, "outbox", "message", ids, "is neither set aside nor held")


@outbox.command("release")
@options()
def outbox_release(session: Session) -> None:
    """Let go of every held message: `engine run` sends them, as `outbound` in engine.yaml says."""
    with session.desk() as desk:
        if desk.project.hold:
            raise Refused("outbound in engine.yaml is `hold`: nothing would be sent. Set it to `live` or to a redirect first")
        with desk.store.write() as tx:
            count = tx.release_held()
    say(f"{count} messages are on their way")


def _try_again(session: Session, kind: str, what: str, ids: Iterable[object], refusal: str) -> None:
    """Try each again, in a transaction of its own. Raises Refused at the first that cannot be."""
    with session.desk() as desk:
        for id in ids:
            with desk.store.write() as tx:
                if not requeue(tx, kind, str(id), desk.now, user_name()):
                    raise Refused(f"{what} {id} {refusal}, or there is none")
            say(f"{what} {id} is tried again")
