"""The lock file beside a database: one process works on it, and the others can say which."""

import fcntl
import os
from pathlib import Path

from engine.errors import Refused


class ProcessLock:
    """Holds `<database>.lock` for this process until `release`, and while the process lives.

    The kernel's lock is what counts and goes with the process, however it ends; the text in the file only says who holds it.
    Raises Refused if another process does.
    """

    def __init__(self, database: Path, owner: str) -> None:
        path = database.with_name(f"{database.name}.lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 200).decode("utf-8", "replace").strip() or "another process"
            os.close(self._descriptor)
            raise Refused(f"{database} is in use by {holder}; stop it first, or give this one another database.") from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"process {os.getpid()} ({owner})\n".encode())

    def release(self) -> None:
        """Let others have it."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
