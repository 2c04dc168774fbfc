"""The pages' templates: one environment in which every value is escaped, whoever wrote it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

import jinja2

from engine.analysis.labels import base_language, label
from engine.analysis.texts import moment, printable
from engine.policy import phrases


def render(template: str, language: str, **values: object) -> str:
    """Return a page from `templates/`; its words are those of the catalogue's language that serves `language` best."""
    html_language = "zh-CN" if base_language(language) == "zh" else "en"
    return _environment().get_template(template).render(language=language, html_language=html_language, **values)


@jinja2.pass_context
def _word(context: jinja2.runtime.Context, key: str) -> str:
    return label(key, str(context["language"]))


@jinja2.pass_context
def _pick(context: jinja2.runtime.Context, texts: Mapping[str, str]) -> str:
    language = str(context["language"])
    return printable(texts.get(language) or texts.get(base_language(language)) or next(iter(texts.values()), ""))


@jinja2.pass_context
def _span(context: jinja2.runtime.Context, value: timedelta | None) -> str:
    return "–" if value is None else phrases.duration(value, str(context["language"]))


def _percent(share: float | None) -> str:
    """Say a share: a rate that does not exist is a dash, never 0 %; only nothing is 0 %, and only all of it is 100 %."""
    if share is None:
        return "–"
    shown = round(share * 100, 1)
    if shown in (0, 100) and share not in (0, 1):
        shown = abs(shown - 0.1)
    return f"{shown:g}%"


def _moment(value: datetime | None, timezone: str) -> str:
    return "–" if value is None else moment(value, timezone)


_FILTERS = {"word": _word, "pick": _pick, "span": _span, "percent": _percent, "moment": _moment, "printable": printable}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("engine.analysis"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(_FILTERS)
    return environment
