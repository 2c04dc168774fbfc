"""Small groups: whoever knows all that is shown, and every sum besides, learns nothing of fewer than five answers."""

from collections import Counter
from collections.abc import Collection
from itertools import combinations, product
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.analysis.kpi.answers import SMALLEST_GROUP, scores, suppressed
from engine.core.answers import Scale
from engine.store import AnswerRow
from tests.policy.support import shipped_policy
from tests.support.counts import scaled

MONTHS = [f"2026-{month:02}" for month in range(1, 7)]
COUNTS = st.dictionaries(st.sampled_from(MONTHS), st.integers(0, 12))
ASKED = st.sets(st.sampled_from(MONTHS))
_SHIPPED = shipped_policy().surveys[0]
SURVEY = replace(_SHIPPED, id="s", questions=(replace(_SHIPPED.questions[0], scale=Scale("q", 1, 5, text=False)),))


def answers(counts: dict[str, int]) -> list[AnswerRow]:
    return [AnswerRow(f"{month}.{n}", "s", month, {"q": 1 + n % 5}, "") for month, count in counts.items() for n in range(count)]


def total(counts: dict[str, int], months: set[str]) -> int:
    """How many scores are in the sum that is shown of these months."""
    found = scores(answers(counts), [SURVEY], (1, 5), sorted(months), ())
    return sum(one.total() for one in found.values() if one)


@given(COUNTS)
def test_what_is_hidden_is_at_least_two_groups_and_five_answers_or_everything(counts: dict[str, int]) -> None:
    hidden = suppressed(counts)
    shown = {group for group, count in counts.items() if count and group not in hidden}
    assert all(counts[group] >= SMALLEST_GROUP for group in shown)
    if hidden and shown:
        assert len(hidden) > 1
        assert sum(counts[group] for group in hidden) >= SMALLEST_GROUP


@given(COUNTS)
def test_no_more_is_hidden_than_must_be(counts: dict[str, int]) -> None:
    hidden = suppressed(counts)
    small = {group for group, count in counts.items() if 0 < count < SMALLEST_GROUP}
    assert hidden >= small
    assert len(hidden - small) <= (1 if small else 0)


@given(COUNTS, ASKED, ASKED)
def test_no_difference_of_shown_sums_is_that_of_fewer_than_five_answers(counts: dict[str, int], some: set[str], fewer: set[str]) -> None:
    difference = total(counts, some | fewer) - total(counts, fewer)
    assert difference == 0 or difference >= SMALLEST_GROUP


@given(COUNTS, ASKED)
def test_no_difference_between_a_sum_known_from_elsewhere_and_what_is_shown_is_that_of_fewer_than_five(
    counts: dict[str, int], asked: set[str]
) -> None:
    everything, shown = sum(counts.values()), total(counts, set(MONTHS))
    assert everything - shown == 0 or everything - shown >= SMALLEST_GROUP or shown == 0
    assert total(counts, asked) == sum(count for month, count in counts.items() if month in asked and month not in suppressed(counts))


def test_a_month_that_is_suppressed_says_so_and_is_in_no_sum() -> None:
    rows = answers(dict(zip(MONTHS, (10, 3, 6), strict=False)))
    each = Counter(dict.fromkeys(range(1, 6), 2))
    assert scores(rows, [SURVEY], (1, 5), MONTHS, ("month",)) == {("2026-01",): each, ("2026-02",): None, ("2026-03",): None}
    assert scores(rows, [SURVEY], (1, 5), MONTHS, ()) == {(): each}


def test_nps_never_comes_from_one_to_five() -> None:
    assert scores(answers({"2026-01": 9}), [SURVEY], (0, 10), MONTHS, ()) == {}


TWO = replace(SURVEY, questions=tuple(replace(SURVEY.questions[0], scale=Scale(name, 1, 5, text=False)) for name in ("q", "r")))
SURVEYS = [TWO, replace(TWO, id="t")]
CELLS = st.dictionaries(st.tuples(st.sampled_from(["s", "t"]), st.sampled_from(["q", "r"]), st.sampled_from(MONTHS[:4])), st.integers(0, 9))
CELL: TypeAlias = tuple[str, str, str]
WAYS = [by for size in range(4) for by in combinations(("month", "survey", "question"), size)]
PERIODS = [MONTHS[first:last] for first in range(4) for last in range(first + 1, 5)]


def published(cells: dict[CELL, int], low: Collection[CELL] = ()) -> list[dict[tuple[str, ...], Counter[int] | None]]:
    """Everything that is shown, by no, one, two and three dimensions, of every period: 5 in each answer, 1 in those of the cells `low`."""
    rows = [
        AnswerRow(f"{cell}.{n}", cell[0], cell[2], {cell[1]: 1 if cell in low else 5}, "")
        for cell, count in cells.items()
        for n in range(count)
    ]
    return [scores(rows, SURVEYS, (1, 5), months, by) for by in WAYS for months in PERIODS]


@settings(max_examples=scaled(400, least=20))
@given(CELLS)
def test_no_figure_by_no_one_or_two_dimensions_totals_included_holds_anything_of_a_suppressed_group(cells: dict[CELL, int]) -> None:
    """Whatever the answers of suppressed groups say, all that is shown stays the same: so no difference of it tells what they say."""
    hidden = {
        (survey, question, month)
        for survey, question in product("st", "qr")
        for month in suppressed({month: cells.get((survey, question, month), 0) for month in MONTHS})
    }
    assert published(cells) == published(cells, hidden)
    shown = {cell for cell, count in cells.items() if count and cell not in hidden}
    assert (published(cells) == published(cells, shown)) is not bool(shown)


@given(CELLS)
def test_whoever_knows_the_total_of_each_question_learns_of_five_answers_of_two_months_at_least(cells: dict[CELL, int]) -> None:
    rows = [AnswerRow(f"{cell}.{n}", cell[0], cell[2], {cell[1]: 3}, "") for cell, count in cells.items() for n in range(count)]
    kept = scores(rows, SURVEYS, (1, 5), MONTHS, ("survey", "question"))
    for (survey, question), counts in kept.items():
        everything = [count for (of, about, _), count in cells.items() if (of, about) == (survey, question) and count]
        left = sum(everything) - (counts.total() if counts else 0)
        assert not counts or left == 0 or (left >= SMALLEST_GROUP and len(everything) > 2)
