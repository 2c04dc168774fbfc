"""Charts as SVG, drawn by matplotlib: self-contained, their letters drawn as shapes, equal for equal figures."""

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from engine.documents import Chart
from engine_reports.fonts import families

INK, QUIET, LINE, FILL, DEEP, GOOD, BAD = "#18212f", "#667085", "#e4e8ef", "#7f9be0", "#2f56b8", "#2f9e6e", "#c8372d"
_TONES = {"good": "#6bb593", "warning": "#e8b04a", "bad": "#d9695f"}
_SCORES = LinearSegmentedColormap.from_list("scores", ["#d6483c", "#ec8f5e", "#e8c65c", "#8cc084", "#3a9c6b"])
_NARROW, _WIDE = 3.4, 7.0  # inches
_MOST_LABELS = 6
_MOST = {"bars": 10, "pareto": 5}
"""How many categories of a shape half a page has room for."""
_ROOM = 0.12
_YEAR = re.compile(r"^20(?=\d\d-)")
"""What every period of these hundred years begins with."""

_PROLOG = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_ANONYMOUS = re.compile(r'<g id="[^"]*"')
_IDS = re.compile(r'(?<=[ ])id="|href="#|url\(#')
"""Where one is given or meant: on a page of several charts each has its own."""

_NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_SIZE = re.compile(r'<svg [^>]*?(?P<box>viewBox="[^"]*")[^>]*>')
_STYLE = {
    "font.size": 8,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}

_BEHIND = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}

Axes = Any
"""matplotlib's; its own types do not tell what its methods return."""


def svg(chart: Chart, language: str, *, letters: bool = False) -> str:
    """Return the chart as an `svg` element as wide as its place, its letters as shapes unless they are to stay `letters`.

    Raises EngineError where no font can say what is in it.
    """
    texts = " ".join((chart.target_name, *chart.categories, *(series.name for series in chart.series)))
    style: dict[Any, Any] = {
        **_STYLE,
        "svg.fonttype": "none" if letters else "path",
        "svg.hashsalt": chart.title,
        "font.family": families(texts, language),
    }
    out = io.StringIO()
    with mpl.rc_context(style):
        figure = Figure(figsize=_size(chart), layout="constrained")
        _DRAWN[chart.shape](figure.add_subplot(), chart)
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    element = _ANONYMOUS.sub("<g", _PROLOG.sub("", out.getvalue(), count=1))
    own = hashlib.sha256(f"{chart}".encode()).hexdigest()[:8]
    return _IDS.sub(rf"\g<0>{own}-", _SIZE.sub(rf"<svg {_NAMESPACES} \g<box>>", element, count=1))


def is_wide(chart: Chart) -> bool:
    """Whether a chart takes the whole width of a page, not half of it."""
    return chart.shape in ("control", "shares") or len(chart.categories) > _MOST.get(chart.shape, 14)


def shown(unit: str, value: float) -> str:
    """Return a value as charts and spreadsheets say it, in a few characters."""
    match unit:
        case "share" | "change":
            return f"{value:.1%}"
        case "duration":
            return f"{value / 3600:.1f} h" if value >= 3600 else f"{value / 60:.0f} min"
        case "count":
            return f"{value:g}"
    return f"{value:.1f}"


def _size(chart: Chart) -> tuple[float, float]:
    width = _WIDE if is_wide(chart) else _NARROW
    if chart.shape == "bars":
        return width, 0.55 + 0.3 * max(3, len(chart.categories))
    if chart.shape == "shares":
        return width, 0.7 + 0.42 * len(chart.categories)
    return width, 1.9


def _trend(axes: Axes, chart: Chart) -> None:
    series, places = chart.series[0], range(len(chart.categories))
    values = _gaps(series.values)
    _band(axes, series.low, series.high, FILL, 0.22)
    _target(axes, chart)
    axes.plot(places, values, color=DEEP, linewidth=1.8, marker="o", markersize=3.6, markerfacecolor="white", markeredgewidth=1.3)
    last = max((place for place in places if series.values[place] is not None), default=None)
    if last is not None:
        value = float(values[last])
        axes.plot([last], [value], color=DEEP, marker="o", markersize=4.6)
        axes.annotate(
            shown(chart.unit, value), (last, value), xytext=(0, 7), textcoords="offset points", ha="center", color=DEEP, bbox=_BEHIND
        )
    _time(axes, chart)


def _control(axes: Axes, chart: Chart) -> None:
    series, places = chart.series[0], range(len(chart.categories))
    values = _gaps(series.values)
    _band(axes, series.low, series.high, "#98a2b3", 0.16)
    for ends in (series.low, series.high):
        axes.plot(places, _gaps(ends), color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), drawstyle="steps-mid")
    axes.plot(places, values, color=DEEP, linewidth=1.5, marker="o", markersize=3.6)
    beyond = [place for place in places if _is_beyond(series.values[place], series.low[place], series.high[place])]
    axes.plot(beyond, [values[place] for place in beyond], color=BAD, linestyle="", marker="o", markersize=6.5)
    _time(axes, chart)


