"""Words on their way out: which script, over which channel, to which address, in which language, and when not at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core import events as e
from engine.core.commands import QueueMessage
from engine.core.compiled import Body
from engine.core.context import build
from engine.core.draft import Draft
from engine.core.model import CUSTOMER


@dataclass(frozen=True, slots=True)
class Reach:
    """How a party can be reached: over which channel, at which address, in which language."""

    channel: str
    address: str
    language: str


def notify(
    draft: Draft, occasion: str, party: str, extra: Mapping[str, object] | None = None, via: str | None = None
) -> bool:
    """Send the script the policy names for the occasion, if it names one. Return whether a message is on its way."""
    script = draft.policy.notices.get(occasion)
    return send(draft, script, party, extra, via=via) if script else False


def send(
    draft: Draft,
    script: str,
    party: str,
    extra: Mapping[str, object] | None = None,
    via: str | None = None,
    channels: tuple[str, ...] = (),
    final: bool = False,
) -> bool:
    """Queue a script for a party; return whether it is on its way, and record why not if it is not.

    `via` prefers the channel a message is an answer to, `channels` an order of the policy's. `final` is the one confirmation of an
    opt-out, which an opt-out does not hold back.
    """
    reach, reason = _reach(draft, party, via, channels, final)
    if reach is None or _is_capped(draft, party):
        draft.record(e.MessageSuppressed(party, script, "capped" if reach else reason))
        return False
    words = draft.policy.scripts[script]
    body = words.body(reach.channel, reach.language, draft.policy.company.languages[0])
    if body is None:
        draft.record(e.MessageSuppressed(party, script, "no_text"))
        return False
    context = build(draft, party, reach.language, dict(extra or {}))
    draft.because(
        f"message: {script} to {party}", script, body.source, {"channel": reach.channel, "language": reach.language}
    )
    _queue(draft, party, reach, body.text.render(context), _subject(draft, body, context), script)
    return True


def write(draft: Draft, party: str, text: str, by: str) -> bool:
    """Queue what a person wrote themselves; return whether the party can be reached."""
    reach, _ = _reach(draft, party, None, (), final=True)
    if reach is None:
        return False
    _queue(draft, party, reach, text, _reply_subject(draft), None)
    return True


def reachable(draft: Draft, channels: tuple[str, ...]) -> bool:
    """Whether the customer can be sent something automatic over one of these channels."""
    return _reach(draft, CUSTOMER, None, channels, final=False)[0] is not None


def _queue(draft: Draft, party: str, reach: Reach, text: str, subject: str, script: str | None) -> None:
    message = draft.new_id()
    content = draft.keep("message", text)
    automatic = script is not None
    draft.want(
        QueueMessage(message, reach.channel, party, reach.address, subject, content, reach.language, automatic, script)
    )
    draft.record(e.MessageQueued(message, party, reach.channel, content, script))


def _reach(
    draft: Draft, party: str, via: str | None, channels: tuple[str, ...], final: bool
) -> tuple[Reach | None, str]:
    facts = draft.facts
    if party != CUSTOMER:
        agent = facts.agents.get(party)
        mail = next((name for name in facts.senders if facts.channels[name] == "email"), None)
        if agent is None or not agent.address or mail is None:
            return None, "unreachable"
        return Reach(mail, agent.address, agent.language), ""
    preferred = [name for name in (via, draft.ticket.channel) if name] if not channels else []
    reason = "unreachable"
    for channel in dict.fromkeys([*preferred, *(channels or facts.senders)]):
        address = facts.contact.addresses.get(channel) if channel in facts.senders else None
        if address is None:
            continue
        if channel in facts.opted_out and not final:
            reason = "opted_out"
            continue
        return Reach(channel, address, draft.ticket.language), ""
    return None, reason


def _is_capped(draft: Draft, party: str) -> bool:
    limits = draft.policy.limits
    return draft.facts.recent.get(party, 0) >= (limits.per_customer if party == CUSTOMER else limits.per_agent)


def _subject(draft: Draft, body: Body, context: Mapping[str, object]) -> str:
    return " ".join(body.subject.render(context).split()) if body.subject else _reply_subject(draft)


def _reply_subject(draft: Draft) -> str:
    subject = draft.text_of(draft.ticket.subject)
    return f"Re: {subject}" if subject else draft.ticket.number
