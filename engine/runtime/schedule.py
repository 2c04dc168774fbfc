"""Rules that go by the clock: each slot of a rule is one transaction, in which every ticket or customer it holds for is decided on."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from math import ceil
from typing import TypeAlias, TypeVar, cast

from engine.core.compiled import Draw, Policy, TimedRule
from engine.core.decide.rules import holds
from engine.core.fields import OPEN_STATES
from engine.core.kpis import Report
from engine.core.model import Ticket
from engine.core.schedule import Schedule
from engine.core.signals import RuleDue, Signal
from engine.runtime import cron, log
from engine.runtime.claims import TURNS
from engine.runtime.gather import Gatherer, World
from engine.runtime.handle import Outcome, handle
from engine.runtime.project import Job
from engine.store.contract import Conflict, Reader, Store, Transaction
from engine.store.rows import TicketQuery

Drawn = TypeVar("Drawn")
ByClock: TypeAlias = Callable[[Store, World, datetime, bool], list[Outcome]]
"""Does what has come due by cron, as `run_due` does with rules."""

_PAGE = 500
_ALL = 1_000_000


def run_due(store: Store, world: World, now: datetime, hold: bool) -> list[Outcome]:
    """Run the rules of which a slot has come; return what that led to. A rule that never ran starts with its next slot."""
    outcomes: list[Outcome] = []
    for rule in world.policy.timed_rules:
        latest = cron.previous(rule.cron, now, rule.timezone)
        with store.read() as reader:
            before = reader.last_slot(job_name(rule))
        if before is not None and before >= latest:
            continue
        due = to_run(rule, before, now)
        for slot in due or [latest]:
            outcomes += _run(store, world, rule, slot, now, hold, wanted=bool(due))
    return outcomes


def upcoming(policy: Policy, now: datetime) -> dict[str, datetime]:
    """Return when each rule that goes by the clock runs next, by its id, drafts left out; each look (`watch ID`, `verification`) and each
    report (`report ID`); and the next draw for review (`quality`).
    """
    rules = {rule.id: cron.following(rule.cron, now, rule.timezone) for rule in policy.timed_rules if rule.mode != "draft"}
    drawn = policy.quality.schedule if policy.quality else None
    sent = [(f"report {one.id}", one) for one in policy.reports.reports]
    named = [*_named(policy), *sent, *([("quality", drawn)] if drawn else [])]
    return rules | {name: cron.following(one.cron, now, one.timezone) for name, one in named}


def job_name(rule: TimedRule) -> str:
    """Return the name under which the slots of a rule are taken: at other times it is another job, of which none was missed."""
    return f"rule {rule.id} {rule.cron} {rule.timezone}"


def held(reader: Reader, world: World, rule: TimedRule, slot: datetime, now: datetime) -> list[RuleDue]:
    """Return a signal for each open ticket, or each customer, that the rule holds for; of those, whom its draw chooses."""
    gatherer = Gatherer(cast("Transaction", reader), world, now)  # where nothing is opened it only reads
    strata: dict[object, list[RuleDue]] = {}
    for ticket, customer in _subjects(reader, rule):
        signal = RuleDue(ticket.number if ticket else None, rule.id, slot, customer)
        facts = gatherer.asked(ticket, signal)
        if holds(rule, ticket, facts, world.policy, now):
            group = getattr(facts.customer, rule.draw.by.removeprefix("customer."), None) if rule.draw else None
            strata.setdefault(group, []).append(signal)
    return [signal for group in strata.values() for signal in drawn(group, rule.draw, world.chance)]


def drawn(group: list[Drawn], draw: Draw | None, chance: random.Random) -> list[Drawn]:
    """Return whom chance chooses from one group, in the order in which they stand."""
    if draw is None:
        return group
    size = min(len(group), max(ceil(draw.share * len(group)), draw.at_least))
    return [group[nth] for nth in sorted(chance.sample(range(len(group)), size))]


def to_run(rule: TimedRule, before: datetime | None, now: datetime) -> list[datetime]:
    """Return the slots after `before`, when the rule last ran, that are to be run at `now`; the others are only taken."""
    return [] if before is None or rule.mode == "draft" else cron.due_slots(rule.cron, rule.timezone, rule.catch_up, before, now)


def _run(store: Store, world: World, rule: TimedRule, slot: datetime, now: datetime, hold: bool, *, wanted: bool) -> list[Outcome]:
    """Take a slot and, where it is `wanted`, run the rule. One subject that fails does not stop the rest."""
    signals: list[RuleDue] = []
    if wanted:
        with store.read() as reader:
            signals = held(reader, world, rule, slot, now)
    with store.write() as tx:
        return decide_each(tx, world, signals if tx.take_slot(job_name(rule), slot, now) else (), now, hold, rule=rule.id)


def decide_each(tx: Transaction, world: World, signals: Iterable[Signal], now: datetime, hold: bool, **by: str) -> list[Outcome]:
    """Decide on each of the signals, which come of the rule or watch `by`. One that fails does not stop the rest."""
    outcomes: list[Outcome] = []
    waiting = deque((signal, 0) for signal in signals)
    while waiting:
        signal, turns = waiting.popleft()
        try:
            with tx.savepoint():
                outcomes.append(handle(tx, world, signal, now, hold=hold))
        except Exception as error:  # noqa: BLE001  # as with timers: one poisoned ticket must not stop the rest
            if isinstance(error, Conflict) and turns < TURNS:
                waiting.append((signal, turns + 1))  # somebody else was first: it has its turn behind the others
                continue
            log.failed("rule", None, error, **by, ticket=signal.ticket, customer=getattr(signal, "customer", None))
    return outcomes


def looks(policy: Policy) -> list[tuple[Schedule, Job]]:
    """Return what the policy wants looked at by cron, each with its job: at other times it is another job, of which no slot was missed."""
    return [(one, job(name, one)) for name, one in _named(policy)]


def _named(policy: Policy) -> list[tuple[str, Schedule]]:
    named: list[tuple[str, Schedule]] = [(f"watch {one.id}", one) for one in policy.reports.watches]
    return named if policy.reports.verification is None else [*named, ("verification", policy.reports.verification)]


def reports(policy: Policy) -> dict[str, tuple[Report, Job]]:
    """Return the reports that go out, each with its slots, by the name of its job, as of `looks`."""
    return {slots.name: (one, slots) for one in policy.reports.reports for slots in [job(f"report {one.id}", one)]}


def job(name: str, one: Schedule) -> Job:
    """Return what the policy wants by cron as a job."""
    return Job(f"{name} {one.cron} {one.timezone}", one.cron, keep=0, timezone=one.timezone, catch_up=one.catch_up)


def _subjects(reader: Reader, rule: TimedRule) -> Iterator[tuple[Ticket | None, str | None]]:
    if rule.subject == "tickets":
        yield from ((ticket, None) for ticket in reader.tickets(TicketQuery(states=OPEN_STATES, limit=_ALL)))
        return
    after = ""
    while page := reader.customers(_PAGE, after):
        yield from ((None, row.id) for row in page)
        after = page[-1].id
