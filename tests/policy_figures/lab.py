"""The battery: probes that look at what a policy and its people do, each giving lines to compare."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from engine.core.compiled import Policy
from engine.core.team import Team
from engine.store import Store
from tests.policy_figures.house import House, house
from tests.policy_figures.scalars import Scalar


class Lab(Struct, frozen=True):
    """One policy with one team under test. `written` are the values of the shipped files, whatever is under test; `files` those that
    the policy was compiled from, for what is said of them without being part of it.
    """

    store: Store
    policy: Policy
    team: Team
    written: tuple[Scalar, ...]
    files: Mapping[str, str]

    def house(self, *, english_team: bool = False, **settings: Any) -> AbstractContextManager[House]:
        team = self.team
        if english_team:
            agents = {id: replace(agent, language="en") for id, agent in team.agents.items()}
            team = replace(team, agents=agents)
        return house(self.store, self.policy, team, **settings)

    def words(self, places: str) -> list[str]:
        """The shipped values whose `file:path` fits the pattern."""
        return [one.value for one in self.written if re.fullmatch(places, f"{one.file}:{one.path}")]


Run: TypeAlias = Callable[[Lab], Iterable[str]]


@dataclass(frozen=True)
class Probe:
    """`about` says which values it is likely to notice; with `only` it is asked about no other."""

    run: Run
    about: re.Pattern[str]
    only: bool

    def concerns(self, scalar: Scalar) -> bool:
        return self.about.search(f"{scalar.file}:{scalar.path}") is not None


PROBES: list[Probe] = []

_SETTLED = re.compile(r"mentions\[|intake\.yaml:(negation|replies|commands)|calendars/")
"""Values of which the probes about them ask everything there is to ask."""


def probe(about: str, *, only: bool = False) -> Callable[[Run], Run]:
    """Put a function into the battery."""

    def add(run: Run) -> Run:
        PROBES.append(Probe(run, re.compile(about), only))
        return run

    return add


class Battery:
    """Compares a changed policy with the shipped one, whose lines are asked for once."""

    def __init__(self, shipped: Lab) -> None:
        self._shipped = shipped
        self._lines: dict[Run, list[str]] = {}

    def difference(self, scalar: Scalar, changed: Lab) -> tuple[str, str, str] | None:
        """Return the first probe that sees the change and its first differing lines, None if none does."""
        settled = _SETTLED.search(f"{scalar.file}:{scalar.path}") is not None
        fitting = [probe for probe in PROBES if probe.concerns(scalar) or not (probe.only or settled)]
        for one in sorted(fitting, key=lambda probe: not probe.concerns(scalar)):
            if (lines := self.sees(one, changed)) is not None:
                return one.run.__name__, *lines
        return None

    def sees(self, probe: Probe, changed: Lab) -> tuple[str, str] | None:
        """Return the first lines in which the probe's look at the changed policy differs, None if none does."""
        if probe.run not in self._lines:
            self._lines[probe.run] = list(probe.run(self._shipped))
        pairs = zip_longest(self._lines[probe.run], probe.run(changed), fillvalue="")
        return next(((before, after) for before, after in pairs if before != after), None)
