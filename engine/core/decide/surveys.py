"""The survey after closure: when it goes out, what is an answer, and what a bad score leads to.

A confidential answer is stored apart: the ticket's log says that an answer came, never what it was; only for a low score a sealed link
leads from the follow-up back to the customer.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.core import events as e
from engine.core.answers import Scores, read_scores
from engine.core.commands import CancelTimers, EraseIntake, KeepAnswer, Raise, StartTimer
from engine.core.compiled import LowScore, Survey
from engine.core.conditions import evaluate
from engine.core.context import questionnaire
from engine.core.draft import Draft
from engine.core.fields import NEEDS
from engine.core.messages import notify, reachable, send
from engine.core.model import CUSTOMER
from engine.core.signals import TicketRequested


def consider(draft: Draft) -> None:
    """Schedule the first survey whose condition the ticket meets, or record why it is not sent."""
    ticket = draft.ticket
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
    survey = next((one for one in draft.policy.surveys if state and one.id == state.survey), None)
    if survey is None or state is None or state.expired or state.answered_at is not None:
        return
    match what:
        case ["send"]:
            _send(draft, survey)
        case ["remind", _]:
            if _speak(draft, survey, "reminder"):
                draft.record(e.SurveyReminded(survey.id))
        case ["expire"]:
            draft.record(e.SurveyExpired(survey.id))
            draft.want(CancelTimers("survey"))


def answer(draft: Draft, text: str, by: str) -> bool:
    """Take `text` as the answer to the awaited survey, if it is one; return whether it was."""
    state = draft.ticket.survey
    survey = next((one for one in draft.policy.surveys if state and one.id == state.survey), None)
    if survey is None or state is None or not state.awaited:
        return False
    scores = read_scores(text, [question.scale for question in survey.questions])
    if scores is None:
        return False
    draft.record(e.SurveyAnswered(survey.id, by))
    draft.want(CancelTimers("survey"))
    draft.want(EraseIntake())
    low = survey.low_score
    _keep(draft, survey, scores)
    if low is not None and evaluate(low.when, draft.values({"answer.lowest": min(scores.values.values())})):
        _follow_up(draft, low)
    notify(draft, "survey_thanks", CUSTOMER)
    return True


def send_at(survey: Survey, now: datetime, timezone: str) -> datetime:
    """Return when the survey goes out: `after` from now, moved out of the quiet hours, never later than `within` from now."""
    at, latest = now + survey.after, now + survey.within
    if survey.quiet is None:
        return min(at, latest)
    zone = ZoneInfo(timezone)
    start, end = survey.quiet
    local = at.astimezone(zone)
    if not _is_quiet(local.time(), start, end):
        return min(at, latest)
    morning = local.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    if morning < local:
        morning += timedelta(days=1)
    return min(morning.astimezone(now.tzinfo), latest)


def _is_quiet(at: time, start: time, end: time) -> bool:
    return start <= at < end if start <= end else at >= start or at < end


def _why_not(draft: Draft, survey: Survey) -> str | None:
    customer = draft.facts.customer
    if draft.facts.draw >= survey.sample:
        return "not_sampled"
    if customer and customer.last_survey_at and draft.now - customer.last_survey_at < survey.at_most_every:
        return "too_soon"
    return None if reachable(draft, survey.channels) else "unreachable"


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


def _keep(draft: Draft, survey: Survey, scores: Scores) -> None:
    month = draft.now.astimezone(ZoneInfo(draft.policy.company.timezone)).strftime("%Y-%m")
    draft.want(KeepAnswer(draft.facts.answer_id, survey.id, dict(scores.values), scores.suggestion, month))


def _follow_up(draft: Draft, low: LowScore) -> None:
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
            )
        )
    )
