"""`engine board`: open promises, the nearest deadline first; live on a terminal."""

import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from engine.analysis.board import Promise, promises, ticket_at
from engine.analysis.texts import instant
from engine.cli.output import Cell, bar, progress, say_json, shaped, show, span
from engine.cli.session import FORMAT, Desk, Session, options
from engine.cli.words import Words
from engine.core.fields import KINDS, OPEN_STATES
from engine.core.model import Ticket
from engine.errors import UsageError
from engine.runtime.clock import SystemClock
from engine.store import TicketQuery

REFRESH = 2.0
"""Seconds between two looks of the live board."""

_STYLES = {"calm": "green", "warned": "yellow", "alarming": "bold yellow", "overdue": "bold red", "paused": "dim"}
_NARROW, _WIDE = 72, 110
_FRAME = 5
"""Lines of a screen that are not promises: the heading, the table's head, the margin."""


@click.command()
@options(FORMAT)
@click.option("--queue", help="Only promises of this queue.")
@click.option("--agent", help="Only promises of this agent.")
@click.option("--tier", help="Only promises of this tier.")
@click.option("--kind", type=click.Choice(KINDS), help="Only promises of tickets of this kind.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many to show.")
@click.option("--at", metavar="WHEN", help="As it stood, or will stand if nothing else happens, at that moment: 2026-03-06 17:00.")
@click.option("--once", is_flag=True, help="Print it once, also on a terminal.")
def command(session: Session, limit: int, at: str | None, once: bool, **wanted: str | None) -> None:
    """Show the open promises, the nearest deadline first; on a terminal the board stays and follows. Ctrl-C leaves it."""
    live = sys.stdout.isatty() and not (once or at or session.json)
    with session.desk() as desk:
        _check(desk, wanted)
        if live:
            _follow(session, desk, wanted, limit)
            return
        when = instant(at, desk.words.timezone) if at else desk.now
        rows = look(desk, wanted, limit, when, past=when < desk.now)
    if session.json:
        say_json({"at": when, "promises": rows})
    else:
        _print(_drawn(rows, desk.words, when, shutil.get_terminal_size().columns))


def look(desk: Desk, wanted: dict[str, str | None], limit: int, at: datetime, past: bool = False) -> list[Promise]:
    """Return at most `limit` promises that fit `wanted` (queue, agent, tier, kind) at the instant `at`.

    What is `past` is replayed from the tickets' logs; what is ahead is what becomes of today's promises if nothing else happens.
    """
    filters = {"assignee" if name == "agent" else name: value for name, value in wanted.items() if value}
    if past:
        tickets = [one for one in _replayed(desk, at) if all(getattr(one, name) == value for name, value in filters.items())]
    else:
        with desk.store.read() as reader:
            # The tickets that are due first hold the promises that are due first, so `limit` of them are enough.
            tickets = reader.tickets(TicketQuery(states=OPEN_STATES, limit=limit, **filters))
    return promises(tickets, desk.policy, at)[:limit]


def _replayed(desk: Desk, at: datetime) -> list[Ticket]:
    with desk.store.read() as reader, progress(reader.opened_until(at), "replay") as each:
        replayed = [ticket_at(reader.events(number), at) for number in each]
    return [ticket for ticket in replayed if ticket is not None]


def _check(desk: Desk, wanted: dict[str, str | None]) -> None:
    """Raise UsageError for a queue, agent or tier that there is not."""
    known = {"queue": list(desk.policy.queues), "agent": list(desk.team.agents), "tier": [tier.id for tier in desk.policy.tiers]}
    for name, names in known.items():
        if wanted[name] and wanted[name] not in names:
            raise UsageError(f"there is no {name} {wanted[name]!r}; there are {', '.join(names)}")


def _follow(session: Session, desk: Desk, wanted: dict[str, str | None], limit: int) -> None:
    """Show the board until Ctrl-C; another policy in force gives it other words and warnings."""
    console = Console(highlight=False, markup=False)
    clock = SystemClock()

    def screen(desk: Desk) -> RenderableType:
        now = clock.now()
        return _drawn(look(desk, wanted, min(limit, max(1, console.height - _FRAME)), now), desk.words, now, console.width)

    try:
        with Live(screen(desk), console=console, screen=True, auto_refresh=False) as live:
            _refresh(session, desk, lambda desk: live.update(screen(desk), refresh=True))
    except KeyboardInterrupt:
        return


def _refresh(session: Session, desk: Desk, draw: Callable[[Desk], None]) -> None:
    while True:
        time.sleep(REFRESH)
        with desk.store.read() as reader:
            moved = reader.active_policy() != desk.policy.digest
        if moved:
            with session.desk() as fresh:
                draw(fresh)
        else:
            draw(desk)


def _drawn(rows: list[Promise], words: Words, at: datetime, width: int) -> RenderableType:
    overdue = sum(row.stage == "overdue" for row in rows)
    heading = Text(words.name("board", words.clock(at, seconds=True), str(len(rows)), str(overdue)), style="bold")
    if not rows:
        return Group(heading, Text(words.name("nothing")))
    keys, cells = _columns(words, width if sys.stdout.isatty() else None)
    return Group(heading, shaped([words.name(key) for key in keys], [cells(row) for row in rows]))


def _columns(words: Words, width: int | None) -> tuple[list[str], Callable[[Promise], list[Cell]]]:
    """Return the headings that fit into `width` columns (None: all of them), and what makes a row of them."""
    narrow = width is not None and width < _NARROW

    def cells(row: Promise) -> dict[str, Cell]:
        style = _STYLES[row.stage]
        late = row.left is not None and row.stage == "overdue"
        left = words.name("paused") if row.left is None else words.name("over" if late else "left_over", span(row.left))
        share = "" if row.used is None else f"{row.used:.0%}" if narrow else f"{bar(row.used)} {row.used:.0%}"
        return {
            "number": (row.number, "bold"),
            "tier": words.tier(row.tier),
            "clock": words.deadline(row.deadline),
            "due": words.clock(row.due),
            "left": (left, style),
            "used": (share, style),
            "queue": words.queue(row.queue),
            "assignee": words.party(row.assignee),
            "state": words.name(row.state),
        }

    keys = ["number", "clock", "left", "used", "assignee"]
    if not narrow:
        keys = ["number", "tier", "clock", "left", "used", "assignee"]
    if width is None or width >= _WIDE:
        keys = ["number", "tier", "clock", "due", "left", "used", "queue", "assignee", "state"]
    return keys, lambda row: [cells(row)[key] for key in keys]


def _print(drawn: RenderableType) -> None:
    show(drawn)
