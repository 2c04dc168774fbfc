"""What a report says of customers' answers: never of a group of fewer than five, and never of whom they are."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from engine.analysis.kpi.answers import SMALLEST_GROUP, scores
from engine.analysis.kpi.satisfaction import FEWEST_ANSWERS, complete, drivers, questions
from engine.analysis.kpi.suggestions import masking, people, suggestions
from engine.analysis.labels import label
from engine.analysis.reports.figures import pareto, trends
from engine.analysis.reports.material import HISTORY, Material
from engine.analysis.reports.period import DAY
from engine.analysis.texts import printable
from engine.core.compiled import Question
from engine.core.events import OutcomeRecorded
from engine.core.improvements import CAUSES
from engine.core.lifecycle import ENDED
from engine.documents import Cell, Chart, Section, Series, Table
from engine.errors import Refused, UsageError

OPINIONS = ("csat", "nps", "survey_response")
SEED = 1
"""Of the bootstrap: the same answers give the same intervals."""


def months(material: Material) -> list[str]:
    """Return the months that the period touches: an answer is kept with no more exact a time."""
    days = (material.period.first, material.period.after - timedelta(days=1))
    return list(dict.fromkeys(day.isoformat()[:7] for day in days))


def answers(material: Material) -> int:
    """Return how many answers are stored of these months."""
    return sum(len(material.reader.answers(month=month)) for month in months(material))


def distribution(material: Material) -> Iterator[Section]:
    """How often each score was given to each question."""
    surveys = material.policy.surveys
    asked: dict[tuple[str, ...], Question] = {
        (survey.id, question.scale.id): question for survey in surveys for question in survey.questions
    }
    scales = {(one.scale.low, one.scale.high): None for one in asked.values() if not one.scale.text and not one.scale.options}
    blocks: list[str | Chart] = []
    for low, high in scales:
        found = scores(material.reader.answers(), surveys, (low, high), months(material), ("survey", "question"))
        shown = {key: counts for key, counts in found.items() if counts}
        if shown:
            names = tuple(f"{material.text(asked[key].ask)} (n={counts.total()})" for key, counts in shown.items())
            points = tuple(Series(str(point), tuple(float(counts[point]) for counts in shown.values())) for point in range(low, high + 1))
            blocks.append(Chart("shares", material.say("scores.chart", low=low, high=high), "count", names, points))
        if hidden := [material.text(asked[key].ask) for key, counts in found.items() if counts is None]:
            blocks.append(material.say("scores.hidden", n=SMALLEST_GROUP, questions="; ".join(hidden)))
    yield Section(material.say("scores"), tuple(blocks) or (material.say("scores.none"),))


def opinions(material: Material) -> Iterator[Section]:
    """CSAT, NPS and how many answer, over the months; who answers, by channel and segment; what was said elsewhere, by its source."""
    blocks: list[str | Chart | Table] = [*trends(material, OPINIONS)]
    for by in ("channel", "segment"):
        rows = tuple(
            (Cell(material.part(by, one.group[0])), Cell(str(one.n), one.n, "count"), material.cell(one), Cell(material.interval(one)))
            for one in material.measured(["survey_response"], [by])
            if one.n >= SMALLEST_GROUP
        )
        if rows:
            headings = (material.say(f"head.{by}"), material.say("head.sent"), material.kpi("survey_response"))
            blocks.append(Table(material.say(f"answering.{by}"), (*headings, material.say("head.interval")), rows))
    period = material.period
    sources = Counter(row.source for row in material.reader.feedback(period.first, period.after - timedelta(days=1)))
    if sources:
        said = tuple((Cell(label(f"source.{name}", material.language)), Cell(str(n), n, "count")) for name, n in sources.most_common())
        blocks.append(Table(material.say("elsewhere"), (material.say("head.source"), material.say("head.count")), said))
    yield Section(material.say("opinions"), tuple(blocks) or (material.say("scores.none"),))


def driving(material: Material) -> Iterator[Section]:
    """What drives satisfaction on the whole, by the answers of the twelve months up to this one."""
    blocks: list[str | Chart] = []
    for survey in (one for one in material.policy.surveys if one.outcome):
        outcome, predictors = questions(survey)
        asked = {one.scale.id: material.text(one.ask) for one in survey.questions}
        period = material.period.before(HISTORY - 1).name, material.period.name
        rows = complete(material.reader.answers(survey=survey.id), survey, (outcome, *predictors), period)
        try:
            found = sorted(drivers(rows, outcome, predictors, SEED), key=lambda one: -one.weight)
        except Refused:
            blocks.append(material.say("drivers.few", outcome=asked[outcome], least=FEWEST_ANSWERS))
            continue
        except UsageError as error:
            blocks.append(str(error))
            continue
        weights = Series("R²", tuple(one.weight for one in found), tuple(one.low for one in found), tuple(one.high for one in found))
        explained = f"{sum(one.weight for one in found):.1%}"
        title = material.say("drivers.chart", outcome=asked[outcome], n=len(rows), explained=explained)
        names = tuple(asked[one.question] for one in found)
        blocks.append(Chart("bars", title, "share", names, (weights,), note=material.say("drivers.note")))
    yield Section(material.say("drivers"), tuple(blocks) or (material.say("drivers.none"),))


def suggested(material: Material) -> Iterator[Section]:
    """How many answers speak of each subject of the policy, with quotes that hold nothing personal."""
    subjects = material.policy.reports.suggestions
    names = [*people(material.reader), *(agent.name for agent in material.team.agents.values())]
    touched = months(material)
    found = suggestions(material.reader.answers(), subjects, (), names, (touched[0], touched[-1]), None).subjects
    labels = {one.id: material.text(one.label) for one in subjects}
    rows = tuple(
        (Cell(labels[one.name]), Cell(str(one.count), float(one.count), "count"), Cell(" · ".join(map(printable, one.quotes))))
        for one in sorted(found, key=lambda one: -one.count)
        if one.count
    )
    headings = tuple(material.say(f"head.{one}") for one in ("subject", "answers", "quotes"))
    table = Table(material.say("suggestions.table"), headings, rows, material.say("suggestions.note"))
    yield Section(material.say("suggestions.table"), (table,) if rows else (material.say("scores.none"),))


def low_scores(material: Material) -> Iterator[Section]:
    """Why customers gave low scores and what was done, without anything that says who they are; the causes put together."""
    opened = closed = waiting = 0
    causes: Counter[str] = Counter()
    mask = masking([*people(material.reader), *(agent.name for agent in material.team.agents.values())])
    rows = Counter[tuple[str, ...]]()
    for ticket, log in material.logs("follow_up"):
        opened += material.holds(ticket.opened_at)
        closed += ticket.state in ENDED and material.holds(ticket.closed_at)
        waiting += ticket.state not in ENDED
        told = [kept.event for kept in log if isinstance(kept.event, OutcomeRecorded) and material.holds(kept.at)]
        if not told or material.period.unit == DAY:  # of a day, whose it was could be told
            continue
        last = told[-1]
        causes[last.cause or ""] += 1
        satisfied = {None: "–", True: material.say("yes"), False: material.say("no")}[last.satisfied]
        tone = {None: "quiet", True: "good", False: "bad"}[last.satisfied]
        cause = label(f"cause.{last.cause}", material.language) if last.cause else "–"
        rows[cause, mask(material.body(*last.whys[-1:])) or "–", mask(material.body(last.remedy)) or "–", satisfied, tone] += 1
    follow_ups = {name: material.count("follow_up", number) for name, number in (("opened", opened), ("closed", closed), ("open", waiting))}
    said = [material.say("low.counts", **follow_ups)]
    if rows and answers(material) < SMALLEST_GROUP:
        yield Section(material.say("low"), (*said, material.say("low.hidden", n=SMALLEST_GROUP)))
        return
    drawn = pareto(material, material.say("causes.chart"), {label(f"cause.{cause}", material.language): causes[cause] for cause in CAUSES})
    headings = tuple(material.say(f"head.{one}") for one in ("cause", "why", "remedy", "satisfied", "count"))
    # By their words, so that nothing tells in which order, and so for whom, they were entered.
    shown = tuple(
        (Cell(cause), Cell(why), Cell(remedy), Cell(yes, tone=tone), Cell(str(n), n, "count"))
        for (cause, why, remedy, yes, tone), n in sorted(rows.items())
    )
    table = (Table(material.say("low.table"), headings, shown, material.say("low.note")),) if shown else ()
    yield Section(material.say("low"), (*said, *([drawn] if drawn else []), *table))
