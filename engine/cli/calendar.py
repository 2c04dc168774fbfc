"""`engine calendar`: holidays out of an iCalendar file."""

import re
from collections.abc import Sequence
from pathlib import Path

import click

from engine.cli.output import clean, write_report
from engine.errors import EngineError, UsageError
from engine.policy.icalendar_file import MOST_BYTES, WORKDAY_WORDS, as_yaml, read_holidays


@click.group()
def group() -> None:
    """Import holidays from an iCalendar file."""


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", default="imported", show_default=True, help="What the arrangement is called in YAML.")
@click.option("--year", "years", type=click.IntRange(1900, 2199), multiple=True, help="Only this year; may be given more than once.")
@click.option("--workday", "words", multiple=True, metavar="TEXT", help="A word in summaries of make-up workdays. Default: 班, workday.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the YAML to this file instead.")
def import_(file: Path, name: str, years: Sequence[int], words: Sequence[str], output: Path | None) -> None:
    """Print the whole-day events of FILE (.ics) as a holiday arrangement in YAML, to be kept in policies/calendars/.

    Days off and make-up workdays are told apart by their summaries, or by what Apple's calendars say of them. Events with hours, and
    events that recur otherwise than yearly, are left out and named. Without --year, the years of events that happen once count.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise UsageError(f"{name!r} is no name for an arrangement: letters, digits, - and _, at most 64")
    try:
        with file.open("rb") as opened:
            holidays = read_holidays(opened.read(MOST_BYTES + 1), years, words or WORKDAY_WORDS)
    except ImportError as error:
        raise UsageError("iCalendar files need a library more: pip install 'closedloop[icalendar]'") from error
    except EngineError as error:
        raise EngineError(f"{file}: {error}") from error
    text = as_yaml(holidays, name, file.name)
    for told in holidays.left_out:
        click.echo(f"left out: {clean(told)}", err=True)
    if output is not None:
        write_report(output, text)
    else:
        click.echo(text)
