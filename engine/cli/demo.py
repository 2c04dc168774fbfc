"""`engine demo`: a business day in seconds."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from engine.analysis.summary import Summary
    from engine.whatif.demo import DemoResult
    from engine.whatif.timeline import Line

_MARK = ".closedloop-demo"
_STYLES = {"in": "cyan", "out": "blue", "good": "green", "bad": "bold red", "warn": "yellow", "plain": ""}


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed plays the same day.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where everything is written; what an earlier demo wrote there is replaced.",
)
@click.option("--quiet", is_flag=True, help="Only the result, no timeline.")
def command(seed: int, output: Path, quiet: bool) -> None:
    """Play a business day through the very runtime that `engine run` uses, with a clock that runs ahead.

    Prints what happens, ticket by ticket, with the rule that said so; then where the database, the messages and a summary lie.
    """
    from engine.analysis.summary import summarise, summary_html
    from engine.channels import write_atomically
    from engine.whatif.demo import run_demo

    _prepare(output)
    result, engine = run_demo(output, seed, None if quiet else _Timeline())
    try:
        world = engine.world
        zone = world.policy.company.timezone
        with engine.store.read() as reader:
            summary = summarise(reader, world.policy, world.team, result.since, result.until, zone)
    finally:
        engine.close()
    for language in world.policy.company.languages:
        write_atomically(output / f"summary.{language}.html", summary_html(summary, language).encode())
    _conclude(result, summary, output)


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


def _conclude(result: "DemoResult", summary: "Summary", output: Path) -> None:
    from engine.cli.output import say, table

    say()
    promises, closing, feedback = summary.promises, summary.closing, summary.feedback
    labels = summary.names.deadlines
    table(
        ("promise", "kept", "broken", "attainment"),
        [
            (labels[one.key].get("en", one.key), str(one.attainment.met), str(one.attainment.breached), _percent(one.attainment.rate))
            for one in promises.by_deadline
        ],
    )
    table(
        ("", ""),
        [
            ("tickets", f"{result.tickets} ({summary.intake.needs} needs of customers, {summary.intake.own_work} of the house's own)"),
            ("channels", ", ".join(f"{one.key} {one.count}" for one in summary.intake.by_channel)),
            ("kinds", ", ".join(f"{one.key} {one.count}" for one in summary.intake.by_kind)),
            ("tiers", ", ".join(f"{one.key} {one.count}" for one in summary.intake.by_tier)),
            (
                "closed",
                f"{closing.confirmed} confirmed by the customer, {closing.unconfirmed} unconfirmed, {closing.objections} objections",
            ),
            ("surveys", f"{feedback.sent} sent, {feedback.answered} answered, {feedback.follow_ups_opened} follow-ups of low scores"),
            ("decisions", str(result.decisions)),
        ],
    )
    say()
    for what, path in (
        ("database", output / "var" / "engine.db"),
        ("messages", output / "var" / "out"),
        ("summary", output / "summary.en.html"),
        ("摘要", output / "summary.zh.html"),
    ):
        say(f"{what:<10} {path}")
    say(f"Look around: engine ticket list --project {output}; engine explain 202603040019 --project {output}", "dim")


def _percent(rate: float | None) -> str:
    from engine.cli.output import bar

    return "–" if rate is None else f"{bar(rate)} {rate:.0%}"
