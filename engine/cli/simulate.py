"""`engine simulate`: whether a team would keep the promises, if so much came and took so long."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import click

from engine.analysis.texts import length
from engine.cli.output import Cell, say, say_json, table
from engine.cli.session import FORMAT, Session, options
from engine.cli.sides import Ground, compared, counted, ground, heading, plain, row, rows
from engine.cli.words import Words
from engine.core.fields import NEEDS
from engine.errors import UsageError
from engine.whatif.simulate import Effort, Simulated, arrivals, simulate

_TOLD = ("opened", "busy", "longest")


@click.command()
@options(FORMAT)
@compared
@click.option("--handling", multiple=True, metavar="TIME", default=("20m",), show_default=True,
              help="How long a need takes an agent on average; of one kind: complaint=40m. May be repeated.")  # fmt: skip
@click.option("--volume", type=click.FloatRange(0, 100, min_open=True), default=1.0, show_default=True, help="How often each need comes.")
@click.option("--seed", default=1, show_default=True, help="Of the random numbers.")
def command(
    session: Session, old: str, new: str | None, since: str | None, until: str | None, handling: Sequence[str], volume: float, seed: int
) -> None:
    """Let the needs of a span come again and each agent work on one at a time, and say how far the team keeps what OLD and NEW promise.

    Both are `active`, a digest or its beginning, or a directory, with its own team.yaml or without; by default the policy in force and the
    project's directory. Nothing is kept, nobody is told. docs/policies.md says what is assumed.
    """
    effort = _effort(handling, volume, seed)
    with session.desk() as desk:
        on = ground(desk, old, new, since, until)
        words = session.words(on.sides[1].policy, desk.team)
    deeds, span = arrivals(on.record, effort), (on.since, on.record.until)
    sides = on.played(lambda side, name: simulate(counted(deeds, name), side.policy, side.team, on.channels, span, effort))
    if session.json:
        say_json(_plain(on, effort, sides))
        return
    say(words.name("simulate.head", *(words.clock(at) for at in span), str(len(deeds)), f"{volume:g}", ", ".join(handling)), "bold")
    if deeds:
        table(
            heading(on, words),
            [*rows([one.stories.values() for one in sides], [one.opened for one in sides], words), *_people(sides, words)],
        )


def _effort(handling: Sequence[str], volume: float, seed: int) -> Effort:
    """Read how long needs take. Raises UsageError."""
    times = {"": timedelta(minutes=20)}
    for text in handling:
        kind, equals, said = text.rpartition("=")
        if equals and kind not in NEEDS:
            raise UsageError(f"--handling {text}: there is no kind {kind!r}; there are {', '.join(NEEDS)}")
        if not (time := length(said)):
            raise UsageError(f"--handling {text}: nothing is done in no time; write 20m, 1h 30m or complaint=40m")
        times[kind] = time
    return Effort(volume, times.pop(""), times, seed)


def _people(sides: Sequence[Simulated], words: Words) -> Iterator[tuple[Cell, ...]]:
    for queue in sorted({queue for one in sides for queue in one.longest}):
        yield row(words.name("simulate.waiting", words.queue(queue)), [one.longest.get(queue, 0) for one in sides])
    for agent in dict.fromkeys(agent for one in sides for agent in one.busy):
        shares: list[Mapping[str, float]] = [one.busy for one in sides]
        if any(one.get(agent) for one in shares):
            yield row(words.name("simulate.busy", words.party(agent)), [f"{one[agent]:.0%}" if agent in one else "–" for one in shares])


def _plain(on: Ground, effort: Effort, sides: Sequence[Simulated]) -> dict[str, Any]:
    told = [
        {"policy": side.policy.digest, "counts": plain(one.stories.values())} | {name: getattr(one, name) for name in _TOLD}
        for side, one in zip(on.sides, sides, strict=True)
    ]
    return {"from": on.since, "to": on.record.until, "effort": effort, "old": told[0], "new": told[1]}
