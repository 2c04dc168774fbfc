"""What comes in and belongs to no ticket yet: a message opens one, a call does what the policy's call rules say."""

from collections.abc import Mapping

from msgspec.structs import replace

from engine.core import events as e
from engine.core.answers import is_opt_in, is_opt_out
from engine.core.commands import SaveOptOut
from engine.core.decide import opening
from engine.core.draft import Draft, Refusal, RefusedByRule
from engine.core.fields import IMPACTS, NEEDS
from engine.core.messages import send
from engine.core.model import CUSTOMER
from engine.core.signals import CallArrived, MessageArrived
from engine.core.text import language_of
from engine.core.values import TicketValues, first_match


def message(draft: Draft, signal: MessageArrived) -> None:
    """Open a ticket for a message. A bare opt-out (or opt-in) word is not a need: it is obeyed, and no ticket is opened.

    In a form it proves no address, so it ends nothing and somebody reads it.
    """
    address = draft.facts.contact.addresses.get(signal.channel)
    if address is not None and signal.channel in draft.facts.senders:
        for is_one, allowed in ((is_opt_out, False), (is_opt_in, True)):
            if is_one(signal.text, draft.policy.replies):
                draft.want(SaveOptOut(signal.channel, address, allowed))
                return
    text = signal.text or signal.subject
    if not text.strip() and not signal.attachments:
        raise Refusal("the message is empty: nothing to open a ticket for")
    language = _language(draft, text, signal.fields)
    opened = _opening(draft, signal.channel, text, signal.subject, language, signal.fields, _kind(signal.fields))
    opening.need(draft, opened, silent=signal.automatic)
    opening.attach(draft, signal.attachments, CUSTOMER)


def call(draft: Draft, signal: CallArrived) -> None:
    """Do with a call of nobody's ticket what the first matching call rule says; a need that a person registered is always opened."""
    values = TicketValues(draft.policy, draft.facts, None, signal.text, now=draft.now)
    rule, traces = first_match(draft.policy.calls, values)
    kind = _kind(signal.fields) or rule.opens
    if kind is None:
        draft.because("call opens nothing", rule.id, rule.source, {}, traces)
        raise RefusedByRule(f"rule {rule.id} ({rule.source}) opens nothing for this call")
    queue, script = (rule.queue, rule.script) if kind == rule.opens else (None, None)
    language = _language(draft, signal.text, signal.fields)
    opened = _opening(draft, signal.channel, signal.text, "", language, signal.fields, kind, signal.agent or CUSTOMER)
    draft.because(f"call opens {kind}", rule.id, rule.source, {}, traces)
    if opened.kind in NEEDS:
        opening.need(draft, opened, silent=False, queue=queue)
    else:
        opening.work(draft, opened, queue)
    facts = draft.facts.call
    note_call(draft, signal, contact=facts is not None and facts.outcome == "answered")
    if script is not None:
        send(draft, script, CUSTOMER)


def note_call(draft: Draft, signal: CallArrived, contact: bool) -> None:
    """Put the call on record; with `contact` the customer has been spoken with."""
    facts = draft.facts.call
    if facts is None:
        return
    words = signal.text or f"{facts.direction} {facts.outcome} {facts.queue}".strip()
    content = draft.keep("call", words)
    draft.record(e.CallNoted(content, facts.direction, facts.outcome))
    if contact:
        draft.record(e.CustomerContacted(signal.agent or draft.ticket.assignee or "system", signal.channel, content))


def _opening(
    draft: Draft, channel: str, text: str, subject: str, language: str, fields: Mapping[str, str], kind: str | None, by: str = CUSTOMER
) -> e.TicketOpened:
    """Return the opening of a ticket, its kind from the first matching kind rule where it is not known."""
    customer = draft.facts.customer
    impact = fields.get("impact")
    opened = e.TicketOpened(
        number=draft.facts.number,
        kind=kind or "",
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


def _kind(fields: Mapping[str, str]) -> str | None:
    """The kind of need a form knew; a customer cannot open the house's own work."""
    return kind if (kind := fields.get("kind")) in NEEDS else None


def _language(draft: Draft, text: str, fields: Mapping[str, str]) -> str:
    """The language of the form, of the words, of the customer, of the company: the first that is known and has scripts."""
    languages = draft.policy.company.languages
    customer = draft.facts.customer
    known = (customer.language if customer else None) or languages[0]
    wanted = fields.get("language") or language_of(text, known)
    return wanted if wanted in languages else languages[0]
