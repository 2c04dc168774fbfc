"""The outbox."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from engine.errors import UsageError
from engine.store.codec import encode
from engine.store.contract.workers import DEAD_AFTER
from engine.store.rows import OutboxRow
from engine.store.sql.session import MICROSECOND, Column, Room, instant, instant_or_none, micros, micros_or_none

LARGEST_DIGEST = 250
"""How many messages go out in one at most: more would be a burden to read, and to book when it was sent."""

_COLUMNS = (
    "id, ticket, channel, party, address, subject, content_id, language, automatic, script, created_at, "
    "state, attempts, next_attempt_at, sending_since, provider_id, sent_at, delivered_at, error, digest, worker, excused, dropped_at"
)

_COLUMNS_OF_OUTBOX = ", ".join(f"outbox.{column}" for column in _COLUMNS.split(", "))

_ONE = f"SELECT {_COLUMNS} FROM outbox WHERE id = ?"

_BY_PROVIDER = f"SELECT {_COLUMNS} FROM outbox WHERE channel = ? AND provider_id = ? ORDER BY created_at DESC LIMIT 1"

_LIST = f"SELECT {_COLUMNS} FROM outbox WHERE {{filters}} ORDER BY created_at, id LIMIT :limit"

# What has not left is asked for in the words of its index: no planner can tell from `state = 'held'` that it is one of these.
_UNSENT = "state IN ('held', 'sending', 'dead')"

_INDEXED = {"queued": "state = 'queued'", "held": _UNSENT, "sending": _UNSENT, "dead": f"{_UNSENT} AND dropped_at IS NULL"}

_COUNTS = "SELECT CASE WHEN dropped_at IS NULL THEN state ELSE 'dropped' END, count(*) FROM outbox GROUP BY 1"

_WAITING = "SELECT channel, count(*) FROM outbox WHERE state = 'queued' AND next_attempt_at <= ? GROUP BY channel"

_NEXT = "SELECT min(next_attempt_at) FROM outbox WHERE state = 'queued'"

_REFERENCES = """
SELECT provider_id FROM outbox WHERE ticket = ? AND channel = ? AND party = ? AND provider_id IS NOT NULL
ORDER BY created_at DESC, id DESC LIMIT ?
"""

_RECENT = """
SELECT address, count(*) FROM outbox
WHERE /*pg md5(*/address/*pg )*/ IN (SELECT /*pg md5(*/value/*pg )*/ FROM json_each(?)) AND automatic = 1 AND created_at >= ?
GROUP BY address ORDER BY address
"""

_NOTICED = """
SELECT party, count(*) FROM outbox WHERE automatic = 1 AND digest IS NOT NULL AND created_at >= ? GROUP BY party ORDER BY party
"""

# What is held never reached the address; everything else may have.
_CONVERSATION = """
SELECT ticket FROM outbox
WHERE address = ? AND party = ? AND channel IN (SELECT value FROM json_each(?)) AND ticket IS NOT NULL AND state <> 'held'
GROUP BY ticket ORDER BY max(coalesce(sent_at, created_at)) DESC, ticket DESC
"""

_QUEUE = (
    f"INSERT INTO outbox ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, NULL, NULL, NULL, NULL, NULL, ?, NULL, 0, NULL)"
)

# Notices go out together, so their rows are claimed by one process at a time; any number does for a lock of that name.
_BY_TURNS = "SELECT 1 /*pg , CAST(pg_advisory_xact_lock(7004) AS TEXT)*/"

_READY = f"""
SELECT {_COLUMNS} FROM outbox WHERE channel = ? AND state = 'queued' AND next_attempt_at <= ?
ORDER BY next_attempt_at, created_at, id LIMIT ? /*pg FOR UPDATE SKIP LOCKED*/
"""

# Where not all can go: what a person wrote, then whose ticket has the nearest deadline, and of one ticket notices last.
_URGENT = f"""
SELECT {_COLUMNS_OF_OUTBOX} FROM outbox LEFT JOIN ticket ON ticket.number = outbox.ticket
WHERE outbox.channel = ? AND outbox.state = 'queued' AND outbox.next_attempt_at <= ?
ORDER BY outbox.automatic, ticket.next_due NULLS LAST, outbox.digest IS NOT NULL, outbox.next_attempt_at, outbox.created_at, outbox.id
LIMIT ? /*pg FOR UPDATE OF outbox SKIP LOCKED*/
"""

# What went out together once is tried again together, and nothing joins it: the carrier knows the message by its id.
_MATES = f"""
SELECT {_COLUMNS} FROM outbox
WHERE channel = ? AND state = 'queued' AND (next_attempt_at <= ? OR digest <> '')
    AND digest = ? AND party = ? AND address = ? AND language = ?
