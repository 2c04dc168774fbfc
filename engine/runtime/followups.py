"""Whom a confidential follow-up is about: shown to the follow-up role only, and every look is kept on record."""

from msgspec import Struct

from engine.core.contacts import from_text
from engine.core.facts import Contact
from engine.errors import NotFound, Refused
from engine.runtime.engine import Engine
from engine.store.contract import Reader
from engine.store.rows import AnswerRow, LinkRow

ROLE = "follow_up"


class Severed(Refused):
    """The follow-up is over: whom it was about has been forgotten."""


class FollowUpView(Struct, frozen=True):
    """What the follow-up role sees: the ticket that was rated, the customer, and the answer."""

    number: str
    ticket: str
    customer: str | None
    contact: Contact
    answer: AnswerRow | None


def reveal(engine: Engine, number: str, agent: str) -> FollowUpView:
    """Return whom follow-up `number` is about, and note in the audit that `agent` looked.

    Raises NotFound if there is no such follow-up, Refused (which is noted too) for an agent without the role, Severed when it is over.
    """
    now = engine.clock.now()
    person = engine.world.team.agents.get(agent)
    allowed = person is not None and ROLE in person.roles
    with engine.store.write() as tx:
        ticket = tx.ticket(number)
        if ticket is None or ticket.kind != "follow_up":
            raise NotFound(f"there is no follow-up {number}")
        link = tx.link(number)
        tx.audit(now, agent, "looked at" if allowed and link else "was refused", number)
        view = _view(tx, number, link) if allowed and link else None
    if not allowed:
        raise Refused(f"whom follow-up {number} is about is confidential: it is shown to agents with the role {ROLE} only")
    if view is None:
        raise Severed(f"follow-up {number} is over: whom it was about has been forgotten")
    return view


def _view(reader: Reader, number: str, link: LinkRow) -> FollowUpView:
    kept = reader.contents([link.contact]) if link.contact else {}
    contact = from_text(kept.get(link.contact or "", ""))
    return FollowUpView(number, link.ticket, link.customer, contact, reader.answer(link.answer))
