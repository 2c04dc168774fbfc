"""Reviews of quality: work of the house whose result is a score; and answers of the knowledge base that customers get."""

from collections.abc import Mapping

from msgspec.structs import replace

from engine.core import events as e
from engine.core.draft import Draft, Refusal
from engine.core.fields import NEEDS
from engine.core.messages import enclose, words_of, write
from engine.core.quality import Review, score
from engine.core.signals import AgentActed


def drawn(draft: Draft, review: Review, by: str) -> None:
    """Put on record what is reviewed; what has its points already (the visit of a mystery shopper) is scored at once."""
    draft.record(e.ReviewDrawn(by, replace(review, points=None)))
    if review.points is not None:
        _score(draft, review.points, by, "")


def scored(draft: Draft, signal: AgentActed) -> None:
    """Score the work, which ends the review."""
    _score(draft, signal.points, signal.actor, signal.text)


def _score(draft: Draft, points: Mapping[str, int | None], by: str, text: str) -> None:
    """Score by the form of the policy in force. Nobody scores their own work."""
    review, form = draft.ticket.review, draft.policy.quality
    if review is None or form is None:
        raise Refusal(f"ticket {draft.ticket.number} is no review, or the policy has no form (`quality.yaml`)")
    if by == review.agent:
        raise Refusal(f"{by} did this work and cannot review it: assign {draft.ticket.number} to somebody else")
    most = {item.id: item.points for item in form.items}
    wrong = [f"{id}={got}" for id, got in points.items() if id not in most or not 0 <= (got or 0) <= most[id]]
    wrong += [f"{id} is missing" for id in most if id not in points]
    if wrong or all(got is None for got in points.values()):
        known = ", ".join(f"{id} 0-{points}" for id, points in most.items())
        raise Refusal(f"score each of {known}, or - where it did not apply, but not everywhere: {', '.join(wrong) or '-'}")
    value, failed = score(form, points)
    draft.because(f"score: {value:.1f}", "quality", form.source, {id: str(got) for id, got in points.items()})
    draft.record(e.ReviewScored(by, value, failed, points, draft.keep_if("note", text)))
    draft.record(e.TicketClosed("closed", by))


def article(draft: Draft, signal: AgentActed) -> None:
    """Send an article to the customer in their language, with its files where the channel is e-mail or a chat; `channel` says instead over
    which one an agent told it by word of mouth. Either is a contact.
    """
    known, ticket = draft.policy.knowledge.articles.get(signal.target or ""), draft.ticket
    if known is None or ticket.kind not in NEEDS:
        raise Refusal(f"there is no article {signal.target!r} for ticket {ticket.number}; `engine knowledge search` finds one")
    if signal.channel is not None:
        draft.record(e.ArticleUsed(known.id, signal.actor))
        draft.record(e.CustomerContacted(signal.actor, signal.channel))
        return
    reach = write(draft, words_of(draft.policy, known, ticket.language))
    if reach is None:
        raise Refusal(f"the customer of ticket {ticket.number} cannot be reached over any channel that sends: tell them, and say `--told`")
    message = next(event.message for event in reversed(draft.events) if isinstance(event, e.MessageQueued))
    if known.attachments and draft.facts.channels[reach.channel] in ("email", "visitor"):
        enclose(draft, message, known.attachments)
    draft.record(e.ArticleUsed(known.id, signal.actor, message))
    draft.record(e.CustomerContacted(signal.actor, reach.channel))
