"""Files that came with, or go with, messages: each is kept once, named by the hash of what it holds, never by what a sender calls it."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from engine.channels import Attachment, write_atomically


def keep(directory: Path, content: bytes) -> str:
    """Write a file, unless it is there; return its hash (SHA-256)."""
    digest = hashlib.sha256(content).hexdigest()
    if not (path := directory / digest[:2] / digest).exists():
        write_atomically(path, content)
    return digest


def listed_in(message: str) -> str:
    """Return the id of the content that lists what goes with a message."""
    return f"{message}/attachments"


def listing(directory: Path, files: Iterable[Attachment]) -> str:
    """Keep files that go with a message; return the list of them, to be kept as content."""
    return json.dumps([[keep(directory, one.content), one.name, one.media_type] for one in files], ensure_ascii=False)


def listed(directory: Path, listing: str) -> tuple[Attachment, ...]:
    """Return the files of a list. Raises OSError where one is gone."""
    return tuple(Attachment(name, kind, (directory / digest[:2] / digest).read_bytes()) for digest, name, kind in json.loads(listing))
