"""The printed forms: service record (1), questionnaire (2), closed-loop follow-up (3) and solution plan (4), as HTML for A4 and as XLSX."""

from pathlib import Path

from engine.analysis.forms.layout import lay_out
from engine.analysis.forms.model import Form
from engine.analysis.forms.sheet import workbook
from engine.analysis.pages import render
from engine.errors import UsageError


def to_html(form: Form) -> str:
    """Return the form as one self-contained page that prints on A4."""
    return render("form.html", form.language, layout=lay_out(form))


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
