"""What `engine kpi` shows of survey answers as a whole: drivers, factors, suggestions."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from engine.analysis.texts import instant
from engine.cli.session import Desk, Session
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.analysis.kpi.answers import Months
    from engine.analysis.kpi.suggestions import Cut
    from engine.core.compiled import Survey

Table: TypeAlias = tuple[str, Sequence[str], list[tuple[str, ...]]]
"""Its title, headings and rows."""
Shown: TypeAlias = tuple[dict[str, Any], list[Table]]
"""For programs and for people."""


def show(session: Session, about: str, survey: str | None, seed: int, since: str | None, until: str | None, *, json: bool) -> None:
    """Print one of them. Raises UsageError and Refused as they do."""
    from engine.cli.output import say, say_json, table

    with session.desk() as desk:
        months = _months(desk, since, until)
        plain, tables = _suggestions(desk, survey, months) if about == "suggestions" else _OF_SCORES[about](desk, survey, months, seed)
        if json:
            say_json({"about": about, "months": list(months), **plain})
        for title, headings, rows in () if json else tables:
            say(title, "bold")
            table([desk.words.name(heading) for heading in headings], rows)


def _months(desk: Desk, since: str | None, until: str | None) -> "Months":
    """The first and the last month that the period touches."""
    from engine.analysis.kpi.answers import ALWAYS
    from engine.cli.kpi import end_of

    zone = ZoneInfo(desk.words.timezone)
    first = f"{instant(since, zone.key, day_ends=False).astimezone(zone):%Y-%m}" if since else ALWAYS[0]
    last = f"{(end_of(until, zone.key) - timedelta(microseconds=1)).astimezone(zone):%Y-%m}" if until else ALWAYS[1]
    if first > last:
        raise UsageError(f"the period ends ({last}) before it begins ({first})")
    return first, last


def _survey(desk: Desk, wanted: str | None) -> "Survey":
    """The survey of that name; without one the only one that asks something on the whole."""
    surveys = {one.id: one for one in desk.policy.surveys if wanted or one.outcome}
    chosen = wanted or (next(iter(surveys)) if len(surveys) == 1 else "")
    if chosen not in surveys:
        known = ", ".join(surveys) or "none that names its `outcome` in survey.yaml"
        raise UsageError(f"say of which survey, with --survey ID: there is {known}")
    return surveys[chosen]


def _drivers(desk: Desk, wanted: str | None, months: "Months", seed: int) -> Shown:
    from engine.analysis.kpi.satisfaction import complete, drivers, questions
    from engine.cli.output import bar

    survey, words = _survey(desk, wanted), desk.words
    outcome, predictors = questions(survey)
    with desk.store.read() as reader:
        answers = complete(reader.answers(survey=survey.id), survey, (outcome, *predictors), months)
    found = sorted(drivers(answers, outcome, predictors, seed), key=lambda one: -one.weight)
    explained, asked = sum(one.weight for one in found), {one.scale.id: one.ask for one in survey.questions}
    parts = [asdict(one) | {"share": one.weight / explained if explained else None} for one in found]
    plain = {"survey": survey.id, "outcome": outcome, "n": len(answers), "r_squared": explained, "seed": seed, "drivers": parts}
    rows: list[tuple[str, ...]] = [
        (words.text(asked[one.question]), f"{one.weight:.1%}", f"{one.low:.1%} – {one.high:.1%}", bar(one.weight)) for one in found
    ]
    title = words.name("drivers", words.text(asked[outcome]), str(len(answers)), f"{explained:.1%}")
    return plain, [(title, ("question", "weight", "interval", ""), rows)]


def _factors(desk: Desk, wanted: str | None, months: "Months", seed: int) -> Shown:
    from engine.analysis.kpi.satisfaction import complete, factors, questions

    survey, words = _survey(desk, wanted), desk.words
    _, items = questions(survey)
    with desk.store.read() as reader:
        found = factors(complete(reader.answers(survey=survey.id), survey, items, months), items, seed)
    asked = {one.scale.id: words.text(one.ask) for one in survey.questions}
    rows = [(asked[one.question], *(f"{loading:+.2f}" for loading in one.loadings), f"{one.communality:.0%}") for one in found.items]
    rows.append((words.name("explained"), *(f"{part:.1%}" for part in found.explained), f"{sum(found.explained):.1%}"))
    statistic, free, p = found.sphericity
    title = words.name("factors", str(found.n), f"{found.adequacy:.2f}", f"{statistic:.1f}", str(free), f"{p:.2g}")
    named = [words.name("factor", str(number)) for number, _ in enumerate(found.explained, 1)]
    return {"survey": survey.id, "seed": seed, **asdict(found)}, [(title, ("question", *named, "communality"), rows)]


def _suggestions(desk: Desk, wanted: str | None, months: "Months") -> Shown:
    from engine.analysis.kpi.suggestions import people, suggestions

    if wanted:
        _survey(desk, wanted)
    reports, words, cut = desk.policy.reports, desk.words, _cut()
    with desk.store.read() as reader:
        names = [*people(reader), *(agent.name for agent in desk.team.agents.values())]
        found = suggestions(reader.answers(survey=wanted), reports.suggestions, reports.ignored_words, names, months, cut)
    labels, few = {one.id: words.text(one.label) for one in reports.suggestions}, words.name("standing.suppressed")
    subjects = [(labels[one.name], str(one.count or few), " · ".join(f"“{quote}”" for quote in one.quotes)) for one in found.subjects]
    tables: list[Table] = [(words.name("suggestions"), ("suggestion", "answers", "quotes"), list(subjects))]
    title = words.name("other_words") if cut else f"{words.name('other_words')} ({words.name('no_chinese_words')})"
    tables.append((title, ("other_word", "answers"), [(one.name, str(one.count)) for one in found.words]))
    return {"survey": wanted, "chinese_words": cut is not None, **asdict(found)}, tables


def _cut() -> "Cut | None":
    """What cuts Chinese texts into words, where it is installed."""
    try:
        from rjieba import cut
    except ImportError:
        return None
    found: Cut = cut
    return found


_OF_SCORES = {"drivers": _drivers, "factors": _factors}
