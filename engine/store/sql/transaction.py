"""All rooms together, and the connections that transactions run on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar

from engine.errors import UsageError
from engine.store.sql.accounts import AccountReads, AccountWrites
from engine.store.sql.archive import ArchiveReads, ArchiveWrites
from engine.store.sql.channels import ChannelReads, ChannelWrites
from engine.store.sql.facts import FactReads
from engine.store.sql.inbox import InboxReads, InboxWrites
from engine.store.sql.integrity import IntegrityReads
from engine.store.sql.outbox import OutboxReads, OutboxWrites
from engine.store.sql.people import PeopleReads, PeopleWrites
from engine.store.sql.personal import PersonalReads, PersonalWrites
from engine.store.sql.session import Session
from engine.store.sql.tables import TableReads, TableWrites
from engine.store.sql.tickets import TicketWrites
from engine.store.sql.timers import TimerReads, TimerWrites
from engine.store.sql.workers import WorkerReads, WorkerWrites


class SqlReader(
    IntegrityReads,
    TimerReads,
    InboxReads,
    OutboxReads,
    PeopleReads,
    AccountReads,
    ArchiveReads,
    ChannelReads,
    WorkerReads,
    TableReads,
    FactReads,
    PersonalReads,
):
    """Keeps the contract's `Reader`."""

    @property
    def memory(self) -> dict[str, Any]:
        """What its readers remember."""
        return self._session.memory


class SqlTransaction(
    SqlReader,
    TicketWrites,
    TimerWrites,
    InboxWrites,
    OutboxWrites,
    PeopleWrites,
    AccountWrites,
    ArchiveWrites,
    ChannelWrites,
    WorkerWrites,
    TableWrites,
    PersonalWrites,
):
    """Keeps the contract's `Transaction`."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo only what happens inside when that raises."""
        return self._session.savepoint()


def reading(session: Session) -> Iterator[SqlReader]:
    """Yield a view that is over afterwards."""
    try:
        yield SqlReader(session)
    finally:
        session.end()


class _Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


SPARE = 4
"""How many connections wait for their next transaction at most; a server has few, and each of SQLite's keeps pages of its own."""


class Pool(Generic[C]):
    """Connections that wait for their next transaction; `make` opens one more. Any thread may call it."""

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._idle: list[C] = []
        self._closed = False

    def borrow(self) -> C:
        """Return a connection for one transaction. Raises UsageError once closed, and what opening one raises."""
        with self._lock:
            self.check_open()
            if self._idle:
                return self._idle.pop()
        return self._make()

    def give_back(self, connection: C) -> None:
        """Take a connection back, in no transaction."""
        with self._lock:
            if self._closed or len(self._idle) >= SPARE:
                connection.close()
            else:
                self._idle.append(connection)

    def empty(self) -> None:
        """Close what waits: the server they were connected to is gone."""
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    def check_open(self) -> None:
        """Raises UsageError once closed."""
        if self._closed:
            raise UsageError("The store is closed.")

    def close(self) -> None:
        """Close what waits now, and what is given back later when it comes."""
        self._closed = True
        self.empty()
