"""Files that pages of the web hand out."""

import html
import re
from urllib.parse import unquote

import httpx


def links(page: httpx.Response) -> dict[str, str]:
    """The files of a page: addresses by name."""
    found = re.findall(r'<a class="file" href="([^"]+)" download>([^<]+)</a>', page.text)
    return {html.unescape(name): address for address, name in found}


def saved(answer: httpx.Response) -> tuple[str, str, bytes]:
    """What a browser saves: name, type and content; it shows nothing of it."""
    disposition, _, name = answer.headers["content-disposition"].partition("; filename*=utf-8''")
    assert (answer.status_code, disposition, answer.headers["x-content-type-options"]) == (200, "attachment", "nosniff")
    return unquote(name), answer.headers["content-type"], answer.content
