"""Rules that go by the clock: each slot of a rule is one transaction, in which every ticket or customer it holds for is decided on."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import cast

from engine.core.compiled import Policy, TimedRule
from engine.core.decide.rules import holds
from engine.core.fields import OPEN_STATES
from engine.core.model import Ticket
from engine.core.signals import RuleDue
from engine.runtime import cron, log
from engine.runtime.claims import TURNS
from engine.runtime.gather import Gatherer, World
from engine.runtime.handle import Outcome, handle
from engine.store.contract import Conflict, Reader, Store, Transaction
from engine.store.rows import TicketQuery

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
    """Return when each rule that goes by the clock runs next, by its id; drafts are left out."""
    return {rule.id: cron.following(rule.cron, now, rule.timezone) for rule in policy.timed_rules if rule.mode != "draft"}


def job_name(rule: TimedRule) -> str:
    """Return the name under which the slots of a rule are taken: at other times it is another job, of which none was missed."""
    return f"rule {rule.id} {rule.cron} {rule.timezone}"


def held(reader: Reader, world: World, rule: TimedRule, slot: datetime, now: datetime) -> Iterator[RuleDue]:
    """Yield a signal for each open ticket, or each customer, that the rule holds for."""
    gatherer = Gatherer(cast("Transaction", reader), world, now)  # where nothing is opened it only reads
    for ticket, customer in _subjects(reader, rule):
        signal = RuleDue(ticket.number if ticket else None, rule.id, slot, customer)
        if holds(rule, ticket, gatherer.asked(ticket, signal), world.policy, now):
            yield signal


def to_run(rule: TimedRule, before: datetime | None, now: datetime) -> list[datetime]:
    """Return the slots after `before`, when the rule last ran, that are to be run at `now`; the others are only taken."""
    return [] if before is None or rule.mode == "draft" else cron.due_slots(rule.cron, rule.timezone, rule.catch_up, before, now)


def _run(store: Store, world: World, rule: TimedRule, slot: datetime, now: datetime, hold: bool, *, wanted: bool) -> list[Outcome]:
    """Take a slot and, where it is `wanted`, run the rule. One subject that fails does not stop the rest."""
    signals: list[RuleDue] = []
    if wanted:
        with store.read() as reader:
            signals = list(held(reader, world, rule, slot, now))
    outcomes: list[Outcome] = []
    with store.write() as tx:
        waiting = deque((signal, 0) for signal in (signals if tx.take_slot(job_name(rule), slot, now) else ()))
        while waiting:
            signal, turns = waiting.popleft()
            try:
                with tx.savepoint():
                    outcomes.append(handle(tx, world, signal, now, hold=hold))
            except Exception as error:  # noqa: BLE001  # as with timers: one poisoned ticket must not stop the rest
                if isinstance(error, Conflict) and turns < TURNS:
                    waiting.append((signal, turns + 1))  # somebody else was first: it has its turn behind the others
                    continue
                log.failed("rule", None, error, rule=rule.id, ticket=signal.ticket, customer=signal.customer)
    return outcomes


def _subjects(reader: Reader, rule: TimedRule) -> Iterator[tuple[Ticket | None, str | None]]:
    if rule.subject == "tickets":
        yield from ((ticket, None) for ticket in reader.tickets(TicketQuery(states=OPEN_STATES, limit=_ALL)))
        return
    after = ""
    while page := reader.customers(_PAGE, after):
        yield from ((None, row.id) for row in page)
        after = page[-1].id
