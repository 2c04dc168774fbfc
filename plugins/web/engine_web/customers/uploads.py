"""Files that customers send: what each is, is told by what is in it, never by its name or by what a browser says."""

import re
from pathlib import PurePath

from engine.channels import Attachment
from engine.services import printable
from engine_web.files import media_type

Files = list[tuple[str, bytes]] | None
"""Files (name, content) as a form holds them; None where more came than is read of any form."""
Enclosed = tuple[Attachment, ...]

MOST_FILES = 5
LARGEST_FILE = 10_000_000
"""Bytes. Together they are bounded by `guards.LARGEST_BODY`."""


class Unfit(Exception):  # control flow between a form and its page
    """Files that are not taken; the text is the key of the words that say why."""


def attachments(files: Files) -> Enclosed:
    """Return files as attachments; empty ones are left out. Raises Unfit."""
    if files is None:
        raise Unfit("files.too_much")
    chosen = [(name, content) for name, content in files if content]
    if len(chosen) > MOST_FILES:
        raise Unfit("files.too_many")
    return tuple(_attachment(name, content) for name, content in chosen)


def _attachment(name: str, content: bytes) -> Attachment:
    if len(content) > LARGEST_FILE:
        raise Unfit("files.too_large")
    kind = media_type(content)
    if kind is None:
        raise Unfit("files.unknown")
    stem = re.sub(r"[^\w. ()\-]", "_", printable(PurePath(name.replace("\\", "/")).stem).replace("\n", " "))[:80].strip(" .")
    return Attachment(f"{stem or 'file'}{kind[1]}", kind[0], content)
