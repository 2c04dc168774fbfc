"""The store as a whole, its transactions and its errors."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from engine.core.events import Event
from engine.core.model import Ticket
from engine.errors import EngineError
from engine.store.contract.accounts import AccountReader, AccountWriter
from engine.store.contract.archive import ArchiveReader, ArchiveWriter
from engine.store.contract.channels import ChannelReader, ChannelWriter
from engine.store.contract.facts import FactReader, FactWriter
from engine.store.contract.messages import InboxReader, InboxWriter, OutboxReader, OutboxWriter
from engine.store.contract.people import PeopleReader, PeopleWriter
from engine.store.contract.personal import PersonalReader, PersonalWriter
from engine.store.contract.tables import TableReader, TableWriter
from engine.store.contract.tickets import TicketReader, TicketWriter, TimerReader, TimerWriter
from engine.store.contract.workers import WorkerReader, WorkerWriter

Evolve: TypeAlias = Callable[[Ticket | None, Event, datetime], Ticket]
"""How an event that happened at an instant makes the next state; its result's `seq` is one more."""


class Finding(NamedTuple):
    """What breaks an invariant. `I1`: each item that came in made exactly one decision; `I2`: each message waits, was sent or was set
    aside, as its ticket's log says; `I4`: a ticket's state is the replay of its log; `I5`: the database is whole; `I6`: no timer fires
    early, twice, after it was cancelled, or never.
    """

    invariant: str
    text: str


class Conflict(EngineError):
    """Somebody else changed the same meanwhile: read it again and decide again."""


class StoreFailed(EngineError):
    """The database could not do it (disk full, damaged, locked too long, a rule of its tables broken); nothing of it was kept.

    Only undoing is possible afterwards: of the savepoint it came up in, else of the transaction.
    """


class Reader(
    TicketReader,
    TimerReader,
    InboxReader,
    OutboxReader,
    PeopleReader,
    AccountReader,
    ArchiveReader,
    ChannelReader,
    WorkerReader,
    TableReader,
    FactReader,
    PersonalReader,
    Protocol,
):
    """One consistent view of everything stored. Lists come in the order their methods name."""

    @property
    def memory(self) -> dict[str, Any]:
        """What whoever reads here remembers of it, to ask once; forgotten when a savepoint is undone."""

    def integrity(self, evolve: Evolve, drained_at: datetime | None = None, step: Callable[[int], None] = ...) -> list["Finding"]:
        """Return which invariants are broken, and how, in words; nothing if all is well.

        Where everything was worked off at `drained_at`, what still waits is a finding too. `step` is called after each ticket with how
        many there are.
        """


class Transaction(
    Reader,
    TicketWriter,
    TimerWriter,
    InboxWriter,
    OutboxWriter,
    PeopleWriter,
    AccountWriter,
    ArchiveWriter,
    ChannelWriter,
    WorkerWriter,
    TableWriter,
    FactWriter,
    PersonalWriter,
    Protocol,
):
    """Reads and writes that are kept together or not at all. Over when its `with` block ends."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what happened inside, and only that, when it raises; the exception goes on."""


class Store(Protocol):
    """Where everything is kept. Any thread may call it.

    `shared` says whether several processes may work on it at once; else one writes at a time.
    """

    shared: bool

    def write(self, patience: timedelta | None = None) -> AbstractContextManager[Transaction]:
        """Return a transaction that is durable when its block ends, and undone when it raises.

        Where several write at once, `patience` is how long a statement waits for what another transaction holds before it raises a
        Conflict, by default ten seconds: who holds much and waits little is in nobody's way for long. Raises StoreFailed when another
        process writes for too long, UsageError inside another `write` of the same thread.
        """

    def read(self) -> AbstractContextManager[Reader]:
        """Return a view of what was durable when its block began. A store in memory waits for the writer instead, and inside
        `write` of the same thread shows what that has done so far.
        """

    def lock_for_writing(self, owner: str, alone: bool = False) -> None:
        """Be the one process that works on this store until `close`; on one that is `shared` only make sure, if we must be `alone`, that
        nobody works on it now. Raises Refused, naming who does.
        """

    def backup(self, target: Path) -> None:
        """Write all that is durable to the new SQLite file `target`, while others go on. Raises StoreFailed; leaves no half file."""

    def scrub(self, whole: bool = False) -> None:
        """Let what was erased be gone from the engine's own journal of changes too, as far as nobody reads it just now.

        `whole` writes the database anew, where copies of moved rows may be left in the unused parts of its pages. That takes as long as
        copying it does, needs as much room on the disk, and whoever writes meanwhile waits.
        """

    def close(self) -> None:
        """Release everything. Calling it again does nothing."""
