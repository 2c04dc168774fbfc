"""`engine validate --against`: what sound policies would change for the tickets that are open in the project's database."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine.cli.policy import files_of
from engine.cli.session import Session
from engine.cli.test import channels_of
from engine.errors import UsageError
from engine.policy import compile_files, compile_policy
from engine.policy.installed import installed
from engine.policy.said import Said, said
from engine.runtime.clock import SystemClock
from engine.runtime.gather import World
from engine.runtime.policies import load_people, sound
from engine.runtime.project import Project
from engine.runtime.sources import Source
from engine.whatif.impact import PARTS, Impact, impact

_SETTINGS = "engine.yaml"


class Against(Struct, frozen=True):
    """The open tickets under the policy of this digest and the one that was checked."""

    digest: str
    tickets: tuple[Impact, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many open tickets there are, how many change at all, in each part, and cannot be reckoned."""
        changes = [one.changes for one in self.tickets]
        parts = {part: sum(part in one for one in changes) for part in PARTS}
        errors = sum(one.error is not None for one in self.tickets)
        return {"open": len(changes), "changed": sum(bool(one) for one in changes), **parts, "errors": errors}

    @property
    def plain(self) -> dict[str, Any]:
        """All of it for programs; of the tickets, those that change or cannot be reckoned, with what both policies say."""
        listed = [
            {"ticket": one.ticket, "error": one.error}
            | {part: {"old": getattr(one.old, part), "new": getattr(one.new, part)} for part in one.changes}
            for one in self.tickets
            if one.changes or one.error
        ]
        return {"policy": self.digest, **self.counts, "tickets": listed}

    @property
    def told(self) -> Said:
        """All of it in one line."""
        return said(
            "against {policy}: {changed} of {open} open tickets change "
            "(routing {routing}, warnings {warnings}, escalations {escalations}), {errors} cannot be reckoned",
            policy=self.digest[:12],
            **self.counts,
        )


def against(path: Path, policies: Path, version: str) -> Against:
    """Hold the sound policies in a directory against a version of the project's: `active`, a digest or its beginning, a directory.

    Raises UsageError where there is no project, NotFound, Refused or PolicyBroken where there is no such version.
    """
    with Session(_project(path)).store() as (project, store):
        old = sound(compile_files(files_of(store, version)))
        with store.read() as reader:
            return Against(old.digest, tuple(impact(reader, _world(project, policies), old, SystemClock().now())))


def _project(path: Path) -> Path:
    """The project whose database is meant: that of the path, else the one that every verb works on."""
    named = Path(os.environ.get("ENGINE_PROJECT", ""))
    for root in (path, named):
        if (root / _SETTINGS).is_file():
            return root
    raise UsageError(
        f"--against counts the open tickets in a project's database, and there is no {_SETTINGS} in {path.absolute()}; "
        "say it in the directory of your project, or name that in ENGINE_PROJECT"
    )


def _world(project: Project, policies: Path) -> World:
    compilation, channels = compile_policy(policies), channels_of(project)
    # People are no part of a policy: a directory of drafts need not have them.
    people = policies if (policies / "team.yaml").exists() else project.policies
    team, _ = load_people(people, compilation)
    sources = {name: Source(source) for name, source in installed().sources.items()}
    return World(sound(compilation), team, channels.kinds, channels.senders, sources=sources)
