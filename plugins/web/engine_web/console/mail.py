"""A message as it was sent: its HTML, for a page of its own."""

from engine.services import Engine, Reader
from engine_web.site import Site

_SIGN = b"text/html"
_KNOWN = 10_000
"""Of how many items that came in it is known whether they have HTML."""


def is_html(site: Site, reader: Reader, item: int) -> bool:
    """Whether something that came in has HTML to look at, as far as that can be told without understanding it. Looked at once."""
    if item not in site.with_html:
        if len(site.with_html) >= _KNOWN:
            site.with_html.clear()
        row = reader.inbox_row(item)
        kind = site.engine.types.get(row.channel) if row else None
        site.with_html[item] = bool(row and kind and kind.html and _SIGN in row.raw.lower())
    return site.with_html[item]


def original(engine: Engine, reader: Reader, item: int) -> str:
    """Return the HTML of what came in, as it was written; "" where it has none, or where it is not kept any more."""
    row = reader.inbox_row(item)
    kind = engine.types.get(row.channel) if row else None
    return kind.html(row.raw) if row and kind and kind.html else ""
