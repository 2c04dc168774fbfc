"""The shipped policies as texts, and overlays over them."""

import re
import tempfile
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

from engine.core.compiled import Policy
from engine.policy import Compilation, Diagnostic, TeamLoad, check_team, compile_files, compile_policy, load_team
from engine.policy.cases import USUAL, CaseLoad, Channels, load_cases

TODAY = date(2026, 10, 15)
SHIPPED = Path(__file__).parents[2] / "policies"


@cache
def shipped() -> Compilation:
    return compile_policy(SHIPPED, today=TODAY)


def shipped_policy() -> Policy:
    policy = shipped().policy
    assert policy is not None
    return policy


@cache
def shipped_team() -> TeamLoad:
    return load_team(SHIPPED / "team.yaml")


def overlaid(files: Mapping[str, str]) -> Compilation:
    """Compile the shipped policies with some files added or replaced."""
    return compile_files({**shipped().files, **files}, today=TODAY)


def diagnose(name: str, text: str) -> tuple[Diagnostic, ...]:
    """Return what `engine validate` would find in the shipped directory with this one file added or replaced.

    An article begins below the remarks that say what must be found.
    """
    if name.endswith(".md"):
        text = re.sub(r"\A(# .*\n)+", "", text)
    if name == "team.yaml":
        load = team(text)
        return (*load.diagnostics, *check_team(load, shipped()))
    if name.startswith("tests/"):
        return cases(name, text).diagnostics
    compilation = overlaid({name: text})
    return (*compilation.diagnostics, *check_team(shipped_team(), compilation))


def team(text: str) -> TeamLoad:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "team.yaml")
        path.write_text(text, "utf-8")
        return load_team(path)


def cases(name: str, text: str, channels: Channels = USUAL) -> CaseLoad:
    """Load one file of tests against the shipped policy and team."""
    people = shipped_team().team
    assert people is not None
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, name)
        path.parent.mkdir()
        path.write_text(text, "utf-8")
        return load_cases(Path(directory), shipped_policy(), people, channels)


def codes(compilation: Compilation | TeamLoad) -> list[str]:
    return [item.code for item in compilation.diagnostics]
