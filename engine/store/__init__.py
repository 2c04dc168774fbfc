"""Where tickets, their log, timers and messages are kept: one contract, and the backends that keep it."""

from importlib import import_module
from pathlib import Path

from engine.errors import ConfigurationError
from engine.store.contract import Conflict, Evolve, Finding, Reader, Store, StoreFailed, Transaction
from engine.store.feedback import FeedbackRow
from engine.store.personal import AuditRow, HoldRow
from engine.store.rows import (
    ActivationRow,
    AnswerRow,
    ChannelRow,
    CustomerRow,
    DecisionRecord,
    FactRow,
    FactSpan,
    FactSums,
    InboxRow,
    LinkRow,
    OutboxRow,
    PolicyRow,
    StoredDecision,
    StoredEvent,
    TicketQuery,
    TimerRow,
    TrialRow,
    WaitingRow,
    WorkerRow,
)
from engine.store.sqlite.store import SqliteStore

__all__ = [
    "ActivationRow",
    "AnswerRow",
    "AuditRow",
    "ChannelRow",
    "Conflict",
    "CustomerRow",
    "DecisionRecord",
    "Evolve",
    "FactRow",
    "FactSpan",
    "FactSums",
    "FeedbackRow",
    "Finding",
    "HoldRow",
    "InboxRow",
    "LinkRow",
    "OutboxRow",
    "PolicyRow",
    "Reader",
    "Store",
    "StoreFailed",
    "StoredDecision",
    "StoredEvent",
    "TicketQuery",
    "TimerRow",
    "Transaction",
    "TrialRow",
    "WaitingRow",
    "WorkerRow",
    "open_store",
]

_FILE = "sqlite:///"
_MEMORY = "sqlite://:memory:"
_SERVER = ("postgresql://", "postgres://")


def open_store(url: str, base: Path | None = None) -> Store:
    """Open the store a database URL names, made or migrated as needed.

    `sqlite:///relative.db` lies below `base` (the current directory for None), `sqlite:////absolute.db` where it says,
    `sqlite://:memory:` is gone when it is closed; `postgresql://user@host/database` is on a server.

    Raises ConfigurationError for a URL that is none of these or a database that cannot be used, Refused if it must be migrated
    while another process works on it.
    """
    if url.startswith(_SERVER):
        return _on_server(url)
    if url == _MEMORY:
        return SqliteStore(None)
    path = url.removeprefix(_FILE)
    if path == url or not path or path.endswith("/") or "?" in path or "\0" in path:
        scheme = url.partition(":")[0]  # the rest may hold a password
        raise ConfigurationError(
            f"This database URL ({scheme}:…) cannot be used. Write sqlite:///var/closedloop.db (relative), "
            "sqlite:////srv/closedloop.db (absolute), sqlite://:memory: or postgresql://user@host/database."
        )
    return SqliteStore((base or Path()) / path)


def _on_server(url: str) -> Store:
    try:
        import_module("psycopg")
    except ImportError as error:
        raise ConfigurationError(f"A postgresql:// database needs more ({error}): pip install 'closedloop[postgresql]'.") from error
    from engine.store.postgresql.store import PostgresStore

    return PostgresStore(url)