ORDER BY next_attempt_at, created_at, id LIMIT ?
"""

_TOGETHER = f"SELECT {_COLUMNS} FROM outbox WHERE id = ? OR digest <> '' AND digest = ? ORDER BY created_at, id"

_CLAIM = "UPDATE outbox SET state = 'sending', attempts = attempts + 1, sending_since = ?, digest = ?, worker = ? WHERE id = ?"

# Whoever stands still while it says what became of a message holds only that one back.
_RECOVER = f"""
UPDATE outbox SET state = 'queued', next_attempt_at = ?, sending_since = NULL
WHERE id IN (
    SELECT id FROM outbox
    WHERE {_UNSENT} AND state = 'sending' AND (
        sending_since <= coalesce(?, sending_since)
        OR worker IS NOT NULL AND worker NOT IN (SELECT id FROM worker WHERE seen_at > ?)
    ) /*pg FOR UPDATE SKIP LOCKED*/
)
"""

# Only what was put in line for the instant at which it was decided: anything else is meant to be sent later.
_BRING_FORWARD = """
UPDATE outbox SET next_attempt_at = ? WHERE state = 'queued' AND attempts = 0 AND next_attempt_at = created_at AND next_attempt_at > ?
"""

# Each claim counts an attempt more, so worker and attempt tell the claim that is in force from one that was given up.
_CLAIMED = "attempts = coalesce(?, attempts) AND coalesce(worker, '') = coalesce(?, worker, '')"

# A receipt may overtake the carrier's answer: then the message is delivered already, and stays it.
_SENT = f"""
UPDATE outbox SET state = CASE state WHEN 'delivered' THEN 'delivered' ELSE 'sent' END, provider_id = ?, sent_at = ?,
    sending_since = NULL, error = NULL
WHERE id = ? AND state IN ('queued', 'sending', 'delivered') AND {_CLAIMED}
"""

_DELIVERED = """
UPDATE outbox SET state = 'delivered', delivered_at = ?, sending_since = NULL, error = NULL
WHERE id = ? AND state IN ('queued', 'sending', 'sent')
"""

_RETRY = f"""
UPDATE outbox SET state = 'queued', next_attempt_at = ?, sending_since = NULL, error = ?, excused = excused + ?
WHERE id = ? AND state = 'sending' AND {_CLAIMED}
"""

_BURY = f"""
UPDATE outbox SET state = 'dead', sending_since = NULL, error = ?
WHERE id = ? AND state IN ('queued', 'held', 'sending', 'sent') AND {_CLAIMED}
"""

_HOLD = "UPDATE outbox SET state = 'held', sending_since = NULL WHERE id = ? AND state IN ('queued', 'sending')"

_RELEASE = f"UPDATE outbox SET state = 'queued' WHERE {_UNSENT} AND state = 'held'"

_REQUEUE = """
UPDATE outbox SET state = 'queued', attempts = 0, excused = 0, next_attempt_at = ?, error = NULL,
    digest = CASE WHEN digest = id THEN id ELSE substr(digest, 1, 0) END
