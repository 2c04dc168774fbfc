"""`engine db copy`: a whole installation from one database to another."""

from contextlib import closing

import click

from engine.cli.output import counting, say, say_json
from engine.cli.session import FORMAT, Session, options
from engine.core.lifecycle import evolve
from engine.errors import Refused
from engine.runtime.project import resolve_secrets
from engine.store import Reader, Transaction, open_store
from engine.store.copying import copy as copy_all
from engine.store.copying import replay


@click.group()
def group() -> None:
    """Move everything to another database."""


@group.command("copy")
@options(FORMAT)
@click.argument("source")
@click.argument("target")
def copy(session: Session, source: str, target: str) -> None:
    """Copy the database SOURCE to TARGET, which holds nothing yet: sqlite:///FILE or postgresql://…, either way.

    Write '${env:NAME}' or '${file:PATH}', in single quotes, where a URL holds a password. In TARGET counts and contents are held against
    SOURCE and every log is replayed, all in one transaction: if anything goes wrong, it stays empty.
    """
    urls = [resolve_secrets(url, session.root) for url in (source, target)]
    if urls[0].startswith("sqlite:///") and not (session.root / urls[0].removeprefix("sqlite:///")).exists():
        raise Refused(f"there is no database {source}")
    with closing(open_store(urls[0], session.root)) as old, closing(open_store(urls[1], session.root)) as new:
        for store in (old, new):
            store.lock_for_writing("engine db copy", alone=True)
        with old.read() as reader, new.write() as tx:
            counts = move(reader, tx)
    if session.json:
        say_json(counts)
        return
    say(f"{sum(counts.values())} rows, {counts['ticket']} tickets; contents are equal and every log replays")
    say(f"now put `database: {target}` into engine.yaml")


def move(source: Reader, target: Transaction) -> dict[str, int]:
    """Copy and replay, with bars on standard error where that is a terminal. Raises EngineError."""
    with counting("rows") as step:
        counts = copy_all(source, target, step)
    with counting("tickets") as step:
        replay(source, target, evolve, lambda total: step(1, total))
    return counts
