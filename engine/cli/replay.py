"""`engine replay`: what another policy would have made of the tickets that there were."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from engine.analysis.texts import instant
from engine.cli.output import Cell, counting, say, say_json, table
from engine.cli.policy import files_of
from engine.cli.session import FORMAT, Desk, Session, options
from engine.cli.test import own_channels
from engine.cli.words import Words
from engine.core.compiled import Policy
from engine.errors import UsageError
from engine.policy import compile_files
from engine.runtime.policies import load_people, sound
from engine.whatif.recorded import Record, recorded
from engine.whatif.replay import Replayed, Story, figures, on_record, replay

_USUAL = timedelta(days=30)
_GRADED = ("kind", "tier", "queue", "promises")
_WORDS = {"tier": Words.tier, "queue": Words.queue, "kept": Words.deadline, "missed": Words.deadline, "messages": Words.script}


class _Run(Struct, frozen=True):
    """What was replayed: from when on, by which policies, what is on record, and what each of the two makes of it."""

    since: datetime
    policies: tuple[Policy, Policy]
    record: Record
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
@click.argument("old", default="active")
@click.argument("new", required=False)
@options(FORMAT)
@click.option("--from", "since", metavar="DATE", help="Tickets opened from this day on. Default: thirty days ago.")
@click.option("--to", "until", metavar="DATE", help="Up to this day, or a moment: 2026-03-06 17:00. Default: now.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many of the needs that go otherwise to list.")
def command(session: Session, old: str, new: str | None, since: str | None, until: str | None, limit: int) -> None:
    """Play again what people did, and say what NEW would have made of it against OLD: `active`, a digest or its beginning, or a directory.

    Default: the project's directory against the policy in force. Nothing is kept, nobody is told. People do again what they did at its
    time; what they would have done otherwise under another policy nobody knows.
    """
    with session.desk() as desk:
        run = _run(desk, old, new, since, until)
        words = session.words(run.policies[1], desk.team)
    if session.json:
        say_json(_plain(run))
        return
    begin, end = (words.clock(at) for at in (run.since, run.record.until))
    say(words.name("replay.head", begin, end, str(len(run.stories)), str(len(run.record.deeds))), "bold")
    if not run.stories:
        return
    say(words.name("replay.fidelity", str(run.as_recorded), str(len(run.stories))))
    if left_out := sum(run.record.left_out.values()):
        say(words.name("replay.left_out", str(left_out)), "yellow")
    table([words.name("what"), run.policies[0].digest[:12], run.policies[1].digest[:12]], list(_rows(run, words)))
    changed = sorted(run.changed, key=_weight)
    say(words.name("replay.changed", str(len(changed))), "bold")
    if changed[:limit]:
        rows = [(number, "; ".join(_told(old, new, changes, words))) for number, old, new, changes in changed[:limit]]
        table([words.name("number"), f"{words.name('replay.old')} → {words.name('replay.new')}"], rows)


def _run(desk: Desk, old: str, new: str | None, since: str | None, until: str | None) -> _Run:
    zone, now = desk.words.timezone, desk.now
    end = min(instant(until, zone), now) if until else now
    begin = instant(since, zone, day_ends=False) if since else end - _USUAL
    if begin >= end:
        raise UsageError(f"--from {since} does not lie before the end, {desk.words.clock(end)}")
    compiled = [compile_files(files_of(desk.store, version)) for version in (old, new or str(desk.project.policies))]
    policies, channels = [sound(one) for one in compiled], own_channels(desk.project)
    with desk.store.read() as reader:
        record = recorded(reader, channels, ZoneInfo(zone), begin, end)
        replayed = []
        for name, policy, compilation in zip(("1/2", "2/2"), policies, compiled, strict=True):
            team, _ = load_people(desk.project.policies, compilation)
            with counting(name) as step:
                deeds = _counted(record, step)
                replayed.append(replay(reader, record, policy, team, channels, begin, deeds))
        return _Run(begin, (policies[0], policies[1]), record, on_record(reader, record), replayed[0], replayed[1])


def _counted(record: Record, step: Any) -> Iterator[Any]:
    for deed in record.deeds:
        yield deed
        step(1, len(record.deeds))


def _weight(change: tuple[str, Story | None, Story | None, tuple[str, ...]]) -> tuple[bool, bool]:
    """What is promised and kept otherwise comes first, then what is graded or routed otherwise."""
    _, old, new, parts = change
    return old is not None and new is not None and "kept" not in parts, not {"kind", "tier", "queue"} & set(parts)


def _rows(run: _Run, words: Words) -> Iterator[tuple[Cell, Cell, Cell]]:
    """What both policies come to, and wherever they differ, what of."""
    old, new = (figures(one.stories.values()) for one in (run.old, run.new))
    yield words.name("replay.needs"), str(old.get(("needs", ""), 0)), str(new.get(("needs", ""), 0))
    for kind in dict.fromkeys(name for part, name in (*old, *new) if part in ("kept", "missed")):
        yield _differing(words.name("replay.kept", words.deadline(kind)), _share(old, kind), _share(new, kind))
    before, after = (sum(count for (part, _), count in one.items() if part == "messages") for one in (old, new))
    yield _differing(words.name("replay.messages"), str(before), str(after))
    yield _differing(words.name("replay.escalated"), str(old.get(("escalated", ""), 0)), str(new.get(("escalated", ""), 0)))
    refused = [sum(one.refused.values()) + one.nowhere for one in (run.old, run.new)]
    yield _differing(words.name("replay.refused"), *map(str, refused))
    for kind in sorted({*run.old.opened, *run.new.opened}):
        counts = (str(one.opened[kind]) for one in (run.old, run.new))
        yield _differing(f"{words.name('replay.opened')}: {words.name(kind)}", *counts)
    for part, name in sorted({*old, *new}):
        before, after = old.get((part, name), 0), new.get((part, name), 0)
        if before != after and part in ("kind", "tier", "queue", "ended", "messages"):
            yield _differing(f"{words.name(f'replay.{part}')}: {_name(part, name, words)}", str(before), str(after))


def _differing(what: str, old: str, new: str) -> tuple[Cell, Cell, Cell]:
    return what, old, (new, "" if old == new else "yellow")


def _share(counts: Mapping[tuple[str, str], int], kind: str) -> str:
    kept, missed = counts.get(("kept", kind), 0), counts.get(("missed", kind), 0)
    return f"{kept / (kept + missed):.1%} ({kept}/{kept + missed})" if kept + missed else "–"


def _name(part: str, name: str, words: Words) -> str:
    known = _WORDS.get(part)
    return known(words, name) if known and name else words.name(name or "none")


def _told(old: Story | None, new: Story | None, changes: tuple[str, ...], words: Words) -> Iterator[str]:
    """What goes otherwise, part by part, in people's words."""
    if old is None or new is None:
        yield words.name("replay.only_old" if new is None else "replay.only_new")
        return
    for part in changes:
        before, after = getattr(old, part), getattr(new, part)
        if not isinstance(before, dict):
            yield f"{words.name(f'replay.{part}')}: {_value(part, before, words)} → {_value(part, after, words)}"
            continue
        for key in (key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)):
            name = _name("messages" if part == "messages" else "kept", key, words)
            yield f"{name}: {_value(part, before.get(key), words)} → {_value(part, after.get(key), words)}"


def _value(part: str, value: Any, words: Words) -> str:
    if isinstance(value, bool):
        return words.name("met" if value else "overdue")
    if isinstance(value, datetime):
        return words.clock(value)
    return "–" if value is None else str(value) if isinstance(value, int) else _name(part, value, words)


def _plain(run: _Run) -> dict[str, Any]:
    def of(policy: Policy, one: Replayed) -> dict[str, Any]:
        counts: dict[str, Any] = {}
        for (part, name), count in figures(one.stories.values()).items():
            if part in ("needs", "escalated"):
                counts[part] = count
            else:
                counts.setdefault(part, {})[name or "none"] = count
        return {"policy": policy.digest, "counts": counts, "opened": one.opened, "refused": one.refused, "nowhere": one.nowhere}

    return {
        "from": run.since,
        "to": run.record.until,
        "needs": len(run.stories),
        "deeds": len(run.record.deeds),
        "left_out": run.record.left_out,
        "as_recorded": run.as_recorded,
        "old": of(run.policies[0], run.old),
        "new": of(run.policies[1], run.new),
        "changed": [{"ticket": number, "changes": parts, "old": old, "new": new} for number, old, new, parts in run.changed],
    }
