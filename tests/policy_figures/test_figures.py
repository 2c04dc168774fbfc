"""Every figure of the process is policy: whatever value of the shipped files is changed, something is decided, said or shown otherwise."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.policy_figures.figures import Bench, bench
from tests.policy_figures.lab import PROBES
from tests.support.counts import SHARE, scaled


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory: Path = tmp_path_factory.mktemp("team")
    with bench(directory) as found:
        yield found


def test_every_value_of_the_shipped_policies_makes_a_difference(shipped: Bench, seed: int) -> None:
    values = list(shipped.scalars)
    random.Random(seed).shuffle(values)
    some = values[: scaled(len(values)) // 4 if SHARE < 1 else len(values)]  # each takes seconds
    dead = [str(change) for value in some for change in shipped.unnoticed(value)]
    assert dead == []


def test_a_remark_makes_no_difference(shipped: Bench, seed: int) -> None:
    """Else a probe that never gives the same twice would see every change."""
    changed = shipped.changed("sla.yaml", shipped.files["sla.yaml"] + "\n# a remark\n")
    probes = random.Random(seed).sample(PROBES, scaled(len(PROBES), least=4))
    assert [probe.run.__name__ for probe in probes if shipped.battery.sees(probe, changed)] == []


def test_every_value_is_found_in_the_text_where_it_is_written(shipped: Bench) -> None:
    assert [one.place for one in shipped.scalars if one.style is None and one.value != one.text] == []
