"""Cleans HTML that somebody wrote, so that it can be looked at in a frame of ours (`engine_web.guards.APART`), which would hold it as well.

How HTML is to be parsed lets a page of a few kilobytes take minutes and gigabytes. So it is done in a process of its own, which has bounds:
this module, which for that leans on nothing of the engine.
"""

import json
import re
import resource
import subprocess
import sys
from html.parser import HTMLParser

import nh3

LONGEST = 8_000_000
"""Bytes of HTML that are taken, and that may come of it."""

SECONDS = 3
"""Of processor that one may take."""

_MEMORY = 1_000_000_000
_LINKS = "links"
_CELLS = {"align", "bgcolor", "colspan", "height", "rowspan", "valign", "width"}
_ATTRIBUTES = {
    "*": {"dir", "lang", "style", "title"},
    "a": {"href"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"start", "type"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width"},
    "td": _CELLS,
    "th": _CELLS,
    "tr": {"align", "bgcolor", "valign"},
}
_TAGS = nh3.ALLOWED_TAGS - {"area", "map", "details", "summary"} | {"font", "tfoot", "big"}
_STYLES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius", "border-right",
    "border-spacing", "border-style", "border-top", "border-width", "color", "direction", "display", "font", "font-family", "font-size",
    "font-style", "font-weight", "height", "letter-spacing", "line-height", "list-style-type", "margin", "margin-bottom", "margin-left",
    "margin-right", "margin-top", "max-width", "min-width", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top",
    "text-align", "text-decoration", "text-indent", "vertical-align", "white-space", "width", "word-break",
}  # fmt: skip
"""None of these fetches anything or leaves its place on the page."""

_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+")
_LINK = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)


class TooMuch(Exception):  # control flow between the cleaning and its page
    """HTML that cannot be cleaned within bounds."""


def cleaned_apart(written: str) -> str:
    """Return what `cleaned` makes of somebody's HTML. Raises TooMuch where that takes too much time or memory, or is too long."""
    return _apart(written)


def links_apart(written: str) -> list[tuple[str, str]]:
    """Return the links that `cleaned` leaves of somebody's HTML: address and what stands there for it. Raises TooMuch likewise."""
    return [(address, name) for address, name in json.loads(_apart(written, _LINKS))]


def _apart(written: str, *more: str) -> str:
    raw = written.encode("utf-8", errors="replace")
    command = [sys.executable, "-I", "-m", __name__, str(SECONDS), *more]
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=3 * SECONDS, check=True)
    except (subprocess.SubprocessError, OSError):
        raise TooMuch from None
    return done.stdout.decode()


def cleaned(written: str) -> str:
    """Return what of somebody's HTML is fit to be looked at: no scripts, forms, frames or style sheets, and no address but of links."""
    return nh3.clean(
        written,
        tags=_TAGS,
        clean_content_tags={"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"},
        attributes=_ATTRIBUTES,
        attribute_filter=_fit,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "tel", "data"},
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _fit(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        return value if _PICTURE.fullmatch(value) else None
    if attribute == "href":
        return value.strip() if _LINK.match(value.strip()) else None
    return value


class _Links(HTMLParser):
    """Finds the links of what was cleaned."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self._open = True
            self.found.append([given["href"] or "", ""])
        elif tag == "img":
            self.handle_data(given.get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "a"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[-1][1] += f"{data} "


def links_of(tidy: str) -> list[list[str]]:
    """Return the links of HTML that was cleaned: address and what stands there for it."""
    parser = _Links()
    parser.feed(tidy)
    parser.close()
    return parser.found


def _main(seconds: int, *more: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    raw = sys.stdin.buffer.read(LONGEST + 1)
    if len(raw) > LONGEST:
        sys.exit(1)
    tidy = cleaned(raw.decode())
    found = (json.dumps(links_of(tidy)) if _LINKS in more else tidy).encode()
    if len(found) > LONGEST:
        sys.exit(1)
    sys.stdout.buffer.write(found)


if __name__ == "__main__":
    _main(int(sys.argv[1]), *sys.argv[2:])
