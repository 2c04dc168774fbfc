"""Draws closed tickets for review, and who reviews them."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.core.compiled import Draw
from engine.core.fields import NEEDS, REVIEW
from engine.core.lifecycle import ENDED
from engine.core.model import Ticket
from engine.core.quality import Form, Review
from engine.core.signals import TicketRequested
from engine.errors import Refused
from engine.runtime.engine import Engine
from engine.runtime.handle import Outcome
from engine.runtime.schedule import drawn
from engine.store.contract import Reader
from engine.store.rows import TicketQuery

_ALL = 1_000_000


def form_of(engine: Engine) -> Form:
    """Return the form of the policy in force. Raises Refused without one."""
    form = engine.world.policy.quality
    if form is None:
        raise Refused("the policy has no form to score by: write quality.yaml; the shipped policies show how")
    return form


def reviews(reader: Reader) -> list[tuple[Ticket, Review]]:
    """Return every review, the oldest first."""
    found = reader.tickets(TicketQuery(kind=REVIEW, limit=_ALL))
    return sorted(((one, one.review) for one in found if one.review is not None), key=lambda pair: pair[0].number)


def sample(engine: Engine, since: datetime, until: datetime, seed: int, by: str) -> list[Outcome]:
    """Draw from the tickets that were closed from `since` to before `until`, and call for their reviews; the same seed draws the same.

    What was drawn before is not drawn again.
    """
    form, chance = form_of(engine), random.Random(seed)  # noqa: S311  # a sample, no secret: it must be drawn the same again
    with engine.store.read() as reader:
        known = {review.ticket for _, review in reviews(reader)}
        closed = [one for one in reader.tickets(TicketQuery(states=ENDED, limit=_ALL)) if _counts(one, since, until)]
    strata: dict[tuple[str | None, ...], list[Ticket]] = {}
    for one in sorted(closed, key=lambda ticket: ticket.number):
        strata.setdefault(tuple(getattr(_review(one), name) for name in form.by), []).append(one)
    chosen = [one for group in strata.values() for one in drawn(group, Draw(form.share, form.at_least, ""), chance)]
    again = {one.number for one in drawn(chosen, Draw(form.twice, 0, ""), chance)}
    signals = [
        request(engine, _review(one), reviewer, by)
        for one in chosen
        if one.number not in known
        for reviewer in _reviewers(engine, form, one.assignee, 2 if one.number in again else 1, chance)
    ]
    return [engine.handle(signal) for signal in signals]


def request(engine: Engine, review: Review, reviewer: str, by: str, text: str = "") -> TicketRequested:
    """Return what opens a review for that reviewer."""
    language, channel = engine.world.policy.company.languages[0], review.channel or next(iter(engine.world.channels), "")
    about = text or review.ticket or ""
    return TicketRequested(REVIEW, form_of(engine).queue, about, channel, language, assignee=reviewer, actor=by, review=review)


def _counts(ticket: Ticket, since: datetime, until: datetime) -> bool:
    closed = ticket.closed_at
    return ticket.kind in NEEDS and ticket.assignee is not None and closed is not None and since <= closed < until


def _review(ticket: Ticket) -> Review:
    return Review(str(ticket.assignee), ticket.number, ticket.kind, ticket.tier, ticket.channel, ticket.queue)


def _reviewers(engine: Engine, form: Form, agent: str | None, count: int, chance: random.Random) -> Iterator[str]:
    """Choose who reviews the work of an agent, never themselves. Raises Refused where there is nobody."""
    team = engine.world.team
    able: Sequence[str] = [
        one.id for one in team.agents.values() if (form.queue in one.queues or one.id == team.manager) and one.id != agent
    ]
    if not able:
        raise Refused(f"nobody can review the work of {agent}: there is nobody else in the queue {form.queue}, and no manager")
    yield from chance.sample(able, min(count, len(able)))
