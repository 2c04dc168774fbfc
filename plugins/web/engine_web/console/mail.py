"""A message as it was sent: its HTML in a page of its own, which runs nothing, loads nothing and leads nowhere by itself."""

import html

from engine.services import Engine, Reader

_SIGN = b"text/html"
_PAGE = """\
<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 12px; background: #fff; color: #1a1f24; font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
img {{ max-width: 100%; }}</style></head>
<body>{body}</body></html>
"""


def is_html(engine: Engine, reader: Reader, item: int) -> bool:
    """Whether something that came in has HTML to look at, as far as that can be told without reading it."""
    row = reader.inbox_row(item)
    kind = engine.types.get(row.channel) if row else None
    return bool(row and kind and kind.html and _SIGN in row.raw.lower())


def original(engine: Engine, reader: Reader, item: int) -> str:
    """Return the HTML of what came in, as it was written; "" where it has none, or where it is not kept any more."""
    row = reader.inbox_row(item)
    kind = engine.types.get(row.channel) if row else None
    return kind.html(row.raw) if row and kind and kind.html else ""


def page(body: str, language: str, title: str) -> str:
    """Return cleaned HTML as a whole page."""
    return _PAGE.format(language=language, title=html.escape(title), body=body)
