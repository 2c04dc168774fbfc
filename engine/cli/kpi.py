"""`engine kpi`: the KPIs of a period, by anything they can be split by, beside the policy's targets."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from engine.analysis.texts import instant
from engine.cli.session import Session, options
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.analysis.kpi import Figure
    from engine.cli.output import Cell
    from engine.cli.words import Words
    from engine.core.kpis import KpiPolicy

_STYLES = {"met": "green", "below_target": "yellow", "flagged": "bold red", "few": "dim", "suppressed": "dim"}
_SHAPES = click.Choice(["table", "json", "csv"])
_SHAPE = click.option("--format", "shape", type=_SHAPES, default="table", show_default=True, help="How to print.")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options(_SHAPE)
@click.option("--by", metavar="DIMENSIONS", default="", help="Split by these: month,tier. hour is the hour of the day.")
@click.option("--from", "since", metavar="DATE", help="First day. Default: the first of this month.")
@click.option("--to", "until", metavar="DATE", help="Last day, or a moment: 2026-03-06 17:00. Default: now.")
@click.option("--drivers", "about", flag_value="drivers", help="Instead: which questions of a survey drive satisfaction.")
@click.option("--factors", "about", flag_value="factors", help="Instead: which questions of a survey go together.")
@click.option("--suggestions", "about", flag_value="suggestions", help="Instead: what customers suggest most often.")
@click.option("--survey", metavar="ID", help="Of these, the answers to this survey only.")
@click.option("--seed", default=1, show_default=True, help="Of the random numbers of --drivers and --factors.")
def command(
    session: Session,
    names: Sequence[str],
    shape: str,
    by: str,
    since: str | None,
    until: str | None,
    about: str | None,
    survey: str | None,
    seed: int,
) -> None:
    """Show KPIs with n, value, 95 % interval and target.

    Without NAME all that can be split so. What is flagged is worse than the warning value; with ! its whole interval is. Survey results of
    fewer than five are not shown. docs/kpis.md has the definitions. --drivers, --factors and --suggestions are about all the answers there
    are where neither --from nor --to is given, and else about those of the months that the period touches.
    """
    if about is not None:
        from engine.cli.answers import show

        if names or by or shape == "csv":
            raise UsageError(f"--{about} is about answers as a whole: leave out NAME and --by, and write --format table or json")
        show(session, about, survey, seed, since, until, json=shape == "json")
        return
    from engine.analysis.kpi import catch_up, check, measure, splittable
    from engine.cli.output import say, say_json

    dimensions = [one.strip() for one in by.split(",") if one.strip()]
    with session.desk() as desk:
        zone = desk.words.timezone
        begin = instant(since, zone, day_ends=False) if since else _first_of_month(desk.now, zone)
        end = end_of(until, zone) if until else desk.now
        wanted = list(names) or [name for name in splittable(dimensions) if name not in _unsettled(desk.policy.reports.kpis)]
        check(wanted, dimensions)
        if not wanted:
            raise UsageError(f"no KPI can be split by all of {', '.join(dimensions)}; leave one of them out")
        catch_up(desk.store, desk.policy)
        with desk.store.read() as reader:
            figures = measure(reader, desk.policy, wanted, dimensions, begin, end, desk.store)
        if shape == "json":
            say_json({"from": begin, "to": end, "by": dimensions, "figures": [_plain(figure, dimensions) for figure in figures]})
        elif shape == "csv":
            say(_csv(figures, dimensions).rstrip())
        else:
            _show(figures, dimensions, desk.words, begin, end)


def _unsettled(kpis: Mapping[str, "KpiPolicy"]) -> set[str]:
    """The KPIs of which the policy does not say how they are counted."""
    from engine.core.kpis import KPIS

    return {name for name, kpi in KPIS.items() if kpi.settings and name not in kpis}


def end_of(text: str, zone: str) -> datetime:
    """Return the moment, or the midnight at which the day ends."""
    begin = instant(text, zone, day_ends=False)
    if len(text.strip()) > len("2026-03-06"):
        return begin
    return datetime.combine(begin.astimezone(ZoneInfo(zone)).date() + timedelta(days=1), datetime.min.time(), ZoneInfo(zone))


def _first_of_month(now: datetime, zone: str) -> datetime:
    return now.astimezone(ZoneInfo(zone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _plain(figure: "Figure", dimensions: Sequence[str]) -> dict[str, object]:
    """Return a figure as programs take it: shares of 1, seconds, None for what there is not."""
    low, high = figure.interval or (None, None)
    control_low, control_high = figure.limits or (None, None)
    return {
        "kpi": figure.kpi,
        **dict(zip(dimensions, figure.group, strict=True)),
        "n": figure.n,
        "value": figure.value,
        "low": low,
        "high": high,
        "target": figure.goal.target if figure.goal else None,
        "warning": figure.goal.warning if figure.goal else None,
        "standing": figure.standing,
        "significant": figure.significant,
        "control_low": control_low,
        "control_high": control_high,
    }


def _csv(figures: "Sequence[Figure]", dimensions: Sequence[str]) -> str:
    out = io.StringIO()
    rows = [_plain(figure, dimensions) for figure in figures]
    writer = csv.DictWriter(out, rows[0] if rows else ["kpi"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _show(figures: "Sequence[Figure]", dimensions: Sequence[str], words: "Words", begin: datetime, end: datetime) -> None:
    from engine.cli.output import say, table

    say(words.name("kpi.period", words.clock(begin), words.clock(end)), "bold")
    if not figures:
        say(words.name("nothing"))
        return
    weekly = any(figure.limits for figure in figures)
    headings = ["kpi", *dimensions, "n", "value", "interval", "target", *(["limits"] if weekly else []), "standing"]
    table([words.name(name) for name in headings], [_row(figure, dimensions, words, weekly) for figure in figures])


def _row(figure: "Figure", dimensions: Sequence[str], words: "Words", weekly: bool) -> "list[Cell]":
    from engine.analysis.labels import label

    goal, limits = figure.goal, figure.limits
    standing = words.name(f"standing.{figure.standing}") if figure.standing else ""
    parts = [_part(name, value, words) for name, value in zip(dimensions, figure.group, strict=True)]
    return [
        label(f"kpi.{figure.kpi}", words.language),
        *parts,
        "" if figure.standing == "suppressed" else str(figure.n),
        (shown_value(figure.kpi, figure.value), _STYLES.get(figure.standing, "")),
        " – ".join(shown_value(figure.kpi, end) for end in figure.interval or ()),
        shown_value(figure.kpi, goal.target) if goal else "",
        *([" – ".join(shown_value(figure.kpi, end) for end in limits or ())] if weekly else []),
        (f"{standing}{' !' if figure.significant else ''}", _STYLES.get(figure.standing, "")),
    ]


def _part(dimension: str, value: str, words: "Words") -> str:
    """Return the value of a dimension in people's words."""
    from engine.analysis.labels import label

    match dimension:
        case "kind" | "state" | "segment":
            return words.name(value)
        case "tier":
            return words.tier(value)
        case "queue":
            return words.queue(value)
        case "agent":
            return words.party(value or None)
        case "deadline":
            return words.deadline(value)
        case "category":
            return label(f"category.{value}", words.language)
    return value


def shown_value(kpi: str, value: float | None) -> str:
    """Return a value in the unit of its KPI."""
    from engine.analysis.kpi.watch import amount
    from engine.cli.output import span
    from engine.core.kpis import KPIS

    if value is not None and KPIS[kpi].unit == "duration":
        return span(timedelta(seconds=value))
    return amount(kpi, value)
