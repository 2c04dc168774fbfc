"""What drives satisfaction, and which questions go together: relative weights and factor analysis of a survey's answers.

Linear algebra is numpy's, factors and distributions are those of statsmodels and scipy (extra `analysis`); all are imported only here.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.analysis.kpi.answers import ALWAYS, Months, suppressed
from engine.core.compiled import Survey
from engine.errors import Refused, UsageError
from engine.store.rows import AnswerRow

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Matrix: TypeAlias = NDArray[float64]

FEWEST_ANSWERS = 30
"""Weights of drivers from fewer answers are chance."""
FEWEST_FOR_FACTORS = 100
FEWEST_ITEMS = 5
"""Factors of fewer answers or questions say more of chance than of customers."""
DRAWS = 1_000
"""How often the bootstrap draws."""
RANDOM_MATRICES = 100
"""How many matrices of random numbers parallel analysis compares with."""

Scores: TypeAlias = Sequence[Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Driver:
    """How much of the variance of an outcome one question explains (its part of R²), with the 95 % interval of the bootstrap."""

    question: str
    weight: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Item:
    """A question: how strongly it goes with each factor (from -1 to 1), and which part of its variance all of them explain."""

    question: str
    loadings: tuple[float, ...]
    communality: float


@dataclass(frozen=True, slots=True)
class Factors:
    """Which questions go together, from `n` answers.

    `explained` is the part of all variance that each factor explains. `adequacy` is that of Kaiser, Meyer and Olkin (KMO), from 0 to 1;
    `sphericity` Bartlett's test that nothing goes together: χ², degrees of freedom and p.
    """

    n: int
    adequacy: float
    sphericity: tuple[float, int, float]
    explained: tuple[float, ...]
    items: tuple[Item, ...]


def questions(survey: Survey) -> tuple[str, tuple[str, ...]]:
    """Return the question on the whole and the other ones on its scale. Raises UsageError for a survey that has none."""
    scales = {one.scale.id: (one.scale.low, one.scale.high) for one in survey.questions if not one.scale.text}
    if survey.outcome is None:
        raise UsageError(f"the survey {survey.id} asks nothing on the whole: name its question in survey.yaml (`outcome: …`)")
    return survey.outcome, tuple(id for id, scale in scales.items() if scale == scales[survey.outcome] and id != survey.outcome)


def complete(answers: Iterable[AnswerRow], survey: Survey, names: Collection[str], months: Months = ALWAYS) -> Scores:
    """Return the scores of the answers to all of these questions in the months of a period.

    A month of fewer than five is left out, and what would reveal it, chosen out of all the months there are.
    """
    whole = [one for one in answers if one.survey == survey.id and one.scores.keys() >= set(names)]
    hidden = suppressed(Counter(one.month for one in whole))
    return [one.scores for one in whole if one.month not in hidden and months[0] <= one.month <= months[1]]


def drivers(answers: Scores, outcome: str, predictors: Sequence[str], seed: int) -> list[Driver]:
    """Return the relative weights of questions on an outcome (Johnson 2000), which sum to R², with bootstrap intervals (1,000 draws).

    Raises Refused for fewer than 30 answers, or where a question has but one score in all of them; UsageError without numpy.
    """
    np = _numpy()
    if len(answers) < FEWEST_ANSWERS:
        raise Refused(f"weights of drivers take at least {FEWEST_ANSWERS} answers to all of the questions; there are {len(answers)}")
    rows, counts = np.unique(_table(np, answers, (outcome, *predictors)), axis=0, return_counts=True)
    weights = _relative_weights(np, _covariances(np, rows, counts))
    chance, draws = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        covariances = _covariances(np, rows, chance.multinomial(len(answers), counts / len(answers)))
        if (covariances.diagonal() > _NO_SPREAD).all():
            draws.append(_relative_weights(np, covariances))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return [Driver(*one) for one in zip(predictors, weights.tolist(), low.tolist(), high.tolist(), strict=True)]


def factors(answers: Scores, names: Sequence[str], seed: int) -> Factors:
    """Return the factors of these questions: principal axes, turned by varimax, as many as parallel analysis (Horn 1965) finds.

    Raises Refused for fewer than 100 answers or 5 questions, and where there is no factor or no proper solution; UsageError without the
    libraries.
    """
    np = _numpy()
    try:
        from scipy.stats import chi2
        from statsmodels.multivariate.factor import Factor
    except ImportError as error:
        raise UsageError(_MISSING.format(error)) from error
    n, size = len(answers), len(names)
    if n < FEWEST_FOR_FACTORS or size < FEWEST_ITEMS:
        needed = f"at least {FEWEST_FOR_FACTORS} answers to all of at least {FEWEST_ITEMS} questions"
        raise Refused(f"factor analysis takes {needed}; there are {n} answers to {size}")
    correlations = np.corrcoef(_table(np, answers, names), rowvar=False)
    if np.linalg.matrix_rank(correlations) < size:
        raise Refused("one of the questions follows from the others in every answer: leave it out")
    for count in range(_how_many(np, correlations, n, seed), 0, -1):
        fitted = Factor(corr=correlations, n_factor=count, nobs=n).fit(maxiter=_MOST_STEPS)
        if fitted.communality.max() < 1:
            break
    else:
        raise Refused("a factor would explain more of a question than there is (a Heywood case): two questions are too much alike")
    if count > 1:
        fitted.rotate("varimax")
    loadings = fitted.loadings * np.where(fitted.loadings.sum(axis=0) < 0, -1, 1)
    loadings = loadings[:, np.argsort(-(loadings**2).sum(axis=0))]
    statistic = -(n - 1 - (2 * size + 5) / 6) * float(np.linalg.slogdet(correlations)[1])
    free = size * (size - 1) // 2
    return Factors(
        n,
        _adequacy(np, correlations),
        (statistic, free, float(chi2.sf(statistic, free))),
        tuple(((loadings**2).sum(axis=0) / size).tolist()),
        tuple(Item(name, tuple(row), sum(one**2 for one in row)) for name, row in zip(names, loadings.tolist(), strict=True)),
    )


_MISSING = "this needs more ({}): pip install 'closedloop[analysis]'"
_MOST_STEPS = 1_000
_NO_SPREAD = 1e-9
"""What is left of a variance of nothing by rounding is less."""


def _numpy() -> Any:
    try:
        import numpy as np
    except ImportError as error:
        raise UsageError(_MISSING.format(error)) from error
    return np


def _table(np: Any, answers: Scores, names: Sequence[str]) -> "Matrix":
    table: Matrix = np.array([[one[name] for name in names] for one in answers], dtype=float)
    if alike := [name for name, spread in zip(names, np.ptp(table, axis=0), strict=True) if spread == 0]:
        raise Refused(f"every answer gives the same score to {', '.join(alike)}: nothing can depend on it")
    return table


def _covariances(np: Any, rows: "Matrix", counts: "Matrix") -> "Matrix":
    """The covariances of rows that each stand for so many."""
    parts = counts / counts.sum()
    apart = rows - parts @ rows
    found: Matrix = (apart.T * parts) @ apart
    return found


def _relative_weights(np: Any, covariances: "Matrix") -> "Matrix":
    """Johnson's weights: the predictors are replaced by the orthogonal variables closest to them, and shares traced back."""
    spreads = np.sqrt(covariances.diagonal())
    correlations = covariances / np.outer(spreads, spreads)
    values, vectors = np.linalg.eigh(correlations[1:, 1:])
    root = vectors @ np.diag(np.sqrt(np.clip(values, 0, None))) @ vectors.T
    beta = np.linalg.pinv(root) @ correlations[1:, 0]
    weights: Matrix = (root**2) @ (beta**2)
    return weights


