"""Words on their way out: which script, over which channel, to which address, in which language, and when not at all."""

import json
from collections.abc import Mapping, Sequence

from engine.core import events as e
from engine.core import notices
from engine.core.commands import KeepContent, QueueMessage
from engine.core.compiled import Policy
from engine.core.context import build
from engine.core.draft import Draft
from engine.core.knowledge import Article
from engine.core.model import CUSTOMER, SYSTEM, WEBHOOK
from engine.core.notices import Course, Reach
from engine.core.scripts import Body
from engine.errors import EngineError

ENCLOSED = ".enclosed"
"""What follows a message's id in that of the content that names the files which go out with it."""


def notify(draft: Draft, occasion: str, party: str, extra: Mapping[str, object] | None = None, via: str | None = None) -> bool:
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
    digest: bool = False,
) -> bool:
    """Queue a script for a party; return whether it is on its way, and record why not if it is not.

    `via` prefers the channel a message is an answer to, `channels` is the policy's choice and order of channels. A `digest` is a notice
    to an agent that may wait for quiet hours to end and go out together with others. A script that cannot be filled in must not keep the
    decision from being made: it is recorded as `unspeakable`, with the fault as reason.
    """
    reach, reason = reach_of(draft, party, via, channels)
    if draft.automatic and party == CUSTOMER:
        draft.record(e.MessageSuppressed(party, script, "automatic"))
        return False
    course = notices.course(draft, party, reach, notice=digest) if reach else None
    if course is None:
        draft.record(e.MessageSuppressed(party, script, "capped" if reach else reason))
        return False
    reach = course.reach
    words = draft.policy.scripts[script]
    body = words.body(reach.channel, reach.language, draft.policy.company.languages[0])
    if body is None:
        draft.record(e.MessageSuppressed(party, script, "no_text"))
        return False
    answer = _answer(draft) if words.answers else None
    known = {"knowledge": words_of(draft.policy, answer, reach.language) if answer else ""} if words.answers else {}
    try:
        context = build(draft, party, reach.language, {**known, **(extra or {})})
        text, subject = body.text.render(context), _subject(draft, body, context)
    except EngineError as fault:
        draft.because(f"no message: {script} to {party}", script, body.source, {"fault": str(fault)})
        draft.record(e.MessageSuppressed(party, script, "unspeakable"))
        return False
    values = {
        "channel": reach.channel,
        "language": reach.language,
        **({"waits until": str(course.not_before)} if course.not_before else {}),
    }
    draft.because(f"message: {script} to {party}", script, body.source, values)
    message = _queue(draft, party, course, text, subject, script)
    if answer is not None and party == CUSTOMER and str(known["knowledge"]).strip() in text:
        draft.record(e.ArticleUsed(answer.id, SYSTEM, message))
    return True


def write(draft: Draft, text: str, via: str | None = None) -> Reach | None:
    """Queue what an agent wrote to the customer, whom an opt-out of automatic messages does not shield; return how it goes, if it does.

    `via` is the channel that the agent prefers.
    """
    reach, _ = reach_of(draft, CUSTOMER, via, even_opted_out=True)
    if reach is not None:
        _queue(draft, CUSTOMER, Course(reach), text, _reply_subject(draft), None)
    return reach


def announce(draft: Draft, endpoint: str, text: str) -> None:
    """Queue a document for another program, which waits at that endpoint; record why not where no channel carries it there."""
    if WEBHOOK in draft.facts.senders:
        _queue(draft, WEBHOOK, Course(Reach(WEBHOOK, endpoint, draft.ticket.language)), text, "", endpoint)
    else:
        draft.record(e.MessageSuppressed(WEBHOOK, endpoint, "unreachable"))


def owner(draft: Draft) -> str:
    """Return who looks after the ticket: its agent, else the lead of its queue, else the manager."""
    queue = draft.policy.queues.get(draft.ticket.queue or "")
    return draft.ticket.assignee or (queue.lead if queue else draft.facts.manager)


def _answer(draft: Draft) -> Article | None:
    """Return the best article on the ticket's matter."""
    ticket = draft.ticket
    about = f"{draft.text_of(ticket.subject)}\n{draft.text_of(ticket.description)}"
    return next(iter(draft.policy.knowledge.offers(about, ticket.kind)), None)


def words_of(policy: Policy, article: Article, language: str) -> str:
    """Return what an article says, its title first."""
    return f"{policy.text(article.title, language)}\n\n{policy.text(article.text, language)}"


def enclose(draft: Draft, message: str, files: Sequence[str]) -> None:
    """Let files of the knowledge base go out with a message, as they are in the policy that decides."""
    draft.want(KeepContent(f"{message}{ENCLOSED}", "enclosed", json.dumps({"policy": draft.policy.digest, "files": list(files)})))


def _queue(draft: Draft, party: str, course: Course, text: str, subject: str, script: str | None) -> str:
    message, reach = draft.new_id(), course.reach
    content = draft.keep("message", text)
    digest = message if course.alone else course.digest
    what = (message, reach.channel, party, reach.address, subject, content, reach.language, script is not None, script)
    draft.want(QueueMessage(*what, not_before=course.not_before, digest=digest))
    draft.record(e.MessageQueued(message, party, reach.channel, content, script))
    return message


def reach_of(
    draft: Draft, party: str, via: str | None = None, channels: tuple[str, ...] = (), even_opted_out: bool = False
) -> tuple[Reach | None, str]:
    """Return how the party is reached, or why not: `unreachable` or `opted_out`.

    Without `channels` it is the channel of `via`, else the ticket's own, else one to the same kind of address (a text message where
    the ticket came by phone), else any. An agent is reached over one of `channels`, else by mail.
    """
    facts, kinds = draft.facts, draft.facts.channels
    if party != CUSTOMER:
        reach = notices.reach_of_agent(facts, party, channels)
        return reach, "" if reach else "unreachable"
    own = draft.ticket.channel
    alike = sorted(facts.senders, key=lambda name: kinds[name] != kinds.get(own))
    reason = "unreachable"
    for channel in dict.fromkeys(channels or (via or own, own, *alike)):
        address = facts.contact.addresses.get(channel) if channel in facts.senders else None
        if address is None:
            continue
        if channel in facts.opted_out and not even_opted_out:
            reason = "opted_out"
            continue
        return Reach(channel, address, draft.ticket.language), ""
    return None, reason


def _subject(draft: Draft, body: Body, context: Mapping[str, object]) -> str:
    return " ".join(body.subject.render(context).split()) if body.subject else _reply_subject(draft)


def _reply_subject(draft: Draft) -> str:
    subject = draft.text_of(draft.ticket.subject)
    return f"Re: {' '.join(subject.split())}" if subject else draft.ticket.number
