"""Drivers and factors: held to statsmodels, to other ways to the same figures, and to what is worked by hand."""

import sys
from collections.abc import Iterator
from itertools import product
from random import Random
from statistics import fmean

import numpy as np
import pytest
import statsmodels.api as sm
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from engine.analysis.kpi import satisfaction
from engine.analysis.kpi.satisfaction import Factors, Scores, complete, drivers, factors, questions
from engine.errors import Refused, UsageError
from engine.store import AnswerRow
from tests.docs.markdown import blocks
from tests.policy.support import shipped_policy
from tests.support.counts import scaled
from tests.support.repository import ROOT

EXAMPLES = [example for block in blocks(ROOT / "docs" / "kpis.md") if "answers" in (example := yaml.safe_load(block.text))]
SURVEYS = {one.id: one for one in shipped_policy().surveys}
NAMES = ("speed", "attitude", "effect")
ITEMS = ("a", "b", "c", "d", "e", "f")
LOADINGS = np.array([[0.9, 0.0], [0.8, 0.1], [0.85, 0.0], [0.0, 0.9], [0.1, 0.8], [0.0, 0.85]])
FEW = scaled(60, least=2)


def made(count: int, seed: int) -> list[dict[str, int]]:
    """Answers whose attitude goes with speed, and whose outcome with effect and speed."""
    chance = Random(seed)
    found = []
    for _ in range(count):
        speed, other, effect = (chance.randint(1, 5) for _ in range(3))
        overall = min(5, max(1, round((2 * effect + speed) / 3 + chance.uniform(-1, 1))))
        found.append({"speed": speed, "attitude": (other + speed) // 2, "effect": effect, "overall": overall})
    return found


def of_two_factors(count: int, seed: int) -> list[dict[str, int]]:
    chance = np.random.default_rng(seed)
    noise = np.sqrt(1 - (LOADINGS**2).sum(axis=1))
    scores = chance.normal(size=(count, 2)) @ LOADINGS.T + chance.normal(size=(count, len(ITEMS))) * noise
    return [dict(zip(ITEMS, map(int, row), strict=True)) for row in np.round(100 * scores)]


def repeated(entries: list[dict[str, int]]) -> Iterator[dict[str, int]]:
    for entry in entries:
        yield from [{name: score for name, score in entry.items() if name != "times"}] * entry.get("times", 1)


@settings(max_examples=FEW)
@given(st.integers(0, 10**6))
def test_the_weights_of_drivers_sum_to_r_squared(seed: int) -> None:
    data = made(60, seed)
    found = drivers(data, "overall", NAMES, seed)
    fitted = sm.OLS([one["overall"] for one in data], sm.add_constant(np.array([[one[name] for name in NAMES] for one in data]))).fit()
    assert sum(one.weight for one in found) == pytest.approx(fitted.rsquared, abs=1e-9)
    assert all(0 <= one.low <= one.high <= 1 for one in found)


@settings(max_examples=FEW)
@given(st.integers(0, 10**6))
def test_the_weights_of_two_drivers_are_those_of_johnsons_closed_form(seed: int) -> None:
    """The square root of a correlation matrix of two is known: its entries are (√(1+r) ± √(1-r)) / 2."""
    data = made(60, seed)
    table = np.array([[one[name] for name in ("overall", "speed", "attitude")] for one in data], dtype=float)
    (_, first, second), (_, _, r), _ = np.corrcoef(table, rowvar=False)
    own, other = (np.sqrt(1 + r) + np.sqrt(1 - r)) / 2, (np.sqrt(1 + r) - np.sqrt(1 - r)) / 2
    beta = np.linalg.solve([[own, other], [other, own]], [first, second])
    expected = [own**2 * beta[0] ** 2 + other**2 * beta[1] ** 2, other**2 * beta[0] ** 2 + own**2 * beta[1] ** 2]
    assert [one.weight for one in drivers(data, "overall", ("speed", "attitude"), seed)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("example", [one for one in EXAMPLES if "drivers" in one], ids=["drivers"])
def test_the_drivers_of_the_manual_are_worked_by_hand(example) -> None:
    answers = list(repeated(example["answers"]))
    found = drivers(answers, example["drivers"], list(example["weights"]), 1)
    assert {one.question: one.weight for one in found} == pytest.approx(example["weights"], abs=1e-9)


def test_the_intervals_of_drivers_hold_the_weights_and_are_the_same_for_the_same_seed() -> None:
    found = drivers(made(300, 7), "overall", NAMES, 7)
    assert [one.question for one in found if not one.low <= one.weight <= one.high] == []
    assert fmean(one.high - one.low for one in found) < 0.3
    assert found == drivers(made(300, 7), "overall", NAMES, 7) != drivers(made(300, 7), "overall", NAMES, 8)


def test_the_interval_of_the_only_driver_is_as_wide_as_that_of_a_squared_correlation() -> None:
    """Of many answers the bootstrap agrees with Fisher's transformation, which it does not know."""
    chance = np.random.default_rng(3)
    x = chance.normal(size=2_000)
    y = x + chance.normal(size=2_000)
    data = [{"x": int(one), "y": int(other)} for one, other in np.round(1_000 * np.column_stack([x, y]))]
    (found,) = drivers(data, "y", ["x"], 1)
    r, half = np.sqrt(found.weight), norm.ppf(0.975) / np.sqrt(len(data) - 3)
    assert (found.low, found.high) == pytest.approx(tuple(np.tanh(np.arctanh(r) + half * sign) ** 2 for sign in (-1, 1)), abs=0.01)


def test_drivers_of_fewer_than_thirty_answers_are_refused_with_the_reason() -> None:
    with pytest.raises(Refused, match="at least 30 answers to all of the questions; there are 29"):
        drivers(made(29, 1), "overall", ["speed", "effect"], 1)


def test_a_question_that_everybody_answers_alike_is_refused() -> None:
    with pytest.raises(Refused, match="the same score to effect"):
        drivers([{**one, "effect": 5} for one in made(40, 1)], "overall", ["speed", "effect"], 1)


def test_a_draw_in_which_everybody_answers_alike_tells_nothing_and_is_left_out() -> None:
    nearly = [{"speed": 1, "overall": 1}, *({"speed": 5, "overall": 5} for _ in range(39))]
    (found,) = drivers(nearly, "overall", ["speed"], 1)
    assert (found.weight, found.low, found.high) == pytest.approx((1, 1, 1))


def correlations(answers: Scores) -> "np.ndarray":
    return np.corrcoef(np.array([[one[name] for name in ITEMS] for one in answers], dtype=float), rowvar=False)


@settings(max_examples=FEW)
@given(st.integers(0, 10**6))
def test_factors_are_those_that_made_the_answers_and_explain_their_correlations(seed: int) -> None:
    answers = of_two_factors(1_500, seed)
    found = factors(answers, ITEMS, seed)
    loadings = np.array([one.loadings for one in found.items])
    order = [0, 1] if loadings[0, 0] > loadings[0, 1] else [1, 0]
    assert loadings[:, order] == pytest.approx(LOADINGS, abs=0.12)
    rest = correlations(answers) - loadings @ loadings.T
    np.fill_diagonal(rest, 0)
    assert abs(rest).max() < 0.05
    assert [one.communality for one in found.items] == pytest.approx((loadings**2).sum(axis=1))
    assert found.explained == pytest.approx((loadings**2).mean(axis=0))
    assert list(found.explained) == sorted(found.explained, reverse=True)


@settings(max_examples=FEW)
@given(st.integers(0, 10**6))
def test_kmo_and_bartlett_come_from_partial_correlations_of_regressions_and_the_determinant(seed: int) -> None:
    answers = of_two_factors(200, seed)
    found, r = factors(answers, ITEMS, seed), correlations(answers)
    table = np.array([[one[name] for name in ITEMS] for one in answers], dtype=float)
    pairs = [(i, j) for i in range(len(ITEMS)) for j in range(i)]
    partial = []
    for i, j in pairs:
        others = sm.add_constant(np.delete(table, [i, j], axis=1))
        left, right = (sm.OLS(table[:, one], others).fit().resid for one in (i, j))
        partial.append(np.corrcoef(left, right)[0, 1] ** 2)
    whole = sum(r[pair] ** 2 for pair in pairs)
    assert found.adequacy == pytest.approx(whole / (whole + sum(partial)))
    statistic = -(200 - 1 - (2 * 6 + 5) / 6) * np.log(np.linalg.det(r))
    assert found.sphericity == pytest.approx((statistic, 15, chi2.sf(statistic, 15)))


@pytest.mark.parametrize("example", [one for one in EXAMPLES if "loadings" in one], ids=["factors"])
def test_the_factors_of_the_manual_are_worked_by_hand(example) -> None:
    answers = list(repeated(example["answers"]))
    found = factors(answers, list(example["loadings"]), 1)
    assert {one.question: one.loadings[0] for one in found.items} == pytest.approx(example["loadings"], abs=1e-4)
    assert found.explained == pytest.approx((example["explained"],), abs=1e-4)
    assert (found.n, round(found.adequacy, 3)) == (len(answers), example["kmo"])


def refused(answers: Scores, names: tuple[str, ...] = ITEMS) -> str:
    with pytest.raises(Refused) as caught:
        factors(answers, names, 1)
    return str(caught.value)


def test_factors_of_too_few_answers_or_questions_are_refused_with_the_reason() -> None:
    answers = of_two_factors(100, 1)
    assert isinstance(factors(answers, ITEMS[:5], 1), Factors)
    assert "at least 100 answers to all of at least 5 questions; there are 99 answers to 6" in refused(answers[:99])
    assert "there are 100 answers to 4" in refused(answers, ITEMS[:4])


def test_questions_that_have_nothing_in_common_have_no_factor() -> None:
    assert "no factor in common" in refused([dict(zip(ITEMS, row, strict=True)) for row in product((1, 5), repeat=6)] * 2)


def test_a_question_that_follows_from_the_others_is_refused() -> None:
    assert "follows from the others" in refused([{**one, "f": one["a"]} for one in of_two_factors(120, 1)])
    assert "the same score to f" in refused([{**one, "f": 3} for one in of_two_factors(120, 1)])


def test_a_solution_that_explains_more_than_there_is_is_refused() -> None:
    """Two questions that nearly agree, and a third that goes with one of them: the first axis takes more than all of one."""
    chance = np.random.default_rng(2)
    shared = chance.normal(size=(300, 1))
    rest = chance.normal(size=(300, 6))
    scores = np.column_stack(
        [shared + 0.02 * rest[:, :1], shared + 0.9 * rest[:, 1:2], 0.3 * shared + rest[:, 2:3], 0.3 * shared + rest[:, 3:6]]
    )
    assert "Heywood" in refused([dict(zip(ITEMS, map(int, row), strict=True)) for row in np.round(1_000 * scores)])


def test_what_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.multivariate.factor", None)
    with pytest.raises(UsageError, match=r"pip install 'closedloop\[analysis\]'"):
        factors(of_two_factors(100, 1), ITEMS, 1)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(UsageError, match=r"pip install 'closedloop\[analysis\]'"):
        drivers(made(40, 1), "overall", NAMES, 1)


def test_the_shipped_relationship_survey_asks_what_drives_satisfaction_on_the_whole() -> None:
    outcome, others = questions(SURVEYS["relationship"])
    assert (outcome, others) == ("overall", ("value", "price", "brand", "ease", "speed", "attitude", "effect"))
    assert len(others) >= satisfaction.FEWEST_ITEMS
    with pytest.raises(UsageError, match="asks nothing on the whole"):
        questions(SURVEYS["after-closure"])


def rows(counts: dict[str, int]) -> list[AnswerRow]:
    return [
        AnswerRow(f"{month}.{n}", "relationship", month, {"overall": 1 + n % 5}, "")
        for month, count in counts.items()
        for n in range(count)
    ]


def test_months_of_fewer_than_five_answers_and_what_would_reveal_them_are_in_no_analysis() -> None:
    answers = rows({"2026-01": 9, "2026-02": 3, "2026-03": 6, "2026-04": 7})
    asked = {
        months: len(complete(answers, SURVEYS["relationship"], ["overall"], months))
        for months in (("2026-01", "2026-04"), ("2026-02", "2026-03"))
    }
    assert asked == {("2026-01", "2026-04"): 16, ("2026-02", "2026-03"): 0}
    assert complete(answers, SURVEYS["relationship"], ["overall", "ease"]) == []
    assert complete(answers, SURVEYS["after-closure"], ["overall"]) == []
