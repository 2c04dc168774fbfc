"""What the engine knows about itself: policies, slots of cron jobs, and single values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from engine.store.rows import ActivationRow, BacklogRow, PolicyRow, Vitals


class ArchiveReader(Protocol):
    """Asks about policies, jobs and values."""

    def policy_files(self, digest: str) -> dict[str, str] | None:
        """Return the files (text by relative path) of a policy, None if it was never saved."""

    def active_policy(self) -> str | None:
        """Return the digest of the policy in force, None before the first activation."""

    def policies(self) -> list[PolicyRow]:
        """Return all policies, the latest saved first."""

    def activations(self) -> list[ActivationRow]:
        """Return each time that a policy came into force, the latest first."""

    def last_slot(self, job: str) -> datetime | None:
        """Return the latest slot of the cron job that was taken."""

    def meta(self, key: str) -> str | None:
        """Return a single value, None if it was never set."""

    def backlog(self) -> list[BacklogRow]:
        """Return what waits and what was set aside, by queue, channel and state; what nothing is in is left out."""

    def vitals(self, thorough: bool = False) -> Vitals:
        """Return how the database itself is; `thorough` lets it look at every page it has, where it can."""


class ArchiveWriter(Protocol):
    """Changes policies, jobs and values."""

    def save_policy(self, digest: str, files: Mapping[str, str], at: datetime) -> None:
        """Keep a policy's files for ever; one that is kept already stays as it is."""

    def activate(self, digest: str, at: datetime, by: str) -> bool:
        """Put a saved policy in force, and record who did. False: it is in force already. Raises NotFound."""

    def take_slot(self, job: str, slot: datetime, at: datetime) -> bool:
        """Take a slot of a cron job. False: it was taken before."""

    def set_meta(self, key: str, value: str) -> None:
        """Set a single value."""

    def first_meta(self, key: str, value: str) -> str:
        """Set a single value unless it is set; return what it is now. Whoever comes first, all are given the same."""
