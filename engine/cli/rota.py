"""`engine rota`: who is on, and who would hear of an escalation."""

from datetime import datetime
from typing import Any

import click

from engine.analysis.rota import WEEK, Rota, Watch
from engine.analysis.texts import instant
from engine.cli.output import Cell, say_json, table
from engine.cli.session import FORMAT, Desk, Session, options


@click.command("rota")
@options(FORMAT)
@click.option("--at", metavar="WHEN", help="At this time instead of now: 2026-03-06 17:00, or an ISO instant.")
@click.option("--week", is_flag=True, help="For seven days from then on, span by span.")
def command(session: Session, at: str | None, week: bool) -> None:
    """Show who is on, queue by queue: members on shift, lead and backups, and who would hear of an escalation."""
    with session.desk() as desk:
        when = instant(at, desk.words.timezone) if at else desk.now
        with desk.store.read() as reader:
            rota = Rota(desk.team, desk.policy, reader.agents())
        spans: list[tuple[datetime, datetime, Watch]] = []
        for queue in desk.policy.queues.values():
            spans += rota.week(queue, when) if week else [(when, when + WEEK, rota.watch(queue, when))]
        if session.json:
            say_json([_plain(desk, watch, start, end if week else None) for start, end, watch in spans])
            return
        headings = [*(("from", "until") if week else ()), "queue", "on_shift", "lead", "backup", "escalates_to"]
        shown = [[*((desk.words.clock(start), desk.words.clock(end)) if week else ()), *_cells(desk, watch)] for start, end, watch in spans]
        table([desk.words.name(key) for key in headings], shown, "" if week else desk.words.clock(when))


def _plain(desk: Desk, watch: Watch, start: datetime, end: datetime | None) -> dict[str, Any]:
    lead, *backup = watch.line
    return {
        "at": start,
        **({"until": end} if end else {}),
        "queue": watch.queue,
        "label": desk.words.queue(watch.queue),
        "on_shift": list(watch.members),
        "lead": _person(watch, lead),
        "backup": [_person(watch, agent) for agent in backup],
        "escalates_to": _person(watch, watch.answers),
    }


def _person(watch: Watch, agent: str) -> dict[str, Any]:
    return {"id": agent, "present": agent in watch.there}


def _cells(desk: Desk, watch: Watch) -> list[Cell]:
    words = desk.words

    def named(*agents: str) -> Cell:
        text = ", ".join(words.party(agent) for agent in agents)
        return text, "" if watch.there.intersection(agents) else "dim"

    lead, *backup = watch.line
    told = named(watch.answers)[0]
    reached = (told, "bold") if watch.answers in watch.there else (f"{told} ({words.name('off_shift')})", "red")
    on_shift = ", ".join(map(words.party, watch.members)) or "—"
    return [(words.queue(watch.queue), "bold"), on_shift, named(lead), named(*backup), reached]
