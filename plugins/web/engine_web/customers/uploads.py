"""Files that customers send: what each is, is told by what is in it, never by its name or by what a browser says."""

import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import PurePath

from engine.channels import Attachment
from engine.services import printable

MOST_FILES = 5
LARGEST_FILE = 10_000_000
"""Bytes."""

_SIGNATURES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (0, b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (0, b"GIF87a", "image/gif", ".gif"),
    (0, b"GIF89a", "image/gif", ".gif"),
    (8, b"WEBP", "image/webp", ".webp"),
    (4, b"ftypheic", "image/heic", ".heic"),
    (4, b"ftypmif1", "image/heic", ".heic"),
    (4, b"ftypqt", "video/quicktime", ".mov"),
    (4, b"ftyp", "video/mp4", ".mp4"),
    (0, b"%PDF-", "application/pdf", ".pdf"),
)
_OFFICE = (
    ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
    ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
    ("ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Unfit(Exception):  # control flow between a form and its page
    """Files that are not taken; the text is the key of the words that say why."""


def attachments(files: Iterable[tuple[str, bytes]]) -> tuple[Attachment, ...]:
    """Return files (name, content) as attachments; empty ones are left out. Raises Unfit."""
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


def media_type(content: bytes) -> tuple[str, str] | None:
    """Return the media type of a file and the ending of its name; None for what is taken from nobody."""
    for offset, signature, media, ending in _SIGNATURES:
        if content.startswith(signature, offset):
            return media, ending
    if content.startswith(b"PK\x03\x04"):
        return _office(content)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(content) else ("text/plain", ".txt")


def _office(content: bytes) -> tuple[str, str] | None:
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    return next(((media, ending) for folder, media, ending in _OFFICE if any(name.startswith(folder) for name in names)), None)
