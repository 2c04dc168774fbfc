"""Documents as plain values: what a report says, and the hook of the plugins that render one (HTML, XLSX, PDF; see docs/reports.md)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pluggy

from engine.errors import ConfigurationError
from engine.plugins import PROJECT, offers

GROUP = "engine.renderers"

hookspec, hookimpl = pluggy.HookspecMarker(PROJECT), pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: its words and, of a figure, its `value` in the `unit` of its KPI, durations in seconds.

    `tone` is good, warning, bad, quiet or empty.
    """

    text: str
    value: float | None = None
    unit: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; a `note` stands under it."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Values by category, None where there is none; `low` and `high`, where given, are as many. An empty `unit` is that of the chart."""

    name: str
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures to be drawn, by `shape`.

    - `trend`: one series over time, with its interval as a band;
    - `control`: one series over time; low and high are its control limits, what lies beyond them is marked;
    - `bars`: a bar a category, with its interval;
    - `shares`: one series a score, of which each category is divided;
    - `pareto`: counts, the most first, with their cumulative share.

    `targets` and `tones` (as those of cells) are by category, as the values are; `note` says in words what is to be seen.
    """

    shape: str
    title: str
    unit: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    targets: tuple[float | None, ...] = ()
    target_name: str = ""
    tones: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it: sentences, tables, charts."""

    title: str
    blocks: "tuple[str | Table | Chart, ...]"


@dataclass(frozen=True, slots=True)
class Highlight:
    """One figure that everybody should see first."""

    label: str
    cell: Cell
    note: str


@dataclass(frozen=True, slots=True)
class Document:
    """A report, every text of which is in its language. `name` is that of its file; `summary` is what it comes to, a sentence each."""

    name: str
    language: str
    company: str
    title: str
    period: str
    summary: tuple[str, ...]
    highlights: tuple[Highlight, ...]
    sections: tuple[Section, ...]


Render: TypeAlias = Callable[[Document], bytes]


@dataclass(frozen=True, slots=True)
class Renderer:
    """Writes documents in a format, `name`, which is also the suffix of its files. `render` gives equal bytes for equal documents."""

    name: str
    media_type: str
    render: Render


class RendererHooks:
    """Asked when the first document is rendered."""

    @hookspec
    def engine_renderers(self) -> list[Renderer]:  # type: ignore[empty-body]  # pluggy collects what plugins return
        """Return the renderers this plugin offers."""


def renderers() -> tuple[dict[str, Renderer], list[str]]:
    """Load the renderers of all installed plugins; return them by name, and what kept others out."""
    return offers(GROUP, RendererHooks, "engine_renderers", "renderer", _must_be_sound)


def _must_be_sound(offered: Any) -> None:
    if not isinstance(offered, Renderer) or not offered.name.isalnum():
        raise ConfigurationError(f"{offered!r} is no Renderer with a name of letters and digits")
