"""KPIs of survey answers, which are kept without ticket, agent or time: by month, survey and question, and never for a small group."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from engine.analysis.kpi.statistics import Interval, net_promoters, wilson
from engine.core.compiled import Survey
from engine.store.rows import AnswerRow

SMALLEST_GROUP = 5
"""Of fewer answers no result is shown, so that nobody can tell who gave them."""

Months: TypeAlias = tuple[str, str]
"""The first and the last month of a period."""
ALWAYS: Months = ("0000-01", "9999-12")

Group: TypeAlias = tuple[str, ...]
Counts: TypeAlias = Counter[int]


def suppressed(counts: Mapping[str, int]) -> set[str]:
    """Return the groups that are not shown: those of fewer than five, and the smallest others that would reveal them.

    Who knows the sum of all groups, and all that are shown, is left with at least two groups and at least five answers. Of groups of one
    size it is always the same one, so that no two askings together show what each hides.
    """
    hidden = {group for group, count in counts.items() if 0 < count < SMALLEST_GROUP}
    others = sorted((group for group, count in counts.items() if count >= SMALLEST_GROUP), key=lambda group: (counts[group], group))
    for group in others if hidden else ():
        if len(hidden) > 1 and sum(counts[one] for one in hidden) >= SMALLEST_GROUP:
            break
        hidden.add(group)
    return hidden


def scores(
    answers: Sequence[AnswerRow], surveys: Sequence[Survey], scale: tuple[int, int], months: Sequence[str], by: Sequence[str]
) -> dict[Group, Counts | None]:
    """Return how often each score was given to the questions of a scale, in these months, by `by` (month, survey, question).

    What is suppressed is chosen out of all the months there are, and is in no sum, so that neither the difference of two groups nor that
    of two periods reveals it. A group of which nothing may be shown is None.
    """
    found: dict[Group, Counts | None] = {}
    for survey, question, by_month in _questions(answers, surveys, scale):
        hidden = suppressed({month: counts.total() for month, counts in by_month.items()})
        for month in sorted(by_month.keys() & set(months)):
            place = {"month": month, "survey": survey, "question": question}
            group = tuple(place[one] for one in by)
            if month in hidden:
                found.setdefault(group, None)
            else:
                found[group] = (found.get(group) or Counter()) + by_month[month]
    return found


def _questions(
    answers: Sequence[AnswerRow], surveys: Sequence[Survey], scale: tuple[int, int]
) -> Iterator[tuple[str, str, dict[str, Counts]]]:
    for survey in surveys:
        for asked in (question.scale for question in survey.questions):
            if asked.text or (asked.low, asked.high) != scale:
                continue
            by_month: dict[str, Counts] = defaultdict(Counter)
            for answer in answers:
                if answer.survey == survey.id and asked.id in answer.scores:
                    by_month[answer.month][answer.scores[asked.id]] += 1
            yield survey.id, asked.id, by_month


def csat(counts: Counts, method: str) -> tuple[float, Interval | None]:
    """Return the CSAT of scores from 1 to 5 with its 95 % interval; n is at least 1.

    `top2` is the share of 4 and 5 in percent; `mean_x20` the mean times 20, whose Wilson interval takes it for a share of the highest mean
    there can be: no spread of the scores makes it too narrow.
    """
    n = counts.total()
    good = counts[4] + counts[5] if method == "top2" else sum(score * count for score, count in counts.items()) / 5
    interval = wilson(good, n)
    return 100 * good / n, interval and (100 * interval[0], 100 * interval[1])


def result(kpi: str, counts: Counts, method: str) -> tuple[float, Interval | None]:
    """Return the value and the interval of `csat` or `nps`."""
    if kpi == "nps" and (net := net_promoters(counts)) is not None:
        return net
    return csat(counts, method)


SCALES = {"csat": (1, 5), "nps": (0, 10)}
"""The scale of the questions that a KPI is made of: NPS never comes from 1 to 5."""
