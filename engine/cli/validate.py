"""`engine validate`: whether the policies are sound, and the project around them."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.analysis.texts import instant
from engine.cli.app import FINDINGS, WARNINGS
from engine.cli.output import as_json, write_report
from engine.cli.session import LANGUAGE, by_locale
from engine.errors import ConfigurationError, EngineError, UsageError
from engine.policy import Diagnostic, check_team, compile_policy, formats, has_errors, load_team
from engine.policy.cases import USUAL, Channels, load_cases
from engine.policy.cron import check_cron
from engine.policy.diagnostics import Problems
from engine.policy.nodes import Node
from engine.policy.reader import decode, read
from engine.policy.said import foreign, said, translated
from engine.runtime.clock import SystemClock

if TYPE_CHECKING:
    from engine.runtime.project import Project

SETTINGS = "engine.yaml"
FORMATS = ("text", "json", "sarif", "junit", "github")
_UNSOUND_PROJECT, _UNSOUND_CHANNEL = "CL701", "CL702"
_PLACED = re.compile(rf"{re.escape(SETTINGS)}: (?:([^\s:]+): )?(.*)")


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file instead.")
@click.option("--at", metavar="DATE", help="Judge as on this day, such as 2027-02-01. Default: today.")
@click.option("--strict", is_flag=True, help="Exit with 3 where there are only warnings.")
@click.option(
    "--against",
    "version",
    metavar="VERSION",
    help="Count the open tickets that sound policies would handle otherwise than `active`, a digest or its beginning, or a directory.",
)
@LANGUAGE
def command(path: Path | None, form: str, output: Path | None, at: str | None, strict: bool, version: str | None, lang: str | None) -> int:
    """Say whether policies are sound: every problem at once, each with file, line and column and how to mend it.

    PATH is a directory of policies, or a project: then engine.yaml and the settings of its channels are checked too. Default: the
    project in the current directory, else ./policies. Exit code 0: sound, 1: errors, 3: only warnings, under --strict.

    With --against, the open tickets in the project's database whose routing, warnings or escalations would change are counted, and
    listed by --format json. They keep their promises, and the exit code is not changed by it.
    """
    language = lang or by_locale() or "en"
    if version is not None and form not in ("text", "json"):
        raise UsageError("what --against counts is printed as text or json; leave out one of the two options")
    today = instant(at, "UTC") if at else SystemClock().now()
    found, checked, policies = check(path or Path(), today.date())
    held = None
    if version is not None and not has_errors(found):
        from engine.cli.against import against  # with the store and the runtime, which most calls do without

        held = against(path or Path(), policies, version)
    report = _report(form, found, (checked, policies), language, colour=output is None and sys.stdout.isatty())
    if version is not None and form == "json":
        report = as_json({"diagnostics": json.loads(report), "against": held and held.plain})
    if output is not None:
        write_report(output, report)
    elif report:
        click.echo(report)
    if output is not None or form == "text":
        click.echo(_summary(found, checked, language))
        if held is not None:
            click.echo(translated(held.told, language))
    if has_errors(found):
        return FINDINGS
    return WARNINGS if strict and found else 0


def _report(form: str, found: Sequence[Diagnostic], places: tuple[Path, Path], language: str, colour: bool) -> str:
    root, policies = (path.resolve() for path in places)
    here = Path.cwd().resolve()

    def place(file: str) -> str:
        whole = (root if file == SETTINGS else policies) / file
        return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()

    match form:
        case "json":
            return formats.format_json(found, language)
        case "sarif":
            return formats.format_sarif(found, place, language)
        case "junit":
            found_in = [*policies.rglob("*.yaml"), *policies.glob("knowledge/*.md")]
            files = sorted(path.relative_to(policies).as_posix() for path in found_in)
            files = [SETTINGS, *files] if (root / SETTINGS).is_file() else files
            return formats.format_junit(found, files, place, language)
        case "github":
            return formats.format_github(found, place, language)
        case _:
            return formats.format_text(found, colour=colour, language=language)


def _summary(found: Sequence[Diagnostic], checked: Path, language: str) -> str:
    errors = sum(item.severity == "error" for item in found)
    counted = said("{checked}: {errors} errors, {warnings} warnings", checked=checked, errors=errors, warnings=len(found) - errors)
    return translated(counted if found else said("{checked}: sound", checked=checked), language)


def check(path: Path, today: date | None = None) -> tuple[Sequence[Diagnostic], Path, Path]:
    """Return every problem of a policy directory or a project, what was checked, and where its policies lie.

    With `today`, also what will soon be out of date.
    Raises UsageError where there is neither.
    """
    if (path / SETTINGS).is_file():
        found, policies = _project(path, today)
        return found, path, policies
    directory = path / "policies" if (path / "policies").is_dir() else path
    if not any(directory.glob("*.yaml")):
        raise UsageError(
            f"there is nothing to check in {path.absolute()}: no {SETTINGS}, no policies. `engine init DIR` lays out a project"
        )
    return _policies(directory, today), directory, directory


def _policies(directory: Path, today: date | None, channels: Channels = USUAL) -> list[Diagnostic]:
    compilation = compile_policy(directory, today=today)
    found = [*compilation.diagnostics]
    if (directory / "team.yaml").exists():
        team = load_team(directory / "team.yaml")
        found += [*team.diagnostics, *check_team(team, compilation)]
        if compilation.policy is not None and team.team is not None:
            found += load_cases(directory, compilation.policy, team.team, channels).diagnostics
    return found


def _project(root: Path, today: date | None) -> tuple[list[Diagnostic], Path]:
    """Check engine.yaml, each channel's settings by its plugin's schema, and the policies and people."""
    from engine.cli.test import channels_of  # which policies alone do without
    from engine.runtime.project import load_project

    problems = Problems()
    text = decode(SETTINGS, (root / SETTINGS).read_bytes(), problems)
    tree = read(SETTINGS, text, problems) if text is not None else None
    for job in tree["jobs"].children() if tree and tree.get("jobs") else ():
        if (cron := job.get("cron")) is not None:
            check_cron(cron, problems)
    if tree is None or has_errors(problems.all()):
        return [*problems.all()], root / "policies"
    try:
        project = load_project(root)
    except ConfigurationError as error:
        for line in str(error).splitlines():
            _told(line, tree, problems)
        return [*problems.all()], root / "policies"
    _channels(project, tree, problems)
    if not (project.policies / "team.yaml").exists():
        _add(problems, _UNSOUND_PROJECT, "there is no team.yaml beside the policies: nobody could work a ticket", tree, ())
    return [*problems.all(), *_policies(project.policies, today, channels_of(project))], project.policies


def _channels(project: "Project", tree: Node, problems: Problems) -> None:
    """Note what is wrong with the settings of channels and services, by the schemas of their plugins."""
    from engine.channels.manager import ChannelTypes, validate_settings

    discovered = ChannelTypes.discover()
    wanted: list[tuple[str, str, Callable[[], Any], Mapping[str, Any]]] = [
        ("channels", one.name, partial(discovered.named, one.type), one.settings) for one in project.channels
    ]
    if project.services:
        from engine.services import named  # and with it every room: only where there is one

        wanted += [("services", name, partial(named, name), settings) for name, settings in project.services.items()]
    for section, name, kind, settings in wanted:
        code, place = _UNSOUND_CHANNEL if section == "channels" else _UNSOUND_PROJECT, (section, name)
        try:
            unsound = validate_settings(kind(), settings)
        except EngineError as error:
            _add(problems, code, foreign(str(error)), tree, place)
            continue
        for problem in unsound:
            where, what = ".".join(map(str, problem.path)), foreign(problem.message)
            message = said("channel {name}: {where}: {what}", name=name, where=where, what=what)
            if section == "services":
                message = said("service {name}: {where}: {what}", name=name, where=where, what=what)
            _add(problems, code, message, tree, (*place, *problem.path))


def _told(line: str, tree: Node, problems: Problems) -> None:
    """Note a line of load_project's error, at the place it names."""
    where, what = placed.groups() if (placed := _PLACED.fullmatch(line)) else (None, line)
    message = said("{where}: {what}", where=where, what=foreign(what)) if where else foreign(what)
    _add(problems, _UNSOUND_PROJECT, message, tree, where.split(".") if where else ())


def _add(problems: Problems, code: str, message: str, tree: Node, path: Sequence[str | int]) -> None:
    """Note a problem of engine.yaml at the deepest node of `path` that is written there."""
    node, walked = tree, []
    span = tree.span
    for step in map(str, path):
        if not isinstance(node.value, Mapping) or step not in node.value:
            break
        span, node = node.keys[step], node.value[step]
        walked.append(step)
    problems.add(code, span, message, "see the comments that `engine init` writes into engine.yaml", path=".".join(walked))
