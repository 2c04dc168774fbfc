"""What a script may speak of: plain dictionaries made from the ticket, the facts and the occasion."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.core.compiled import Question, Survey
from engine.core.draft import Draft
from engine.core.model import CUSTOMER, Deadline, Ticket

LINK = "{link}"
"""What stands in a message for the link to the customer's page, until it goes out: whoever reads the log cannot follow it."""


def build(draft: Draft, party: str, language: str, extra: Mapping[str, object]) -> dict[str, object]:
    """Return the variables for one message to `party` in `language`; `extra` are those of the occasion."""
    policy, ticket = draft.policy, draft.ticket
    context: dict[str, object] = {
        "now": draft.now,
        "language": language,
        "timezone": policy.company.timezone,
        "company": {"name": policy.text(policy.company.name, language), "hotline": policy.company.hotline},
        "ticket": _ticket(draft, ticket),
        "customer": {"name": draft.facts.contact.name},
        "link": LINK if draft.facts.links and party == CUSTOMER else "",
        "agent": agent(draft, ticket.assignee if party == CUSTOMER else party),
        "deadlines": _deadlines(draft, party, language),
        "plan": _plan(draft, ticket),
        "result": {"text": draft.text_of(ticket.result)},
    }
    queue = policy.queues.get(ticket.queue or "")
    context["queue"] = {"id": ticket.queue or "", "label": policy.text(queue.label, language) if queue else ""}
    tier = next((tier for tier in policy.tiers if tier.id == ticket.tier), None)
    context["tier"] = {"id": ticket.tier or "", "label": policy.text(tier.label, language) if tier else ""}
    return {**context, **extra}


def deadline(draft: Draft, clock: Deadline, language: str) -> dict[str, object]:
    """Return a clock as scripts see it: label, due instant, how much is over or left (real time)."""
    kind = draft.policy.deadlines.get(clock.kind)
    due = clock.due or draft.now
    zero = timedelta(0)
    return {
        "label": draft.policy.text(kind.label, language) if kind else clock.kind,
        "due": due,
        "overdue": max(zero, draft.now - due),
        "remaining": max(zero, due - draft.now),
    }


def questionnaire(draft: Draft, survey: Survey, language: str) -> dict[str, object]:
    """Return a survey as scripts see it: the opening line and its numbered questions with their labels."""
    questions: list[dict[str, Any]] = []
    for number, question in enumerate(survey.questions, 1):
        labels = question.labels.get(language) or next(iter(question.labels.values()), ())
        questions.append(
            {
                "number": number,
                "ask": draft.policy.text(question.ask, language),
                "labels": list(labels),
                "low": question.scale.low,
                "high": question.scale.high,
                "text": question.scale.text,
                "options": [{"letter": chr(ord("A") + nth), "text": text} for nth, text in enumerate(_options(draft, question, language))],
                "many": question.scale.many,
            }
        )
    return {"intro": draft.policy.text(survey.intro, language), "questions": questions}


def _options(draft: Draft, question: Question, language: str) -> list[str]:
    return [draft.policy.text(text, language) for text in question.options.values()]


def _ticket(draft: Draft, ticket: Ticket) -> dict[str, object]:
    return {
        "number": ticket.number,
        "kind": ticket.kind,
        "state": ticket.state,
        "channel": ticket.channel,
        "language": ticket.language,
        "subject": draft.text_of(ticket.subject),
        "text": draft.text_of(ticket.description),
        "wish": draft.text_of(ticket.wish),
        "expected_by": draft.text_of(ticket.expected_by),
        "parent": ticket.parent or "",
        "opened_at": ticket.opened_at,
    }


def _deadlines(draft: Draft, party: str, language: str) -> dict[str, dict[str, object]]:
    """What is still owed, by kind, the nearest first; of several of a kind the one that is due first. No customer is promised the past."""
    clocks = [clock for clock in draft.ticket.deadlines.values() if clock.running and clock.due]
    clocks = [clock for clock in clocks if party != CUSTOMER or (clock.due and clock.due > draft.now)]
    first: dict[str, Deadline] = {}
    for clock in sorted(clocks, key=lambda clock: clock.due or draft.now):
        first.setdefault(clock.kind, clock)
    return {kind: deadline(draft, clock, language) for kind, clock in first.items()}


def agent(draft: Draft, id: str | None) -> dict[str, object]:
    """Return an agent as scripts see them, all empty for nobody."""
    known = draft.facts.agents.get(id or "")
    return {"id": id or "", "name": known.name if known else id or ""}


def _plan(draft: Draft, ticket: Ticket) -> dict[str, object]:
    plan = ticket.plan
    if plan is None:
        return {"text": "", "steps": []}
    steps: list[dict[str, str | datetime | bool]] = [
        {"id": step.id, "text": draft.text_of(step.content), "who": step.who, "due": step.due, "done": step.done_at is not None}
        for step in plan.steps
    ]
    return {"text": draft.text_of(plan.content), "steps": steps}
