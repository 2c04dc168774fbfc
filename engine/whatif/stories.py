"""What became of needs, told so that two policies can be compared by it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct, field

from engine.core import events as e
from engine.core.model import CUSTOMER, Ticket
from engine.whatif.lab import Lab

PARTS: Final = ("kind", "tier", "queue", "promises", "kept", "escalated", "messages", "ended")
"""What is compared of a need."""


class Story(Struct, frozen=True):
    """What became of one need: how it was first graded and routed, when each promise was first due, which were kept and which were
    missed at least once, the steps of escalation taken, the messages of each script to the customer, and the state in which it ended.
    """

    kind: str = ""
    tier: str | None = None
    queue: str | None = None
    promises: dict[str, datetime] = field(default_factory=dict)
    kept: dict[str, bool] = field(default_factory=dict)
    escalated: int = 0
    messages: dict[str, int] = field(default_factory=dict)
    ended: str | None = None

    def changes(self, other: "Story | None") -> tuple[str, ...]:
        """Which of `PARTS` are otherwise in another story of the same need; all of them where there is none."""
        return tuple(part for part in PARTS if other is None or getattr(self, part) != getattr(other, part))


def told(ticket: Ticket, events: Iterable[e.Event]) -> Story:
    """Return the story of a need, by its log and as it stands in the end."""
    tier, queue, escalated = None, None, 0
    promises, kept, messages = dict[str, datetime](), dict[str, bool](), Counter[str]()
    for event in events:
        match event:
            case e.TicketOpened() | e.TierAssigned():
                tier = tier or event.tier
            case e.Routed():
                queue = queue or event.queue
            case e.DeadlineStarted(key="") if event.due is not None:
                promises.setdefault(event.kind, event.due)
            case e.DeadlineBreached():
                kept[event.id.partition(":")[0]] = False
            case e.DeadlineStopped():
                kept.setdefault(event.id.partition(":")[0], True)
            case e.Escalated():
                escalated += 1
            case e.MessageQueued(party=party, script=script) if party == CUSTOMER and script:
                messages[script] += 1
    return Story(ticket.kind, tier, queue, promises, kept, escalated, dict(messages), ticket.state if ticket.closed_at else None)


def figures(stories: Iterable[Story]) -> dict[tuple[str, str], int]:
    """Count what became of needs: ("needs", ""), and by part and name; of promises those `kept` and `missed` by the kind of clock."""
    found = Counter[tuple[str, str]]()
    for story in stories:
        found["needs", ""] += 1
        found["kind", story.kind] += 1
        found["tier", story.tier or ""] += 1
        found["queue", story.queue or ""] += 1
        found["escalated", ""] += story.escalated
        found["ended", story.ended or ""] += 1
        for kind, kept in story.kept.items():
            found["kept" if kept else "missed", kind] += 1
        for script, count in story.messages.items():
            found["messages", script] += count
    return dict(found)


class Chronicle:
    """Keeps what is decided in a lab, by ticket, and forgets the decisions themselves."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._events = dict[str, list[e.Event]]()

    def listen(self) -> list[Ticket]:
        """Keep what was decided since; return the tickets that it was about, as each decision left them."""
        about = list[Ticket]()
        for one in self._lab.handled:
            if one.decision.ticket is not None:
                self._events.setdefault(one.decision.ticket.number, []).extend(one.decision.events)
                about.append(one.decision.ticket)
        self._lab.handled.clear()
        return about

    def story(self, number: str) -> Story | None:
        """Return the story of a ticket, None where there is none."""
        ticket = self._lab.ticket(number)
        return told(ticket, self._events[number]) if ticket is not None else None

    def opened(self, but: Iterable[str]) -> Counter[str]:
        """Count the tickets by kind, but for these."""
        left_out = frozenset(but)
        first = (events[0] for number, events in self._events.items() if number not in left_out)
        return Counter(event.kind for event in first if isinstance(event, e.TicketOpened))