def _how_many(np: Any, correlations: "Matrix", n: int, seed: int) -> int:
    """As many factors as eigenvalues above the 95th percentile of those of random numbers, and as there are degrees of freedom for."""
    chance, size = np.random.default_rng(seed), len(correlations)
    random = [np.linalg.eigvalsh(np.corrcoef(chance.normal(size=(n, size)), rowvar=False)) for _ in range(RANDOM_MATRICES)]
    above = np.linalg.eigvalsh(correlations)[::-1] > np.percentile(random, 95, axis=0)[::-1]
    found = int(np.argmin(above))  # the smallest is never above: both sum to as many as there are questions
    if not found:
        raise Refused("the questions have no factor in common: their answers go together no more than random numbers")
    return max(count for count in range(1, found + 1) if (size - count) ** 2 >= size + count)


def _adequacy(np: Any, correlations: "Matrix") -> float:
    """Kaiser's measure of sampling adequacy: squared correlations over those and the squared partial ones."""
    inverse = np.linalg.inv(correlations)
    spreads = np.sqrt(inverse.diagonal())
    apart = ~np.eye(len(correlations), dtype=bool)
    whole, partial = (float((matrix[apart] ** 2).sum()) for matrix in (correlations, inverse / np.outer(spreads, spreads)))
    return whole / (whole + partial)
