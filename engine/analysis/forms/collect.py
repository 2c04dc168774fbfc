"""Fills the forms from the store."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from engine.analysis.forms.model import (
    CompletionPoint,
    ContactDetail,
    Disclosure,
    FollowUpForm,
    PlanForm,
    Questionnaire,
    Score,
    ServiceRecord,
    SurveyResult,
)
from engine.analysis.labels import label
from engine.analysis.learned import measures_of, outcome_of
from engine.core.authority import money
from engine.core.compiled import Policy, Question
from engine.core.contacts import from_text
from engine.core.events import CustomerContacted, Noted, TicketClosed
from engine.core.facts import Contact
from engine.core.improvements import Outcome
from engine.core.model import Concession, SurveyState, Ticket
from engine.core.team import Team
from engine.errors import NotFound, UsageError
from engine.runtime.followups import FollowUpView
from engine.store.contract import Reader
from engine.store.rows import AnswerRow, TicketQuery

_ALL = 2**31 - 1


def collect_service_record(
    reader: Reader, number: str, policy: Policy, team: Team, language: str, timezone: str, may_see_score: bool
) -> ServiceRecord:
    """Return the service record of a ticket. Raises NotFound.

    `may_see_score` is for the follow-up role; a score is shown only where a follow-up's sealed link still leads to it.
    """
    ticket = _ticket(reader, number)
    contact = from_text(_texts(reader, [ticket.contact]))
    tier = next((tier for tier in policy.tiers if tier.id == ticket.tier), None)
    return ServiceRecord(
        **_frame(number, policy, language, timezone),
        customer=ticket.customer or "",
        contact_person=contact.name,
        contact_details=_details(contact),
        kind=ticket.kind,
        description=_texts(reader, [ticket.subject, ticket.description]),
        urgency=policy.text(tier.label, language) if tier else ticket.tier or "",
        handler=_name(team, ticket.assignee),
        state=ticket.state,
        feedback_at=ticket.resolved_at,
        score=_survey(reader, ticket, policy, language, may_see_score),
    )


def collect_questionnaire(reader: Reader, number: str, policy: Policy, language: str, timezone: str) -> Questionnaire:
    """Return the questionnaire about a ticket, blank: of its survey, else of the first after closure. Raises NotFound."""
    ticket = _ticket(reader, number)
    sent = [one for one in policy.surveys if ticket.survey is not None and one.id == ticket.survey.survey]
    survey = next(iter((*sent, *(one for one in policy.surveys if one.when is not None))), None)
    if survey is None:
        raise NotFound("survey.yaml has no questionnaire that goes out after closure")
    return Questionnaire(
        **_frame(number, policy, language, timezone),
        intro=policy.text(survey.intro, language),
        questions=tuple(_question(question, policy, language) for question in survey.questions),
    )


def _question(question: Question, policy: Policy, language: str) -> str:
    points = "   ".join(f"□ {point} {words}".rstrip() for point, words in policy.points(question, language))
    return f"{policy.text(question.ask, language)}\n{points}"


def collect_plan(reader: Reader, number: str, policy: Policy, team: Team, language: str, timezone: str) -> PlanForm:
    """Return the solution plan now in force. Raises NotFound when there is no such ticket, or no plan for it."""
    ticket = _ticket(reader, number)
    if ticket.plan is None:
        raise NotFound(f"ticket {number} has no solution plan yet; record one with `engine ticket plan {number}`")
    points = tuple(
        CompletionPoint(_texts(reader, [step.content]), _name(team, step.who), step.due, step.done_at) for step in ticket.plan.steps
    )
    return PlanForm(
        **_frame(number, policy, language, timezone),
        what=_texts(reader, [ticket.plan.content]),
        who=_name(team, ticket.assignee or ticket.plan.by),
        points=points,
        concessions="\n".join(_concession(one, policy, team, language) for one in (*ticket.concessions, *ticket.approvals.values())),
    )


def _concession(one: Concession, policy: Policy, team: Team, language: str) -> str:
    """What was granted, and who approved it, or that it waits for an approval."""
    labels = policy.authority.exceptions if policy.authority else {}
    name = policy.text(labels[one.name], language) if one.name in labels else label(f"concession.{one.name}", language)
    if one.approval is None:
        return " ".join(filter(None, (name, money(one.amount, one.currency))))
    approver = _name(team, one.approved_by)
    verdict = f"{label('field.approved_by', language)} {approver}" if approver else label("field.awaits", language)
    return " ".join(filter(None, (name, money(one.amount, one.currency), f"({verdict}, {one.approval})")))


def collect_follow_up(
    reader: Reader, number: str, policy: Policy, team: Team, language: str, timezone: str, view: FollowUpView | None = None
) -> FollowUpForm:
    """Return the follow-up form. Raises NotFound, and UsageError for a ticket of another kind.

    Measures are the remedy, the follow-up's tasks and notes, and the measures of improvement that came of it; the verified result is what
    tasks and follow-up ended with, whether the customer is satisfied now, and the verdicts on the measures. Whom it is about and what they
    said is left out without `view`, which `engine.runtime.followups.reveal` gives to the follow-up role.
    """
    ticket = _ticket(reader, number)
    if ticket.kind != "follow_up":
        raise UsageError(f"ticket {number} is of kind {ticket.kind}: this form is for tickets of kind follow_up")
    tasks = [task for task in map(reader.ticket, ticket.tasks) if task is not None]
    log = [kept.event for kept in reader.events(number)]
    notes = [event.content for event in log if isinstance(event, Noted)]
    worked = [event.by for event in log if isinstance(event, CustomerContacted)]
    steps = ticket.plan.steps if ticket.plan else ()
    plan = [ticket.plan.content, *(step.content for step in steps)] if ticket.plan else []
    outcome, measures = outcome_of(reader, number) or Outcome(), measures_of(reader, number)
    return FollowUpForm(
        **_frame(number, policy, language, timezone),
        disclosed=_disclosure(reader, number, view, policy, language, outcome.words) if view else None,
        cause="\n".join(filter(None, [label(f"cause.{outcome.cause}", language) if outcome.cause else "", *outcome.whys])),
        plan=_texts(reader, plan),
        carried_out_by=_people(team, [step.who for step in steps] or [ticket.assignee or next(reversed(worked), None)]),
        finished_at=ticket.closed_at or max((step.due for step in steps), default=_due(ticket)),
        finished=ticket.closed_at is not None,
        measure="\n".join(
            filter(None, [outcome.remedy, *(_measure(reader, team, task) for task in (*tasks, *measures)), _texts(reader, notes)])
        ),
        verified="\n".join(
            filter(
                None, [_texts(reader, [_outcome(reader, one.number) for one in (*tasks, ticket)]), *_verdicts(outcome, measures, language)]
            )
        ),
    )


def _verdicts(outcome: Outcome, measures: Iterable[Ticket], language: str) -> Iterator[str]:
    """Whether the customer is satisfied now, and how each measure of improvement was judged."""
    if outcome.satisfied is not None:
        yield label(f"satisfied.{'yes' if outcome.satisfied else 'no'}", language)
    for one in measures:
        if one.improvement is not None and one.improvement.verdict is not None:
            yield f"{one.number} {label(f'verdict.{one.improvement.verdict}', language)}"


def _disclosure(reader: Reader, number: str, view: FollowUpView, policy: Policy, language: str, words: str) -> Disclosure:
    about = reader.ticket(view.ticket)
    spoken = [body for _, kind, body in reader.content_of(number) if kind == "contact_note"]
    return Disclosure(
        ticket=view.ticket,
        contact_person=view.contact.name,
        contact_details=_details(view.contact),
        problem=_texts(reader, [about.subject, about.description]) if about else "",
        scores=_scores(view.answer, policy, language),
        feedback="\n".join(filter(None, [view.answer.suggestion if view.answer else "", *spoken, words])),
    )


def _frame(number: str, policy: Policy, language: str, timezone: str) -> dict[str, Any]:
    return {"number": number, "company": policy.text(policy.company.name, language), "language": language, "timezone": timezone}


def _ticket(reader: Reader, number: str) -> Ticket:
    ticket = reader.ticket(number)
    if ticket is None:
        raise NotFound(f"there is no ticket {number}")
    return ticket


def _texts(reader: Reader, ids: Iterable[str | None]) -> str:
    """Return the contents as lines, in the order given; erased ones are left out."""
    wanted = [id for id in ids if id is not None]
    bodies = reader.contents(wanted)
    return "\n".join(bodies[id] for id in wanted if bodies.get(id))


def _details(contact: Contact) -> tuple[ContactDetail, ...]:
    """Return each address once, under the first channel that has it."""
    channels: dict[str, str] = {}
    for channel, address in contact.addresses.items():
        channels.setdefault(address, channel)
    return tuple(ContactDetail(channel, address) for address, channel in channels.items())


def _name(team: Team, who: str | None) -> str:
    agent = team.agents.get(who or "")
    return agent.name if agent else who or ""


def _people(team: Team, people: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(_name(team, who) for who in people if who))


def _survey(reader: Reader, ticket: Ticket, policy: Policy, language: str, may_see_score: bool) -> SurveyResult:
    state = _survey_state(ticket.survey)
    if not may_see_score or state != "answered":
        return SurveyResult(state)
    for follow_up in reader.tickets(TicketQuery(kind="follow_up", limit=_ALL)):
        link = reader.link(follow_up.number)
        if link is not None and link.ticket == ticket.number:
            answer = next((answer for answer in reader.answers() if answer.id == link.answer), None)
            return SurveyResult(state, _scores(answer, policy, language), follow_up.number)
    return SurveyResult(state)


def _survey_state(survey: SurveyState | None) -> str:
    if survey is None or survey.sent_at is None:
        return "not_sent"
    if survey.answered_at is not None:
        return "answered"
    return "expired" if survey.expired else "awaited"


def _scores(answer: AnswerRow | None, policy: Policy, language: str) -> tuple[Score, ...]:
    if answer is None:
        return ()
    survey = next((survey for survey in policy.surveys if survey.id == answer.survey), None)
    questions = {question.scale.id: question for question in survey.questions} if survey else {}
    asked = sorted(answer.scores, key=lambda id: list(questions).index(id) if id in questions else len(questions))
    return tuple(_score(questions.get(id), id, answer.scores[id], policy, language) for id in asked)


def _score(question: Question | None, id: str, value: int, policy: Policy, language: str) -> Score:
    """Return a score in words; of a question the policy no longer has, its id and the number."""
    if question is None:
        return Score(id, value, "")
    return Score(policy.text(question.ask, language), value, dict(policy.points(question, language)).get(str(value), ""))


def _measure(reader: Reader, team: Team, task: Ticket) -> str:
    words = _texts(reader, [task.description])
    return f"{task.number} {words} ({_name(team, task.assignee)})" if task.assignee else f"{task.number} {words}"


def _outcome(reader: Reader, number: str) -> str | None:
    ended = [kept.event.content for kept in reader.events(number) if isinstance(kept.event, TicketClosed)]
    return ended[-1] if ended else None


def _due(ticket: Ticket) -> datetime | None:
    return next((clock.due for clock in ticket.deadlines.values() if clock.running), None)
