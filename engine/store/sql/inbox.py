"""The inbox."""

from datetime import datetime
from typing import Any

from engine.errors import NotFound
from engine.store.rows import InboxRow
from engine.store.sql.personal import cleared
from engine.store.sql.session import Room, instant, instant_or_none, micros

_COLUMNS = "id, channel, source_id, received_at, item_json, raw, state, attempts, next_attempt_at, error, ticket, dropped_at"

_PENDING = f"SELECT {_COLUMNS} FROM inbox WHERE state = 'pending' AND next_attempt_at <= ? ORDER BY next_attempt_at, id LIMIT ?"

_CLAIM = f"{_PENDING} /*pg FOR UPDATE SKIP LOCKED*/"

_NEXT = "SELECT min(next_attempt_at) FROM inbox WHERE state = 'pending'"

# By state in so many words, which are those of an index where the state has one.
_LIST = {
    state: f"SELECT {_COLUMNS} FROM inbox WHERE state = {which} ORDER BY id DESC LIMIT ?"
    for state, which in {None: "state", "pending": "'pending'", "done": "'done'", "dead": "'dead'"}.items()
}

_DEAD = f"""
SELECT {_COLUMNS} FROM inbox
WHERE state = 'dead' AND dropped_at IS NULL AND channel = coalesce(?, channel) ORDER BY id DESC LIMIT ?
"""

_ONE = f"SELECT {_COLUMNS} FROM inbox WHERE id = ?"

_ITEM = f"SELECT {_COLUMNS} FROM inbox WHERE channel = ? AND source_id = ?"

_WAITING = "SELECT count(*) FROM (SELECT 1 FROM inbox WHERE state = 'pending' LIMIT ?) AS waiting"

# Counted on indexes: items are large, and nearly all are done.
_COUNTS = """
SELECT 'pending', count(*) FROM inbox WHERE state = 'pending'
UNION ALL SELECT CASE WHEN dropped_at IS NULL THEN 'dead' ELSE 'dropped' END, count(*) FROM inbox WHERE state = 'dead' GROUP BY 1
UNION ALL SELECT 'done', (SELECT count(*) FROM inbox) - (SELECT count(*) FROM inbox WHERE state = 'pending')
    - (SELECT count(*) FROM inbox WHERE state = 'dead')
"""

# The unique (channel, source_id) is what makes one item of a source exactly one row; one that was cleared is known by another name.
_ACCEPT = """
INSERT INTO inbox (channel, source_id, received_at, item_json, raw, next_attempt_at)
SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE channel = ? AND source_id = ?)
ON CONFLICT DO NOTHING
"""

_DONE = "UPDATE inbox SET state = 'done', ticket = ?, error = NULL WHERE id = ?"

_FORGET = "UPDATE inbox SET item_json = 'null', raw = ?, ticket = NULL WHERE id = ?"

_UNLINK = "UPDATE decision SET inbox = NULL WHERE inbox = ?"

_PUT_OFF = "UPDATE inbox SET attempts = attempts + 1, next_attempt_at = ?, error = ? WHERE id = ?"

_SET_ASIDE = "UPDATE inbox SET attempts = attempts + 1, state = 'dead', error = ? WHERE id = ?"

_REQUEUE = """
UPDATE inbox SET state = 'pending', attempts = 0, next_attempt_at = ? WHERE id = ? AND state = 'dead' AND dropped_at IS NULL
"""

_DROP = "UPDATE inbox SET dropped_at = ? WHERE id = ? AND state = 'dead' AND dropped_at IS NULL"

_BRING_FORWARD = "UPDATE inbox SET next_attempt_at = ? WHERE state = 'pending' AND attempts = 0 AND next_attempt_at > ?"


class InboxReads(Room):
    """Keeps the contract's `InboxReader`."""

    def pending_inbox(self, now: datetime, limit: int) -> list[InboxRow]:
        """Items to be handled now."""
        return [_item(row) for row in self._session.all(_PENDING, micros(now), limit)]

    def next_inbox(self) -> datetime | None:
        """When the next pending item is to be tried."""
        return instant_or_none(self._session.value(_NEXT))

    def inbox(self, state: str | None, limit: int) -> list[InboxRow]:
        """Items of one state or of all."""
        return [_item(row) for row in self._session.all(_LIST[state], limit)]

    def dead_inbox(self, channel: str | None, limit: int) -> list[InboxRow]:
        """Items that were set aside."""
        return [_item(row) for row in self._session.all(_DEAD, channel, limit)]

    def inbox_row(self, id: int) -> InboxRow | None:
        """One item."""
        row = self._session.one(_ONE, id)
        return _item(row) if row else None

    def inbox_item(self, channel: str, source_id: str) -> InboxRow | None:
        """One item by its carrier's name for it."""
        row = self._session.one(_ITEM, channel, source_id)
        return _item(row) if row else None

    def waiting_inbox(self, limit: int) -> int:
        """How many items wait."""
        count: int = self._session.value(_WAITING, limit)
        return count

    def inbox_counts(self) -> dict[str, int]:
        """How many items are in each state."""
        return {state: count for state, count in self._session.all(_COUNTS) if count}


class InboxWrites(InboxReads):
    """Keeps the contract's `InboxWriter`."""

    def pending_inbox(self, now: datetime, limit: int) -> list[InboxRow]:
        """Items to be handled now, by nobody else."""
        return [_item(row) for row in self._session.all(_CLAIM, micros(now), limit)]

    def accept(self, channel: str, source_id: str, received_at: datetime, item_json: str, raw: bytes) -> bool:
        """Keep an item once."""
        at = micros(received_at)
        return self._session.run(_ACCEPT, channel, source_id, at, item_json, raw, at, channel, cleared(source_id)) == 1

    def inbox_done(self, id: int, ticket: str | None, *, forget: bool = False) -> None:
        """The item was handled."""
        _found(id, self._session.run(_DONE, ticket, id))
        if forget:
            self._session.run(_FORGET, b"", id)
            self._session.run(_UNLINK, id)

    def inbox_failed(self, id: int, error: str, retry_at: datetime | None) -> None:
        """Handling failed."""
        if retry_at is None:
            _found(id, self._session.run(_SET_ASIDE, error, id))
        else:
            _found(id, self._session.run(_PUT_OFF, micros(retry_at), error, id))

    def bring_inbox_forward(self, now: datetime) -> int:
        """The clock was set back."""
        return self._session.run(_BRING_FORWARD, micros(now), micros(now))

    def requeue_inbox(self, id: int, at: datetime) -> bool:
        """Try an item that was set aside again."""
        return self._session.run(_REQUEUE, micros(at), id) == 1

    def drop_inbox(self, id: int, at: datetime) -> bool:
        """Give an item up that was set aside."""
        return self._session.run(_DROP, micros(at), id) == 1


def _found(id: int, changed: int) -> None:
    if not changed:
        raise NotFound(f"There is no inbox item {id}.")


def _item(row: tuple[Any, ...]) -> InboxRow:
    id, channel, source_id, received_at, item, raw, state, attempts, next_attempt_at, error, ticket, dropped_at = row
    tried = (state, attempts, instant(next_attempt_at), error, ticket, instant_or_none(dropped_at))
    return InboxRow(id, channel, source_id, instant(received_at), item, raw, *tried)
