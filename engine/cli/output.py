"""What commands print: tables that fit the terminal, JSON, and texts of strangers without anything a terminal would obey."""

import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click
from msgspec import Struct, structs

from engine.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FOR_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNLIMITED = 100_000
_LONGEST_CELL = 2_000
_LONGEST_NAME = 24
_LONG_WORK = 1_000

Item = TypeVar("Item")

Cell: TypeAlias = str | tuple[str, str]
"""A text, or a text with a style of rich such as `bold red`."""


def clean(text: str) -> str:
    """Return `text` without escape sequences, controls and marks that turn the writing direction; lines and tabs stay."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str, longest: int = 200) -> str:
    """Return `text` cleaned and on one line, cut to `longest` characters."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"


def say(text: str = "", style: str = "") -> None:
    """Print one line or paragraph; `style` colours it on a terminal."""
    if not style:
        click.echo(clean(text))
        return
    colour = next((word for word in style.split() if word in ("red", "green", "yellow", "cyan", "magenta")), None)
    click.secho(clean(text), fg=colour, bold="bold" in style or None, dim="dim" in style or None)


def say_json(value: Any) -> None:
    """Print JSON."""
    click.echo(as_json(value))


def as_json(value: Any) -> str:
    """Return JSON: instants as RFC 3339, durations in seconds. It holds what was stored, and nothing a terminal would obey."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    return _FOR_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_report(path: Path, text: str) -> None:
    """Write a report to a file, whole or not at all. Raises UsageError where the file cannot be written."""
    from engine.channels import write_atomically

    try:
        write_atomically(path, f"{text}\n".encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; choose another file with --output") from error


def shaped(headings: Sequence[str], rows: Iterable[Sequence[Cell]], title: str = "") -> "Table":
    """Return a table for `show`."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = box.SIMPLE_HEAD if sys.stdout.isatty() else None
    made = Table(title=title or None, title_justify="left", box=drawn, pad_edge=False, show_edge=False, collapse_padding=drawn is not None)
    lines = [[cell if isinstance(cell, tuple) else (cell, "") for cell in row] for row in rows]
    for nth, heading in enumerate(headings):
        # Where a terminal is too narrow, what something is called by stays whole: it is copied.
        named = nth == 0 and all(len(row[0][0]) <= _LONGEST_NAME for row in lines)
        made.add_column(heading, overflow="fold", no_wrap=named)
    for row in lines:
        made.add_row(*(Text(one_line(text, _LONGEST_CELL), style=style) for text, style in row))
    return made


def show(drawn: "RenderableType") -> None:
    """Print what rich draws: fitted to the terminal, as wide as it needs where the output is piped."""
    from rich.console import Console

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _UNLIMITED
    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(drawn)
    click.echo("\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n")))


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], title: str = "") -> None:
    """Print a table: fitted to the terminal, in plain full-length columns where the output is piped."""
    show(shaped(headings, rows, title))


@contextmanager
def progress(items: Sequence[Item], what: str) -> Iterator[Iterable[Item]]:
    """Go through `items` with a bar on standard error where that is a terminal and the work is long."""
    with click.progressbar(items, label=what, file=sys.stderr, hidden=len(items) < _LONG_WORK or not sys.stderr.isatty()) as each:
        yield each


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error where that is a terminal. It moves by being told how many more are done, and of how many."""
    shown: Any
    with click.progressbar(length=0, label=what, file=sys.stderr, hidden=not sys.stderr.isatty()) as shown:

        def step(done: int, total: int) -> None:
            shown.length = total
            shown.update(done)

        yield step


def bar(share: float, width: int = 10) -> str:
    """Return a share of one as a bar, full from 1 on."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)


def span(length: timedelta) -> str:
    """Return a duration in its two largest units: `2d04h`, `1h05m`, `35m`, `20s`."""
    seconds = round(abs(length.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m" if minutes else f"{seconds}s"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Struct):
        return structs.asdict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be shown as JSON")
