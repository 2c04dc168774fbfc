"""What the SMS channel must remember over a restart, in one SQLite file of its own.

Four things, each because SMS itself forgets them: which part of which message the carrier took under which id (receipts name parts, the
engine knows messages); receipts that came before that was known; the parts of a long inbound message, which the carrier wants
answered one by one; and which inbound messages were seen but not yet answered, because SMPP gives them no id.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from engine.channels import Receipt, ReceiptStatus
from engine_sms.database import Database, instant, micros

# A carrier's receipt may come while the answer that names its message is still being recorded; after this it belongs to nobody we know.
UNKNOWN_AFTER = timedelta(seconds=60)
# The same message again so soon after its answer is the carrier repeating itself because the answer was lost on the way.
REPEATED_WITHIN = timedelta(seconds=30)
# Parts sent longer ago than this are sent again rather than joined: no handset keeps half a message for so long.
RESUME_WITHIN = timedelta(hours=12)
# No carrier keeps trying for longer; its receipts are no longer expected.
FORGET_AFTER = timedelta(days=14)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS part (
    message_id TEXT NOT NULL, part INTEGER NOT NULL, total INTEGER NOT NULL, carrier_id TEXT NOT NULL, accepted_at INTEGER NOT NULL,
    status TEXT, detail TEXT NOT NULL DEFAULT '', permanent INTEGER NOT NULL DEFAULT 1, reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (message_id, part)
) STRICT;
CREATE INDEX IF NOT EXISTS part_by_carrier_id ON part (carrier_id, accepted_at);
CREATE INDEX IF NOT EXISTS part_to_report ON part (message_id) WHERE reported = 0 AND status IS NOT NULL;
CREATE TABLE IF NOT EXISTS early_receipt (
    carrier_id TEXT PRIMARY KEY, status TEXT NOT NULL, detail TEXT NOT NULL, permanent INTEGER NOT NULL, arrived_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS arrival (
    fingerprint TEXT PRIMARY KEY, source_id TEXT NOT NULL, arrived_at INTEGER NOT NULL, answered_at INTEGER
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class PartReceipt:
    """The carrier's final word on one part it took as `carrier_id`. `permanent` says that trying again is of no use."""

    carrier_id: str
    status: ReceiptStatus
    detail: str
    permanent: bool = True


@dataclass(frozen=True, slots=True)
class _Part:
    carrier_id: str
    status: str | None
    detail: str
    permanent: bool


