"""Compiles a policy with one file changed. What did not change is not read and checked again: the three steps of compiling that
take a text and give the same value for it every time are asked once for each text.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.core.team import Team
from engine.policy import Compilation, Diagnostic, check_team, compile_files, load_team
from engine.policy.diagnostics import Problems
from engine.policy.nodes import Node
from engine.policy.reader import read
from engine.policy.schema import check_shape
from engine.policy.templates import compile_template

TEAM = "team.yaml"

EVERY_DAY = """
version: 1
calendars:
  every_day:
    timezone: Asia/Shanghai
    weekly: {daily: ["08:00-20:00"]}
    holidays: cn
"""
"""A calendar on which weekends count too, so that every day of the holiday arrangement makes a difference."""


@contextmanager
def remembering() -> Iterator[None]:
    """Within the block reading, checking and template compiling are remembered by their texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.policy.scripts.compile_template", functools.cache(compile_template))
        patch.setattr("engine.policy.compilation.read", _read_once(read))
        patch.setattr("engine.policy.compilation.check_shape", _checked_once(check_shape))
        yield


def _read_once(read: Callable[[str, str, Problems], Node | None]) -> Callable[[str, str, Problems], Node | None]:
    kept: dict[tuple[str, str], Node] = {}

    def again(file: str, text: str, problems: Problems) -> Node | None:
        if (file, text) in kept:
            problems.know_text(file, text)
            return kept[file, text]
        node = read(file, text, problems)
        if node is not None and not problems.all():
            kept[file, text] = node
        return node

    return again


def _checked_once(check: Callable[[str, Node, Problems], list[Any] | None]) -> Callable[[str, Node, Problems], list[Any] | None]:
    sound: dict[int, Node] = {}

    def again(kind: str, root: Node, problems: Problems) -> list[Any] | None:
        if id(root) in sound:
            return []
        faults = check(kind, root, problems)
        if faults == []:
            sound[id(root)] = root
        return faults

    return again


def compiled(files: dict[str, str], directory: Path) -> tuple[Compilation, Team | None, tuple[Diagnostic, ...]]:
    """Return the policy, the team, and what keeps the two from being used; advice does not, so that what it is about is looked at too."""
    policy = compile_files({name: text for name, text in files.items() if name != TEAM} | {"calendars/every_day.yaml": EVERY_DAY})
    (directory / TEAM).write_text(files[TEAM], encoding="utf-8")
    people = load_team(directory / TEAM)
    wrong = (*policy.diagnostics, *people.diagnostics, *check_team(people, policy))
    return policy, people.team, tuple(item for item in wrong if item.severity == "error")
