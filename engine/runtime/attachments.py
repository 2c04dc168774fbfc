"""Files that came with, or go with, messages: each is kept once, named by the hash of what it holds, never by what a sender calls it.

What goes with a message is a content beside it (`engine.core.messages.ENCLOSED`): names of files of the policy that decided on it,
whichever is in force by now, or a list of files kept here.
"""

import base64
import hashlib
import json
import mimetypes
from collections.abc import Iterable
from pathlib import Path

from engine.channels import Attachment, write_atomically
from engine.store.contract import Reader


def keep(directory: Path, content: bytes) -> str:
    """Write a file, unless it is there; return its hash (SHA-256)."""
    digest = hashlib.sha256(content).hexdigest()
    if not (path := directory / digest[:2] / digest).exists():
        write_atomically(path, content)
    return digest


def listing(directory: Path, files: Iterable[Attachment]) -> str:
    """Keep files that go with a message; return the list of them, to be kept as content."""
    return json.dumps({"kept": [[keep(directory, one.content), one.name, one.media_type] for one in files]}, ensure_ascii=False)


def kept(directory: Path, enclosed: str) -> tuple[Attachment, ...]:
    """Return the files that are kept here. Raises OSError where one is gone."""
    files = json.loads(enclosed).get("kept", ())
    return tuple(Attachment(name, kind, (directory / digest[:2] / digest).read_bytes()) for digest, name, kind in files)


def of_policy(reader: Reader, enclosed: str) -> tuple[Attachment, ...]:
    """Return the files that are those of a policy."""
    wanted = json.loads(enclosed)
    names = wanted.get("files", ())
    files = (reader.policy_files(wanted["policy"]) or {}) if names else {}
    return tuple(_attachment(name, files[f"knowledge/{name}"]) for name in names)


def names(kind: str, body: str) -> list[str]:
    """Return what the files are called that a content of a ticket names."""
    if kind == "attachment":
        return [body.partition(" ")[2]]
    return list(json.loads(body).get("files", ())) if kind == "enclosed" else []


def opened(reader: Reader, directory: Path, kind: str, body: str) -> tuple[Attachment, ...]:
    """Return those files, in the same order. Raises OSError where one is gone."""
    if kind == "attachment":
        digest, _, name = body.partition(" ")
        return (Attachment(name, "", (directory / digest[:2] / digest).read_bytes()),)
    return of_policy(reader, body) if kind == "enclosed" else ()


def _attachment(name: str, text: str) -> Attachment:
    return Attachment(name, mimetypes.guess_type(name)[0] or "application/octet-stream", base64.b64decode(text))
