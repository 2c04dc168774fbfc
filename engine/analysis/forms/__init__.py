"""The printed forms: service record (1), questionnaire (2), closed-loop follow-up (3) and solution plan (4), as HTML for A4 and as XLSX."""

from functools import cache
from pathlib import Path

import jinja2

from engine.analysis.forms.layout import lay_out
from engine.analysis.forms.model import Form
from engine.analysis.forms.sheet import workbook
from engine.analysis.labels import base_language
from engine.errors import UsageError


def to_html(form: Form) -> str:
    """Return the form as one self-contained page that prints on A4."""
    return _template().render(html_language="zh-CN" if base_language(form.language) == "zh" else "en", layout=lay_out(form))


def to_xlsx(form: Form) -> bytes:
    """Return the form as an XLSX file that prints on A4."""
    return workbook(lay_out(form))


def write_form(form: Form, path: Path) -> None:
    """Write the form to a file; its suffix, .html or .xlsx, says how. Raises UsageError for another."""
    match path.suffix.lower():
        case ".html":
            path.write_text(to_html(form), encoding="utf-8")
        case ".xlsx":
            path.write_bytes(to_xlsx(form))
        case _:
            raise UsageError(f"{path.name}: forms are written as .html or .xlsx; name the file {path.stem}.html")


@cache
def _template() -> jinja2.Template:
    """The page of a form, in which every value is escaped, whoever wrote it."""
    loader = jinja2.PackageLoader("engine.analysis")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("form.html")
