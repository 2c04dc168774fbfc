"""What `engine replay` and `engine simulate` share: two policies, a record of what people did, and a table of what both make of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from engine.analysis.texts import instant
from engine.cli.output import Cell, Item, counting
from engine.cli.policy import files_of
from engine.cli.session import Desk
from engine.cli.test import own_channels
from engine.cli.words import Words
from engine.core.compiled import Policy
from engine.core.team import Team
from engine.errors import UsageError
from engine.policy import compile_files
from engine.policy.cases import Channels
from engine.runtime.policies import load_people, sound
from engine.whatif.recorded import Record, recorded
from engine.whatif.stories import Story, figures

Played = TypeVar("Played")

_USUAL = timedelta(days=30)
_WHOLE = ("needs", "escalated")
_NAMED = {"tier": Words.tier, "queue": Words.queue, "kept": Words.deadline, "missed": Words.deadline, "messages": Words.script}


class Side(Struct, frozen=True):
    """A policy, and the people who work by it."""

    policy: Policy
    team: Team


class Ground(Struct, frozen=True):
    """What both sides are played on: the record of a span, the channels, and the two sides, the old one first."""

    since: datetime
    record: Record
    channels: Channels
    sides: tuple[Side, Side]

    def played(self, play: Callable[[Side, str], Played]) -> tuple[Played, Played]:
        """Return what `play` makes of each side; it gets the side and its name. Two that are the same are played once."""
        old, new = self.sides
        first = play(old, "1/2")
        return first, first if (new.policy.digest, new.team) == (old.policy.digest, old.team) else play(new, "2/2")


def compared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the arguments that say which policies, and which span."""
    for option in (
        click.option("--to", "until", metavar="DATE", help="Up to this day, or a moment: 2026-03-06 17:00. Default: now."),
        click.option("--from", "since", metavar="DATE", help="Tickets opened from this day on. Default: thirty days ago."),
        click.argument("new", required=False),
        click.argument("old", default="active"),
    ):
        command = option(command)
    return command


def ground(desk: Desk, old: str, new: str | None, since: str | None, until: str | None) -> Ground:
    """Read what the arguments name: policies as `engine policy diff` does, people from a directory that has its own `team.yaml`.

    Raises UsageError, NotFound, Refused or PolicyBroken.
    """
    zone, now = desk.words.timezone, desk.now
    end = min(instant(until, zone), now) if until else now
    begin = instant(since, zone, day_ends=False) if since else end - _USUAL
    if begin >= end:
        raise UsageError(f"--from {since} does not lie before the end, {desk.words.clock(end)}")
    sides, channels = [_side(desk, version) for version in (old, new or str(desk.project.policies))], own_channels(desk.project)
    with desk.store.read() as reader:
        record = recorded(reader, channels, ZoneInfo(zone), begin, end)
    return Ground(begin, record, channels, (sides[0], sides[1]))


def _side(desk: Desk, version: str) -> Side:
    compilation = compile_files(files_of(desk.store, version))
    directory = Path(version) if (Path(version) / "team.yaml").is_file() else desk.project.policies
    return Side(sound(compilation), load_people(directory, compilation)[0])


def counted(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Go through the items with a bar on standard error where that is a terminal."""
    with counting(what) as step:
        for item in items:
            yield item
            step(1, len(items))


def heading(ground: Ground, words: Words) -> list[str]:
    """The heading of a table of both sides."""
    return [words.name("what"), *(side.policy.digest[:12] for side in ground.sides)]


def rows(stories: Sequence[Iterable[Story]], opened: Sequence[Counter[str]], words: Words) -> Iterator[tuple[Cell, ...]]:
    """What both sides come to, and wherever they differ, what of."""
    counts = [figures(one) for one in stories]
    yield row(words.name("sides.needs"), [one.get(("needs", ""), 0) for one in counts])
    for kind in dict.fromkeys(name for one in counts for part, name in one if part in ("kept", "missed")):
        yield row(words.name("sides.kept", words.deadline(kind)), [_share(one, kind) for one in counts])
    yield row(words.name("sides.messages"), [sum(count for (part, _), count in one.items() if part == "messages") for one in counts])
    yield row(words.name("sides.escalated"), [one.get(("escalated", ""), 0) for one in counts])
    for kind in sorted(set().union(*opened)):
        yield row(f"{words.name('sides.opened')}: {words.name(kind)}", [one[kind] for one in opened])
    for part, name in sorted(set().union(*counts)):
        of_it = [one.get((part, name), 0) for one in counts]
        if part in ("kind", "tier", "queue", "ended", "messages") and of_it[0] != of_it[1]:
            yield row(f"{words.name(f'sides.{part}')}: {named(part, name, words)}", of_it)


def row(what: str, values: Iterable[object]) -> tuple[Cell, ...]:
    """One line of the table; the new side stands out where it is not as the old one."""
    old, new = map(str, values)
    return what, old, (new, "" if old == new else "yellow")


def named(part: str, name: str, words: Words) -> str:
    """Return in people's words what is counted of a part."""
    known = _NAMED.get(part)
    return known(words, name) if known and name else words.name(name or "none")


def plain(stories: Iterable[Story]) -> dict[str, Any]:
    """Return the counts of stories for programs: a number, or numbers by name."""
    counts: dict[str, Any] = {}
    for (part, name), count in figures(stories).items():
        if part in _WHOLE:
            counts[part] = count
        else:
            counts.setdefault(part, {})[name or "none"] = count
    return counts


def _share(counts: Mapping[tuple[str, str], int], kind: str) -> str:
    kept, missed = counts.get(("kept", kind), 0), counts.get(("missed", kind), 0)
    return f"{kept / (kept + missed):.1%} ({kept}/{kept + missed})" if kept + missed else "–"
