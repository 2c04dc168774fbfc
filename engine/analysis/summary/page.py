"""The summary as one self-contained page: no script, nothing loaded from elsewhere, light and dark, on screen and on paper."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.analysis.pages import render
from engine.analysis.summary.model import Count, QuestionScores, Summary, TicketLine

MOST_TICKETS = 1000
"""A page of more rows is of no use to anybody; how many are left out is said."""

_COLOURS = 5


@dataclass(frozen=True, slots=True)
class Chip:
    """The clocks of one kind and outcome of a ticket; `due` is that of the one that runs."""

    kind: str
    outcome: str
    count: int
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Share:
    """One score of a distribution: `start` and `size` are shares of all answers, `colour` goes from 1 (worst) to 5 (best)."""

    score: int
    count: int
    start: float
    size: float
    colour: int


def summary_html(summary: Summary, language: str) -> str:
    """Return the page with its words in Chinese for `zh`, else in English; what the policy names is said in `language` where it can be."""
    return render(
        "summary.html",
        language,
        summary=summary,
        tickets=summary.tickets[:MOST_TICKETS],
        breaches=summary.promises.breaches[:MOST_TICKETS],
        chips=chips,
        shares=shares,
        most=most,
        busiest=busiest(summary.intake.hours),
    )


def chips(line: TicketLine) -> list[Chip]:
    """Return the clocks of a ticket, those alike put together, in the order in which they first ran."""
    counts = Counter((clock.kind, clock.outcome) for clock in line.clocks)
    due = {(clock.kind, clock.outcome): clock.due for clock in line.clocks if clock.outcome == "open"}
    return [Chip(kind, outcome, count, due.get((kind, outcome))) for (kind, outcome), count in counts.items()]


def shares(scores: QuestionScores) -> list[Share]:
    """Return the distribution of a question as shares that stand beside each other; nothing where it is not shown."""
    parts, start, total = [], 0.0, scores.answers
    points = scores.counts or ()
    for position, (score, count) in enumerate(points):
        colour = 1 + round(position / max(1, len(points) - 1) * (_COLOURS - 1))
        parts.append(Share(score, count, start, count / total, colour))
        start += count / total
    return parts


def most(counts: Sequence[Count]) -> int:
    """Return the highest count, at least 1."""
    return max((count.count for count in counts), default=1)


def busiest(hours: Sequence[int]) -> list[int]:
    """Return the hours with the most needs; none where there were no needs."""
    return [hour for hour, count in enumerate(hours) if count and count == max(hours)]
