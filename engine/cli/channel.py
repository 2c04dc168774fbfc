"""`engine channel`: which channels there are, and whether one works."""

from collections.abc import Mapping
from typing import Any

import click

from engine.cli.output import say, say_json
from engine.cli.session import FORMAT, Session, options


@click.group()
def group() -> None:
    """List channels and prove that one works."""


@group.command("list")
@options(FORMAT)
def list_(session: Session) -> None:
    """List the channels of the project."""
    with session.engine() as engine:
        rows: list[dict[str, Any]] = [
            {
                "name": one.name,
                "type": one.type,
                "transport": str(one.settings.get("transport") or _transport(engine.types[one.name].settings_schema)),
                "address": engine.types[one.name].address_kind.value,
                "can_send": engine.types[one.name].can_send,
            }
            for one in engine.project.channels
        ]
        words = session.words(engine.world.policy, engine.world.team)
        outbound = engine.project.outbound
    if session.json:
        say_json(rows)
        return
    sends = ("sends", lambda row: "✓" if row["can_send"] else "")
    words.table(rows, "name", "type", "channel=transport", "addresses=address", sends)
    say(f"outbound: {outbound}")


def _transport(schema: Mapping[str, Any]) -> str:
    """The transport a channel takes when none is set; empty where its type knows only one way."""
    return str(schema.get("properties", {}).get("transport", {}).get("default", ""))


@group.command("test")
@options()
@click.argument("name")
@click.argument("to", required=False)
def test(session: Session, name: str, to: str | None) -> None:
    """Prove that channel NAME works: log in, and send a test message to the address TO if it is given.

    The message goes out even while `outbound` is `hold`: you asked for it.
    """
    with session.engine() as engine:
        for line in engine.channel(name).check(to):
            say(f"✓ {line}", "green")
