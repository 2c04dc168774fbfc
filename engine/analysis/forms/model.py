"""The printed forms as plain values. Instants are aware UTC; they are printed in the form's time zone."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What every form says: which ticket it is about, for which company, in which language and time zone it is printed."""

    number: str
    company: str
    language: str
    timezone: str


@dataclass(frozen=True, slots=True)
class ContactDetail:
    """An address of the contact person on a channel."""

    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Score:
    """What a customer answered to one question: the point and its label."""

    question: str
    value: int
    meaning: str


@dataclass(frozen=True, slots=True)
class SurveyResult:
    """How the survey went: `state` is not_sent, awaited, answered or expired.

    `scores` is empty unless the reader may see them and they can still be reached; then `follow_up` names the follow-up whose sealed link
    was read, and whoever prints the form keeps an audit of that look.
    """

    state: str
    scores: tuple[Score, ...] = ()
    follow_up: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord(Form):
    """Form 1. `feedback_at` is when the result went to the customer."""

    customer: str
    contact_person: str
    contact_details: tuple[ContactDetail, ...]
    kind: str
    description: str
    urgency: str
    handler: str
    state: str
    feedback_at: datetime | None
    score: SurveyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Questionnaire(Form):
    """Form 2, blank: the opening line, and each question with the points to tick below it, or with room for words."""

    intro: str
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompletionPoint:
    """One step of a plan: what, who, by when, and when it was done."""

    what: str
    who: str
    due: datetime
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanForm(Form):
    """Form 4: the solution plan. `who` leads it. `concessions` are the compensation and exceptions granted or asked for, one a line."""

    what: str
    who: str
    concessions: str
    points: tuple[CompletionPoint, ...]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What only the follow-up role may see of a follow-up: whom it is about, what they scored, wrote and said."""

    ticket: str
    contact_person: str
    contact_details: tuple[ContactDetail, ...]
    problem: str
    scores: tuple[Score, ...]
    feedback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpForm(Form):
    """Form 3. Problem and customer feedback stand in `disclosed`; None: the reader may not see them.

    `finished` says whether `finished_at` has been reached or is only planned.
    """

    disclosed: Disclosure | None
    cause: str
    plan: str
    carried_out_by: str
    finished_at: datetime | None
    finished: bool
    measure: str
    verified: str
