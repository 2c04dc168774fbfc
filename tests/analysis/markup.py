"""Reads pages and workbooks back the way a browser or a spreadsheet does."""

import io
import re
import zipfile
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = {"meta", "link", "br", "col", "img", "input", "hr"}
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class Page(HTMLParser):
    """Elements and texts of a page; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self._texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], self._open
        self.text = "".join(self._texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self._texts.append(data)
        if "td" in self._open or "th" in self._open:
            self.cells[-1] += data

    def fields(self) -> dict[str, str]:
        """The value beside each label of a form."""
        return dict(zip(self.cells[::2], self.cells[1::2], strict=False))


@dataclass
class Book:
    """The one sheet of a workbook."""

    sheet: ElementTree.Element
    strings: list[str]
    names: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, data: bytes) -> "Book":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            names = package.namelist()
            for name in names:
                if name.endswith((".xml", ".rels")):
                    ElementTree.fromstring(package.read(name))
            shared = ElementTree.fromstring(package.read("xl/sharedStrings.xml"))
            sheet = ElementTree.fromstring(package.read("xl/worksheets/sheet1.xml"))
        strings = ["".join(part.text or "" for part in item.iter(f"{MAIN}t")) for item in shared]
        return cls(sheet, [re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text) for text in strings], names)

    def cells(self) -> list[str]:
        """The texts of all cells that have one, in reading order."""
        values = []
        for cell in self.sheet.iter(f"{MAIN}c"):
            value = cell.find(f"{MAIN}v")
            if value is not None:
                assert cell.get("t") == "s", "a cell that is no string"
                values.append(self.strings[int(value.text or "")])
        return values

    def row_heights(self) -> list[float]:
        return [float(row.get("ht", "15")) for row in self.sheet.iter(f"{MAIN}row")]

    def has(self, tag: str) -> bool:
        return self.sheet.find(f".//{MAIN}{tag}") is not None
