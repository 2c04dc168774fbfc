"""A ticket comes into being: graded, put on its clocks, promised, routed."""

from msgspec.structs import replace

from engine.core import events as e
from engine.core.commands import SealLink
from engine.core.conditions import Value
from engine.core.contacts import to_text
from engine.core.decide import alerts, improvements, incidents, quality, surveys
from engine.core.draft import Draft, Refusal
from engine.core.fields import ALERT, INCIDENT, NEEDS, SURVEY
from engine.core.promises import promise
from engine.core.routing import give, route
from engine.core.signals import CustomerChanged, TicketRequested
from engine.core.values import TicketValues, first_match


def need(draft: Draft, opened: e.TicketOpened, silent: bool, queue: str | None = None) -> None:
    """Open a ticket for a customer's need, in the order in which a customer would be served.

    `silent` holds the promise back: what an automat sent is never answered (RFC 3834), and what an agent enters they promise aloud.
    """
    values = before_opening(draft, opened)
    tier, traces = first_match(draft.policy.tiers, values)
    draft.because(f"tier: {tier.id}", tier.id, tier.source, {}, traces)
    draft.record(replace(opened, tier=tier.id))
    route(draft, queue)
    if not silent:
        promise(draft, "promise")
    incidents.suspect(draft)


def work(draft: Draft, opened: e.TicketOpened, queue: str | None, assignee: str | None = None, avoid: str | None = None) -> None:
    """Open work of the house's own: a task, a call-back, a follow-up; it has its own clocks and an owner."""
    draft.record(opened)
    if assignee is not None and queue is not None:
        draft.record(e.Routed(queue))
        give(draft, assignee, opened.by)
    else:
        route(draft, queue, avoid=avoid)


def requested(draft: Draft, signal: TicketRequested, owned: bool = True) -> None:
    """Open what another ticket asked for. A follow-up of an answer is sealed: its ticket does not say whom it is about. What is opened for
    no customer knows no contact either.

    What is not to be `owned` yet is put into its queue only; its opener says whose it is.
    """
    facts = draft.facts
    if signal.rule is not None:
        draft.because(f"kind: {signal.kind}", signal.rule, signal.source, {"queue": signal.queue})
    if signal.kind == INCIDENT:
        incidents.opened(draft, signal)
        return
    sealed = signal.answer is not None
    opened = e.TicketOpened(
        number=facts.number,
        kind=signal.kind,
        channel=signal.channel,
        language=signal.language,
        customer=None if sealed else signal.customer,
        contact=None if sealed or signal.customer is None else facts.contact_id or keep_contact(draft),
        description=draft.keep_if("description", signal.text),
        parent=None if sealed else signal.parent,
        due=signal.due,
        by=signal.actor,
        alike=signal.alike,
    )
    if signal.kind == SURVEY:
        draft.record(opened)
        draft.record(e.TicketClosed("closed", signal.actor))
        surveys.invite(draft, signal.survey)
        return
    if signal.answer is not None and signal.parent is not None:
        draft.want(SealLink(signal.answer, signal.parent, signal.customer, facts.contact_id, facts.number))
    if signal.kind in NEEDS:
        need(draft, opened, silent=True, queue=signal.queue)
    elif owned:
        work(draft, opened, signal.queue, signal.assignee, signal.avoid)
        if signal.kind == ALERT:
            alerts.opened(draft, signal, incidents.group_of(draft, signal.alike))
        elif signal.review is not None:
            quality.drawn(draft, signal.review, signal.actor)
        elif signal.improvement is not None:
            improvements.planned(draft, signal.improvement, signal.actor)
    else:
        draft.record(opened)
        draft.record(e.Routed(signal.queue))


def belongs_to(draft: Draft, signal: CustomerChanged) -> None:
    """Put on record whose ticket it is, or that they are known otherwise now; the clocks follow."""
    customer = draft.facts.customer
    if customer is None or customer.id != signal.customer:
        raise Refusal(f"there is no customer {signal.customer!r}; `engine customer list` shows them")
    draft.record(e.CustomerChanged(customer.id, signal.actor))


def attach(draft: Draft, attachments: tuple[tuple[str, str], ...], by: str) -> None:
    """Note the files that came with a message: the hash of what is in each, and its name."""
    for digest, name in attachments:
        draft.record(e.Noted(draft.keep("attachment", f"{digest} {name}"), by))


def keep_contact(draft: Draft) -> str | None:
    """Keep who the customer is and how they are reached beside the log; return its content id."""
    contact = draft.facts.contact
    return draft.keep("contact", to_text(contact)) if contact.addresses or contact.name else None


def before_opening(draft: Draft, opened: e.TicketOpened) -> TicketValues:
    """Return what matchers see of a ticket that is about to be opened."""
    text = "\n".join(filter(None, (draft.text_of(opened.subject), draft.text_of(opened.description))))
    fields: dict[str, Value] = {
        "ticket.kind": opened.kind,
        "ticket.channel": opened.channel,
        "ticket.impact": opened.impact,
        "ticket.language": opened.language,
        "ticket.state": "new",
        "ticket.tags": frozenset(),
        "ticket.subject": draft.text_of(opened.subject) or None,
        "ticket.wish": draft.text_of(opened.wish) or None,
        "ticket.objections": 0,
        "ticket.reopened": 0,
    }
    return TicketValues(draft.policy, draft.facts, None, text, fields, draft.now, draft.found)
