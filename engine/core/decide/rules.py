"""The rules of the house's own: what follows when something has happened to a ticket, or when the hour of a rule has come.

A rule runs once in a chain, which is everything that follows from one signal, other tickets included; and only so many rules may follow
from each other. What is kept from running by that is on record.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from engine.core import events as e
from engine.core.clocks import react
from engine.core.commands import Raise, StartTimer
from engine.core.compiled import Action, EventRule, OwnRule, Policy, TimedRule
from engine.core.conditions import Source, Values, evaluate
from engine.core.context import agent
from engine.core.decide.escalation import recipients
from engine.core.draft import Draft, Refusal
from engine.core.facts import Facts
from engine.core.fields import NEEDS
from engine.core.index import R, Rules
from engine.core.messages import announce, send
from engine.core.model import CUSTOMER, Ticket
from engine.core.promises import regrade
from engine.core.routing import reassign, route
from engine.core.signals import RuleDue, TicketRequested
from engine.core.tracing import NOTHING, Asked, asked
from engine.core.values import MOST_TOLD, TicketValues

SCHEDULE = "schedule"
NO_RULE = "no rule held"
"""How the reason begins that tells which of the rules on an event came near."""


class Cause(NamedTuple):
    """Which rule acts, on what (an event's name in policies, `timer ID`, or `schedule`), and how many rules it follows from."""

    rule: OwnRule
    on: str
    depth: int


def follow(draft: Draft) -> None:
    """Let the rules follow everything that was recorded, event by event, and what comes of that."""
    own = [event.rule for event in draft.events if isinstance(event, e.RuleApplied | e.RuleObserved)]
    times: dict[str, int] = {}
    for id in (*draft.facts.ran, *own):
        times[id] = times.get(id, 0) + 1
    depths = [draft.facts.depth + len(own)] * len(draft.events)
    position = 0
    while position < len(depths):
        event = draft.events[position]
        on = f"timer {event.timer}" if isinstance(event, e.TimerElapsed) else event.name
        if (rules := draft.policy.triggers.get(on)) is not None:
            depth = depths[position]
            for rule, seen in _holding(draft, on, rules):
                _run(draft, Cause(rule, on, depth), seen, times)
            depths += [depth + 1] * (len(draft.events) - len(depths))
        position += 1


def due(draft: Draft, signal: RuleDue) -> None:
    """Run a rule that goes by the clock, for the ticket or the customer it held for when its hour came."""
    rule = next((one for one in draft.policy.timed_rules if one.id == signal.rule and one.mode != "draft"), None)
    values = draft.values()
    if rule is None or not _holds(rule, values):
        raise Refusal(f"the rule {signal.rule} does not hold here any more")
    cause, seen = Cause(rule, SCHEDULE, draft.facts.depth), asked([rule], 0, values)
    if signal.ticket is not None:
        _run(draft, cause, seen, {id: draft.facts.ran.count(id) for id in draft.facts.ran})
        return
    _say(draft, cause, {"actions": "; ".join(action.words for action in rule.do)}, seen)
    facts, languages = draft.facts, draft.policy.company.languages
    spoken = facts.customer.language if facts.customer else None
    channel = next((name for name in facts.senders if name in facts.contact.addresses), next(iter(facts.channels), ""))
    for action in rule.do if rule.mode == "live" else ():
        _request(draft, action, cause, channel, spoken if spoken in languages else languages[0], signal.customer)


def holds(rule: TimedRule, ticket: Ticket | None, facts: Facts, policy: Policy, now: datetime) -> bool:
    """Whether a rule holds for a ticket, or for the customer that the facts are about."""
    return _holds(rule, Draft(ticket, facts, policy, now, react).values())


def _holds(rule: OwnRule, values: TicketValues) -> bool:
    return rule.when is None or evaluate(rule.when, values) is True


def _holding(draft: Draft, on: str, rules: Rules[EventRule]) -> Iterator[tuple[OwnRule, Asked]]:
    """Yield the rules on this event that hold as the ticket stands now, in order; say what came near where none does."""
    held, near = rules.remembered(_held, draft.values())
    if not held:
        place = Source(rules[0].source.file, rules[0].source.line, "rules")
        draft.because(f"{NO_RULE} on {on}", "rules", place, asked=near)
    yield from held


def _held(rules: Rules[R], values: Values) -> tuple[list[tuple[R, Asked]], Asked]:
    """The rules that hold, each with what was seen of it; where none does, what came near."""
    if held := rules.matches(values):
        return [(rule, asked([rule], 0, values)) for rule in held], NOTHING
    near = list(rules) if len(rules) <= MOST_TOLD else list(islice(rules.near(values, len(rules)), MOST_TOLD))
    return [], asked(near, None, values)


def _run(draft: Draft, cause: Cause, seen: Asked, times: dict[str, int]) -> None:
    """Run a rule unless it ran in this chain or the chain is too deep; say once what kept it. `times` counts how often each held."""
    rule = cause.rule
    times[rule.id] = times.get(rule.id, 0) + 1
    if times[rule.id] > 2:
        return
    reason, values = None, {"on": cause.on}
    if times[rule.id] == 2:
        reason = "again"
    elif cause.depth >= draft.policy.chain_depth:
        reason, values["depth"] = "too_deep", str(cause.depth)
    elif (why := draft.attempt(lambda: _apply(draft, cause, seen))) is not None:
        reason, values["why"] = "refused", why
    if reason is not None:
        draft.because(f"rule skipped: {reason}", rule.id, rule.source, values, seen)
        draft.record(e.RuleSkipped(rule.id, reason))


def _apply(draft: Draft, cause: Cause, seen: Asked) -> None:
    rule = cause.rule
    _say(draft, cause, {"on": cause.on}, seen)
    words = tuple(action.words for action in rule.do)
    if rule.mode != "live":
        draft.record(e.RuleObserved(rule.id, words))
        return
    draft.record(e.RuleApplied(rule.id, words))
    for action in rule.do:
        ACTIONS[action.name](draft, action, cause)


def _say(draft: Draft, cause: Cause, values: dict[str, str], seen: Asked) -> None:
    decided = "rule applied" if cause.rule.mode == "live" else "rule observed: nothing is done"
    draft.because(decided, cause.rule.id, cause.rule.source, values, seen)


def _notify(draft: Draft, action: Action, cause: Cause) -> None:
    holder = {"agent": agent(draft, draft.ticket.assignee)}
    for party, channels in recipients(draft, action.recipients).items():
        send(draft, action.values["script"], party, holder, channels=channels, digest=party != CUSTOMER)


def _set_field(draft: Draft, action: Action, cause: Cause) -> None:
    for name, value in action.values.items():
        field = name.removeprefix("ticket.")
        if field == "kind" and draft.ticket.kind not in NEEDS:
            raise Refusal(f"ticket {draft.ticket.number} is work of the house: its kind stays {draft.ticket.kind}")
        if getattr(draft.ticket, field) != value:
            draft.record(e.FieldSet(field, value))


def _add_tag(draft: Draft, action: Action, cause: Cause) -> None:
    if (tag := action.values["add_tag"]) not in draft.ticket.tags:
        draft.record(e.TagAdded(tag))


def _remove_tag(draft: Draft, action: Action, cause: Cause) -> None:
    if (tag := action.values["remove_tag"]) in draft.ticket.tags:
        draft.record(e.TagRemoved(tag))


def _raise_tier(draft: Draft, action: Action, cause: Cause) -> None:
    """Put the ticket so many tiers up, or into that tier unless it is as high already. Tiers stand from the highest to the lowest."""
    tiers, target = [tier.id for tier in draft.policy.tiers], action.values["raise_tier"]
    if draft.ticket.tier not in tiers:
        raise Refusal(f"ticket {draft.ticket.number} has no tier")
    now = tiers.index(draft.ticket.tier)
    then = tiers.index(target) if target in tiers else max(0, now - int(target))
    if then < now:
        draft.because(f"tier: {tiers[then]}", cause.rule.id, cause.rule.source, {"before": tiers[now]})
        regrade(draft, tiers[then])


def _reassign(draft: Draft, action: Action, cause: Cause) -> None:
    if (queue := action.values.get("reassign")) is None:
        reassign(draft)
    else:
        route(draft, queue)


def _open(draft: Draft, action: Action, cause: Cause) -> None:
    ticket = draft.ticket
    _request(draft, action, cause, ticket.channel, ticket.language, ticket.customer, ticket.number)


def _request(
    draft: Draft, action: Action, cause: Cause, channel: str, language: str, customer: str | None, parent: str | None = None
) -> None:
    request = TicketRequested(
        kind=action.values["kind"],
        queue=action.values["queue"],
        text=draft.policy.text(action.text, language),
        channel=channel,
        language=language,
        parent=parent,
        customer=customer,
        rule=cause.rule.id,
        source=cause.rule.source,
        survey=action.values.get("survey"),
    )
    draft.want(Raise(request, cause.depth + 1))


def _start_timer(draft: Draft, action: Action, cause: Cause) -> None:
    draft.want(StartTimer(f"rule/{action.values['start_timer']}", draft.now + action.after))


def _run_script(draft: Draft, action: Action, cause: Cause) -> None:
    send(draft, action.values["run_script"], CUSTOMER)


def _webhook(draft: Draft, action: Action, cause: Cause) -> None:
    """Tell another program what has happened, and nothing of whom it is about."""
    ticket = draft.ticket
    document = {
        "event": cause.on,
        "rule": cause.rule.id,
        "ticket": ticket.number,
        "kind": ticket.kind,
        "state": ticket.state,
        "tier": ticket.tier,
        "queue": ticket.queue,
        "tags": list(ticket.tags),
        "at": draft.now.isoformat(),
    }
    announce(draft, action.values["webhook"], json.dumps(document, ensure_ascii=False))


ACTIONS: dict[str, Callable[[Draft, Action, Cause], None]] = {
    "notify": _notify,
    "set_field": _set_field,
    "add_tag": _add_tag,
    "remove_tag": _remove_tag,
    "raise_tier": _raise_tier,
    "reassign": _reassign,
    "open": _open,
    "start_timer": _start_timer,
    "run_script": _run_script,
    "webhook": _webhook,
}
"""Everything a rule may do, by its key in the policy."""