WHERE id = ? AND state IN ('dead', 'held') AND dropped_at IS NULL
"""

_DROP = "UPDATE outbox SET dropped_at = ? WHERE id = ? AND state = 'dead' AND dropped_at IS NULL"


class OutboxReads(Room):
    """Keeps the contract's `OutboxReader`."""

    def message(self, id: str) -> OutboxRow | None:
        """The message."""
        return _message_or_none(self._session.one(_ONE, id))

    def message_by_provider(self, channel: str, provider_id: str) -> OutboxRow | None:
        """The message that the carrier calls so."""
        return _message_or_none(self._session.one(_BY_PROVIDER, channel, provider_id))

    def messages(
        self, *, ticket: str | None = None, state: str | None = None, channel: str | None = None, limit: int = 1000
    ) -> list[OutboxRow]:
        """Messages that fit."""
        values: dict[str, Column] = {"ticket": ticket, "state": state, "channel": channel}
        filters = [f"{name} = :{name}" for name, value in values.items() if value is not None] + [_INDEXED.get(state or "", "TRUE")]
        rows = self._session.named(_LIST.format(filters=" AND ".join(filters)), {**values, "limit": limit})
        return [_message(row) for row in rows]

    def message_counts(self) -> dict[str, int]:
        """Messages by state."""
        return dict(self._session.all(_COUNTS))

    def waiting_messages(self, now: datetime) -> dict[str, int]:
        """Messages whose time has come, by channel."""
        return dict(self._session.all(_WAITING, micros(now)))

    def next_message(self) -> datetime | None:
        """When the next queued message is to be sent."""
        return instant_or_none(self._session.value(_NEXT))

    def references(self, ticket: str, channel: str, party: str, limit: int) -> list[str]:
        """The carrier's ids of the thread's last messages."""
        rows = self._session.all(_REFERENCES, ticket, channel, party, limit)
        return [provider_id for (provider_id,) in reversed(rows)]

    def recent_automatic(self, since: datetime, addresses: Iterable[str]) -> dict[str, int]:
        """Automatic messages by address."""
        return dict(self._session.all(_RECENT, encode(list(addresses)), micros(since)))

    def recent_notices(self, since: datetime) -> dict[str, int]:
        """Notices by party."""
        return dict(self._session.all(_NOTICED, micros(since)))

    def sent_together(self, id: str) -> list[OutboxRow]:
        """What went out in one message."""
        return [_message(row) for row in self._session.all(_TOGETHER, id, id)]

    def conversation(self, channels: Sequence[str], address: str, party: str) -> list[str]:
        """The tickets the party was written to about."""
        return [ticket for (ticket,) in self._session.all(_CONVERSATION, address, party, encode(list(channels)))]


