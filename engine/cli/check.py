"""`engine check`: whether the database keeps its own invariants."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

import click

from engine.cli.output import counting, say, say_json
from engine.cli.session import FORMAT, Session, by_locale, options
from engine.cli.words import Words
from engine.core.lifecycle import evolve
from engine.runtime.clock import SystemClock
from engine.store import Finding, Reader, Store

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6")


@click.command()
@options(FORMAT)
@click.option("--drained", is_flag=True, help="Everything due was worked off: what still waits is a finding too.")
@click.option("--sent", type=click.File("rb"), help="All message ids that the carriers were given, one a line, each as often as it came.")
@click.option("--crashes", type=click.IntRange(0), default=0, help="How often a process may have died while it sent, for --sent.")
def command(session: Session, drained: bool, sent: BinaryIO | None, crashes: int) -> int:
    """Hold the database against its own log: I1 to I6, each ok or with what breaks it. Nothing is changed; a daemon may be at work."""
    with session.store() as (_, store):
        found = look(store, SystemClock().now() if drained else None)
        if sent is not None:
            with store.read() as reader:
                found += copies(reader, Counter(line.decode().strip() for line in sent if line.strip()), crashes)
    by_name = {name: [one.text for one in found if one.invariant == name] for name in INVARIANTS}
    if session.json:
        say_json({"ok": not found, "findings": {name: None if name == "I3" and sent is None else by_name[name] for name in INVARIANTS}})
        return int(bool(found))
    words = Words(session.language or by_locale() or "en")
    for name, texts in by_name.items():
        skipped = name == "I3" and sent is None
        stands = words.name("not_checked") if skipped else str(len(texts)) if texts else "ok"
        say(f"{name}  {words.name(f'invariant.{name}')}: {stands}", "dim" if skipped else "red" if texts else "green")
        for text in texts:
            say(f"    {words.spoken(text)}")
    return int(bool(found))


def look(store: Store, drained_at: datetime | None = None) -> list[Finding]:
    """Return what is wrong with a store, with a bar on standard error where that is a terminal."""
    with counting("tickets") as step, store.read() as reader:
        return reader.integrity(evolve, drained_at, lambda total: step(1, total))


def copies(reader: Reader, seen: Counter[str], crashes: int) -> Iterator[Finding]:
    """Yield what is wrong with how often the carriers were given each message; each crash may have doubled one."""
    for id, times in sorted(seen.items()):
        if reader.message(id) is None:
            yield Finding("I3", f"a carrier was given {id}, which no message is called")
        elif times > 1 + crashes:
            yield Finding("I3", f"message {id} reached its carrier {times} times")
    for state in ("sent", "delivered"):
        for row in reader.messages(state=state, limit=sys.maxsize):
            if (row.digest or row.id) not in seen:
                yield Finding("I3", f"message {row.id} is {state}, but no carrier was given it")
