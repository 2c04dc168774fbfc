"""Why a ticket went the way it did, and what happens next: its decisions in order, as plain data out of the store.

The store keeps a decision without what is personal (`engine.store.codec`), so nothing of that can be told here; what records of earlier
versions hold of it is masked. They lack the newer parts of a record, which are then empty.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.core.arithmetic import Arithmetic, reckon
from engine.core.calendar import ALWAYS
from engine.core.compiled import Policy
from engine.core.events import DeadlineMoved, DeadlineResumed, DeadlineStarted, Event
from engine.core.lifecycle import evolve
from engine.core.model import Ticket
from engine.core.team import Team
from engine.core.text import mask
from engine.core.tracing import show
from engine.errors import NotFound
from engine.policy.cases import Case, Channels
from engine.policy.compilation import compile_files
from engine.runtime.handle import Handled
from engine.store import Reader, StoredDecision, StoredEvent, TimerRow
from engine.store.codec import decode_plain, encode, record_reasons, record_signal, signal_name
from engine.whatif.policy_tests import played

_EMPTY: tuple[object, ...] = ("", None, [], {}, ())
_KNOWN = ("ticket", "parent")
"""Fields of signals that say which ticket, which the reader knows already."""
_BRANCHES = ("all", "any", "not", "use")
_REACHABLE = re.compile(r"[^\s\[\],<>]+@[^\s\[\],<>]+|(?<![0-9A-Za-z_-])(?!20[0-9]{10})\+?[0-9][0-9 ()-]{5,}[0-9](?![0-9A-Za-z_-])")
"""What looks like an address or a phone number inside a text, and not like the number of a ticket."""
_MEASURED = ("over", "under", "at_least", "at_most", "between")
"""Operators that compare amounts, which may look like phone numbers and are none."""
_RESULTS = {True: "true", False: "false", None: "missing"}

PolicyOf = Callable[[str], Policy | None]
"""Returns the policy of a digest, None where it cannot be had."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One node of a condition: its path in the file, what it is, what it met, how it came out, its parts.

    `result` is true, false, missing or not_reached. For a branch `field` is empty and `operator` is all, any, not or use, `expected`
    then being the name that is used. `actual` is None where there was no value or where it is personal.
    """

    path: str
    file: str
    line: int
    field: str
    operator: str
    expected: str
    actual: str | None
    result: str
    parts: tuple["Looked", ...] = ()

    @property
    def what(self) -> str:
        """The node in the words of the policy."""
        return " ".join(filter(None, (self.field, self.operator, self.expected)))


@dataclass(frozen=True, slots=True)
class Why:
    """One thing that was decided: the rule, its `file:line` and path, values by name, and the rules that were asked on the way, in order.

    `behind` counts the rules that were not reached, `first_behind` names the first of them. Where only the default was left, `nearest`
    are the rules that came closest with the leaves that failed.
    """

    decided: str
    rule: str
    where: str
    path: str
    values: Mapping[str, str]
    asked: tuple[tuple[str, Looked], ...] = ()
    behind: int = 0
    first_behind: tuple[str, ...] = ()
    nearest: tuple[tuple[str, tuple[Looked, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """One decision: what came (`signal`, its fields in `came`), what was decided and why, what happened by it, under which policy.

    `clocks` are the deadlines it started, moved or resumed, by id, with their arithmetic; `inbox` is the item that it first answered to.
    """

    at: datetime
    signal: str
    came: Mapping[str, Any]
    why: tuple[Why, ...]
    events: tuple[Event, ...]
    refused: str | None
    policy: str
    clocks: tuple[tuple[str, Arithmetic], ...] = ()
    inbox: int | None = None


def explain(reader: Reader, number: str, policy_of: PolicyOf = lambda _: None, *, most: int = 0) -> list[Explained]:
    """Return the decisions about a ticket in order, refused ones included; `most` is how many steps a deadline's arithmetic may take.

    Raises:
        NotFound: there is no such ticket.
    """
    if reader.ticket(number) is None:
        raise NotFound(f"there is no ticket {number}")
    kept = reader.events(number)
    events: dict[int, list[Event]] = {}
    for stored in kept:
        events.setdefault(stored.decision_id, []).append(stored.event)
    decisions = reader.decisions(number)
    digests = {decision.id: decision.policy_digest for decision in decisions}
    clocks: dict[int, list[tuple[str, Arithmetic]]] = {}
    for decision, id, arithmetic in _clocks(kept, digests, policy_of, most):
        clocks.setdefault(decision, []).append((id, arithmetic))
    return [_explained(one, tuple(events.get(one.id, ())), tuple(clocks.get(one.id, ()))) for one in decisions]


def would(
    case: Case, policy: Policy, team: Team, channels: Channels, *, most: int = 0
) -> tuple[dict[str, Any], list[Explained], list[TimerRow]]:
    """Return what the policy would make of a case, in a world of its own: the outcome by the keys of a test's `expect` (and the ticket's
    number, None where it opens none), the decisions, and what would happen next. Raises EngineError where it cannot be decided.
    """
    with played(case, policy, team, channels) as play:
        play.run()
        outcome = {"number": play.number, **play.seen(play.number)}
        if play.number is None:
            return outcome, [_unopened(one) for one in play.decided()], []
        with play.lab.store.read() as reader:
            return outcome, explain(reader, play.number, lambda _: policy, most=most), upcoming(reader, play.number)


def upcoming(reader: Reader, number: str) -> list[TimerRow]:
    """Return what will happen to a ticket by itself: its timers, the next one first; those set aside (`dead`) come last."""
    return sorted(reader.timers(number), key=lambda timer: (timer.dead, timer.due, timer.key))


def kept_policies(reader: Reader, known: Policy) -> PolicyOf:
    """Return how to get a policy by its digest: the one that is known, else one compiled anew from the kept files."""
    found: dict[str, Policy | None] = {known.digest: known}

    def policy_of(digest: str) -> Policy | None:
        if digest not in found:
            files = reader.policy_files(digest)
            found[digest] = compile_files(files).policy if files else None
        return found[digest]

    return policy_of


def decisive(looked: Looked) -> Looked:
    """Return the tree without what was not reached and, in an `any` that holds or an `all` that does not, what did not decide it."""
    parts: Iterable[Looked] = (part for part in looked.parts if part.result != "not_reached")
    if (looked.operator, looked.result) in {("any", "true"), ("all", "false")}:
        parts = (part for part in parts if part.result == looked.result)
    return replace(looked, parts=tuple(decisive(part) for part in parts))


def _clocks(kept: list[StoredEvent], digests: Mapping[int, str], policy_of: PolicyOf, most: int) -> Iterator[tuple[int, str, Arithmetic]]:
    """The decision, the clock and the arithmetic of each clock that was given a due instant by counting."""
    ticket: Ticket | None = None
    for stored in kept:
        ticket = evolve(ticket, stored.event, stored.at)
        if not isinstance(stored.event, DeadlineStarted | DeadlineMoved | DeadlineResumed):
            continue
        clock, policy = ticket.deadlines[stored.event.id], policy_of(digests[stored.decision_id])
        if policy is None or clock.budget is None:
            continue
        calendar = policy.calendars.get(clock.calendar, ALWAYS)
        yield stored.decision_id, clock.id, reckon(calendar, clock.started_at, clock.budget, clock.pauses, most=most)


def _unopened(one: Handled) -> Explained:
    """A decision that opened no ticket, without what is personal, as the store keeps it."""
    signal, reasons = (decode_plain(encode(kept)) for kept in (record_signal(one.signal), record_reasons(one.decision.reasons)))
    refused = one.decision.refused
    return _explained(
        StoredDecision(0, one.at, signal_name(one.signal), signal, {}, one.policy_digest, reasons, refused, None, None), (), ()
    )


def _explained(decision: StoredDecision, events: tuple[Event, ...], clocks: tuple[tuple[str, Arithmetic], ...]) -> Explained:
    came = {name: value for name, value in decision.signal.items() if value not in _EMPTY and name not in _KNOWN}
    return Explained(
        at=decision.at,
        signal=decision.signal_type,
        came=came,
        why=tuple(_why(reason) for reason in decision.reasons),
        events=events,
        refused=None if decision.refused is None else _masked(decision.refused),
        policy=decision.policy_digest,
        clocks=clocks,
        inbox=decision.inbox,
    )


def _why(reason: Mapping[str, Any]) -> Why:
    source, asked = reason["source"], reason.get("asked", reason)  # older versions kept the one in the other
    return Why(
        decided=reason["decided"],
        rule=reason["rule"],
        where=f"{source['file']}:{source['line']}" if source else "",
        path=source["path"] if source else "",
        values=dict(reason["values"]),
        asked=tuple((rule, _looked(trace)) for rule, trace in asked.get("traces", ())),
        behind=asked.get("behind", 0),
        first_behind=tuple(asked.get("first_behind", ())),
        nearest=tuple((rule, tuple(_looked(leaf) for leaf in leaves)) for rule, leaves in asked.get("nearest", ())),
    )


def _looked(trace: Mapping[str, Any]) -> Looked:
    first, _, rest = trace["what"].partition(" ")
    field, operator, expected = ("", first, rest) if first in _BRANCHES else (first, *rest.partition(" ")[::2])
    source, actual = trace["source"], trace.get("actual")
    return Looked(
        path=source["path"],
        file=source["file"],
        line=source["line"],
        field=field,
        operator=operator,
        expected=expected if operator in _MEASURED else _masked(expected),
        actual=None if actual is None else _masked(show(actual)) if isinstance(actual, str | list) else show(actual),
        result=_RESULTS[trace["result"]] if trace.get("reached", True) else "not_reached",
        parts=tuple(_looked(part) for part in trace.get("parts", ())),
    )


def _masked(text: str) -> str:
    """The text with every address and phone number in it masked."""
    return _REACHABLE.sub(lambda found: mask(found[0]), text)
