"""`engine due`: when a budget of business time is used up on a calendar, and how much of it was used at an instant."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
import msgspec

from engine.analysis.texts import instant, length
from engine.cli.app import FINDINGS
from engine.cli.output import say, say_json
from engine.cli.session import FORMAT, LANGUAGE, by_locale
from engine.cli.words import Words
from engine.core.arithmetic import Arithmetic, reckon
from engine.core.calendar import Calendar, Pause
from engine.core.tracing import show
from engine.errors import ConfigurationError, EngineError, UsageError
from engine.policy import compile_only_calendars, format_text, has_errors
from engine.resources import shipped_policies

_ALWAYS = "24x7"
_OPEN = ("", "..")


class Case(msgspec.Struct):
    """A deadline to reckon, as a line of a batch has it. A pause is `ISO/ISO`, or a pair; an end of null, `..` or nothing is still open."""

    calendar: str
    start: str
    budget_minutes: float | None = None
    pauses: list[str | tuple[str, str | None]] = []
    at: str | None = None


@click.command()
@click.option("--calendar", metavar="NAME", help="A calendar of the policies, or 24x7.")
@click.option("--start", metavar="ISO", help="When the clock starts: 2026-03-04T10:00+08:00; without an offset in the calendar's zone.")
@click.option("--budget", metavar="DURATION", help="How much business time there is: 30m, 2h, 1d 4h (d is 24 hours).")
@click.option("--pause", "pauses", multiple=True, metavar="ISO/ISO", help="Time that does not count; ISO/.. still lasts. Repeatable.")
@click.option("--elapsed", "at", metavar="ISO", help="Say how much business time was used at this instant.")
@click.option("--explain", is_flag=True, help="Step by step: what counted, what did not, and why.")
@click.option("--policies", type=click.Path(path_type=Path, exists=True, file_okay=False), help="The directory whose calendars count.")
@click.option("--batch", type=click.File("rb"), help="Reckon each line of a JSON Lines file (-: standard input) instead.")
@FORMAT
@LANGUAGE
def command(
    calendar: str | None,
    start: str | None,
    budget: str | None,
    pauses: Sequence[str],
    at: str | None,
    explain: bool,
    policies: Path | None,
    batch: BinaryIO | None,
    format_: str,
    lang: str | None,
) -> int:
    """Print the instant at which a budget of business time is used up.

    Calendars are those of --policies, else of the project or the directory policies here, else the shipped ones. A line of a batch is an
    object with calendar, start, budget_minutes, pauses (a list of "ISO/ISO") and perhaps at; each gives one line of JSON, in order.
    """
    calendars = _calendars(policies)
    if batch is not None:
        if calendar or start or budget or pauses or at or explain:
            raise UsageError("with --batch, calendar, start, budget, pauses and at stand in the lines of the file")
        return _batch(calendars, batch)
    if calendar is None or start is None or (budget is None and (at is None or explain)):
        raise UsageError("say --calendar NAME, --start ISO, and --budget DURATION or --elapsed ISO; or --batch FILE")
    minutes = None if budget is None else length(budget) / timedelta(minutes=1)
    case = Case(calendar, start, minutes, [*pauses], at)
    found = reckoned(calendars, case)
    steps = _steps(calendars, case) if explain else None
    _print(found, steps, format_ == "json", lang or by_locale() or "en")
    return 0


def reckoned(calendars: Mapping[str, Calendar], case: Case) -> dict[str, object]:
    """Return `deadline` (with the offset of the calendar's zone), `elapsed_seconds` and `remaining_seconds`; None is unknown or not asked.

    Raises CalendarUnknown, and UsageError for what is no calendar, no instant, no pause or no budget.
    """
    calendar, start, budget, pauses = _read(calendars, case)
    try:
        due = None if budget is None else calendar.due(start, budget, pauses)
        used = None if case.at is None else calendar.elapsed(start, instant(case.at, calendar.timezone, day_ends=False), pauses)
        # 24x7 has no zone of its own, so the answer is in that of the question.
        zone = datetime.fromisoformat(case.start.strip()).tzinfo if calendar.name == _ALWAYS else ZoneInfo(calendar.timezone)
        deadline = due and due.astimezone(zone or due.tzinfo).isoformat()
    except (ValueError, OverflowError) as error:
        raise UsageError(str(error)) from error
    return {
        "deadline": deadline,
        "elapsed_seconds": None if used is None else _seconds(used),
        "remaining_seconds": None if used is None or budget is None else _seconds(budget - used),
    }


def _read(calendars: Mapping[str, Calendar], case: Case) -> tuple[Calendar, datetime, timedelta | None, list[Pause]]:
    calendar = calendars.get(case.calendar)
    if calendar is None:
        raise UsageError(f"there is no calendar {case.calendar!r}; there are {', '.join(sorted(calendars))}")

    def read(text: str) -> datetime:
        return instant(text, calendar.timezone, day_ends=False)

    pauses: list[Pause] = []
    for pause in case.pauses:
        begin, end = pause if isinstance(pause, tuple) else pause.partition("/")[::2]
        if isinstance(pause, str) and "/" not in pause:
            raise UsageError(f"{pause!r} is no pause: write begin/end, or begin/.. while it lasts")
        pauses.append((read(begin), None if end is None or end.strip() in _OPEN else read(end)))
    try:
        budget = None if case.budget_minutes is None else timedelta(minutes=case.budget_minutes)
    except OverflowError as error:
        raise UsageError(f"a budget of {case.budget_minutes:g} minutes is too large") from error
    return calendar, read(case.start), budget, pauses


def _steps(calendars: Mapping[str, Calendar], case: Case) -> Arithmetic:
    calendar, start, budget, pauses = _read(calendars, case)
    return reckon(calendar, start, budget or timedelta(0), pauses)


def _batch(calendars: Mapping[str, Calendar], lines: BinaryIO) -> int:
    """Answer each line by one; a line that cannot be reckoned says why, and the others go on."""
    decode = msgspec.json.Decoder(Case).decode
    failed, count = 0, 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        count += 1
        try:
            answer = reckoned(calendars, decode(line))
        except (EngineError, msgspec.MsgspecError) as error:
            failed += 1
            answer = {"line": number, "error": str(error)}
        sys.stdout.write(f"{json.dumps(answer)}\n")
    if failed:
        click.echo(f"engine: {failed} of {count} lines could not be reckoned; each says why in its `error`", err=True)
    return FINDINGS if failed else 0


def _calendars(policies: Path | None) -> Mapping[str, Calendar]:
    """Return the calendars of a directory by name. Raises ConfigurationError with all that is wrong with them."""
    from engine.runtime.project import FILE, load_project

    here = load_project(Path()).policies if Path(FILE).is_file() else Path("policies")
    calendars, diagnostics = compile_only_calendars(policies or (here if here.is_dir() else shipped_policies()))
    if has_errors(diagnostics):
        raise ConfigurationError(f"the calendars are not sound:\n{format_text(diagnostics).rstrip()}")
    return calendars


def _seconds(span: timedelta) -> int | float:
    seconds = span.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


def _print(found: Mapping[str, object], arithmetic: Arithmetic | None, as_json: bool, language: str) -> None:
    if as_json:
        say_json({**found, **({"steps": arithmetic.steps} if arithmetic else {})})
        return
    words = Words(language)
    say(str(found["deadline"] or words.name("unknown")))
    for key in ("elapsed_seconds", "remaining_seconds"):
        if (seconds := found[key]) is not None:
            say(f"{words.name(key)}: {show(timedelta(seconds=float(str(seconds))))}")
    if arithmetic is not None:
        words.timezone = arithmetic.timezone
        for step in arithmetic.steps:
            say(f"  {words.step(step)}")
