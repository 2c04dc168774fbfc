"""What became of a message that was sent."""

from engine.core import events as e
from engine.core.draft import Draft, Refusal
from engine.core.messages import notify, owner
from engine.core.model import WEBHOOK
from engine.core.signals import ReceiptArrived


def arrived(draft: Draft, signal: ReceiptArrived) -> None:
    """Record a receipt. A customer who cannot be reached is somebody's task, so the owner hears of a failure."""
    match signal.status:
        case "sent":
            draft.record(e.MessageSent(signal.message))
        case "delivered":
            draft.record(e.MessageDelivered(signal.message))
        case "failed":
            draft.record(e.MessageFailed(signal.message, draft.keep_if("failure", signal.detail)))
            if signal.party not in (owner(draft), WEBHOOK):
                notify(draft, "undelivered", owner(draft), {"message": {"text": signal.detail}})
        case other:
            raise Refusal(f"{other!r} is no receipt status: sent, delivered, failed")
