"""Policies, slots of cron jobs and single values."""

from collections.abc import Mapping
from datetime import datetime

from engine.errors import NotFound
from engine.store.codec import decode_plain, encode
from engine.store.rows import ActivationRow, BacklogRow, PolicyRow, Vitals
from engine.store.sql.session import Room, instant, instant_or_none, micros

_FILES = "SELECT files_json FROM policy WHERE digest = ?"

_ACTIVE = "SELECT digest FROM active_policy"

_POLICIES = "SELECT digest, saved_at FROM policy ORDER BY saved_at DESC, digest"

_ACTIVATIONS = "SELECT digest, at, by FROM activation ORDER BY id DESC"

_SAVE = "INSERT INTO policy (digest, files_json, saved_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

_RECORD_ACTIVATION = "INSERT INTO activation (digest, at, by) VALUES (?, ?, ?)"

# Of several who put the same in force at once, one does.
_ACTIVATE = """
INSERT INTO active_policy (only_one, digest, at) SELECT 1, digest, ? FROM policy WHERE digest = ?
ON CONFLICT (only_one) DO UPDATE SET digest = excluded.digest, at = excluded.at WHERE active_policy.digest <> excluded.digest
"""

_LAST_SLOT = "SELECT max(slot) FROM cron_slot WHERE job = ?"

# The primary key (job, slot) decides who has it.
_TAKE_SLOT = "INSERT INTO cron_slot (job, slot, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

_META = "SELECT value FROM meta WHERE key = ?"

_SET_META = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"

_FIRST_META = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING"


# Counted on the indexes of what is not done, which an expression keeps from being passed by for one that is in the order of channels.
_BACKLOG = """
SELECT 'inbox', channel || '', state, count(*), min(next_attempt_at) FROM inbox WHERE state = 'pending' GROUP BY channel || '', state
UNION ALL SELECT 'inbox', channel || '', state, count(*), min(next_attempt_at) FROM inbox WHERE state = 'dead' GROUP BY channel || '', state
UNION ALL SELECT 'outbox', channel, state, count(*), min(next_attempt_at) FROM outbox WHERE state = 'queued' GROUP BY channel, state
UNION ALL SELECT 'outbox', channel, state, count(*), min(next_attempt_at) FROM outbox WHERE state IN ('held', 'sending', 'dead')
GROUP BY channel, state
UNION ALL SELECT 'timer', '', 'waiting', count(*), min(next_attempt_at) FROM timer WHERE dead = 0 HAVING count(*) > 0
UNION ALL SELECT 'timer', '', 'dead', count(*), min(next_attempt_at) FROM timer WHERE dead = 1 HAVING count(*) > 0
ORDER BY 1, 2, 3
"""


class ArchiveReads(Room):
    """Keeps the contract's `ArchiveReader`."""

    def policy_files(self, digest: str) -> dict[str, str] | None:
        """The files of a policy."""
        text = self._session.value(_FILES, digest)
        return None if text is None else dict(decode_plain(text))

    def active_policy(self) -> str | None:
        """The digest of the policy in force."""
        digest: str | None = self._session.value(_ACTIVE)
        return digest

    def policies(self) -> list[PolicyRow]:
        """All policies."""
        return [PolicyRow(digest, instant(saved_at)) for digest, saved_at in self._session.all(_POLICIES)]

    def activations(self) -> list[ActivationRow]:
        """Each time a policy came into force."""
        return [ActivationRow(digest, instant(at), by) for digest, at, by in self._session.all(_ACTIVATIONS)]

    def last_slot(self, job: str) -> datetime | None:
        """The latest slot that was taken."""
        return instant_or_none(self._session.value(_LAST_SLOT, job))

    def meta(self, key: str) -> str | None:
        """A single value."""
        value: str | None = self._session.value(_META, key)
        return value

    def backlog(self) -> list[BacklogRow]:
        """What waits and what was set aside."""
        rows = self._session.all(_BACKLOG)
        return [BacklogRow(queue, channel, state, count, instant(oldest)) for queue, channel, state, count, oldest in rows]

    def vitals(self, thorough: bool = False) -> Vitals:
        """How the database itself is."""
        return self._session.vitals(thorough)


class ArchiveWrites(ArchiveReads):
    """Keeps the contract's `ArchiveWriter`."""

    def save_policy(self, digest: str, files: Mapping[str, str], at: datetime) -> None:
        """Keep a policy's files."""
        self._session.run(_SAVE, digest, encode(files), micros(at))

    def activate(self, digest: str, at: datetime, by: str) -> bool:
        """Put a saved policy in force."""
        if not self._session.run(_ACTIVATE, micros(at), digest):
            if self.policy_files(digest) is None:
                raise NotFound(f"There is no policy {digest} in the store; save it before it is activated.")
            return False
        self._session.run(_RECORD_ACTIVATION, digest, micros(at), by)
        return True

    def take_slot(self, job: str, slot: datetime, at: datetime) -> bool:
        """Take a slot of a cron job."""
        return self._session.run(_TAKE_SLOT, job, micros(slot), micros(at)) == 1

    def set_meta(self, key: str, value: str) -> None:
        """Set a single value."""
        self._session.run(_SET_META, key, value)

    def first_meta(self, key: str, value: str) -> str:
        """Set a single value unless it is set."""
        self._session.run(_FIRST_META, key, value)
        kept: str = self._session.value(_META, key)
        return kept
