"""Agreement of reviewers, beside statsmodels and beside the example of Krippendorff's own."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from engine.analysis.agreement import alpha, weighted_kappa

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=40)


def test_the_example_of_the_docs() -> None:
    assert weighted_kappa([(1, 1), (1, 2), (3, 3)]) == pytest.approx(0.8)


@given(PAIRS)
def test_weighted_kappa_is_that_of_statsmodels(pairs: list[tuple[int, int]]) -> None:
    table = np.zeros((6, 6))
    for one, other in pairs:
        table[one, other] += 1
    ours = weighted_kappa([(float(one), float(other)) for one, other in pairs])
    assume(ours is not None)
    assert ours == pytest.approx(cohens_kappa(table, wt="fc", return_results=False), abs=1e-9)


def test_alpha_is_that_of_krippendorffs_example() -> None:
    """Four observers, twelve units, some not observed (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", part E)."""
    nan = math.nan
    observed = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
    units = [[value for value in unit if not math.isnan(value)] for unit in zip(*observed, strict=True)]
    assert alpha(units) == pytest.approx(0.849, abs=0.0005)


@given(st.lists(st.lists(st.integers(0, 100).map(float), min_size=1, max_size=4), max_size=20), st.randoms())
def test_alpha_is_at_most_1_and_does_not_know_who_came_first(units: list[list[float]], chance) -> None:
    found = alpha(units)
    shuffled = [chance.sample(unit, len(unit)) for unit in units]
    if found is None:
        assert alpha(shuffled) is None
    else:
        assert found <= 1
        assert alpha(shuffled) == pytest.approx(found)
        assert alpha([unit for unit in units if len(unit) > 1]) == pytest.approx(found), "who was reviewed once says nothing"


def test_full_agreement_is_1_and_where_nothing_differs_nothing_is_told() -> None:
    assert (weighted_kappa([(1, 1), (5, 5)]), alpha([[1, 1], [5, 5]])) == (1, 1)
    assert (weighted_kappa([(3, 3)]), alpha([[3, 3], [3, 3]]), weighted_kappa([]), alpha([])) == (None, None, None, None)
