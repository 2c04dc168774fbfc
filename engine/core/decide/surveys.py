"""Surveys, after closure or by the clock: when one goes out, what is an answer, and what a bad score leads to.

A confidential answer is stored apart: the ticket's log says that an answer came, never what it was; only for a low score a sealed link
leads from the follow-up back to the customer.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from engine.core import events as e
from engine.core.answers import Scores, read_scores, says
from engine.core.commands import CancelTimers, EraseIntake, KeepAnswer, StartTimer
from engine.core.compiled import Policy, Survey
from engine.core.conditions import evaluate
from engine.core.context import questionnaire
from engine.core.draft import Draft, Refusal
from engine.core.fields import NEEDS
from engine.core.messages import reach_of, send
from engine.core.model import CUSTOMER, Ticket
from engine.core.quiet import end_of_quiet
from engine.core.signals import TicketRequested


def consider(draft: Draft) -> None:
    """Schedule the first survey whose condition the ticket meets, or record why it is not sent."""
    ticket = draft.ticket
    if ticket.survey is None:
        draft.want(CancelTimers("survey"))  # what was set before the ticket was reopened
    if ticket.kind not in NEEDS or ticket.survey is not None or ticket.customer is None:
        return
    values = draft.values()
    survey = next((one for one in draft.policy.surveys if one.when is not None and evaluate(one.when, values)), None)
    if survey is not None:
        _plan(draft, survey, _why_not(draft, survey))


def invite(draft: Draft, id: str | None) -> None:
    """Ask a customer whom the draw of a survey by the clock has chosen. Raises Refusal where the policy has no such survey any more."""
    survey = next((one for one in draft.policy.surveys if one.id == id), None)
    if survey is None:
        raise Refusal(f"there is no survey {id!r} any more")
    _plan(draft, survey, _why_not(draft, replace(survey, sample=1.0)))


def _plan(draft: Draft, survey: Survey, reason: str | None) -> None:
    """Schedule the survey, or say for what `reason` it is not sent."""
    if reason is not None:
        draft.because(f"survey skipped: {reason}", survey.id, survey.source)
        draft.record(e.SurveySkipped(survey.id, reason))
        return
    at = send_at(survey, draft.now, draft.policy.company.timezone)
    draft.because("survey scheduled", survey.id, survey.source, {"at": at.isoformat()})
    draft.record(e.SurveyScheduled(survey.id, at))
    draft.want(StartTimer("survey/send", at))


def fired(draft: Draft, what: list[str]) -> None:
    """Send, remind or expire."""
    state = draft.ticket.survey
    survey = _survey_of(draft.ticket, draft.policy)
    if survey is None or state is None:
        return
    match what:
        case ["send"] if state.sent_at is None and not state.expired:
            _send(draft, survey)
        case ["remind", _] if state.awaited:
            if _speak(draft, survey, "reminder"):
                draft.record(e.SurveyReminded(survey.id))
        case ["expire"]:
            if state.awaited:
                draft.record(e.SurveyExpired(survey.id))
                draft.want(CancelTimers("survey"))
            if survey.anonymity == "strict":
                _speak(draft, survey, "thanks")


def answer(draft: Draft, text: str, by: str) -> bool:
    """Take `text` as the answer to the awaited survey, if it is one; return whether it was.

    A low score asks for a follow-up; a strictly anonymous one only where the customer says that they want to be called.
    """
    survey, found = _survey_of(draft.ticket, draft.policy), scores(draft.ticket, text, draft.policy)
    if survey is None or found is None:
        return False
    draft.record(e.SurveyAnswered(survey.id, by))
    draft.want(CancelTimers("survey/remind"))
    draft.want(EraseIntake())
    draft.want(_kept(draft, survey, found))
    if survey.anonymity != "strict":  # there, all who were asked are thanked when it expires
        draft.want(CancelTimers("survey"))
        _speak(draft, survey, "thanks")
    return True


def scores(ticket: Ticket, text: str, policy: Policy) -> Scores | None:
    """Read `text` as the answer to the survey that this ticket awaits, None if it is none."""
    survey = _survey_of(ticket, policy)
    if survey is None or ticket.survey is None or not ticket.survey.awaited:
        return None
    return read_scores(text, [question.scale for question in survey.questions])


def _survey_of(ticket: Ticket, policy: Policy) -> Survey | None:
    state = ticket.survey
    return next((one for one in policy.surveys if state and one.id == state.survey), None)


def send_at(survey: Survey, now: datetime, timezone: str) -> datetime:
    """Return when the survey goes out: `after` from now, moved out of the quiet hours, never later than `within` from now."""
    at, latest = now + survey.after, now + survey.within
    morning = end_of_quiet(at, survey.quiet, timezone) if survey.quiet else None
    return min(morning or at, latest)


def _why_not(draft: Draft, survey: Survey) -> str | None:
    customer = draft.facts.customer
    if draft.facts.draw >= survey.sample:
        return "not_sampled"
    if customer and customer.last_survey_at and draft.now - customer.last_survey_at < survey.at_most_every:
        return "too_soon"
    reach, reason = reach_of(draft, CUSTOMER, channels=survey.channels)
    return None if reach else reason


def _send(draft: Draft, survey: Survey) -> None:
    if not _speak(draft, survey, "invitation"):
        draft.record(e.SurveySkipped(survey.id, "unreachable"))
        return
    draft.record(e.SurveySent(survey.id))
    draft.want(StartTimer("survey/expire", draft.now + survey.expires))
    for position, after in enumerate(survey.remind):
        if after < survey.expires:
            draft.want(StartTimer(f"survey/remind/{position}", draft.now + after))


def _speak(draft: Draft, survey: Survey, role: str) -> bool:
    script = survey.scripts.get(role)
    if script is None:
        return False
    words = {"survey": questionnaire(draft, survey, draft.ticket.language)}
    return send(draft, script, CUSTOMER, words, channels=survey.channels)


def _kept(draft: Draft, survey: Survey, found: Scores) -> KeepAnswer:
    """The answer, to be kept apart, with the follow-up that it asks for. Each is looked at in time, so that none stands out."""
    month = draft.now.astimezone(ZoneInfo(draft.policy.company.timezone)).strftime("%Y-%m")
    low = survey.low_score
    look_at = draft.now + low.within if low else None
    return KeepAnswer(survey.id, found.values, found.choices, found.suggestion, month, look_at, _follow_up(draft, survey, found))


def _follow_up(draft: Draft, survey: Survey, found: Scores) -> TicketRequested | None:
    low, ticket = survey.low_score, draft.ticket
    if low is None or not evaluate(low.when, draft.values({"answer.lowest": min(found.values.values(), default=None)})):
        return None
    if survey.anonymity == "strict" and not says(found.suggestion, low.opt_in):
        return None
    return TicketRequested(
        kind=low.kind,
        queue=low.queue,
        text="",
        channel=ticket.channel,
        language=ticket.language,
        parent=ticket.number,
        customer=ticket.customer,
        avoid=ticket.assignee,
        rule=f"low_score of {survey.id}",
        source=low.source,
    )