class OutboxWrites(OutboxReads):
    """Keeps the contract's `OutboxWriter`."""

    def queue_message(self, row: OutboxRow) -> None:
        """Put a message in line."""
        self.queue_messages([row])

    def queue_messages(self, rows: Iterable[OutboxRow]) -> None:
        """Put messages in line."""
        self._session.run_many(_QUEUE, map(_queued, rows))

    def claim_messages(
        self, channel: str, now: datetime, limit: int, worker: str | None = None, *, urgent_first: bool = False
    ) -> list[OutboxRow]:
        """Messages that are being sent from now on."""
        claimed: dict[str, OutboxRow] = {}
        for row in map(_message, self._session.all(_URGENT if urgent_first else _READY, channel, micros(now), limit)):
            if row.id not in claimed:
                mates = self._mates(row, now)
                lead = (row.digest or mates[0].id) if row.digest is not None else None
                claimed |= {mate.id: replace(mate, digest=lead) for mate in mates}
        self._session.run_many(_CLAIM, ((micros(now), row.digest, worker, row.id) for row in claimed.values()))
        return [replace(row, state="sending", attempts=row.attempts + 1, sending_since=now, worker=worker) for row in claimed.values()]

    def _mates(self, row: OutboxRow, now: datetime) -> list[OutboxRow]:
        """The message and what goes out together with it."""
        if row.digest is None:
            return [row]
        self._session.one(_BY_TURNS)
        to = (row.party, row.address, row.language)
        return [_message(one) for one in self._session.all(_MATES, row.channel, micros(now), row.digest, *to, LARGEST_DIGEST)]

    def recover_sending(self, now: datetime, before: datetime | None = None) -> int:
        """What a stopped process left behind is in line again."""
        return self._session.run(_RECOVER, micros(now), micros_or_none(before), self._session.now(now) - DEAD_AFTER // MICROSECOND)

    def bring_messages_forward(self, now: datetime) -> int:
        """The clock was set back."""
        return self._session.run(_BRING_FORWARD, micros(now), micros(now))

    def message_sent(self, id: str, provider_id: str | None, at: datetime, claimed: OutboxRow | None = None) -> bool:
        """The carrier took it."""
        return self._session.run(_SENT, provider_id, micros(at), id, *_token(claimed)) == 1

    def message_delivered(self, id: str, at: datetime) -> bool:
        """It arrived."""
        return self._session.run(_DELIVERED, micros(at), id) == 1

    def message_retry(self, id: str, at: datetime, error: str | None, claimed: OutboxRow | None = None, *, excused: bool = False) -> bool:
        """Try again later."""
        return self._session.run(_RETRY, micros(at), error, int(excused), id, *_token(claimed)) == 1

    def message_dead(self, id: str, error: str, claimed: OutboxRow | None = None) -> bool:
        """It will not arrive."""
        return self._session.run(_BURY, error, id, *_token(claimed)) == 1

    def message_held(self, id: str) -> bool:
        """Keep it back."""
        return self._session.run(_HOLD, id) == 1

    def release_held(self) -> int:
        """Put all held messages in line."""
        return self._session.run(_RELEASE)

    def requeue_message(self, id: str, at: datetime) -> bool:
        """Try a dead or held message again."""
        return self._session.run(_REQUEUE, micros(at), id) == 1

    def drop_message(self, id: str, at: datetime) -> bool:
        """Give a message up that was set aside."""
        return self._session.run(_DROP, micros(at), id) == 1


def _queued(row: OutboxRow) -> tuple[Column, ...]:
    if row.state not in ("queued", "held"):
        raise UsageError(f"message {row.id} cannot begin as {row.state!r}; give queued or held")
    first = row.created_at if row.next_attempt_at is None else row.next_attempt_at
    what = (row.id, row.ticket, row.channel, row.party, row.address, row.subject, row.content_id, row.language)
    return (*what, int(row.automatic), row.script, micros(row.created_at), row.state, micros(first), row.digest)


def _token(claimed: OutboxRow | None) -> tuple[int | None, str | None]:
    """The fencing token of a claim; who has none acts for a person or a receipt."""
    return (claimed.attempts, claimed.worker) if claimed else (None, None)


def _message_or_none(row: tuple[Any, ...] | None) -> OutboxRow | None:
    return None if row is None else _message(row)


def _message(row: tuple[Any, ...]) -> OutboxRow:
    (id, ticket, channel, party, address, subject, content_id, language, automatic, script, created_at) = row[:11]
    (state, attempts, next_attempt_at, sending_since, provider_id, sent_at, delivered_at, error, digest, worker) = row[11:21]
    (excused, dropped_at) = row[21:]
    return OutboxRow(
        id=id,
        ticket=ticket,
        channel=channel,
        party=party,
        address=address,
        subject=subject,
        content_id=content_id,
        language=language,
        automatic=bool(automatic),
        script=script,
        created_at=instant(created_at),
        state=state,
        attempts=attempts,
        next_attempt_at=instant(next_attempt_at),
        sending_since=instant_or_none(sending_since),
        provider_id=provider_id,
        sent_at=instant_or_none(sent_at),
        delivered_at=instant_or_none(delivered_at),
        error=error,
        digest=digest,
        worker=worker,
        excused=excused,
        dropped_at=instant_or_none(dropped_at),
    )
