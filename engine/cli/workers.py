"""`engine workers`: which processes work on the database, and what each holds."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import click

from engine.analysis.texts import picked
from engine.cli.output import say, say_json, span
from engine.cli.session import FORMAT, Session, options
from engine.store.contract.workers import DEAD_AFTER
from engine.store.rows import WorkerRow

_ALL = 1_000_000


@click.command()
@options(FORMAT)
def command(session: Session) -> None:
    """List the processes of `engine run`: since when, which parts of the work, by which policy, and how many messages each is sending.

    One that stopped answering is listed for a day; what it was sending is sent by the others.
    """
    with session.desk() as desk:
        with desk.store.read() as reader:
            workers, sending = reader.workers(desk.now), reader.messages(state="sending", limit=_ALL)
        words = desk.words
    held: defaultdict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in sending:
        message = {"id": row.id, "ticket": row.ticket, "channel": row.channel, "since": row.sending_since, "attempt": row.attempts}
        held[row.worker].append(message)
    rows = [_row(one, held.pop(one.id, [])) for one in workers]
    given_up = [message for messages in held.values() for message in messages]
    if session.json:
        say_json({"workers": rows, "given_up": given_up})
        return
    words.table(
        rows,
        ("worker", lambda row: (row["worker"], "bold")),
        ("state", lambda row: (words.name(row["state"]), "green" if row["state"] == "alive" else "bold red")),
        ("process", lambda row: f"{row['host']} {row['pid']}"),
        "parts",
        ("policy", lambda row: row["policy"][:12]),
        ("since", lambda row: words.clock(row["started_at"], seconds=True)),
        ("seen", lambda row: words.clock(row["seen_at"], seconds=True)),
        ("lease_left", lambda row: span(row["lease_left"])),
        ("sending", lambda row: str(len(row["messages"]))),
    )
    if given_up:
        say(f"{words.name('given_up')}: {', '.join(one['id'] for one in given_up)}", "yellow")


def _row(one: WorkerRow, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What is told of a worker that is sending these messages."""
    return {
        "worker": one.id,
        "state": "alive" if one.silent < DEAD_AFTER else "silent",
        **picked(one, "host pid parts policy started_at seen_at"),
        "lease_left": max(DEAD_AFTER - one.silent, timedelta(0)),
        "messages": messages,
    }
