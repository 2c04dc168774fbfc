"""Documents as files: Markdown and JSON here, everything else by the plugins that render documents."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from engine.core.kpis import FORMATS
from engine.documents import Chart, Document, Render, Table, renderers
from engine.errors import UsageError
from engine.plugins import warn

MEDIA_TYPES: Mapping[str, str] = {"md": "text/markdown", "json": "application/json"}


def writers() -> dict[str, tuple[str, Render]]:
    """Return by format its media type, and what writes a document in it."""
    found, problems = renderers()
    for problem in problems:
        warn("a renderer is left out", reason=problem)
    own: dict[str, Callable[[Document], bytes]] = {"md": _markdown, "json": _json}
    return {name: (one.media_type, one.render) for name, one in found.items()} | {name: (MEDIA_TYPES[name], own[name]) for name in own}


def writer(format: str) -> Render:
    """Return what writes documents in a format. Raises UsageError for one that nothing installed here writes."""
    known = writers()
    if format not in known:
        hint = "pip install 'closedloop[reports]'; " if format in FORMATS else ""
        raise UsageError(f"nothing installed here writes reports as {format}: {hint}without it there are {', '.join(sorted(known))}")
    return known[format][1]


def _json(document: Document) -> bytes:
    return json.dumps(_plain(document), ensure_ascii=False, indent=1).encode() + b"\n"


def _plain(document: Document) -> dict[str, Any]:
    """Return a document as plain values; each block says what it is."""
    plain = asdict(document)
    for section, written in zip(document.sections, plain["sections"], strict=True):
        blocks = zip(section.blocks, written["blocks"], strict=True)
        written["blocks"] = [
            {"block": "text", "text": block} if isinstance(block, str) else {"block": type(block).__name__.lower(), **as_written}
            for block, as_written in blocks
        ]
    return plain


def _markdown(document: Document) -> bytes:
    return "".join(f"{line}\n" for line in _lines(document)).encode()


def _lines(document: Document) -> Iterator[str]:
    yield f"# {_escaped(document.title)}: {_escaped(document.period)}"
    yield f"\n{_escaped(document.company)}\n"
    yield from (f"{_escaped(sentence)}\n" for sentence in document.summary)
    for one in document.highlights:
        yield f"- **{_escaped(one.label)}**: {_escaped(one.cell.text)}" + (f" ({_escaped(one.note)})" if one.note else "")
    for section in document.sections:
        yield f"\n## {_escaped(section.title)}"
        for block in section.blocks:
            yield ""
            if isinstance(block, str):
                yield _escaped(block)
            elif isinstance(block, Table):
                yield f"**{_escaped(block.title)}**\n"
                yield from _table(block.headings, [[cell.text for cell in row] for row in block.rows])
            else:
                yield f"**{_escaped(block.title)}**\n"
                yield from _table(("", *(one.name for one in block.series)), _values(block))
            if not isinstance(block, str) and block.note:
                yield f"\n{_escaped(block.note)}"


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> Iterator[str]:
    for row in (headings, ["---"] * len(headings), *rows):
        yield f"| {' | '.join(cell if cell == '---' else _escaped(cell) for cell in row)} |"


def _values(chart: Chart) -> list[list[str]]:
    """Return what a chart shows as rows, a category each."""
    return [
        [name, *(_value(column.unit or chart.unit, column.values[place]) for column in chart.series)]
        for place, name in enumerate(chart.categories)
    ]


def _value(unit: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1%}" if unit == "share" else f"{value:.4g}"


def _escaped(text: str) -> str:
    """Return a text that Markdown takes for nothing but text, on one line."""
    return "".join(f"\\{character}" if character in r"\`*_[]<>|#&" else character for character in " ".join(text.split()))
