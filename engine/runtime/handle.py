"""The one door: a signal comes in, the ticket and the facts are read, it is decided, and everything it leads to is kept, all in one
transaction. Signals that a decision raises are handled in the same one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from msgspec import Struct

from engine.core import commands as c
from engine.core.decide import decide
from engine.core.decision import Decision
from engine.core.events import RECEIPT_NAMES, Assigned, MessageQueued, RuleApplied, RuleObserved, SurveySent, TicketOpened
from engine.core.model import SYSTEM
from engine.core.signals import IncidentSpoke, ReceiptArrived, RuleDue, Signal, TicketRequested
from engine.errors import NotFound
from engine.runtime.crew import keep_up
from engine.runtime.gather import Gatherer, Origin, World
from engine.store.contract import Transaction
from engine.store.rows import DecisionRecord, OutboxRow, WaitingRow

CHAIN_LIMIT = 500
"""How many signals one signal may lead to in its transaction; more can only be a loop."""


@dataclass(frozen=True, slots=True)
class Handled:
    """One decision that was kept, as its listeners see it; `began` is a monotonic second, `seconds` how long it took without the commit."""

    at: datetime
    signal: Signal
    decision: Decision
    policy_digest: str
    began: float = field(default=0.0, compare=False)
    seconds: float = field(default=0.0, compare=False)

    @property
    def number(self) -> str | None:
        """The ticket it is about."""
        return self.decision.ticket.number if self.decision.ticket else self.signal.ticket


class Outcome(Struct, frozen=True):
    """What a signal led to: the decisions in order, the first being its own. `forget` says its intake must be erased."""

    handled: tuple[Handled, ...]

    @property
    def first(self) -> Decision:
        """The decision on the signal itself."""
        return self.handled[0].decision

    @property
    def ticket(self) -> str | None:
        """The number of the ticket it is about, None if none was opened."""
        return self.handled[0].number

    @property
    def forget(self) -> bool:
        """Whether what came in must not be kept, for it would tie a survey's answer to its ticket."""
        return any(isinstance(command, c.EraseIntake) for one in self.handled for command in one.decision.commands)


def handle(
    tx: Transaction,
    world: World,
    signal: Signal,
    now: datetime,
    origin: Origin | None = None,
    hold: bool = False,
    intake: int | None = None,
) -> Outcome:
    """Decide on a signal and keep all it leads to in `tx`. `hold` queues messages as held, `intake` is the inbox item it came from.
    Raises NotFound for an unknown ticket.

    What is refused changes nothing but the record of its refusal.
    """
    gatherer = Gatherer(tx, world, now)
    if isinstance(signal, ReceiptArrived) and not RECEIPT_NAMES.isdisjoint(world.policy.triggers):
        gatherer.ran += _ran_where_queued(tx, signal)
    waiting, handled = deque([(c.Raise(signal), gatherer.ran)]), list[Handled]()
    while waiting:
        if len(handled) >= CHAIN_LIMIT:
            raise RuntimeError(f"{type(signal).__name__} led to more than {CHAIN_LIMIT} further signals")
        raised, gatherer.ran = waiting.popleft()
        current, gatherer.depth = raised.signal, raised.depth
        began = monotonic()
        decision = _decide_one(tx, world, gatherer, current, now, *((None, hold, None) if handled else (origin, hold, intake)))
        handled.append(Handled(now, current, decision, world.policy.digest, began, monotonic() - began))
        gatherer.ran += _rules_run(current, decision)
        for command in (command for command in decision.commands if isinstance(command, c.Raise)):
            # What an incident says to a ticket begins a chain of that ticket's own: its rules must not wait for another's.
            waiting.append((command, list(gatherer.ran) if isinstance(command.signal, IncidentSpoke) else gatherer.ran))
    return Outcome(tuple(handled))


def _ran_where_queued(tx: Transaction, signal: ReceiptArrived) -> Iterator[str]:
    """The rules that ran before the message was queued, or in the same decision: what became of it follows from the same signal."""
    log = tx.events(signal.ticket)
    queued = [one.decision_id for one in log if isinstance(one.event, MessageQueued) and one.event.message == signal.message]
    for decision in tx.decisions(signal.ticket):
        if decision.id in queued:
            yield from decision.facts.get("ran", ())
    yield from (one.event.rule for one in log if one.decision_id in queued and isinstance(one.event, RuleApplied))


def _rules_run(signal: Signal, decision: Decision) -> Iterator[str]:
    """The rules of the house's own that ran; one that goes by the clock did where it was not refused, even without a ticket."""
    yield from (event.rule for event in decision.events if isinstance(event, RuleApplied | RuleObserved))
    if isinstance(signal, RuleDue) and signal.ticket is None and decision.refused is None:
        yield signal.rule


