"""`engine agent`: who is there now, and who goes away for a while."""

from datetime import datetime
from typing import Any

import click

from engine.analysis.texts import instant
from engine.cli.output import say
from engine.cli.session import ACTOR, FORMAT, Desk, Session, options
from engine.runtime.presence import come_back, go_away
from engine.store.rows import AgentRow


@click.group()
def group() -> None:
    """See who is there, go away, come back."""


@group.command("list")
@options(FORMAT)
def list_(session: Session) -> None:
    """List the agents: who is there now, how many open tickets they hold, and who is away until when."""
    with session.desk() as desk:
        with desk.store.read() as reader:
            kept, loads = reader.agents(), reader.loads()
        rows = [_row(desk, agent, kept.get(agent), loads.get(agent, 0)) for agent in desk.team.agents]
        words = desk.words
    styles = {"present": "green", "away": "yellow", "off_shift": "dim"}
    session.listed(
        words,
        rows,
        ("id", lambda row: (row["id"], "bold")),
        "name",
        ("queue", lambda row: ", ".join(map(words.queue, row["queues"]))),
        ("presence", lambda row: (words.name(row["presence"]), styles[row["presence"]])),
        "until",
        ("load", lambda row: f"{row['load']}/{row['capacity']}"),
    )


@group.command("away")
@options(ACTOR)
@click.argument("agent")
@click.option("--until", metavar="WHEN", help="When they are back: 2026-03-06 17:00. Without it: when `engine agent back` says so.")
def away(session: Session, agent: str, until: str | None) -> None:
    """Say that AGENT is away: they get no new tickets; what becomes of theirs is policy (`on_away`)."""
    with session.engine() as engine:
        words = session.words(engine.world.policy, engine.world.team)
        back = instant(until, words.timezone) if until else None
        moved = go_away(engine, agent, back, session.actor(engine.world.team))
    say(words.name("is_away", words.party(agent), words.clock(back) or words.name("is_back_later")))
    if moved:
        say(words.name("offered", ", ".join(moved)))


@group.command("back")
@options(ACTOR)
@click.argument("agent")
def back(session: Session, agent: str) -> None:
    """Say that AGENT is there again; what waits for somebody is offered to them at once."""
    with session.engine() as engine:
        words = session.words(engine.world.policy, engine.world.team)
        come_back(engine, agent, session.actor(engine.world.team))
    say(words.name("is_back", words.party(agent)))


def _row(desk: Desk, id: str, kept: AgentRow | None, load: int) -> dict[str, Any]:
    agent = desk.team.agents[id]
    gone = kept is not None and kept.away(desk.now)
    until: datetime | None = kept.away_until if kept and gone else None
    present = desk.team.available(id, desk.now, desk.policy.calendars)
    return {
        "id": id,
        "name": agent.name,
        "queues": list(agent.queues),
        "presence": "away" if gone else "present" if present else "off_shift",
        "until": until,
        "by": kept.away_by if kept and gone else None,
        "load": load,
        "capacity": desk.policy.assignment.capacity if agent.capacity is None else agent.capacity,
    }
