"""Files in the chat: within the bounds of every form, typed by what is in them, and downloads for whoever holds the conversation."""

import re
from collections.abc import Sequence

import httpx
import pytest

from engine.core import events as e
from engine_web.customers.uploads import LARGEST_FILE, MOST_FILES
from tests.support.downloads import links, saved
from tests.support.website import Website

EN = {"accept-language": "en"}
PNG = b"\x89PNG\r\n\x1a\n....IHDR"


@pytest.fixture(scope="module")
def path(shared_site: Website) -> str:
    """The address of a conversation that somebody began."""
    sent = {"id": f"{7:032x}", "deed": "person", "text": "我的订单还没到"}
    return shared_site.client.post("/chat", data=sent).headers["location"]


def number_of(path: str) -> str:
    return path.removeprefix("/chat/").partition(".")[0]


def said(site: Website, path: str, files: Sequence[tuple[str, bytes]], text: str = "", id: str = "") -> httpx.Response:
    """Say something with files, as a browser's form does."""
    parts = [("files", (name, content, "text/html")) for name, content in files]
    return site.client.post(path, data={"id": id or f"{hash(files[0]) & 0xFFFFFFFF:032x}", "text": text}, files=parts, headers=EN)


def test_files_are_taken_once_and_seen_by_both_sides_as_what_is_in_them(shared_site: Website, path: str) -> None:
    site, number = shared_site, number_of(path)
    files = [("run.exe", PNG), ("a<b>.htm", b"<script>alert(1)</script>")]
    assert [said(site, path, files, id=f"{8:032x}").headers["location"] for _ in range(2)] == [f"{path}#end"] * 2  # without a word
    assert said(site, path, [("发票.pdf", b"%PDF-1.7")], "见附件").status_code == 303
    with site.engine.store.read() as reader:
        assert sum(isinstance(one.event, e.MessageReceived) for one in reader.events(number)) == 2
    shown = links(site.client.get(path))
    assert list(shown) == ["run.png", "a_b_.txt", "发票.pdf"]
    assert saved(site.client.get(shown["run.png"])) == ("run.png", "image/png", PNG)
    assert sorted(links(site.client_of("zhou").get(f"/console/tickets/{number}"))) == sorted(shown)


def test_files_that_the_house_sends_are_downloads_in_the_conversation_and_its_notes_are_not(shared_site: Website, path: str) -> None:
    site, number = shared_site, number_of(path)
    assert site.act(number, "article", target="return-exchange") is None
    shown = links(site.client.get(path))
    assert saved(site.client.get(shown["return-form.txt"]))[:2] == ("return-form.txt", "text/plain; charset=utf-8")
    with site.client.stream("GET", f"{path}/live") as stream:
        assert any("return-form.txt" in line for line in stream.iter_lines())
    assert "/chat/" not in shown["return-form.txt"]
    assert site.client.get(re.sub(r"/r/[^/]+", "/r/x", shown["return-form.txt"])).status_code == 404


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([("a.exe", b"MZ\x90\x00\x03")], "of a kind that we cannot take"),
        ([("a.png", PNG + b"x" * LARGEST_FILE)], "too large: 10 MB each"),
        ([(f"{n}.png", PNG) for n in range(MOST_FILES + 1)], "too many files"),
        ([(f"{n}.png", PNG + b"x" * (LARGEST_FILE - 1000)) for n in range(4)], "Together the files are too large"),
    ],
)
def test_files_that_are_not_taken_are_told_of_with_the_words_kept(
    shared_site: Website, path: str, files: list[tuple[str, bytes]], why: str
) -> None:
    before = shared_site.ticket(number_of(path))
    answer = said(shared_site, path, files, "见附件 & 截图")
    assert (answer.status_code, why in answer.text, "见附件 &amp; 截图" in answer.text) == (422, True, True)
    assert shared_site.ticket(number_of(path)) == before


def test_nothing_is_read_of_what_a_stranger_sends(shared_site: Website, path: str) -> None:
    assert said(shared_site, f"{path}a", [("a.png", PNG)]).status_code == 404
