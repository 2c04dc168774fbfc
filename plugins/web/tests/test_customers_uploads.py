"""What a file is, is told by what is in it."""

import io
import zipfile
from contextlib import suppress
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_web.customers import uploads
from engine_web.customers.uploads import Unfit, attachments

PNG = b"\x89PNG\r\n\x1a\n....IHDR"


def packed(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("sent", "content", "kept"),
    [
        ("屏幕.png", PNG, ("屏幕.png", "image/png")),
        ("run.exe", PNG, ("run.png", "image/png")),
        ("../../etc/passwd", b"\xff\xd8\xff\xe0", ("passwd.jpg", "image/jpeg")),
        ("C:\\temp\\a<b>.htm", b"<script>alert(1)</script>", ("a_b_.txt", "text/plain")),
        ("", b"%PDF-1.7", ("file.pdf", "application/pdf")),
        ("..", "你好".encode(), ("file.txt", "text/plain")),
        ("a.docx", packed("word/document.xml"), ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")),
        ("v.mov", b"\0\0\0\x18ftypisom", ("v.mp4", "video/mp4")),
        ("exe.\u202egpj", PNG, ("exe.png", "image/png")),
    ],
)
def test_the_name_follows_what_is_in_the_file(sent: str, content: bytes, kept: tuple[str, str]) -> None:
    [found] = attachments([(sent, content)])
    assert (found.name, found.media_type, found.content) == (*kept, content)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([("a.exe", b"MZ\x90\x00\x03")], "files.unknown"),
        ([("a.zip", packed("run.exe"))], "files.unknown"),
        ([("a.zip", b"PK\x03\x04broken")], "files.unknown"),
        ([("a.png", PNG + b"x" * uploads.LARGEST_FILE)], "files.too_large"),
        ([(f"{n}.png", PNG) for n in range(uploads.MOST_FILES + 1)], "files.too_many"),
    ],
)
def test_what_is_not_taken_is_said(files: list[tuple[str, bytes]], why: str) -> None:
    with pytest.raises(Unfit, match=why):
        attachments(files)


def test_a_field_without_a_file_is_no_file() -> None:
    assert attachments([("", b"")]) == ()


LEADING_OUT = st.sampled_from(["..", ".", "/", "\\", ":", "C:", "~", " ", "\0", "\n", "\u202e", "a", "名", ".png"])


@given(st.lists(LEADING_OUT, max_size=8).map("".join))
def test_no_name_leads_out_of_a_folder(name: str) -> None:
    [found] = attachments([(name, PNG)])
    assert (PurePosixPath(found.name).name, PureWindowsPath(found.name).name, PureWindowsPath(found.name).drive) == (
        found.name,
        found.name,
        "",
    )
    assert found.name.isprintable()
    assert not found.name.startswith((".", "~", " "))


@given(st.sampled_from([b"", b"PK\x03\x04", packed("word/a")[:-9]]), st.binary(max_size=200))
def test_no_content_breaks_it(beginning: bytes, rest: bytes) -> None:
    with suppress(Unfit):
        attachments([("a", beginning + rest)])
