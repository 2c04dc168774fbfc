"""`engine ingest`: take in raw input by hand, through the same door as the channels."""

import sys
from pathlib import Path

import click
from msgspec import Struct

from engine.channels import Rejected
from engine.cli.app import FINDINGS
from engine.cli.output import say, say_json
from engine.cli.session import FORMAT, Session, options
from engine.runtime.engine import Engine
from engine.runtime.handle import Handled
from engine.store import InboxRow

_MOST_TURNS = 10_000


class Led(Struct, frozen=True):
    """What one item of a file led to: ticket, duplicate, nothing (with the reason), waiting, failed or not_understood."""

    file: str
    result: str
    ticket: str | None = None
    reason: str = ""


@click.command()
@options(FORMAT)
@click.argument("channel")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path, allow_dash=True, exists=True, dir_okay=False)
)
def command(session: Session, channel: str, files: tuple[Path, ...]) -> int:
    """Take in each FILE (`-`: standard input) as if CHANNEL had brought it, and say what it led to.

    The same input is taken in once, however often it is given. This is also how you retry what lay in var/bad/. It works while
    `engine run` is up. Exit code 1 if something was not understood.
    """
    found = []
    with session.engine() as engine:
        for file in files:
            raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
            found += take_in(engine, channel, raw, "stdin" if str(file) == "-" else file.name)
    if session.json:
        say_json(found)
    else:
        for led in found:
            say(": ".join(filter(None, (led.file, told(led)))))
    return FINDINGS if any(led.result in ("not_understood", "failed") for led in found) else 0


def take_in(engine: Engine, channel: str, raw: bytes, name: str) -> list[Led]:
    """Feed raw input through the engine's door and work on it; return what each item of it led to."""
    sources = [item.source_id for item in engine.channel(channel, opened=False).parse(raw, name) if not isinstance(item, Rejected)]
    known = {source for source in sources if _row(engine, channel, source)}
    _, reasons = engine.ingest(channel, raw, name)
    found = [Led(name, "not_understood", reason=reason) for reason in reasons]
    for source in sources:
        if source in known:
            row = _row(engine, channel, source)
            found.append(Led(name, "duplicate", row.ticket if row else None))
        else:
            found.append(_work(engine, channel, source, name))
    return found


def told(led: Led) -> str:
    """Return in words what an item led to."""
    match led.result:
        case "ticket":
            return f"ticket {led.ticket}"
        case "duplicate":
            return f"taken in before{f', ticket {led.ticket}' if led.ticket else ''}: nothing was done"
        case "not_understood":
            return f"not understood: {led.reason}; nothing of it was taken in"
        case "failed":
            return f"could not be handled: {led.reason}; it is tried again, see `engine inbox list`"
        case "nothing":
            return f"no ticket: {led.reason}" if led.reason else "handled, no ticket"
    return "taken in, and waiting for its turn"


def _work(engine: Engine, channel: str, source: str, name: str) -> Led:
    """Let the inbox work one item at a time until this one had its turn (or the daemon took it)."""
    heard: list[Handled] = []
    engine.listeners.append(heard.append)
    try:
        for _ in range(_MOST_TURNS):
            row = _row(engine, channel, source)
            if row is None or row.state != "pending" or row.attempts:
                break
            heard.clear()
            engine.work_inbox(1)
    finally:
        engine.listeners.remove(heard.append)
    if row is None or (row.state == "pending" and not row.attempts):
        return Led(name, "waiting")
    if row.state != "done":
        return Led(name, "failed", row.ticket, row.error or "")
    refused = heard[0].decision.refused if heard else None
    if refused or row.ticket is None:
        return Led(name, "nothing", row.ticket, refused or "")
    return Led(name, "ticket", row.ticket)


def _row(engine: Engine, channel: str, source: str) -> InboxRow | None:
    with engine.store.read() as reader:
        return reader.inbox_item(channel, source)
