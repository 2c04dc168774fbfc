"""What the rules of the house's own did, or did not do."""

from engine.core.events.base import Event


class RuleApplied(Event, frozen=True):
    """A rule held and did these actions, in the words of the policy."""

    rule: str
    actions: tuple[str, ...]


class RuleObserved(Event, frozen=True):
    """A rule that is only observed held; live, it would have done these actions."""

    rule: str
    actions: tuple[str, ...]


class RuleSkipped(Event, frozen=True):
    """A rule held and did nothing: it ran already in this chain (`again`), the chain is `too_deep`, or it was `refused`."""

    rule: str
    reason: str


class TimerElapsed(Event, frozen=True):
    """A timer that a rule had started ran out."""

    timer: str