class Ledger:
    """Sent parts and their receipts, and the identities of inbound messages."""

    def __init__(self, path: Path) -> None:
        """`path` is the SQLite file."""
        self._database = Database(path, _SCHEMA)

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def accepted_parts(self, message_id: str, total: int, now: datetime) -> dict[int, str]:
        """Return the parts (1-based) of a message the carrier already holds, so that a second try sends only the others.

        A message of which a part failed, or which was begun too long ago or in another shape, starts over: nothing is returned.
        """
        query = "SELECT part, carrier_id, total, accepted_at, status FROM part WHERE message_id = ?"
        with self._database.transaction() as connection:
            rows = connection.execute(query, (message_id,)).fetchall()
            oldest = micros(now - RESUME_WITHIN)
            if any(row[2] != total or row[3] < oldest or row[4] == ReceiptStatus.FAILED for row in rows):
                connection.execute("DELETE FROM part WHERE message_id = ?", (message_id,))
                return {}
        return {row[0]: row[1] for row in rows}

    def accept_part(self, message_id: str, part: int, total: int, carrier_id: str, now: datetime) -> None:
        """Remember that the carrier took a part; a receipt that came before it is joined to it."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO part (message_id, part, total, carrier_id, accepted_at) VALUES (?, ?, ?, ?, ?)",
                (message_id, part, total, carrier_id, micros(now)),
            )
            connection.execute(
                "UPDATE part SET (status, detail, permanent) ="
                " (SELECT status, detail, permanent FROM early_receipt WHERE early_receipt.carrier_id = part.carrier_id)"
                " WHERE message_id = ? AND part = ? AND carrier_id IN (SELECT carrier_id FROM early_receipt)",
                (message_id, part),
            )
            connection.execute("DELETE FROM early_receipt WHERE carrier_id = ?", (carrier_id,))

    def record_receipt(self, receipt: PartReceipt, now: datetime) -> None:
        """Remember the carrier's word on a part, known or not yet known. The newest message of that id is meant."""
        word = (receipt.status.value, receipt.detail, int(receipt.permanent))
        with self._database.transaction() as connection:
            known = connection.execute(
                "UPDATE part SET status = ?, detail = ?, permanent = ? WHERE rowid ="
                " (SELECT rowid FROM part WHERE carrier_id = ? ORDER BY accepted_at DESC LIMIT 1)",
                (*word, receipt.carrier_id),
            ).rowcount
            if not known:
                connection.execute(
                    "INSERT OR REPLACE INTO early_receipt (status, detail, permanent, carrier_id, arrived_at) VALUES (?, ?, ?, ?, ?)",
                    (*word, receipt.carrier_id, micros(now)),
                )

    def due_receipts(self, now: datetime) -> list[Receipt]:
        """Return the receipts of whole messages that the engine has not acknowledged, and those of messages we do not know."""
        with self._database.transaction() as connection:
            names = connection.execute("SELECT DISTINCT message_id FROM part WHERE reported = 0 AND status IS NOT NULL").fetchall()
            found = [receipt for (message_id,) in names if (receipt := _whole(connection, message_id, now))]
            unknown = connection.execute(
                "SELECT carrier_id, status, detail, permanent FROM early_receipt WHERE arrived_at < ?", (micros(now - UNKNOWN_AFTER),)
            ).fetchall()
        for carrier_id, status, detail, permanent in unknown:
            found.append(
                Receipt(
                    f"{carrier_id}:{status}", ReceiptStatus(status), now, provider_id=carrier_id, detail=detail, permanent=bool(permanent)
                )
            )
        return found

    def reported(self, receipt: Receipt) -> None:
        """Remember that the engine holds `receipt`."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE part SET reported = 1 WHERE message_id = ?", (receipt.message_id,))
            if not receipt.message_id:
                connection.execute("DELETE FROM early_receipt WHERE carrier_id = ?", (receipt.provider_id,))

    def arrival(self, fingerprint: str, now: datetime) -> tuple[str, datetime]:
        """Return the source id of an inbound message the carrier gave no id, and when it first came.

        The same content again is the same message while the first was not answered, or was answered a moment ago; else another one.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT source_id, arrived_at FROM arrival WHERE fingerprint = ? AND (answered_at IS NULL OR answered_at > ?)",
                (fingerprint, micros(now - REPEATED_WITHIN)),
            ).fetchone()
            if row is not None:
                return row[0], instant(row[1])
            source_id = hashlib.sha256(f"{fingerprint}@{micros(now)}".encode()).hexdigest()[:32]
            connection.execute(
                "INSERT OR REPLACE INTO arrival (fingerprint, source_id, arrived_at) VALUES (?, ?, ?)",
                (fingerprint, source_id, micros(now)),
            )
        return source_id, now

    def answered(self, fingerprint: str, answered_at: datetime | None) -> None:
        """Remember when the carrier was answered; None says that the answer could not be given, so the carrier will repeat."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE arrival SET answered_at = ? WHERE fingerprint = ?",
                (None if answered_at is None else micros(answered_at), fingerprint),
            )

    def forget(self, now: datetime) -> None:
        """Drop what is too old to matter."""
        limit = micros(now - FORGET_AFTER)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM part WHERE accepted_at < ?", (limit,))
            connection.execute("DELETE FROM arrival WHERE arrived_at < ?", (limit,))


def _whole(connection: sqlite3.Connection, message_id: str, now: datetime) -> Receipt | None:
    """Return the receipt of a whole message, None while it is open."""
    query = "SELECT total, carrier_id, status, detail, permanent FROM part WHERE message_id = ? ORDER BY part"
    rows = connection.execute(query, (message_id,)).fetchall()
    parts = [_Part(row[1], row[2], row[3], bool(row[4])) for row in rows]
    verdict = verdict_on(parts, total=rows[0][0])
    if verdict is None:
        return None
    status, decisive = verdict
    return Receipt(
        source_id=f"{message_id}:{parts[0].carrier_id}:{status}",
        status=status,
        received_at=now,
        message_id=message_id,
        provider_id=provider_id([part.carrier_id for part in parts]),
        detail=decisive.detail,
        permanent=decisive.permanent,
    )


def verdict_on(parts: Sequence[_Part], total: int) -> tuple[ReceiptStatus, _Part] | None:
    """Return what the parts say of the whole, and the part that decides: one failure fails it, all delivered deliver it."""
    for part in parts:
        if part.status == ReceiptStatus.FAILED:
            return ReceiptStatus.FAILED, part
    if len(parts) == total and all(part.status == ReceiptStatus.DELIVERED for part in parts):
        return ReceiptStatus.DELIVERED, parts[-1]
    return None


def provider_id(carrier_ids: Sequence[str]) -> str:
    """Return the carrier's name of a whole message: the ids of its parts, in order, so that each can be looked up there."""
    return ",".join(carrier_ids)
