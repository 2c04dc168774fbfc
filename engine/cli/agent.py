"""`engine agent`: who is there now, and who goes away for a while."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from engine.cli.session import ACTOR, FORMAT, Desk, Session, moment, options

if TYPE_CHECKING:
    from engine.cli.output import Cell
    from engine.store.rows import AgentRow


@click.group()
def group() -> None:
    """See who is there, go away, come back."""


@group.command("list")
@options(FORMAT)
def list_(session: Session) -> None:
    """List the agents: who is there now, how many open tickets they hold, and who is away until when."""
    from engine.cli.output import say_json, table

    with session.desk() as desk:
        with desk.store.read() as reader:
            kept, loads = reader.agents(), reader.loads()
        rows = [_row(desk, agent, kept.get(agent), loads.get(agent, 0)) for agent in desk.team.agents]
        words = desk.words
    if session.json:
        say_json(rows)
        return
    styles = {"present": "green", "away": "yellow", "off_shift": "dim"}
    shown: list[list[Cell]] = [
        [
            (row["id"], "bold"),
            row["name"],
            ", ".join(words.queue(queue) for queue in row["queues"]),
            (words.name(row["presence"]), styles[row["presence"]]),
            words.clock(row["until"]),
            f"{row['load']}/{row['capacity']}",
        ]
        for row in rows
    ]
    table([words.name(key) for key in ("id", "name", "queue", "presence", "until", "load")], shown)


@group.command("away")
@options(ACTOR)
@click.argument("agent")
@click.option("--until", metavar="WHEN", help="When they are back: 2026-03-06 17:00. Without it: when `engine agent back` says so.")
def away(session: Session, agent: str, until: str | None) -> None:
    """Say that AGENT is away: they get no new tickets; what becomes of theirs is policy (`on_away`)."""
    from engine.cli.output import say
    from engine.runtime.presence import go_away

    with session.engine() as engine:
        words = session.words(engine.world.policy, engine.world.team)
        back = moment(until, words.timezone) if until else None
        moved = go_away(engine, agent, back, session.actor(engine.world.team))
    say(words.name("is_away", words.party(agent), words.clock(back) or words.name("is_back_later")))
    if moved:
        say(words.name("offered", ", ".join(moved)))


@group.command("back")
@options(ACTOR)
@click.argument("agent")
def back(session: Session, agent: str) -> None:
    """Say that AGENT is there again; what waits for somebody is offered to them at once."""
    from engine.cli.output import say
    from engine.runtime.presence import come_back

    with session.engine() as engine:
        words = session.words(engine.world.policy, engine.world.team)
        come_back(engine, agent, session.actor(engine.world.team))
    say(words.name("is_back", words.party(agent)))


def _row(desk: Desk, id: str, kept: "AgentRow | None", load: int) -> dict[str, Any]:
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
