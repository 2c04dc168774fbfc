"""A decision in the making: events are recorded one by one, each folded into the ticket and followed by what the clocks make of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from engine.core import events as e
from engine.core.commands import Command, KeepContent, QueueMessage
from engine.core.compiled import Policy
from engine.core.conditions import Source, Value
from engine.core.decision import Decision, Reason
from engine.core.facts import Facts
from engine.core.lifecycle import IllegalEvent, evolve
from engine.core.model import Ticket
from engine.core.tracing import NOTHING, Asked
from engine.core.values import TicketValues


class Refusal(Exception):  # control flow inside `decide`, never seen outside of it
    """Nothing may be changed, for this reason."""


class RefusedByRule(Refusal):
    """A rule of the policy says that nothing happens; the reasons given so far say which and why."""


class Reaction(Protocol):
    """What follows from an event by itself."""

    def __call__(self, draft: "Draft", before: Ticket | None, event: e.Event) -> None:
        """Record what follows."""


class Draft:
    """Collects events, commands and reasons for one signal about one ticket at the instant `now`.

    `automatic` says that the signal is what an automat sent: then nothing goes to the customer (RFC 3834). `idle` says that there was
    nothing to do (`Decision`). `found` are the keywords of each text that was searched.
    """

    def __init__(self, ticket: Ticket | None, facts: Facts, policy: Policy, now: datetime, reaction: Reaction) -> None:
        self._ticket = ticket
        self.facts = facts
        self.policy = policy
        self.now = now
        self.texts = dict(facts.texts)
        self.automatic = self.idle = False
        self._reaction = reaction
        self._base = ticket.seq if ticket else 0
        self._ids = 0
        self.found: dict[str, frozenset[str]] = {}
        self._events: list[e.Event] = []
        self._commands: list[Command] = []
        self._reasons: list[Reason] = []

    @property
    def ticket(self) -> Ticket:
        """The ticket as it stands now."""
        if self._ticket is None:
            raise AssertionError("the ticket is opened before anything else is decided about it")
        return self._ticket

    @property
    def events(self) -> Sequence[e.Event]:
        """What was recorded so far."""
        return self._events

    def record(self, event: e.Event) -> None:
        """Let `event` have happened, and then what follows from it."""
        before = self._ticket
        self._ticket = evolve(before, event, self.now)
        self._events.append(event)
        self._reaction(self, before, event)

    def want(self, command: Command) -> None:
        """Ask the runtime to do something."""
        self._commands.append(command)

    def because(self, decided: str, rule: str, source: Source | None, values: dict[str, str] | None = None, asked: Asked = NOTHING) -> None:
        """Say why the next event happens."""
        seq = self._ticket.seq + 1 if self._ticket else 1
        self._reasons.append(Reason(decided, rule, source, tuple(values.items()) if values else (), asked, seq))

    def new_id(self) -> str:
        """Return an id for a message or content: ticket number, sequence number before this decision, counter within it."""
        self._ids += 1
        number = self._ticket.number if self._ticket else self.facts.number
        return f"{number}.{self._base}.{self._ids}"

    def keep(self, kind: str, text: str) -> str:
        """Keep a text beside the log; return its content id."""
        content = self.new_id()
        self.want(KeepContent(content, kind, text))
        self.texts[content] = text
        return content

    def keep_if(self, kind: str, text: str) -> str | None:
        """Keep a text unless it is empty."""
        return self.keep(kind, text) if text.strip() else None

    def text_of(self, content: str | None) -> str:
        """Return a text by its content id, empty when there is none or it was erased."""
        return self.texts.get(content, "") if content else ""

    def values(self, extra: dict[str, Value] | None = None, about: Ticket | None = None) -> TicketValues:
        """Return what matchers see now: of this ticket, or of the one it is `about`; of the facts alone where there is none."""
        ticket = about or self._ticket
        if ticket is None:
            return TicketValues(self.policy, self.facts, None, None, extra, self.now, self.found)
        text = "\n".join(filter(None, (self.text_of(ticket.subject), self.text_of(ticket.description))))
        words = {"ticket.subject": self.text_of(ticket.subject) or None, "ticket.wish": self.text_of(ticket.wish) or None}
        return TicketValues(self.policy, self.facts, ticket, text, {**words, **(extra or {})}, self.now, self.found)

    def queued_for(self, party: str) -> list[QueueMessage]:
        """Return the automatic messages that this decision has queued for a party so far."""
        queued = (command for command in self._commands if isinstance(command, QueueMessage))
        return [command for command in queued if command.automatic and command.party == party]

    def attempt(self, step: Callable[[], None]) -> str | None:
        """Do `step` wholly or not at all; return why not, None when it is done."""
        before = self._ticket, [*self._events], [*self._commands], [*self._reasons]
        try:
            step()
        except (Refusal, IllegalEvent) as refusal:
            given = self._reasons
            self._ticket, self._events, self._commands, self._reasons = before
            if isinstance(refusal, RefusedByRule):
                self._reasons = given
            return str(refusal)
        return None

    def finish(self) -> Decision:
        """Return the decision."""
        idle = self.idle and not self._events
        return Decision(self._ticket, tuple(self._events), tuple(self._commands), tuple(self._reasons), idle=idle)
