"""A document as one self-contained page: no script, nothing loaded from elsewhere, on screen and on A4."""

from collections.abc import Callable
from functools import cache

import jinja2
from markupsafe import Markup

from engine.documents import Chart, Document, Table
from engine_reports.charts import columns, is_wide, shown, svg

_SHORT = 16


def page(document: Document, *, letters: bool = False) -> str:
    """Return the page, its charts with their letters as shapes, or as `letters` where it is set on this machine.

    Raises EngineError where no font can say what is in a chart.
    """
    html_language = "zh-CN" if document.language.partition("-")[0] == "zh" else "en"
    return (
        _environment()
        .get_template("page.html")
        .render(document=document, html_language=html_language, draw=_draw(document.language, letters))
    )


def _draw(language: str, letters: bool) -> Callable[[Chart], Markup]:
    return lambda chart: Markup(svg(chart, language, letters=letters))  # noqa: S704  # matplotlib has escaped what is in it


def described(chart: Chart) -> str:
    """Return what a chart shows in words, for who cannot see it."""
    said = (
        f"{name}: {', '.join(shown(one.unit or chart.unit, value) for one in chart.series if (value := one.values[place]) is not None)}"
        for place, name in enumerate(chart.categories)
    )
    return f"{chart.title}. {'; '.join(said)}"


def numeric(table: Table) -> set[int]:
    """Return the columns that hold figures."""
    return {column for row in table.rows for column, cell in enumerate(row) if cell.value is not None}


def is_short(text: str) -> bool:
    """Whether a text of a table stays on one line: at most 16 columns, of which a Chinese character takes two."""
    return columns(text) <= _SHORT


def kind_of(block: object) -> str:
    """Return what a block of a section is."""
    return "table" if isinstance(block, Table) else "chart" if isinstance(block, Chart) else "text"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("engine_reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(described=described, is_short=is_short, kind_of=kind_of, is_wide=is_wide)
    environment.globals.update(numeric=numeric)
    return environment
