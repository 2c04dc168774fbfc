"""Draws closed tickets and calls for review, by hand or by cron, and who reviews them."""

import logging
import random
from datetime import datetime

from engine.core.compiled import Draw, Policy
from engine.core.fields import NEEDS, REVIEW
from engine.core.model import SYSTEM, Ticket
from engine.core.quality import Form, Review
from engine.core.signals import TicketRequested
from engine.errors import Refused
from engine.runtime import cron, log, schedule
from engine.runtime.gather import World
from engine.runtime.handle import Outcome
from engine.runtime.project import Job
from engine.store.contract import Reader, Store
from engine.store.rows import TicketQuery

_ALL = 1_000_000


def form_of(policy: Policy) -> Form:
    """Return the form of the policy. Raises Refused without one."""
    if policy.quality is None:
        raise Refused("the policy has no form to score by: write quality.yaml; the shipped policies show how")
    return policy.quality


def reviews(reader: Reader) -> list[tuple[Ticket, Review]]:
    """Return every review, the oldest first."""
    found = reader.tickets(TicketQuery(kind=REVIEW, limit=_ALL))
    return sorted(((one, one.review) for one in found if one.review is not None), key=lambda pair: pair[0].number)


def run_due(store: Store, world: World, now: datetime, hold: bool) -> list[Outcome]:
    """Draw from what was closed since the slot before, where one of the form's schedule has come; return what that led to."""
    outcomes: list[Outcome] = []
    form = world.policy.quality

    def draw(job: Job, slot: datetime, before: datetime) -> None:
        alone = set[str]()
        with store.read() as reader:
            signals = sample(reader, world, before, slot, world.chance, SYSTEM, alone)
        with store.write() as tx:
            if not tx.take_slot(job.name, slot, now):
                return
            outcomes.extend(schedule.decide_each(tx, world, signals, now, hold, draw=job.name))
        for agent in sorted(alone):
            log.say("not drawn for review", logging.ERROR, reason=_nobody_for(agent, form_of(world.policy)))

    if form is not None and form.schedule is not None:
        job = schedule.job("quality", form.schedule)
        cron.run_due(store, [job], {job.name: draw}, now, world.policy.company.timezone, take=False)
    return outcomes


def sample(
    reader: Reader, world: World, since: datetime, until: datetime, chance: random.Random, by: str, alone: set[str] | None = None
) -> list[TicketRequested]:
    """Draw from the tickets that were closed from `since` to before `until`, and from the calls that were answered then and opened none;
    return what calls for their reviews. The same chance draws the same.

    What was drawn before is not drawn again. Raises Refused without a form, and where nobody can review; where `alone` is given, that
    agent is put into it instead, and their work left out.
    """
    form, team = form_of(world.policy), world.team.agents
    known = {review.work for _, review in reviews(reader)}
    found = [(_review(one), one.number) for one in reader.closed(since, until) if one.kind in NEEDS and one.assignee is not None]
    for id, name, call in reader.calls_without_ticket(since, until):  # by its name and instant the reviewer finds the recording
        if call.agent in team:
            review = Review(str(call.agent), channel=call.channel, queue=call.queue, call=str(id))
            found.append((review, f"{name} {call.at.isoformat(timespec='seconds')}".strip()))
    strata: dict[tuple[str | None, ...], list[tuple[Review, str]]] = {}
    for review, about in found:
        strata.setdefault(tuple(getattr(review, name) for name in form.by), []).append((review, about))
    chosen = [one for group in strata.values() for one in schedule.drawn(group, Draw(form.share, form.at_least, ""), chance)]
    again = {review.work for review, _ in schedule.drawn(chosen, Draw(form.twice, 0, ""), chance)}
    signals: list[TicketRequested] = []
    for review, about in chosen:
        if review.work in known:
            continue
        able = _able(world, form, review.agent)
        if not able:
            if alone is None:
                raise Refused(_nobody_for(review.agent, form))
            alone.add(review.agent)
        reviewers = chance.sample(able, min(len(able), 2 if review.work in again else 1))
        signals += [request(world, review, reviewer, by, about) for reviewer in reviewers]
    return signals


def request(world: World, review: Review, reviewer: str, by: str, about: str) -> TicketRequested:
    """Return what opens a review for that reviewer; `about` says what of."""
    language, channel = world.policy.company.languages[0], review.channel or next(iter(world.channels), "")
    return TicketRequested(REVIEW, form_of(world.policy).queue, about, channel, language, assignee=reviewer, actor=by, review=review)


def _review(ticket: Ticket) -> Review:
    return Review(str(ticket.assignee), ticket.number, ticket.kind, ticket.tier, ticket.channel, ticket.queue)


def _able(world: World, form: Form, agent: str) -> list[str]:
    """Return who may review the work of an agent, never themselves."""
    team = world.team
    return [one.id for one in team.agents.values() if (form.queue in one.queues or one.id == team.manager) and one.id != agent]


def _nobody_for(agent: str, form: Form) -> str:
    return f"nobody can review the work of {agent}: there is nobody else in the queue {form.queue}, and no manager"
