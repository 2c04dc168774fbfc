"""Applies migration files with yoyo on a connection of ours, all that is pending in one transaction."""

from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

from yoyo import internalmigrations, read_migrations
from yoyo.connections import parse_uri
from yoyo.migrations import default_migration_table

from engine.core.lifecycle import evolve
from engine.store.sql.integrity import Refolding
from engine.store.sql.session import Session


class OnGivenConnection:
    """What a backend of yoyo must do otherwise to stay on one given connection, inside one transaction.

    `begin` of the backend keeps others from migrating at the same time.
    """

    _internal_schema_updated = False

    def __init__(self, connection: Any) -> None:
        self._given = connection
        super().__init__(parse_uri("given:///"), default_migration_table)  # type: ignore[call-arg]  # the backend's, which comes next

    def connect(self, dburi: object) -> Any:
        """The given connection."""
        return self._given

    def copy(self) -> Any:
        """The same connection again: a second one would wait for the first for ever."""
        return nullcontext(self)

    def ensure_internal_schema_updated(self) -> None:
        """Make or update yoyo's own tables, in the same transaction."""
        if not self._internal_schema_updated:
            if internalmigrations.needs_upgrading(self):
                internalmigrations.upgrade(self)
            self._internal_schema_updated = True

    def get_log_data(self: Any, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """The entry for yoyo's log, without who ran it where: not ours to keep, and finding out may ask a name server."""
        migration_id, migration_hash = (migration.id, migration.hash) if migration else (None, None)
        (entries,) = self.execute(f"SELECT count(*) FROM {self.log_table_quoted}").fetchone()
        return {
            "id": f"{operation} {entries}",
            "migration_id": migration_id,
            "migration_hash": migration_hash,
            "username": "",
            "hostname": "",
            "created_at_utc": None,
            "operation": operation,
        }


def apply(backend: Any, directory: Path, session: Session) -> None:
    """Apply what is pending from `directory`, and let each ticket's state be what this version makes of its log, all in one transaction.

    Raises the driver's error with nothing applied.
    """
    with backend.transaction():
        backend.apply_migrations(backend.to_apply(_steps(directory)))
        Refolding(session).fold_anew(evolve)


@lru_cache(8)
def _steps(directory: Path) -> Any:
    """Read the files once in a process: splitting them into statements costs more than carrying them out on a database in memory."""
    return read_migrations(str(directory))