def _decide_one(
    tx: Transaction, world: World, gatherer: Gatherer, signal: Signal, now: datetime, origin: Origin | None, hold: bool, intake: int | None
) -> Decision:
    ticket = tx.hold_ticket(signal.ticket) if signal.ticket else None
    if signal.ticket and ticket is None:
        raise NotFound(f"there is no ticket {signal.ticket}")
    at = max(now, ticket.known_until) if ticket else now  # later than now only where the clock was set back
    facts = gatherer.facts(ticket, signal, origin)
    decision = decide(ticket, signal, facts, world.policy, at)
    if decision.refused is not None or decision.ticket is None or (ticket is not None and facts.number and not _opens(decision)):
        gatherer.give_back()
    record = DecisionRecord(at, signal, facts, world.policy.digest, decision.reasons, decision.refused, intake)
    if decision.refused is None and decision.ticket is not None and decision.events:
        tx.append(ticket.seq if ticket else 0, decision.ticket, decision.events, record)
        if isinstance(decision.events[0], TicketOpened):
            gatherer.opened()
    elif not decision.idle:
        tx.record_refusal(ticket.number if ticket else None, record)
    _carry_out(tx, world, decision, at, now, hold)
    if decision.ticket is not None:
        _set_timers(tx, decision.ticket.number, decision.commands, fresh=ticket is None)
    turns: dict[str, int] = {}
    for event in decision.events:
        if isinstance(event, Assigned) and event.agent and event.by == SYSTEM:
            turns[event.agent] = tx.take_turn(event.agent)
        if isinstance(event, SurveySent) and decision.ticket and decision.ticket.customer:
            tx.survey_sent_to(decision.ticket.customer, at)
    keep_up(tx, ticket, decision, turns)
    return decision


def _opens(decision: Decision) -> bool:
    """Whether the decision asks for another ticket, and so uses the number in its facts."""
    return any(isinstance(command, c.Raise) and isinstance(command.signal, TicketRequested) for command in decision.commands)


def _carry_out(tx: Transaction, world: World, decision: Decision, at: datetime, now: datetime, hold: bool) -> None:
    number = decision.ticket.number if decision.ticket else None
    contents, messages = list[tuple[str, str, str]](), list[OutboxRow]()
    for command in decision.commands:
        match command:
            case c.KeepContent(id=id, kind=kind, body=body):
                contents.append((id, kind, body))
            case c.QueueMessage():
                messages.append(_outbox_row(command, number, at, now, hold))
            case c.KeepAnswer():
                id = f"{world.chance.getrandbits(128):032x}"
                tx.keep_waiting(WaitingRow(id, command.survey, command.look_at, world.seal.close(command, id)))
            case c.SealLink():
                tx.seal_link(command.follow_up, command.answer, command.ticket, command.customer, command.contact)
            case c.SeverLink(follow_up=follow_up):
                tx.sever_link(follow_up)
            case c.SaveOptOut(channel=channel, address=address, allowed=allowed):
                tx.set_opt_out(channel, address, None if allowed else at)
    tx.keep_contents(number, contents)
    tx.queue_messages(messages)


def _set_timers(tx: Transaction, ticket: str, commands: Iterable[c.Command], fresh: bool) -> None:
    """Cancel and start what the commands come to in the end; a ticket that is `fresh` has none to cancel."""
    cancelled, started = dict[str, None](), dict[str, datetime]()
    for command in commands:
        match command:
            case c.StartTimer(key=key, due=due):
                started.pop(key, None)
                started[key] = due
            case c.CancelTimers(prefix=prefix):
                cancelled[prefix] = None
                started = {key: due for key, due in started.items() if key != prefix and not key.startswith(f"{prefix}/")}
    for prefix in () if fresh else cancelled:
        tx.cancel_timers(ticket, prefix)
    if started:
        tx.start_timers(ticket, started, fresh=fresh)


def _outbox_row(command: c.QueueMessage, ticket: str | None, at: datetime, now: datetime, hold: bool) -> OutboxRow:
    return OutboxRow(
        id=command.id,
        ticket=ticket,
        channel=command.channel,
        party=command.party,
        address=command.to,
        subject=command.subject,
        content_id=command.content,
        language=command.language,
        automatic=command.automatic,
        script=command.script,
        created_at=at,
        state="held" if hold else "queued",
        next_attempt_at=command.not_before or now,
        digest=command.digest,
    )


Listener = Callable[[Handled], None]
"""Somebody who wants to know of every decision after it is durable: the log, the demo's timeline."""
