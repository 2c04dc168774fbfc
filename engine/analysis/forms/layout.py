"""What stands where on a form: the one description that both the page and the sheet are made from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.analysis.forms.model import (
    ContactDetail,
    Disclosure,
    FollowUpForm,
    Form,
    PlanForm,
    Questionnaire,
    Score,
    ServiceRecord,
    SurveyResult,
)
from engine.analysis.labels import label
from engine.analysis.texts import moment, printable


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled field; its text may have several lines. A `wide` one takes the full width, others stand in pairs."""

    label: str
    text: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A labelled table."""

    label: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A form ready to be set; every text in it is printable."""

    company: str
    title: str
    language: str
    form: str
    number: str
    fields: tuple[Field, ...]
    table: Table | None = None


def lay_out(form: Form) -> Layout:
    """Return the layout of a form. Raises TypeError for a form that is none of the four."""
    match form:
        case ServiceRecord():
            return _layout(form, "1", "form.service_record", _service_record(form))
        case Questionnaire():
            return _layout(form, "2", "form.questionnaire", _questionnaire(form))
        case FollowUpForm():
            return _layout(form, "3", "form.follow_up", _follow_up(form))
        case PlanForm():
            return _layout(form, "4", "form.plan", _plan(form), _points(form))
        case _:
            raise TypeError(f"{type(form).__name__} is no printed form")


def _layout(form: Form, id: str, title: str, fields: Iterable[Field], table: Table | None = None) -> Layout:
    language = form.language
    kept = tuple(Field(field.label, printable(field.text), field.wide) for field in fields)
    name = f"{label('form.form', language)} {id}"
    return Layout(printable(form.company), label(title, language), language, name, printable(form.number), kept, table)


def _service_record(form: ServiceRecord) -> Sequence[Field]:
    language = form.language
    feedback = moment(form.feedback_at, form.timezone) if form.feedback_at else ""
    return (
        Field(label("field.number", language), form.number),
        Field(label("field.customer", language), form.customer),
        Field(label("field.contact_person", language), form.contact_person),
        Field(label("field.contact_details", language), _details(form.contact_details, language)),
        Field(label("field.kind", language), label(f"kind.{form.kind}", language)),
        Field(label("field.urgency", language), form.urgency),
        Field(label("field.description", language), form.description, wide=True),
        Field(label("field.handler", language), form.handler),
        Field(label("field.state", language), label(f"state.{form.state}", language)),
        Field(label("field.feedback_at", language), feedback),
        Field(label("field.score", language), _survey(form.score, language), wide=True),
    )


def _questionnaire(form: Questionnaire) -> Sequence[Field]:
    asked = (Field(str(number), question, wide=True) for number, question in enumerate(form.questions, 1))
    return (Field(label("field.intro", form.language), form.intro, wide=True), *asked)


def _follow_up(form: FollowUpForm) -> Sequence[Field]:
    language = form.language
    finished = moment(form.finished_at, form.timezone) if form.finished_at else ""
    if finished and not form.finished:
        finished = f"{finished} ({label('form.planned', language)})"
    hidden = label("form.confidential", language)
    return (
        Field(label("field.number", language), form.number),
        Field(label("field.carried_out_by", language), form.carried_out_by),
        Field(label("field.problem", language), _problem(form.disclosed, language) if form.disclosed else hidden, wide=True),
        Field(label("field.cause", language), form.cause, wide=True),
        Field(label("field.plan", language), form.plan, wide=True),
        Field(label("field.finished_at", language), finished),
        Field(label("field.feedback", language), form.disclosed.feedback if form.disclosed else hidden, wide=True),
        Field(label("field.measure", language), form.measure, wide=True),
        Field(label("field.verified", language), form.verified, wide=True),
    )


def _plan(form: PlanForm) -> Sequence[Field]:
    return (
        Field(label("field.number", form.language), form.number),
        Field(label("field.who", form.language), form.who),
        Field(label("field.what", form.language), form.what, wide=True),
        Field(label("field.concessions", form.language), form.concessions, wide=True),
    )


def _points(form: PlanForm) -> Table:
    language = form.language
    keys = ("field.who", "field.point", "field.due", "field.done")
    rows = (
        (point.who, point.what, moment(point.due, form.timezone), moment(point.done_at, form.timezone) if point.done_at else "")
        for point in form.points
    )
    return Table(
        label("field.points", language),
        tuple(label(key, language) for key in keys),
        tuple(tuple(printable(cell) for cell in row) for row in rows),
    )


def _problem(disclosed: Disclosure, language: str) -> str:
    who = " · ".join(filter(None, [disclosed.ticket, disclosed.contact_person]))
    parts = (who, _details(disclosed.contact_details, language), disclosed.problem, _scores(disclosed.scores))
    return "\n".join(filter(None, parts))


def _details(details: Iterable[ContactDetail], language: str) -> str:
    return "\n".join(f"{label(f'channel.{detail.channel}', language)}: {detail.address}" for detail in details)


def _survey(result: SurveyResult, language: str) -> str:
    return _scores(result.scores) or label(f"survey.{result.state}", language)


def _scores(scores: Iterable[Score]) -> str:
    return "\n".join(f"{score.question}: {score.value}" + (f" ({score.meaning})" if score.meaning else "") for score in scores)
