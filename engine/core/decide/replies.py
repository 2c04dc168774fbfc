"""What comes in for a ticket that is there: an agent's command, an opt-out, a survey's answer, a confirmation, or plain words."""

from engine.core import events as e
from engine.core.answers import Confirmation, ReplyWords, is_courtesy, is_opt_in, is_opt_out, read_confirmation
from engine.core.commands import SaveOptOut
from engine.core.decide import actions, intake, mail_commands, opening, surveys
from engine.core.draft import Draft, Refusal
from engine.core.lifecycle import ENDED
from engine.core.messages import notify, owner
from engine.core.model import CUSTOMER, Ticket
from engine.core.signals import CallArrived, MessageArrived
from engine.core.values import TicketValues, first_match

_LONGEST_RECEIPT = 80
"""Characters of an agent's mail that the receipt says again."""


def message(draft: Draft, signal: MessageArrived) -> None:
    """Take a message of an existing ticket. Nothing automatic is answered, and only a proven sender can act, confirm or opt out."""
    if signal.automatic:
        _receive(draft, signal)
    elif signal.party != CUSTOMER:
        _agent_mail(draft, signal)
    elif not signal.trusted:
        if surveys.scores(draft.ticket, signal.text, draft.policy) is not None:
            raise Refusal("these are a survey's scores, but the sender is not proven; those who are rated must not see them")
        _words(draft, signal)
    elif not (_opt_out(draft, signal) or surveys.answer(draft, signal.text, CUSTOMER) or _confirmation(draft, signal)):
        _words(draft, signal)


def call(draft: Draft, signal: CallArrived) -> None:
    """Put a call with the customer of this ticket on record. It was a contact if its rule says so, or opens what this ticket stands for."""
    facts = draft.facts.call
    rule, traces = first_match(draft.policy.calls, TicketValues(draft.policy, draft.facts, None, signal.text, now=draft.now))
    spoken = rule.opens is not None and facts is not None and facts.outcome == "answered"
    contact = rule.notes_contact or spoken
    draft.because(f"call noted{' as a contact' if contact else ''}", rule.id, rule.source, {}, traces)
    intake.note_call(draft, signal, contact)


def verdict(ticket: Ticket, text: str, words: ReplyWords) -> Confirmation | None:
    """Read a yes or no to "is it solved?", the ticket's number aside; None where there is none to be said.

    After a yes only a no changes anything. Mere thanks (`不客气`, `no problem`) are no objection, whatever they begin with.
    """
    if ticket.state not in ("resolved", "unconfirmed", "confirmed"):
        return None
    said = read_confirmation(text.replace(ticket.number, "", 1), words)
    if said is None or (said.agrees and ticket.state == "confirmed") or (not said.agrees and is_courtesy(text, words)):
        return None
    return said


def _opt_out(draft: Draft, signal: MessageArrived) -> bool:
    """Send nothing automatic to this address over this channel any more (and confirm that once), or again.

    Over a channel that only takes in, such as a form's, the word means every one that reaches them. Files beside it are heard of as ever.
    """
    words, addresses, senders = draft.policy.replies, draft.facts.contact.addresses, draft.facts.senders
    out = is_opt_out(signal.text, words)
    channels = [one for one in senders if one in addresses and (one == signal.channel or signal.channel not in senders)]
    if not channels or not (out or is_opt_in(signal.text, words)):
        return False
    for channel in channels:
        if out and channel not in draft.facts.opted_out:
            notify(draft, "opted_out", CUSTOMER, via=channel)
        draft.record(e.OptedOut(channel) if out else e.OptedIn(channel))
        draft.want(SaveOptOut(channel, addresses[channel], allowed=not out))
    if signal.attachments:
        _words(draft, signal)
    return True


def _agent_mail(draft: Draft, signal: MessageArrived) -> None:
    """Do what an agent's mail says, and tell them what was done or why not. Unproven mail is kept and does nothing."""
    refused: str | None = "the mail did not come from your address in team.yaml"
    if signal.trusted:
        refused = draft.attempt(lambda: _obey(draft, signal))
    if refused is not None:
        _receive(draft, signal)
        notify(draft, "agent_refused", signal.party, {"refusal": {"text": refused}})


def _obey(draft: Draft, signal: MessageArrived) -> None:
    command = mail_commands.read(draft, signal)
    if command is None:
        raise Refusal(mail_commands.usage(draft))
    actions.act(draft, command)
    opening.attach(draft, signal.attachments, signal.party)
    notify(draft, "agent_receipt", signal.party, {"done": {"text": signal.text.strip().split("\n")[0][:_LONGEST_RECEIPT]}})


def _confirmation(draft: Draft, signal: MessageArrived) -> bool:
    """Take a yes or no; ambiguous words are never taken for a yes."""
    said = verdict(draft.ticket, signal.text, draft.policy.replies)
    if said is None:
        return False
    content = draft.keep_if("message", signal.text)
    opening.attach(draft, signal.attachments, CUSTOMER)
    if said.agrees:
        confirmed(draft, CUSTOMER, content)
    else:
        objected(draft, CUSTOMER, content)
    return True


def confirmed(draft: Draft, by: str, content: str | None) -> None:
    """The customer agreed that it is solved."""
    draft.because("customer agreed", "replies.confirm", draft.policy.replies_source, {"by": by})
    draft.record(e.CustomerConfirmed(by, content))
    notify(draft, "closed_confirmed", CUSTOMER)


def objected(draft: Draft, by: str, content: str | None) -> None:
    """The customer did not agree: the work goes round again, and its owner hears of it."""
    draft.because("customer objected", "replies.object", draft.policy.replies_source, {"by": by})
    if draft.ticket.state in ENDED:
        draft.record(e.TicketReopened(by, content))
    else:
        draft.record(e.CustomerObjected(by, content))
    notify(draft, "objection_received", CUSTOMER)
    _tell_owner(draft, content)


def _words(draft: Draft, signal: MessageArrived) -> None:
    content = _receive(draft, signal)
    if draft.ticket.state == "waiting_customer" and _asks(draft, signal):
        draft.record(e.Resumed(CUSTOMER))
    _tell_owner(draft, content)


def _asks(draft: Draft, signal: MessageArrived) -> bool:
    """Whether a message wants something done: not what an automat says, and not mere thanks."""
    return not signal.automatic and (bool(signal.attachments) or not is_courtesy(signal.text, draft.policy.replies))


def _receive(draft: Draft, signal: MessageArrived) -> str:
    content = draft.keep("message", signal.text or signal.subject)
    draft.record(e.MessageReceived(content, signal.channel, signal.party, _asks(draft, signal)))
    opening.attach(draft, signal.attachments, signal.party)
    return content


def _tell_owner(draft: Draft, content: str | None) -> None:
    notify(draft, "customer_message", owner(draft), {"message": {"text": draft.text_of(content)}})
