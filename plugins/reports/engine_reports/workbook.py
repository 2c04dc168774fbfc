"""A document as a workbook: every table a table of Excel's, every chart drawn by Excel from the figures beside it.

Texts are written as strings, so that nothing in them is ever taken for a formula or a link; equal documents give equal bytes.
"""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter

from engine.documents import Cell, Chart, Document, Section, Table
from engine_reports.charts import columns
from engine_reports.excel_charts import UNITS, Place, columns_of, drawn

_STRINGS_ONLY = {
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "in_memory": True,
    "nan_inf_to_errors": True,
}
_UNDATED = datetime(1980, 1, 1, tzinfo=UTC)
_COLOURS = {"good": "#17694A", "warning": "#94600B", "bad": "#B3261E", "quiet": "#667085"}
_DEEP, _QUIET = "#2F56B8", "#667085"
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_A4, _WIDEST, _CHART_ROWS, _DAY, _LINE = 9, 48, 17, 86_400, 15
_TABLE_STYLE = "Table Style Light 9"


def workbook(document: Document) -> bytes:
    """Return the bytes of the XLSX file."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, _STRINGS_ONLY)
    book.set_properties({"title": f"{document.title} {document.period}", "company": document.company, "created": _UNDATED})
    _Sheet(book, document.title, []).overview(document)
    taken = [_FORBIDDEN.sub("", document.title)[:31].lower()]
    for section in document.sections:
        sheet = _Sheet(book, section.title, taken)
        taken.append(sheet.name.lower())
        sheet.section(section)
    book.close()
    return buffer.getvalue()


class _Sheet:
    """Writes from top to bottom."""

    def __init__(self, book: Any, title: str, taken: Sequence[str]) -> None:
        name = _FORBIDDEN.sub("", title)[:31]
        number = 2
        while name.lower() in taken:
            name, number = f"{_FORBIDDEN.sub('', title)[:27]} {number}", number + 1
        self.name = name
        self._book, self._sheet, self._row = book, book.add_worksheet(name), 0
        self._formats: dict[tuple[tuple[str, object], ...], Any] = {}
        self._widths: dict[int, int] = {}
        self._sheet.set_paper(_A4)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)
        self._sheet.hide_gridlines(2)
        self._sheet.set_footer("&C&P / &N")

    def overview(self, document: Document) -> None:
        """Write what the document is, what it comes to, and its most important figures."""
        self._line(document.company, font_color=_DEEP, bold=True)
        self._line(document.title, font_size=18, bold=True)
        self._line(document.period, font_size=12, font_color=_QUIET)
        self._row += 1
        for sentence in document.summary:
            self._sheet.merge_range(self._row, 0, self._row, 4, "", self._format(text_wrap=True, valign="top", quote_prefix=True))
            self._sheet.write_string(self._row, 0, sentence, self._format(text_wrap=True, valign="top", quote_prefix=True))
            self._sheet.set_row(self._row, 48)
            self._row += 1
        self._row += 1
        for one in document.highlights:
            self._sheet.write_string(self._row, 0, one.label, self._format(bold=True, quote_prefix=True))
            self._cell(self._row, 1, one.cell, bold=True)
            self._sheet.write_string(self._row, 2, one.note, self._format(font_color=_QUIET, quote_prefix=True))
            self._row += 1
        self._sheet.set_column(0, 0, 30)
        self._sheet.set_column(1, 4, 20)

    def section(self, section: Section) -> None:
        """Write a section: its sentences, its tables, and each chart beside its figures."""
        self._line(section.title, font_size=14, bold=True)
        for block in section.blocks:
            self._row += 1
            if isinstance(block, str):
                self._line(block)
            elif isinstance(block, Table):
                self._table(block.title, block.headings, block.rows, block.note)
            else:
                self._chart(block)
        for column, size in self._widths.items():
            self._sheet.set_column(column, column, size)

    def _chart(self, chart: Chart) -> None:
        columns = list(columns_of(chart))
        top = self._row + 1
        rows = [
            (
                Cell(name),
                *(Cell("" if (value := one.values[place]) is None else f"{value:g}", value, one.unit or chart.unit) for _, one in columns),
            )
            for place, name in enumerate(chart.categories)
        ]
        self._table(chart.title, ("", *(one.name for _, one in columns)), rows, chart.note)
        place = Place(self.name, top + 1, top + len(chart.categories), columns)
        self._sheet.insert_chart(
            top - 1, len(columns) + 2, drawn(self._book, chart, place), {"object_position": 2, "description": chart.title}
        )
        self._row = max(self._row, top + _CHART_ROWS)

    def _table(self, title: str, headings: Sequence[str], rows: Sequence[Sequence[Cell]], note: str) -> None:
        self._line(title, bold=True)
        head = self._row
        last = head + max(1, len(rows))
        # Spreadsheet programs other than Excel know no styles of tables, so that the heading is set by hand.
        heading = {"bold": True, "bottom": 1, "bg_color": "#EEF2F7", "text_wrap": True, "valign": "top", "quote_prefix": True}
        figures = [any(row[column].value is not None for row in rows) for column in range(len(headings))]
        columns = [
            {"header": name, "header_format": self._format(**heading, align="right" if figure else "left")}
            for name, figure in zip(_distinct(headings), figures, strict=True)
        ]
        self._sheet.add_table(head, 0, last, len(columns) - 1, {"columns": columns, "style": _TABLE_STYLE, "autofilter": bool(rows)})
        for column, name in enumerate(headings):
            self._wide_enough(column, [name, *(row[column].text for row in rows)])
        for place, row in enumerate(rows, start=head + 1):
            self._high_enough(place, [cell.text for cell in row])
            for column, cell in enumerate(row):
                self._cell(place, column, cell, text_wrap=True, valign="top")
        self._row = last + 1
        if note:
            self._line(note, font_color=_QUIET, italic=True)

    def _cell(self, row: int, column: int, cell: Cell, **looks: Any) -> None:
        tone = {"font_color": _COLOURS[cell.tone]} if cell.tone in _COLOURS else {}
        if cell.value is None:
            self._sheet.write_string(row, column, cell.text, self._format(quote_prefix=True, **tone, **looks))
            return
        value = cell.value / _DAY if cell.unit == "duration" else cell.value
        shape = "+0.0%;-0.0%" if cell.unit == "share" and cell.text[:1] in "▲▼▬" else UNITS.get(cell.unit, "0.0")
        if cell.unit == "duration" and value < 0:  # Excel shows no negative times
            self._sheet.write_string(row, column, cell.text, self._format(quote_prefix=True, **tone, **looks))
        else:
            self._sheet.write_number(row, column, value, self._format(num_format=shape, **tone, **looks))

    def _line(self, text: str, **looks: Any) -> None:
        if size := looks.get("font_size"):
            self._sheet.set_row(self._row, 1.6 * size)
        self._sheet.write_string(self._row, 0, text, self._format(quote_prefix=True, **looks))
        self._row += 1

    def _format(self, **looks: Any) -> Any:
        key = tuple(sorted(looks.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(looks)
        return self._formats[key]

    def _wide_enough(self, column: int, texts: Iterable[str]) -> None:
        longest = max(map(columns, texts), default=0)
        self._widths[column] = max(self._widths.get(column, 10), min(longest + 4, _WIDEST))

    def _high_enough(self, row: int, texts: Iterable[str]) -> None:
        """Make room for texts that wrap: not every program does so by itself."""
        lines = max((-(-columns(text) // (_WIDEST - 4)) for text in texts), default=1)
        if lines > 1:
            self._sheet.set_row(row, _LINE * lines)


def _distinct(headings: Sequence[str]) -> Iterable[str]:
    """Return the headings as a table of Excel's takes them: none empty, no two alike."""
    seen: set[str] = set()
    for heading in headings:
        name = heading or " "
        while name.lower() in seen:
            name += " "
        seen.add(name.lower())
        yield name
