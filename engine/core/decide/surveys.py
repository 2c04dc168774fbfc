"""The survey after closure: when it goes out, what is an answer, and what a bad score leads to.

A confidential answer is stored apart: the ticket's log says that an answer came, never what it was; only for a low score a sealed link
leads from the follow-up back to the customer.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from engine.core import events as e
from engine.core.answers import Scores, read_scores
from engine.core.commands import CancelTimers, EraseIntake, KeepAnswer, Raise, StartTimer
from engine.core.compiled import LowScore, Policy, Survey
from engine.core.conditions import evaluate
from engine.core.context import questionnaire
from engine.core.draft import Draft
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
    survey = next((one for one in draft.policy.surveys if evaluate(one.when, values)), None)
    if survey is None:
        return
    reason = _why_not(draft, survey)
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
        case ["expire"] if state.awaited:
            draft.record(e.SurveyExpired(survey.id))
            draft.want(CancelTimers("survey"))


def answer(draft: Draft, text: str, by: str) -> bool:
    """Take `text` as the answer to the awaited survey, if it is one; return whether it was.

    A strictly anonymous answer leads to nothing, for a follow-up would have to know whom to call.
    """
    survey, found = _survey_of(draft.ticket, draft.policy), scores(draft.ticket, text, draft.policy)
    if survey is None or found is None:
        return False
    draft.record(e.SurveyAnswered(survey.id, by))
    draft.want(CancelTimers("survey"))
    draft.want(EraseIntake())
    low, lowest = survey.low_score, min(found.values.values(), default=None)
    _keep(draft, survey, found)
    if low and survey.anonymity != "strict" and evaluate(low.when, draft.values({"answer.lowest": lowest})):
        _follow_up(draft, survey, low)
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


def _keep(draft: Draft, survey: Survey, found: Scores) -> None:
    month = draft.now.astimezone(ZoneInfo(draft.policy.company.timezone)).strftime("%Y-%m")
    draft.want(KeepAnswer(draft.facts.answer_id, survey.id, dict(found.values), found.suggestion, month))


def _follow_up(draft: Draft, survey: Survey, low: LowScore) -> None:
    ticket = draft.ticket
    draft.want(
        Raise(
            TicketRequested(
                kind=low.kind,
                queue=low.queue,
                text="",
                channel=ticket.channel,
                language=ticket.language,
                parent=ticket.number,
                customer=ticket.customer,
                answer=draft.facts.answer_id,
                avoid=ticket.assignee,
                rule=f"low_score of {survey.id}",
                source=low.source,
            )
        )
    )