def _bars(axes: Axes, chart: Chart) -> None:
    series, places = chart.series[0], range(len(chart.categories))
    values = [value or 0.0 for value in series.values]
    colours = [_TONES.get(tone, FILL) for tone in chart.tones or ("",) * len(values)]
    axes.barh(places, values, height=0.58, color=colours, alpha=0.9)
    for place, value in enumerate(values):
        low, high = (ends[place] if ends else None for ends in (series.low, series.high))
        edge = value
        if low is not None and high is not None:
            axes.errorbar(
                [value],
                [place],
                xerr=[[max(0.0, value - low)], [max(0.0, high - value)]],
                color=INK,
                elinewidth=0.9,
                capsize=2.4,
                capthick=0.9,
            )
            edge = max(value, high)
        target = chart.targets[place] if chart.targets else None
        if target is not None:
            axes.plot([target, target], [place - 0.4, place + 0.4], color=INK, linewidth=1.6)
            edge = max(edge, target)
        axes.annotate(shown(chart.unit, value), (edge, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(list(places), [_wrapped(name, 16) for name in chart.categories], color=INK)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, None)
    axes.margins(x=0.22)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=chart.unit == "count"))
    axes.xaxis.set_major_formatter(_formatter(chart.unit))


def _shares(axes: Axes, chart: Chart) -> None:
    places, count = range(len(chart.categories)), len(chart.series)
    totals = [sum(series.values[place] or 0.0 for series in chart.series) for place in places]
    before = [0.0] * len(totals)
    for position, series in enumerate(chart.series):
        parts = [(series.values[place] or 0.0) / totals[place] if totals[place] else 0.0 for place in places]
        colour = _SCORES(position / max(1, count - 1))
        axes.barh(places, parts, left=before, height=0.62, color=colour, label=series.name, edgecolor="white", linewidth=0.8)
        for place, part in enumerate(parts):
            if part >= 0.05:
                dark = position in (0, count - 1)
                axes.text(
                    before[place] + part / 2, place, f"{series.values[place]:g}", ha="center", va="center", color="white" if dark else INK
                )
        before = [start + part for start, part in zip(before, parts, strict=True)]
    axes.set_yticks(list(places), [_wrapped(name, 30) for name in chart.categories], color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.figure.legend(loc="outside lower center", ncols=count, frameon=False, handlelength=1, handleheight=1, columnspacing=1.4)


def _pareto(axes: Axes, chart: Chart) -> None:
    counts, cumulative = chart.series
    places, values = range(len(chart.categories)), [value or 0.0 for value in counts.values]
    vital = next((place for place in places if (cumulative.values[place] or 0) >= 0.8 - 1e-9), len(values) - 1)
    axes.bar(places, values, width=0.62, color=[DEEP if place <= vital else FILL for place in places])
    axes.set_xticks(list(places), [_wrapped(name, 11) for name in chart.categories], color=INK, fontsize=7)
    axes.set_ylim(0, max(values) * 1.25)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(visible=False, axis="x")
    right = axes.twinx()
    right.plot(places, _gaps(cumulative.values), color="#d98324", linewidth=1.5, marker="o", markersize=3.4)
    right.axhline(0.8, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    right.set_ylim(0, 1.08)
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    right.grid(visible=False)
    right.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    for place, value in enumerate(values):  # above the line, which is the other axes'
        where = {"xy": (place, value), "xycoords": axes.transData, "xytext": (0, 3), "textcoords": "offset points"}
        right.annotate(f"{value:g}", **where, ha="center", bbox=_BEHIND)


_DRAWN: Mapping[str, Callable[[Axes, Chart], None]] = {
    "trend": _trend,
    "control": _control,
    "bars": _bars,
    "shares": _shares,
    "pareto": _pareto,
}


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]


def _band(axes: Axes, low: Sequence[float | None], high: Sequence[float | None], colour: str, alpha: float) -> None:
    if low and high:
        axes.fill_between(range(len(low)), _gaps(low), _gaps(high), color=colour, alpha=alpha, linewidth=0)


def _target(axes: Axes, chart: Chart) -> None:
    target = next((one for one in reversed(chart.targets) if one is not None), None)
    if target is not None:
        axes.axhline(target, color=GOOD, linewidth=1.2, linestyle=(0, (5, 3)))


def _time(axes: Axes, chart: Chart) -> None:
    """Name some of the periods, the last one always; leave room above for the last value."""
    count = len(chart.categories)
    every = max(1, ceil(count / (2 * _MOST_LABELS if is_wide(chart) else _MOST_LABELS - 1)))
    places = [place for place in range(count) if (count - 1 - place) % every == 0]
    axes.set_xticks(places, [_YEAR.sub("", chart.categories[place]) for place in places])
    axes.set_xlim(-0.5, count - 0.5)
    low, high = axes.get_ylim()
    room = (high - low or 1.0) * _ROOM
    axes.set_ylim(max(0.0, low - room) if low >= 0 else low - room, high + 1.6 * room)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(_formatter(chart.unit))
    if chart.unit == "share":
        axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= 1.0001])
    axes.grid(visible=False, axis="x")


def _formatter(unit: str) -> FuncFormatter:
    match unit:
        case "share":
            return FuncFormatter(lambda value, _: f"{value:.0%}" if value <= 1.0001 else "")
        case "duration":
            return FuncFormatter(lambda value, _: f"{value / 3600:.3g} h")
    return FuncFormatter(lambda value, _: f"{value:g}")


def _is_beyond(value: float | None, low: float | None, high: float | None) -> bool:
    return value is not None and low is not None and high is not None and not low <= value <= high


def columns(text: str) -> int:
    """Return how many columns a text takes where a Chinese character takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def _wrapped(text: str, width: int) -> str:
    """Break a label into lines of so many columns; Latin words stay whole."""
    return "\n".join(_lines(text, width))


def _lines(text: str, width: int) -> Iterator[str]:
    line, used = "", 0
    for piece in re.findall(r"[ -~À-ɏ]+? |[ -~À-ɏ]+|.", text):
        size = columns(piece)
        if line and used + size > width:
            yield line.strip()
            line, used = "", 0
        line, used = line + piece, used + size
    yield line.strip()
