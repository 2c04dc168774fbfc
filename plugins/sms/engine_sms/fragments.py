"""Putting long inbound messages together again: their parts come one by one, in any order, and not always all of them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from engine_sms.database import Database, instant, micros

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fragment (
    whole TEXT NOT NULL, part INTEGER NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, reference INTEGER NOT NULL,
    total INTEGER NOT NULL, data_coding INTEGER NOT NULL, payload BLOB NOT NULL, arrived_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'taken')),
    PRIMARY KEY (whole, part)
) STRICT;
CREATE INDEX IF NOT EXISTS fragment_by_message ON fragment (sender, recipient, reference, total);
"""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One part (1-based) of `total` of a message; `reference` tells it from the sender's other messages."""

    sender: str
    recipient: str
    reference: int
    total: int
    part: int
    data_coding: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """A message put together. `runs` are its payloads, joined where parts follow each other; `complete` is False where some are missing."""

    source_id: str
    sender: str
    recipient: str
    data_coding: int
    received_at: datetime
    runs: tuple[bytes, ...]
    complete: bool


class Fragments:
    """The parts that came, durable before the carrier is told so. Whoever takes a whole message says `taken` once it holds it."""

    def __init__(self, path: Path, limit: timedelta) -> None:
        """`path` is the SQLite file; `limit` is how long the missing parts of a message are waited for."""
        self._database = Database(path, _SCHEMA)
        self._limit = limit

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def add(self, fragment: Fragment, now: datetime) -> None:
        """Keep a part. The same part again changes nothing; another part in its place begins a new message of the same reference."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT whole, part, payload, state FROM fragment WHERE sender = ? AND recipient = ? AND reference = ? AND total = ?"
                " AND arrived_at > ?",
                (fragment.sender, fragment.recipient, fragment.reference, fragment.total, micros(now - self._limit)),
            ).fetchall()
            if any(row[1] == fragment.part and row[2] == fragment.payload for row in rows):
                return
            whole = next((row[0] for row in rows if row[3] == "open"), None)
            if whole is not None and any(row[0] == whole and row[1] == fragment.part for row in rows):
                connection.execute("UPDATE fragment SET state = 'closed' WHERE whole = ?", (whole,))
                whole = None
            connection.execute(
                "INSERT INTO fragment (whole, part, sender, recipient, reference, total, data_coding, payload, arrived_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (whole or _identity(fragment, now), *_row(fragment), micros(now)),
            )

    def due(self, now: datetime) -> list[Whole]:
        """Return the messages that are complete, or whose missing parts are no longer waited for, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT whole, part, total, sender, recipient, data_coding, payload, arrived_at, state FROM fragment"
                " WHERE state <> 'taken' ORDER BY whole, part"
            ).fetchall()
        groups: dict[str, list[tuple[str, int, int, str, str, int, bytes, int, str]]] = {}
        for row in rows:
            groups.setdefault(row[0], []).append(row)
        oldest = micros(now - self._limit)
        wholes = [
            Whole(
                source_id=name,
                sender=parts[0][3],
                recipient=parts[0][4],
                data_coding=parts[0][5],
                received_at=instant(min(row[7] for row in parts)),
                runs=_runs([(row[1], row[6]) for row in parts]),
                complete=len(parts) == parts[0][2],
            )
            for name, parts in groups.items()
            if len(parts) == parts[0][2] or parts[0][8] == "closed" or min(row[7] for row in parts) <= oldest
        ]
        return sorted(wholes, key=lambda whole: whole.received_at)

    def taken(self, whole: Whole, now: datetime) -> None:
        """Remember that the engine holds `whole`. It is kept a while, so that a part the carrier repeats is known as such."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE fragment SET state = 'taken' WHERE whole = ?", (whole.source_id,))
            connection.execute("DELETE FROM fragment WHERE state = 'taken' AND arrived_at < ?", (micros(now - 2 * self._limit),))


def _runs(parts: list[tuple[int, bytes]]) -> tuple[bytes, ...]:
    """Join payloads of parts that follow each other: a character may have been cut between two of them."""
    runs: list[bytes] = []
    previous = None
    for number, payload in parts:
        if previous is not None and number == previous + 1:
            runs[-1] += payload
        else:
            runs.append(payload)
        previous = number
    return tuple(runs)


def _identity(fragment: Fragment, now: datetime) -> str:
    name = f"{fragment.sender}|{fragment.recipient}|{fragment.reference}|{fragment.total}|{micros(now)}"
    return hashlib.sha256(name.encode() + b"|" + fragment.payload).hexdigest()[:32]


def _row(fragment: Fragment) -> tuple[int, str, str, int, int, int, bytes]:
    return (fragment.part, fragment.sender, fragment.recipient, fragment.reference, fragment.total, fragment.data_coding, fragment.payload)
