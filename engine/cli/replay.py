"""`engine replay`: what another policy would have made of the tickets that there were."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click
from msgspec import Struct

from engine.cli.output import say, say_json, table
from engine.cli.session import FORMAT, Desk, Session, options
from engine.cli.sides import Ground, Side, compared, counted, ground, heading, named, plain, row, rows
from engine.cli.words import Words
from engine.whatif.replay import Replayed, on_record, replay
from engine.whatif.stories import Story

_GRADED = ("kind", "tier", "queue", "promises")


class _Run(Struct, frozen=True):
    """What was replayed on which ground, what is on record, and what each of the two sides makes of it."""

    ground: Ground
    stories: dict[str, Story]
    old: Replayed
    new: Replayed

    @property
    def changed(self) -> Iterator[tuple[str, Story | None, Story | None, tuple[str, ...]]]:
        """Each need that goes otherwise: its number, both stories, and which parts differ."""
        for number in self.stories:
            old, new = self.old.stories.get(number), self.new.stories.get(number)
            known = old or new
            if known is not None and (changes := known.changes(new if known is old else old)):
                yield number, old, new, changes

    @property
    def as_recorded(self) -> int:
        """How many needs the old policy grades, routes and promises as it stands in the log."""
        pairs = ((story, self.old.stories.get(number)) for number, story in self.stories.items())
        return sum(again is not None and not set(_GRADED) & set(story.changes(again)) for story, again in pairs)


@click.command()
@options(FORMAT)
@compared
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many of the needs that go otherwise to list.")
def command(session: Session, old: str, new: str | None, since: str | None, until: str | None, limit: int) -> None:
    """Play again what people did, and say what NEW would have made of it against OLD: `active`, a digest or its beginning, or a directory.

    Default: the project's directory against the policy in force. Nothing is kept, nobody is told. People do again what they did at its
    time; what they would have done otherwise under another policy nobody knows.
    """
    with session.desk() as desk:
        run = _run(desk, ground(desk, old, new, since, until))
        words = session.words(run.ground.sides[1].policy, desk.team)
    if session.json:
        say_json(_plain(run))
        return
    record = run.ground.record
    begin, end = (words.clock(at) for at in (run.ground.since, record.until))
    say(words.name("replay.head", begin, end, str(len(run.stories)), str(len(record.deeds))), "bold")
    if not run.stories:
        return
    say(words.name("replay.fidelity", str(run.as_recorded), str(len(run.stories))))
    if left_out := sum(record.left_out.values()):
        say(words.name("replay.left_out", str(left_out)), "yellow")
    sides = (run.old, run.new)
    refused = row(words.name("replay.refused"), [sum(one.refused.values()) + one.nowhere for one in sides])
    table(heading(run.ground, words), [*rows([one.stories.values() for one in sides], [one.opened for one in sides], words), refused])
    changed = sorted(run.changed, key=_weight)
    say(words.name("replay.changed", str(len(changed))), "bold")
    if changed[:limit]:
        listed = [(number, "; ".join(_told(old, new, changes, words))) for number, old, new, changes in changed[:limit]]
        table([words.name("number"), f"{words.name('replay.old')} → {words.name('replay.new')}"], listed)


def _run(desk: Desk, on: Ground) -> _Run:
    with desk.store.read() as reader:
        old, new = on.played(
            lambda side, name: replay(reader, on.record, side.policy, side.team, on.channels, on.since, counted(on.record.deeds, name))
        )
        return _Run(on, on_record(reader, on.record), old, new)


def _weight(change: tuple[str, Story | None, Story | None, tuple[str, ...]]) -> tuple[bool, bool]:
    """What is promised and kept otherwise comes first, then what is graded or routed otherwise."""
    _, old, new, parts = change
    return old is not None and new is not None and "kept" not in parts, not {"kind", "tier", "queue"} & set(parts)


def _told(old: Story | None, new: Story | None, changes: tuple[str, ...], words: Words) -> Iterator[str]:
    """What goes otherwise, part by part, in people's words."""
    if old is None or new is None:
        yield words.name("replay.only_old" if new is None else "replay.only_new")
        return
    for part in changes:
        before, after = getattr(old, part), getattr(new, part)
        if not isinstance(before, dict):
            yield f"{words.name(f'sides.{part}')}: {_value(part, before, words)} → {_value(part, after, words)}"
            continue
        for key in (key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)):
            name = named("messages" if part == "messages" else "kept", key, words)
            yield f"{name}: {_value(part, before.get(key), words)} → {_value(part, after.get(key), words)}"


def _value(part: str, value: Any, words: Words) -> str:
    if isinstance(value, bool):
        return words.name("met" if value else "overdue")
    if isinstance(value, datetime):
        return words.clock(value)
    return "–" if value is None else str(value) if isinstance(value, int) else named(part, value, words)


def _plain(run: _Run) -> dict[str, Any]:
    def of(side: Side, one: Replayed) -> dict[str, Any]:
        counts = plain(one.stories.values())
        return {"policy": side.policy.digest, "counts": counts, "opened": one.opened, "refused": one.refused, "nowhere": one.nowhere}

    old, new = run.ground.sides
    return {
        "from": run.ground.since,
        "to": run.ground.record.until,
        "needs": len(run.stories),
        "deeds": len(run.ground.record.deeds),
        "left_out": run.ground.record.left_out,
        "as_recorded": run.as_recorded,
        "old": of(old, run.old),
        "new": of(new, run.new),
        "changed": [{"ticket": number, "changes": parts, "old": old, "new": new} for number, old, new, parts in run.changed],
    }
