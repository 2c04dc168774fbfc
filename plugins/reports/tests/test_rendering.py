"""What the three formats hold, and that nothing in a document is taken for more than text."""

import io
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib import font_manager

from engine.documents import Chart, Renderer, Section, Series, renderers
from engine.errors import EngineError
from engine_reports import engine_renderers, fonts, html, pdf, xlsx
from engine_reports.charts import svg
from engine_reports.fonts import families
from tests.analysis.markup import Page
from tests.support.documents import HOSTILE, charts, sample

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"


@pytest.fixture(scope="module")
def page() -> str:
    return html(sample()).decode()


@pytest.fixture(scope="module")
def book() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(xlsx(sample())))


def part(book: zipfile.ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(book.read(f"xl/{name}"))


def test_the_plugin_is_found_by_its_entry_point() -> None:
    found, problems = renderers()
    assert problems == []
    assert sorted(found) == ["html", "pdf", "xlsx"]
    assert [type(one) for one in engine_renderers()] == [Renderer] * 3


def test_a_page_is_well_formed_and_holds_every_word_and_chart(page: str) -> None:
    read = Page(page)
    for words in ("客户服务改进月报", "2026年9月", "示例公司 & Co", "93.1%", "一句话。", "阴影为区间", HOSTILE):
        assert words in read.text
    assert read.tags.count("svg") == len(charts())
    assert read.tags.count("h2") == 3 + 1
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_a_page_loads_nothing_and_runs_nothing(page: str) -> None:
    read = Page(page)
    assert "script" not in read.tags
    loaded = [
        (name, value) for name, value in read.attributes if name in ("src", "href", "xlink:href") and not (value or "").startswith("#")
    ]
    assert loaded == []
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_a_chart_says_in_words_what_it_shows(page: str) -> None:
    labels = [value for name, value in Page(page).attributes if name == "aria-label"]
    assert "各等级. 紧急: 1.0 h; 一般: ; Important customers of the house: 2.0 h" in labels


def test_equal_documents_give_equal_bytes() -> None:
    section = Section("x", charts()[:1])
    small = replace(sample(), sections=(section,))
    assert html(small) == html(small)
    assert xlsx(small) == xlsx(small)


@pytest.mark.parametrize("chart", charts(), ids=lambda chart: f"{chart.shape} {chart.title}")
def test_charts_are_drawn_as_shapes(chart: Chart) -> None:
    drawn = ElementTree.fromstring(svg(chart, "en"))
    assert not list(drawn.iter("{http://www.w3.org/2000/svg}text"))
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}path"))) > 5


def test_a_chart_with_one_value_or_none_is_drawn_too() -> None:
    for values in ((0.5,), (None,)):
        for shape in ("trend", "bars"):
            assert svg(Chart(shape, "x", "share", ("2026-01",), (Series("x", values),)), "en").startswith("<svg")


def test_without_a_chinese_font_chinese_words_are_refused_with_the_way_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = [font for font in font_manager.fontManager.ttflist if font.name == fonts.LATIN]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", latin)
    fonts._chinese.cache_clear()
    try:
        assert families("attainment", "en") == ["DejaVu Sans"]
        with pytest.raises(EngineError, match="apt-get install fonts-noto-cjk, or fonts-wqy-microhei"):
            families("达成率", "zh")
    finally:
        fonts._chinese.cache_clear()


@pytest.mark.real("pdftotext", "pdftoppm")
def test_a_pdf_has_numbered_pages_of_a4_with_every_word(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    table, words = sample().sections[0].blocks
    path.write_bytes(pdf(replace(sample(), sections=(Section("走势", (table, words, charts()[4])),))))
    said = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    for expected in ("客户服务改进月报", "2026年9月", "93.1%", "alert(1)", "态度"):
        assert expected in said
    assert re.search(r"1\s*/\s*1", said)
    drawn = subprocess.run(["pdftoppm", "-r", "36", "-f", "1", "-l", "1", str(path)], capture_output=True, check=True).stdout
    width, height = map(int, drawn.split(b"\n", 2)[1].split())
    assert (width, height) == (298, 421)


def test_a_pdf_may_load_nothing() -> None:
    from engine_reports.paper import _nothing

    with pytest.raises(EngineError, match=r"a report loads nothing, and not file:///etc/passwd"):
        _nothing("file:///etc/passwd")


def test_a_workbook_has_a_sheet_a_section_with_tables_and_charts(book: zipfile.ZipFile) -> None:
    names = [sheet.get("name") for sheet in part(book, "workbook.xml").iter(f"{MAIN}sheet")]
    assert names == ["客户服务改进月报", "指标完成情况", "走势", "走势 2"]
    files = book.namelist()
    assert sum(name.startswith("xl/tables/table") for name in files) == 1 + len(charts())
    assert sum(name.startswith("xl/charts/chart") for name in files) == len(charts())


def test_figures_are_numbers_in_their_units_and_texts_never_formulas(book: zipfile.ZipFile) -> None:
    sheet = part(book, "worksheets/sheet2.xml")
    numbers = [
        float(cell.findtext(f"{MAIN}v") or 0)
        for cell in sheet.iter(f"{MAIN}c")
        if cell.get("t") is None and cell.find(f"{MAIN}v") is not None
    ]
    assert numbers == pytest.approx([0.931, 0.02, 5400 / 86400])
    assert not list(sheet.iter(f"{MAIN}f"))
    assert not list(sheet.iter(f"{MAIN}hyperlink"))
    assert HOSTILE in [text.text for text in part(book, "sharedStrings.xml").iter(f"{MAIN}t")]


def test_the_charts_of_a_workbook_are_drawn_from_the_cells_beside_them(book: zipfile.ZipFile) -> None:
    sheet = part(book, "worksheets/sheet3.xml")
    cells = {
        cell.get("r"): float(cell.findtext(f"{MAIN}v") or 0)
        for cell in sheet.iter(f"{MAIN}c")
        if cell.get("t") is None and cell.find(f"{MAIN}v") is not None
    }
    chart = part(book, "charts/chart1.xml")
    values = [one.text or "" for series in chart.iter(f"{CHART}val") for one in series.iter(f"{CHART}f")]
    assert len(values) == 4  # the value, both ends of its interval, the target
    first, last = re.fullmatch(r"'走势'!\$B\$(\d+):\$B\$(\d+)", values[0]).groups()  # type: ignore[union-attr]  # or the test fails
    shown = [cells.get(f"B{row}") for row in range(int(first), int(last) + 1)]
    assert shown == [0.8, 0.82, None, 0.85, 0.86, 0.9, 0.91, 0.6, 0.93]


def test_long_and_equal_titles_still_name_different_sheets() -> None:
    title = "A very long title of a section, longer than a sheet's name: [1/2]?"
    document = replace(sample(), sections=tuple(Section(title, ()) for _ in range(12)))
    names = [one.get("name") or "" for one in part(zipfile.ZipFile(io.BytesIO(xlsx(document))), "workbook.xml").iter(f"{MAIN}sheet")]
    assert len({name.lower() for name in names}) == 13
    assert max(map(len, names)) <= 31
