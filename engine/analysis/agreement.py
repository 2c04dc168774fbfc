"""How far reviewers agree on the same work, beyond chance."""

from collections import Counter
from collections.abc import Sequence
from itertools import permutations


def weighted_kappa(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Cohen's kappa of two reviewers with quadratic weights (Cohen 1968): 1 - Σ observed / Σ expected squared differences.

    1 is full agreement, 0 as much as by chance; None where chance alone would leave no difference.
    """
    firsts, seconds = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(count * others * (one - other) ** 2 for one, count in firsts.items() for other, others in seconds.items())
    observed = sum((one - other) ** 2 for one, other in pairs)
    return 1 - observed * len(pairs) / expected if expected else None


def alpha(units: Sequence[Sequence[float]]) -> float | None:
    """Return Krippendorff's alpha of any number of reviewers, for interval data (Krippendorff 2004, chapter 11): 1 - D_o / D_e.

    Each unit has the scores that were given to one piece of work; those with fewer than two say nothing. None as for kappa.
    """
    paired = [unit for unit in units if len(unit) > 1]
    everything = Counter(value for unit in paired for value in unit)
    total = everything.total()
    observed = sum(sum((one - other) ** 2 for one, other in permutations(unit, 2)) / (len(unit) - 1) for unit in paired)
    expected = sum(count * others * (one - other) ** 2 for one, count in everything.items() for other, others in everything.items())
    return 1 - (total - 1) * observed / expected if expected else None
