"""What the rules of the house's own did, or did not do."""

from dataclasses import dataclass

from engine.core.events.base import Event


@dataclass(frozen=True, slots=True)
class RuleApplied(Event):
    """A rule held and did these actions, in the words of the policy."""

    rule: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleObserved(Event):
    """A rule that is only observed held; live, it would have done these actions."""

    rule: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleSkipped(Event):
    """A rule held and did nothing: it ran already in this chain (`again`), the chain is `too_deep`, or it was `refused`."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class TimerElapsed(Event):
    """A timer that a rule had started ran out."""

    timer: str
