"""`engine demo`: a month and a business day in a minute."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.analysis.learned import Verified
    from engine.cli.words import Words
    from engine.documents import Document
    from engine.runtime.engine import Engine
    from engine.whatif.demo import DemoResult
    from engine.whatif.timeline import Line

_BY_WEEK = ("volume", "sla_attainment", "response_on_time", "response_time", "needs_met", "survey_response")
_MARK = ".closedloop-demo"
_STYLES = {"in": "cyan", "out": "blue", "good": "green", "bad": "bold red", "warn": "yellow", "plain": ""}


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed plays the same weeks and the same day.")
@click.option(
    "--tickets", type=click.IntRange(0, 2000), default=150, show_default=True, help="So many in the weeks before; 0: the day alone."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where everything is written; what an earlier demo wrote there is replaced.",
)
@click.option("--quiet", is_flag=True, help="Only the result, no timeline.")
def command(seed: int, tickets: int, output: Path, quiet: bool) -> None:
    """Play a month and then a business day through the very runtime that `engine run` uses, with a clock that runs ahead.

    Prints what happens on the day, ticket by ticket, with the rule that said so; then what the month came to, by week, and where the
    database, the messages, the report of the day and that of the month lie.
    """
    from engine.cli.output import counting
    from engine.whatif.demo import run_demo

    _prepare(output)
    with counting("February") as step:
        result, engine = run_demo(output, seed, tickets, None if quiet else _Timeline(), step)
    try:
        if tickets:
            _show_month(engine, result)
        _conclude(engine, result, output, {"day": f"{result.since:%Y-%m-%d}"} | ({"month": f"{result.began:%Y-%m}"} if tickets else {}))
    finally:
        engine.close()


def _report(engine: "Engine", result: "DemoResult", kind: str, period: str, language: str, output: Path) -> tuple[Path, "Document"]:
    """Write a report: as a page, or as Markdown where nothing is installed that draws pages."""
    from engine.analysis.reports import period_of, report, writers
    from engine.channels import write_atomically

    known, world = writers(), engine.world
    format = "html" if "html" in known else "md"
    about = period_of(kind, period, result.until, world.policy.company.timezone)
    document = report(engine.store, world.policy, world.team, kind, about, result.until, language)
    path = output / f"{kind}.{language}.{format}"
    write_atomically(path, known[format][1](document))
    return path, document


def _prepare(output: Path) -> None:
    """Lay out a project whose messages truly go out: into folders."""
    from engine.cli.init import lay_out
    from engine.errors import Refused

    if (output / _MARK).exists():
        shutil.rmtree(output)
    elif output.exists() and any(output.iterdir()):
        raise Refused(f"{output} is not empty and was not written by `engine demo`; choose another with --output")
    lay_out(output, outbound="live")
    (output / _MARK).touch()


class _Timeline:
    """Prints the timeline as it happens; time and ticket are said once for what happened together."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, soft_wrap=False)
        self._before: tuple[object, str] | None = None

    def __call__(self, line: "Line") -> None:
        from rich.text import Text

        here = (line.at, line.ticket)
        head = f"{line.at:%m-%d %H:%M:%S}  {line.ticket:<13}" if here != self._before else " " * 29
        self._before = here
        text = Text.assemble((head, "dim"), " ", (line.what, _STYLES[line.tone]), (f"  ← {line.rule}" if line.rule else "", "dim"))
        self._console.print(
            text, no_wrap=True, overflow="ellipsis" if self._console.is_terminal else "ignore", crop=self._console.is_terminal
        )


def _show_month(engine: "Engine", result: "DemoResult") -> None:
    """The weeks, as whoever answers for the service wants to see them."""
    from engine.analysis.kpi import catch_up, measure
    from engine.analysis.labels import label
    from engine.analysis.learned import verdicts_on
    from engine.cli.kpi import shown_value
    from engine.cli.output import say, table
    from engine.cli.words import Words
    from engine.store import TicketQuery

    policy, words = engine.world.policy, Words("en", engine.world.policy, engine.world.team)
    catch_up(engine.store, policy)
    with engine.store.read() as reader:
        figures = measure(reader, policy, _BY_WEEK, ["week"], result.began, result.until)
        alerts, calls, measures = (reader.tickets(TicketQuery(kind=kind, limit=10_000)) for kind in ("alert", "follow_up", "improvement"))
        said = reader.contents([one.description for one in (*alerts, *measures) if one.description])
        verdicts = {one.number: list(verdicts_on(reader, one.number)) for one in measures}
    found = {(one.kpi, *one.group): shown_value(one.kpi, one.value) for one in figures}
    weeks, goals = sorted({one.group[0] for one in figures}), {one.kpi: one.goal for one in figures}
    rows = [(name, [found.get((name, week), "") for week in weeks], goals.get(name)) for name in _BY_WEEK]
    say()
    table(
        ("by week", *weeks, "target"),
        [(label(f"kpi.{name}", "en"), *values, shown_value(name, goal.target) if goal else "") for name, values, goal in rows],
    )
    table(
        ("alert", "from", "to", ""),
        [(one.number, words.clock(one.opened_at), words.clock(one.closed_at), said.get(one.description or "", "")) for one in alerts],
    )
    clocks = [clock for one in calls for clock in one.deadlines.values()]
    say(f"follow-ups of low scores: {sum(one.met is True for one in clocks)} in time, {sum(one.met is False for one in clocks)} missed")
    table(
        ("measure", "owner", "state", "verdict", "before", "after", ""),
        [
            (
                one.number,
                words.party(one.assignee),
                words.name(one.state),
                *_judged(verdicts[one.number], words),
                said.get(one.description or "", ""),
            )
            for one in measures
        ],
    )


def _judged(verdicts: "list[Verified]", words: "Words") -> list[str]:
    """The last verdict on a measure, and its KPI before and after."""
    from engine.cli.kpi import shown_value

    if not verdicts:
        return ["", "", ""]
    found = verdicts[-1].evidence
    return [words.name(verdicts[-1].verdict), *(shown_value(found.aim.kpi, one.value) for one in (found.before, found.after))]


def _conclude(engine: "Engine", result: "DemoResult", output: Path, periods: "Mapping[str, str]") -> None:
    """Which promises were kept from the day on, what the reports come to, and where everything lies."""
    from engine.analysis.kpi import measure
    from engine.cli.output import bar, say, table
    from engine.cli.words import Words

    policy, words = engine.world.policy, Words("en", engine.world.policy, engine.world.team)
    written = [
        _report(engine, result, kind, period, language, output) for kind, period in periods.items() for language in policy.company.languages
    ]
    with engine.store.read() as reader:
        found = measure(reader, policy, ["sla_attainment"], ["deadline"], result.since, result.until)
    rows = [(words.deadline(one.group[0]), one.n, one.value or 0) for one in found]
    say()
    table(
        ("promise", "kept", "broken", "attainment"),
        [(name, str(round(share * n)), str(n - round(share * n)), f"{bar(share)} {share:.0%}") for name, n, share in rows],
    )
    for document in (document for _, document in written if document.language == "en"):
        say()
        say(f"{document.title}, {document.period}", "bold")
        say("\n".join(document.summary))
    say()
    say(f"{result.tickets} tickets, {result.decisions} decisions")
    for what, path in (
        ("database", output / "var" / "engine.db"),
        ("messages", output / "var" / "out"),
        *(("report", one) for one, _ in written),
    ):
        say(f"{what:<10} {path}")
    say(f"Look around: engine ticket list --project {output}; engine explain 202603040019 --project {output}", "dim")
