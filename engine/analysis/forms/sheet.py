"""A form as an XLSX workbook. Every cell is written as a string, so nothing in it is ever taken for a formula or a link."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import xlsxwriter

from engine.analysis.forms.layout import Field, Layout, Table
from engine.analysis.texts import pieces

_WIDTHS = (17, 30, 18, 27)
"""Column widths in characters: label, text, label, text (or who, what, due, done). Together they fill an A4 page at full size."""

_LINE = 16.5  # points
_MOST_LINES = 24  # a row of Excel's is at most 409 points high; longer texts go on in the next row
_SLACK = 0.9  # words break earlier than characters do
_A4 = 9  # Excel's number of the paper size
_STRINGS_ONLY = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False, "in_memory": True}
_UNDATED = datetime(1980, 1, 1, tzinfo=UTC)  # the same form gives the same bytes


class _Sheet:
    """Writes rows from top to bottom."""

    def __init__(self, book: Any, name: str) -> None:
        self._sheet = book.add_worksheet(name)
        line = {"font_size": 11, "valign": "top", "text_wrap": True, "border": 1, "border_color": "#8A94A6"}
        self._label = book.add_format({**line, "bold": True, "bg_color": "#EEF2F7", "valign": "vcenter"})
        # A quote prefix keeps a text that begins with "=" a text even when somebody edits the cell later.
        self._text = book.add_format({**line, "quote_prefix": True})
        self._title = book.add_format({"font_size": 18, "bold": True, "align": "center", "valign": "vcenter"})
        self._small = book.add_format({"font_size": 10, "align": "center", "font_color": "#5B6472", "quote_prefix": True})
        self._row = 0

    def set_up(self) -> None:
        """Print on A4 upright, as many pages as it takes but one in width."""
        sheet = self._sheet
        for column, size in enumerate(_WIDTHS):
            sheet.set_column(column, column, size)
        sheet.set_paper(_A4)
        sheet.set_portrait()
        sheet.fit_to_pages(1, 0)
        sheet.center_horizontally()
        sheet.set_margins(left=0.6, right=0.6, top=0.7, bottom=0.7)
        sheet.set_footer("&C&P / &N")
        sheet.hide_gridlines(2)

    def heading(self, layout: Layout) -> None:
        """Write company, title and number of the form."""
        for height, text, style in ((20, layout.company, self._small), (32, layout.title, self._title)):
            self._across(text, style, height)
        self._across(f"{layout.form}  ·  {layout.number}", self._small, 20)
        self._row += 1

    def pair(self, fields: Sequence[Field]) -> None:
        """Write two short fields side by side, or one alone over the full width."""
        if len(fields) == 1 or any(len(_rows_of(field, _WIDTHS[1])) > 1 for field in fields):
            for field in fields:
                self.wide(field)
            return
        self._sheet.set_row(self._row, _LINE * max(_rows_of(field, _WIDTHS[1])[0][1] for field in fields))
        for column, field in enumerate(fields):
            self._sheet.write_string(self._row, 2 * column, field.label, self._label)
            self._sheet.write_string(self._row, 2 * column + 1, field.text, self._text)
        self._row += 1

    def wide(self, field: Field, least_lines: int = 1) -> None:
        """Write a field over the full width, in as many rows as it takes."""
        for number, (piece, lines) in enumerate(_rows_of(field, sum(_WIDTHS[1:]))):
            self._sheet.set_row(self._row, _LINE * max(lines, least_lines))
            self._sheet.write_string(self._row, 0, field.label if number == 0 else "", self._label)
            self._merge(1, piece, self._text)

    def table(self, table: Table) -> None:
        """Write a table of four columns; a cell longer than a row holds goes on below."""
        self._row += 1
        self._across(table.label, self._label, _LINE)
        for column, heading in enumerate(table.headings):
            self._sheet.write_string(self._row, column, heading, self._label)
        self._row += 1
        for row in table.rows:
            cells = [list(pieces(cell, int(size * _SLACK), _MOST_LINES)) for cell, size in zip(row, _WIDTHS, strict=True)]
            for number in range(max(map(len, cells))):
                parts = [cell[number] if number < len(cell) else ("", 1) for cell in cells]
                self._sheet.set_row(self._row, _LINE * max(lines for _, lines in parts))
                for column, (text, _) in enumerate(parts):
                    self._sheet.write_string(self._row, column, text, self._text)
                self._row += 1

    def _across(self, text: str, style: Any, height: float) -> None:
        self._sheet.set_row(self._row, height)
        self._merge(0, text, style)

    def _merge(self, first: int, text: str, style: Any) -> None:
        last = len(_WIDTHS) - 1
        self._sheet.merge_range(self._row, first, self._row, last, "", style)
        self._sheet.write_string(self._row, first, text, style)
        self._row += 1


def workbook(layout: Layout) -> bytes:
    """Return the form as the bytes of an XLSX file; equal forms give equal bytes."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, _STRINGS_ONLY)
    book.set_properties({"title": f"{layout.title} {layout.number}", "created": _UNDATED})
    sheet = _Sheet(book, layout.title[:31])
    sheet.set_up()
    sheet.heading(layout)
    for wide, group in groupby(layout.fields, key=lambda field: field.wide):
        fields = list(group)
        for position in range(0, len(fields), 1 if wide else 2):
            if wide:
                sheet.wide(fields[position], least_lines=3)
            else:
                sheet.pair(fields[position : position + 2])
    if layout.table is not None:
        sheet.table(layout.table)
    book.close()
    return buffer.getvalue()


def _rows_of(field: Field, columns: int) -> list[tuple[str, int]]:
    return list(pieces(field.text, int(columns * _SLACK), _MOST_LINES))
