"""What the plugin remembers over restarts: how far each file was read, and which lines beyond that are already in the engine.

Kept in one SQLite file in the channel's state directory, one transaction for each acknowledgement.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

_TABLES = """
CREATE TABLE IF NOT EXISTS mark (
    source TEXT PRIMARY KEY, inode INTEGER NOT NULL, head BLOB NOT NULL, position INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS handled (
    source TEXT NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (source, number, position)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file: its inode and the byte offset. `head` is the file's beginning (up to the offset), because inodes are reused."""

    inode: int
    head: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where one line lies: `source` is the name of its file, `number` tells files of one name apart, `offset` its first byte."""

    source: str
    number: int
    offset: int


class Progress:
    """Positions and handled lines; safe to use from the thread that acknowledges."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        # A power cut may undo the last acknowledgements, never tear one: their calls come again, and the engine knows them.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def mark(self, source: str) -> Mark | None:
        """Return how far `source` was handed over completely."""
        with self._lock:
            row = self._connection.execute("SELECT inode, head, position FROM mark WHERE source = ?", (source,)).fetchone()
        return Mark(*row) if row else None

    def handled(self) -> set[Place]:
        """Return the lines beyond the marks that were handed over already."""
        with self._lock:
            rows = self._connection.execute("SELECT source, number, position FROM handled").fetchall()
        return {Place(*row) for row in rows}

    def record(self, places: Iterable[Place], marks: Mapping[str, Mark]) -> None:
        """Remember that `places` are handled and that everything before `marks` is; both or neither."""
        with self._lock, self._connection:
            self._connection.executemany(
                "INSERT OR IGNORE INTO handled VALUES (?, ?, ?)", [(place.source, place.number, place.offset) for place in places]
            )
            for source, mark in marks.items():
                self._connection.execute("INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?)", (source, mark.inode, mark.head, mark.offset))
                self._connection.execute(
                    "DELETE FROM handled WHERE source = ? AND number = ? AND position < ?", (source, mark.inode, mark.offset)
                )

    def forget(self, source: str) -> None:
        """Drop the handled lines of a source of which nothing waits any more."""
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM handled WHERE source = ?", (source,))
