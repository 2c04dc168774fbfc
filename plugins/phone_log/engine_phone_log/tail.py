"""Reading a file that grows and rotates, line by line, from where it was left.

A rotated file is found again under its new name (same directory, same inode, name beginning with the old one) and read to its
end before the new one. Truncation and a reused inode are recognised by the file's first bytes.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine_phone_log.documents import LONGEST_LINE
from engine_phone_log.progress import Mark

_HEAD = 256
_TELLING = 64  # bytes of a beginning that make two files the same
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


class Tail:
    """One growing file. `mark` is the place after the last line it gave out; `lost` says that the file could not be followed."""

    def __init__(self, path: Path, mark: Mark | None) -> None:
        """Continue at `mark`, or begin at the beginning of the file."""
        self.path = path
        self.mark = mark
        self.lost = ""
        self.heads: dict[int, bytes] = {mark.inode: mark.head} if mark else {}

    def lines(self, limit: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield up to `limit` complete lines as (inode, offset, bytes). A last line without its end waits, unless its file is done.

        A line longer than LONGEST_LINE comes in pieces, so that a file of rubbish cannot fill memory.
        """
        chain = self._chain()
        for position, path in enumerate(chain):
            final = position + 1 < len(chain) and chain[position + 1].stat().st_size > 0
            for line in self._lines_in(path, final):
                yield line
                limit -= 1
                if limit <= 0:
                    return
            if not final:
                return

    def place(self, inode: int, offset: int) -> Mark:
        """Return the mark of a line that was given out."""
        return Mark(inode, self.heads[inode][:offset], offset)

    def _chain(self) -> list[Path]:
        """The files to read in order: from the one the mark is in to the current one."""
        current = [self.path] if self.path.is_file() else []
        if self.mark is None:
            return current
        prefixes = (f"{self.path.name}.", f"{self.path.name}-")
        rotated = sorted(
            (
                path
                for path in self.path.parent.iterdir()
                if path.name.startswith(prefixes) and not path.name.endswith(_COMPRESSED) and path.is_file()
            ),
            key=lambda path: path.stat().st_mtime_ns,
        )
        files = rotated + current
        same = [path.stat().st_ino == self.mark.inode and _begins_with(path, self.mark) for path in files]
        copies = [len(self.mark.head) >= _TELLING and _begins_with(path, self.mark) for path in files]
        for matches in (same, copies):  # a copy is what `copytruncate` leaves
            if any(matches):
                position = matches.index(True)
                self.mark = replace(self.mark, inode=files[position].stat().st_ino)
                return files[position:]
        self.lost = f"{self.path}: the file read so far is neither here nor beside it under another name; calls may be missing"
        self.mark = None
        return current

    def _lines_in(self, path: Path, final: bool) -> Iterator[tuple[int, int, bytes]]:
        with open(path, "rb") as stream:
            inode = os.fstat(stream.fileno()).st_ino
            offset = self.mark.offset if self.mark and self.mark.inode == inode else 0
            self.heads[inode] = stream.read(_HEAD)
            stream.seek(offset)
            while line := stream.readline(LONGEST_LINE):
                if not line.endswith(b"\n") and len(line) < LONGEST_LINE and not final:
                    break
                self.mark = Mark(inode, self.heads[inode][: offset + len(line)], offset + len(line))
                yield inode, offset, line
                offset += len(line)


def _begins_with(path: Path, mark: Mark) -> bool:
    with open(path, "rb") as stream:
        return os.fstat(stream.fileno()).st_size >= mark.offset and stream.read(len(mark.head)) == mark.head
