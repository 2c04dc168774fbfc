"""What comes in and belongs to no ticket yet: a message opens one, a call does what the policy's call rules say."""

from collections.abc import Mapping
from dataclasses import replace

from engine.core import events as e
from engine.core.answers import is_opt_out
from engine.core.commands import SaveOptOut
from engine.core.decide import opening
from engine.core.draft import Draft, Refusal
from engine.core.fields import IMPACTS, NEEDS
from engine.core.messages import notify
from engine.core.model import CUSTOMER
from engine.core.signals import CallArrived, MessageArrived
from engine.core.text import language_of
from engine.core.values import TicketValues, first_match


def message(draft: Draft, signal: MessageArrived) -> None:
    """Open a ticket for a message. A bare opt-out word is not a need: it is obeyed, and no ticket is opened."""
    if is_opt_out(signal.text, draft.policy.replies):
        address = draft.facts.contact.addresses.get(signal.channel)
        if address is None:
            raise Refusal("an opt-out without an address")
        draft.want(SaveOptOut(signal.channel, address, allowed=False))
        return
    text = signal.text or signal.subject
    if not text.strip() and not signal.attachments:
        raise Refusal("the message is empty: nothing to open a ticket for")
    language = _language(draft, text, signal.fields)
    opened = _opening(draft, signal.channel, text, signal.subject, language, signal.fields)
    opening.need(draft, opened, silent=signal.automatic)
    _attach(draft, signal.attachments)


def call(draft: Draft, signal: CallArrived) -> None:
    """Do with a call of nobody's ticket what the first matching call rule says; a need that a person registered is always opened."""
    values = TicketValues(draft.policy, draft.facts, None, signal.text)
    rule, traces = first_match(draft.policy.calls, values)
    kind = signal.fields.get("kind") or rule.opens
    if kind is None:
        raise Refusal(f"rule {rule.id} ({rule.source}) opens nothing for this call")
    language = _language(draft, signal.text, signal.fields)
    fields = {**signal.fields, "kind": kind}
    opened = _opening(draft, signal.channel, signal.text, "", language, fields, by=signal.agent or CUSTOMER)
    draft.because(f"call opens {kind}", rule.id, rule.source, {}, traces)
    if opened.kind in NEEDS:
        opening.need(draft, opened, silent=False, queue=rule.queue)
    else:
        opening.work(draft, opened, rule.queue, rule)
    note_call(draft, signal)
    if rule.script is not None:
        notify(draft, "missed_call", CUSTOMER)


def note_call(draft: Draft, signal: CallArrived) -> None:
    """Put the call on record; if it was answered, the customer has been spoken with."""
    facts = draft.facts.call
    if facts is None:
        return
    words = signal.text or f"{facts.direction} {facts.outcome} {facts.queue}".strip()
    content = draft.keep("call", words)
    draft.record(e.CallNoted(content, facts.direction, facts.outcome))
    if facts.outcome == "answered":
        draft.record(e.CustomerContacted(signal.agent or draft.ticket.assignee or "system", signal.channel, content))


def _opening(
    draft: Draft,
    channel: str,
    text: str,
    subject: str,
    language: str,
    fields: Mapping[str, str],
    by: str = CUSTOMER,
) -> e.TicketOpened:
    """Return the opening of a ticket, its kind from the form or else from the first matching kind rule."""
    customer = draft.facts.customer
    impact = fields.get("impact")
    opened = e.TicketOpened(
        number=draft.facts.number,
        kind=fields.get("kind", ""),
        channel=channel,
        language=language,
        customer=customer.id if customer else None,
        contact=opening.keep_contact(draft),
        description=draft.keep_if("description", text),
        subject=draft.keep_if("subject", subject),
        impact=impact if impact in IMPACTS else None,
        wish=draft.keep_if("wish", fields.get("wish", "")),
        expected_by=draft.keep_if("expected_by", fields.get("expected_by", "")),
        by=by,
    )
    if opened.kind:
        return opened
    rule, traces = first_match(draft.policy.kinds, opening.before_opening(draft, opened))
    draft.because(f"kind: {rule.kind}", rule.id, rule.source, {}, traces)
    return replace(opened, kind=rule.kind)


def _language(draft: Draft, text: str, fields: Mapping[str, str]) -> str:
    """The language of the form, of the words, of the customer, of the company: the first that is known and has scripts."""
    languages = draft.policy.company.languages
    customer = draft.facts.customer
    known = (customer.language if customer else None) or languages[0]
    wanted = fields.get("language") or language_of(text, known)
    return wanted if wanted in languages else languages[0]


def _attach(draft: Draft, attachments: tuple[tuple[str, str], ...]) -> None:
    for digest, name in attachments:
        draft.record(e.Noted(draft.keep("attachment", f"{digest} {name}"), CUSTOMER))
