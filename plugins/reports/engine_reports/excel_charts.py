"""Charts that Excel draws itself, over the figures of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlsxwriter.utility import xl_range_abs

from engine.documents import Chart, Series

UNITS: Mapping[str, str] = {"share": "0.0%", "change": "+0.0%;-0.0%", "duration": "[h]:mm", "count": "0", "mean": "0.00", "score": "0.0"}
_SCORES = ("#D6483C", "#EC8F5E", "#E8C65C", "#8CC084", "#3A9C6B")
_DEEP, _TARGET, _QUIET, _LINE = "#2F56B8", "#2F9E6E", "#667085", "#E4E8EF"
_ORANGE = "#D98324"
VALUE, LIMIT, TARGET = "value", "limit", "target"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chart's figures stand: the rows of a sheet, names in the first column, then the columns."""

    sheet: str
    first: int
    last: int
    columns: Sequence[tuple[str, Series]]

    def series(self, place: int, **looks: Any) -> dict[str, Any]:
        """Return a column as a series."""
        return {"name": self.columns[place][1].name, "categories": self._range(0), "values": self._range(place + 1), **looks}

    def _range(self, column: int) -> str:
        return f"='{self.sheet}'!{xl_range_abs(self.first, column, self.last, column)}"


def columns_of(chart: Chart) -> Iterator[tuple[str, Series]]:
    """Yield the columns of a chart's figures: its series, the ends of their intervals or limits, and the targets; each with what it is."""
    for one in chart.series:
        yield VALUE, one
    for one in chart.series:
        if any(end is not None for end in (*one.low, *one.high)):
            yield LIMIT, Series(f"{one.name} ↓", one.low, unit=one.unit)
            yield LIMIT, Series(f"{one.name} ↑", one.high, unit=one.unit)
    if any(target is not None for target in chart.targets):
        yield TARGET, Series(chart.target_name, chart.targets)


def drawn(book: Any, chart: Chart, place: Place) -> Any:
    """Return a chart of xlsxwriter's, to be put into a sheet."""
    made = {"shares": _shares, "bars": _bars, "pareto": _pareto}.get(chart.shape, _lines)(book, chart, place)
    made.set_title({"name": chart.title, "name_font": {"size": 12}})
    made.set_legend({"position": "bottom"})
    made.set_size({"width": 620, "height": 320})
    return made


def _lines(book: Any, chart: Chart, place: Place) -> Any:
    looks: Mapping[str, dict[str, Any]] = {
        VALUE: {"line": {"color": _DEEP, "width": 2.25}, "marker": {"type": "circle", "size": 5, "fill": {"color": _DEEP}}},
        LIMIT: {"line": {"color": _QUIET, "width": 1, "dash_type": "square_dot"}},
        TARGET: {"line": {"color": _TARGET, "width": 1.5, "dash_type": "dash"}},
    }
    made = book.add_chart({"type": "line"})
    for number, (what, _) in enumerate(place.columns):
        made.add_series(place.series(number, **looks[what]))
    made.set_y_axis(_axis(chart))
    return made


def _bars(book: Any, chart: Chart, place: Place) -> Any:
    series = chart.series[0]
    looks: dict[str, Any] = {"fill": {"color": "#7F9BE0"}, "gap": 60}
    if any(end is not None for end in series.low):
        away = [
            tuple(0.0 if end is None or value is None else abs(end - value) for end in (low, high))
            for value, low, high in zip(series.values, series.low, series.high, strict=True)
        ]
        plus, minus = [high for _, high in away], [low for low, _ in away]
        looks["y_error_bars"] = {"type": "custom", "plus_values": plus, "minus_values": minus}
    made = book.add_chart({"type": "column"})
    made.add_series(place.series(0, **looks))
    number = next((number for number, (what, _) in enumerate(place.columns) if what == TARGET), None)
    if number is not None:
        marks = book.add_chart({"type": "line"})
        marker = {"type": "long_dash", "size": 14, "fill": {"color": _TARGET}, "border": {"color": _TARGET}}
        marks.add_series(place.series(number, line={"none": True}, marker=marker))
        made.combine(marks)
    made.set_y_axis(_axis(chart))
    return made


def _shares(book: Any, chart: Chart, place: Place) -> Any:
    made = book.add_chart({"type": "bar", "subtype": "percent_stacked"})
    for number in range(len(place.columns)):
        colour = _SCORES[round(number / max(1, len(place.columns) - 1) * (len(_SCORES) - 1))]
        made.add_series(place.series(number, fill={"color": colour}, data_labels={"value": True}, gap=50))
    made.set_y_axis({"reverse": True})
    return made


def _pareto(book: Any, chart: Chart, place: Place) -> Any:
    made, cumulative = book.add_chart({"type": "column"}), book.add_chart({"type": "line"})
    made.add_series(place.series(0, fill={"color": _DEEP}, data_labels={"value": True}, gap=40))
    cumulative.add_series(place.series(1, line={"color": _ORANGE, "width": 2}, marker={"type": "circle", "size": 5}, y2_axis=True))
    cumulative.set_y2_axis({"num_format": "0%", "min": 0, "max": 1})
    made.combine(cumulative)
    made.set_y_axis(_axis(chart))
    return made


def _axis(chart: Chart) -> dict[str, Any]:
    """The axis of values; what is a share never goes past all of it."""
    return {"num_format": UNITS.get(chart.unit, "0.0"), "major_gridlines": {"visible": True, "line": {"color": _LINE}}}
