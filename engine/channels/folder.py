"""The folder transport: files dropped in a directory are taken in, files written to another are what was sent.

It is what every shipped plugin works on when nothing is configured, and what the demo and an operator's first hour use.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = (".part", ".tmp", ".crdownload")


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees all of it or nothing, and it survives a crash. Overwrites; any thread may do it."""
    is_new = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{threading.get_ident()}.{path.name}.part")
    with open(partial, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)
    # A name is durable only when the directory that holds it is (fsync(2), Notes).
    for directory in (path.parent, path.parent.parent) if is_new else (path.parent,):
        _sync(directory)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderInbox:
    """The files waiting in one directory, oldest name first; hidden and unfinished ones (`.part`, `.tmp`) are left alone.

    A file stays until `done` is called for it, so a crash before that hands it over again.
    """

    def __init__(self, directory: Path, limit: int = 100) -> None:
        """`limit` bounds how many files one look returns, so that a flood does not starve other work."""
        self._directory = directory
        self._limit = limit

    def waiting(self) -> Iterator[Path]:
        """Yield the files that are ready now. Symbolic links and directories are not files a stranger may make us read."""
        names = sorted(os.listdir(self._directory))
        ready = (self._directory / name for name in names if not name.startswith(".") and not name.endswith(UNFINISHED))
        for count, path in enumerate(path for path in ready if path.is_file() and not path.is_symlink()):
            if count >= self._limit:
                return
            yield path

    def done(self, path: Path) -> None:
        """Remove a file whose content the engine holds."""
        path.unlink(missing_ok=True)
