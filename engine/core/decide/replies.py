"""What comes in for a ticket that is there: an agent's command, an opt-out, a survey's answer, a confirmation, or plain words."""

from engine.core import events as e
from engine.core.answers import is_opt_out, read_confirmation
from engine.core.commands import SaveOptOut
from engine.core.decide import actions, intake, mail_commands, surveys
from engine.core.draft import Draft, Refusal
from engine.core.lifecycle import ENDED, IllegalEvent
from engine.core.messages import notify
from engine.core.model import CUSTOMER
from engine.core.signals import CallArrived, MessageArrived


def message(draft: Draft, signal: MessageArrived) -> None:
    """Take a message of an existing ticket. Nothing automatic is answered, and only a proven sender's words change anything."""
    if signal.automatic:
        _receive(draft, signal)
    elif signal.party != CUSTOMER:
        _agent_mail(draft, signal)
    elif is_opt_out(signal.text, draft.policy.replies):
        opt_out(draft, signal.channel)
    elif not signal.trusted or not (surveys.answer(draft, signal.text, CUSTOMER) or _confirmation(draft, signal)):
        _words(draft, signal)


def call(draft: Draft, signal: CallArrived) -> None:
    """Put a call with the customer of this ticket on record."""
    intake.note_call(draft, signal)


def opt_out(draft: Draft, channel: str) -> None:
    """Send this customer nothing automatic over this channel any more; confirm it once."""
    address = draft.facts.contact.addresses.get(channel)
    if address is None:
        raise Refusal(f"the contact of ticket {draft.ticket.number} has no address on {channel}")
    notify(draft, "opted_out", CUSTOMER, via=channel)
    draft.record(e.OptedOut(channel))
    draft.want(SaveOptOut(channel, address, allowed=False))


def _agent_mail(draft: Draft, signal: MessageArrived) -> None:
    """Do what an agent's mail says, and tell them what was done or why not. Unproven mail is kept and does nothing."""
    if not signal.trusted:
        _receive(draft, signal)
        return
    command = mail_commands.read(draft, signal)
    if command is None:
        _receive(draft, signal)
        notify(draft, "agent_refused", signal.party, {"refusal": {"text": mail_commands.usage(draft)}})
        return
    try:
        actions.act(draft, command)
    except (Refusal, IllegalEvent) as refusal:
        notify(draft, "agent_refused", signal.party, {"refusal": {"text": str(refusal)}})
        _receive(draft, signal)
        return
    notify(draft, "agent_receipt", signal.party, {"done": {"text": command.action}})


def _confirmation(draft: Draft, signal: MessageArrived) -> bool:
    """Read a yes or no to "is it solved?"; ambiguous words are never taken for a yes."""
    state = draft.ticket.state
    if state not in ("resolved", "unconfirmed", "confirmed"):
        return False
    said = read_confirmation(signal.text, draft.policy.replies)
    if said is None or (said.agrees and state == "confirmed"):
        return False
    content = draft.keep_if("message", signal.text)
    if said.agrees:
        confirmed(draft, CUSTOMER, content)
    else:
        objected(draft, CUSTOMER, content)
    return True


def confirmed(draft: Draft, by: str, content: str | None) -> None:
    """The customer agreed that it is solved."""
    draft.because("customer agreed", "replies.confirm", None, {"by": by})
    draft.record(e.CustomerConfirmed(by, content))
    notify(draft, "closed_confirmed", CUSTOMER)


def objected(draft: Draft, by: str, content: str | None) -> None:
    """The customer did not agree: the work goes round again, and its owner hears of it."""
    draft.because("customer objected", "replies.object", None, {"by": by})
    if draft.ticket.state in ENDED:
        draft.record(e.TicketReopened(by, content))
    else:
        draft.record(e.CustomerObjected(by, content))
    notify(draft, "objection_received", CUSTOMER)
    _tell_owner(draft, content)


def _words(draft: Draft, signal: MessageArrived) -> None:
    content = _receive(draft, signal)
    if draft.ticket.state == "waiting_customer":
        draft.record(e.Resumed(CUSTOMER))
    _tell_owner(draft, content)


def _receive(draft: Draft, signal: MessageArrived) -> str:
    content = draft.keep("message", signal.text or signal.subject)
    draft.record(e.MessageReceived(content, signal.channel, signal.party))
    for digest, name in signal.attachments:
        draft.record(e.Noted(draft.keep("attachment", f"{digest} {name}"), signal.party))
    return content


def _tell_owner(draft: Draft, content: str | None) -> None:
    owner = draft.ticket.assignee
    if owner is not None:
        notify(draft, "customer_message", owner, {"message": {"text": draft.text_of(content)}})
