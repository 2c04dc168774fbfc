"""A document as one self-contained page: no script, nothing loaded from elsewhere, on screen and on A4."""

from collections.abc import Callable
from functools import cache

import jinja2
from markupsafe import Markup

from engine.documents import Chart, Document, Table
from engine_reports.charts import is_wide, shown, svg


def page(document: Document) -> str:
    """Return the page. Raises EngineError where no font can say what is in a chart."""
    html_language = "zh-CN" if document.language.partition("-")[0] == "zh" else "en"
    return _environment().get_template("page.html").render(document=document, html_language=html_language, draw=_draw(document.language))


def _draw(language: str) -> Callable[[Chart], Markup]:
    return lambda chart: Markup(svg(chart, language))  # noqa: S704  # matplotlib has escaped what is in it


def described(chart: Chart) -> str:
    """Return what a chart shows in words, for who cannot see it."""
    said = (
        f"{name}: {', '.join(shown(one.unit or chart.unit, one.values[place]) for one in chart.series if one.values[place] is not None)}"
        for place, name in enumerate(chart.categories)
    )
    return f"{chart.title}. {'; '.join(said)}"


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
    environment.filters.update(described=described, kind_of=kind_of, is_wide=is_wide)
    return environment
