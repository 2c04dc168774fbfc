"""`engine workers`: which processes work on the database, and what each holds."""

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from engine.cli.session import FORMAT, Session, options

if TYPE_CHECKING:
    from engine.cli.output import Cell
    from engine.store.rows import WorkerRow

_ALL = 1_000_000


@click.command()
@options(FORMAT)
def command(session: Session) -> None:
    """List the processes of `engine run`: since when, which parts of the work, by which policy, and how many messages each is sending.

    One that stopped answering is listed for a day; what it was sending is sent by the others.
    """
    from engine.cli.output import say, say_json, span, table

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
    shown: list[list[Cell]] = [
        [
            (row["worker"], "bold"),
            (words.name(row["state"]), "green" if row["state"] == "alive" else "bold red"),
            f"{row['host']} {row['pid']}",
            ", ".join(row["parts"]),
            row["policy"][:12],
            words.clock(row["started_at"], seconds=True),
            words.clock(row["seen_at"], seconds=True),
            span(row["lease_left"]),
            str(len(row["messages"])),
        ]
        for row in rows
    ]
    table([words.name(key) for key in ("worker", "state", "process", "parts", "policy", "since", "seen", "lease_left", "sending")], shown)
    if given_up:
        say(f"{words.name('given_up')}: {', '.join(one['id'] for one in given_up)}", "yellow")


def _row(one: "WorkerRow", messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What is told of a worker that is sending these messages."""
    from engine.store.contract.workers import DEAD_AFTER

    return {
        "worker": one.id,
        "state": "alive" if one.silent < DEAD_AFTER else "silent",
        "host": one.host,
        "pid": one.pid,
        "parts": one.parts,
        "policy": one.policy,
        "started_at": one.started_at,
        "seen_at": one.seen_at,
        "lease_left": max(DEAD_AFTER - one.silent, timedelta(0)),
        "messages": messages,
    }
