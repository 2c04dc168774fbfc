"""The outcome of `decide`, as values: what happened, what is wanted, and why."""

from msgspec import Struct

from engine.core.commands import Command
from engine.core.conditions import Source
from engine.core.events import Event
from engine.core.model import Ticket
from engine.core.tracing import NOTHING, Asked


class Reason(Struct, frozen=True):
    """Why something was decided: `decided` in words (`tier: urgent`), the rule that said so, where it stands, what it looked at.

    `seq` is the sequence number of the event it explains.

    `values` are (name, value) pairs in the words of the policy, `asked` what was seen of the rules that were asked.
    """

    decided: str
    rule: str
    source: Source | None
    values: tuple[tuple[str, str], ...] = ()
    asked: Asked = NOTHING
    seq: int = 0


class Decision(Struct, frozen=True):
    """What one signal led to. `refused` says in words why nothing was changed; then there are no events and no commands, and reasons
    only where a rule of the policy said so. `idle`: the engine asked itself, as it does again and again, and there was nothing to do;
    that is neither kept nor told.
    """

    ticket: Ticket | None
    events: tuple[Event, ...]
    commands: tuple[Command, ...]
    reasons: tuple[Reason, ...]
    refused: str | None = None
    idle: bool = False
