"""Files of tickets: what each is, is told by what is in it, never by its name; they are handed out to be saved only."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from engine.services import ENCLOSED, Engine, Reader, attachments, events, printable
from engine_web.site import whole

Contents = Mapping[str, tuple[str, str]]
"""Kind and body of a ticket's contents, by id."""

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


@dataclass(frozen=True, slots=True)
class File:
    """A file of a ticket: `path` is how addresses name it, `name` what it is called."""

    path: str
    name: str


def contents_of(reader: Reader, number: str) -> Contents:
    """Return the contents of a ticket."""
    return {id: (kind, body) for id, kind, body in reader.content_of(number)}


def files_of(event: events.Event, contents: Contents) -> Iterator[File]:
    """Yield the files that came with an event of a ticket, or that go out with its message."""
    match event:
        case events.Noted():
            content = event.content
        case events.MessageQueued():
            content = f"{event.message}{ENCLOSED}"
        case _:
            return
    yield from files_in(content, contents)


def files_in(content: str, contents: Contents) -> Iterator[File]:
    """Yield the files that a content of a ticket names."""
    for place, name in enumerate(attachments.names(*contents.get(content, ("", "")))):
        yield File(f"{content}/{place}", name)


def download(engine: Engine, reader: Reader, number: str, path: str) -> Response:
    """Return a file of a ticket, to be saved and not to be shown. Raises HTTPException 404."""
    content, _, place = path.partition("/")
    if (at := whole(place)) is None:
        raise HTTPException(404)
    try:
        found = attachments.opened(reader, engine.project.var / "attachments", *contents_of(reader, number).get(content, ("", "")))
        file = found[at]
    except (OSError, LookupError, ValueError):
        raise HTTPException(404) from None
    name = re.sub(r"[/\\\n\t]", "_", printable(file.name)).lstrip(".") or "file"
    media, _ = media_type(file.content) or ("application/octet-stream", "")
    saved = {"content-disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}
    return Response(file.content, media_type=media, headers=saved)


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
