"""`engine test`: run the tests that lie beside the policies."""

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import click
from msgspec import Struct

from engine.analysis.texts import picked
from engine.channels.manager import ChannelTypes
from engine.cli.app import FINDINGS
from engine.cli.output import clean, say, write_report
from engine.cli.session import LANGUAGE, by_locale
from engine.core.compiled import Policy
from engine.core.team import Team
from engine.errors import EngineError, UsageError
from engine.policy import Diagnostic, check_team, compile_policy, format_json, format_text, has_errors, load_team
from engine.policy.cases import USUAL, Channels, load_cases, with_usual
from engine.policy.rules import Named, rules_of
from engine.policy.said import Said, said, translated
from engine.runtime.project import Project
from engine.whatif.policy_tests import Result, never_matched, run_case

_LINES = {"failed": "bold red", "passed": "bold green", "✗": "red", "✓": "green", "never": "yellow"}


class Run(Struct, frozen=True):
    """What a run of all tests came to: their results, the rules never matched of `rules`, and what was wrong with the files."""

    results: Sequence[Result]
    never: Sequence[Named]
    rules: int
    diagnostics: Sequence[Diagnostic]

    @property
    def coverage(self) -> float:
        """The share of rules by which something was decided, in percent."""
        return 100 * (self.rules - len(self.never)) / self.rules if self.rules else 100.0

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return sum(bool(result.failures) for result in self.results)


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("-k", "wanted", default="", metavar="TEXT", help="Only tests with TEXT in their name.")
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True, help="How to print.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file instead.")
@click.option("--min-coverage", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail when fewer rules than that were matched.")
@click.option("--watch", is_flag=True, help="Run again whenever a file of the policies is saved; Ctrl-C ends it.")
@LANGUAGE
def command(
    path: Path | None, wanted: str, form: str, output: Path | None, min_coverage: float | None, watch: bool, lang: str | None
) -> int:
    """Run the tests in PATH/tests/*.yaml against the policies in PATH: the same decisions as the daemon's, with a clock that runs ahead.

    PATH is a directory of policies or a project. Default: the project in the current directory, else ./policies. Exit code 0: all is
    as expected, 1: it is not, or the coverage is too low, 2: there are no tests.
    """
    directory, channels = policies_in(path or Path())
    language = lang or by_locale() or "en"
    once = partial(_report, directory, channels, wanted, form, output, min_coverage, language)
    return _watch(directory, once) if watch else once()


def policies_in(path: Path) -> tuple[Path, Channels]:
    """Return the directory of policies that a path means, itself or that of the project, and the channels its tests may name.

    Raises UsageError where there are no policies.
    """
    if (path / "engine.yaml").is_file():
        from engine.runtime.project import load_project

        project = load_project(path)
        return project.policies, channels_of(project)
    directory = path / "policies" if (path / "policies").is_dir() else path
    if not any(directory.glob("*.yaml")):
        raise UsageError(f"there are no policies in {path.absolute()}. `engine init DIR` lays out a project")
    return directory, USUAL


def sound_policies(directory: Path) -> tuple[Policy | None, Team | None, list[Diagnostic]]:
    """Return the policy and the team in a directory with everything that is to be said of them; None where one of the two is not sound."""
    compilation = compile_policy(directory)
    load = load_team(directory / "team.yaml")
    diagnostics = [*compilation.diagnostics, *load.diagnostics, *check_team(load, compilation)]
    sound = not has_errors(diagnostics)
    return compilation.policy if sound else None, load.team if sound else None, diagnostics


def own_channels(project: Project) -> Channels:
    """Return the channels of a project."""
    types = ChannelTypes.discover().types
    own = {one.name: types[one.type] for one in project.channels if one.type in types}
    senders = tuple(name for name, type_ in own.items() if type_.can_send)
    return Channels({name: str(type_.address_kind) for name, type_ in own.items()}, senders, project.phone_region)


def channels_of(project: Project) -> Channels:
    """Return the channels that tests in a project may name."""
    own = own_channels(project)
    return with_usual(own.kinds, own.senders, own.region)


def _report(directory: Path, channels: Channels, wanted: str, form: str, output: Path | None, least: float | None, language: str) -> int:
    """Run everything once and say what came of it."""
    live = form == "text" and output is None
    run = _run(directory, channels, wanted, lambda result: _say(_of_result(result, language)) if live else None)
    if live:
        _say(_of_run(run, not wanted, language, colour=sys.stdout.isatty()))
    else:
        made = {"text": _as_text, "json": _as_json, "junit": _as_junit}[form](run, language)
        if output is None:
            click.echo(made)
        else:
            write_report(output, made)
            click.echo(translated(said("{counts}: {file}", counts=_counts(run), file=output), language))
    too_low = least is not None and run.coverage < least
    if too_low:
        low = said("coverage {share} % is below {least} %", share=f"{run.coverage:.0f}", least=f"{least:g}")
        click.echo(translated(low, language), err=True)
    return FINDINGS if run.failed or has_errors(run.diagnostics) or too_low else 0


def _run(directory: Path, channels: Channels, wanted: str, echo: Callable[[Result], None]) -> Run:
    policy, team, diagnostics = sound_policies(directory)
    if policy is None or team is None:
        return Run((), (), 0, diagnostics)
    loaded = load_cases(directory, policy, team, channels)
    cases = [case for case in loaded.cases if wanted in case.name]
    if not cases and not loaded.diagnostics:
        what = f"no test with {wanted!r} in its name" if wanted else "no tests/*.yaml"
        raise UsageError(f"there is nothing to run in {directory.absolute()}: {what}. docs/policies.md shows how a test is written")
    results = []
    for case in cases:
        results.append(run_case(case, policy, team, channels))
        echo(results[-1])
    rules = list(rules_of(policy))
    return Run(results, never_matched(policy, results), len(rules), [*diagnostics, *loaded.diagnostics])


Styled = Iterator[tuple[str, str]]
"""Lines with the style that each has on a terminal."""


def _say(lines: Styled) -> None:
    for line, style in lines:
        if style == "raw":
            click.echo(line)
        else:
            say(line, style)


def _of_result(result: Result, language: str) -> Styled:
    mark = "✗" if result.failures else "✓"
    yield f"{mark} {result.name}", _LINES[mark]
    for one in result.failures:
        told = [said("{place}: expected {expected}", place=one.source, expected=one.expected), said("  was {actual}", actual=one.actual)]
        told += [said("  because of {because}", because=one.because)] if one.because else []
        told += [said("  nearest: {nearest}", nearest=line) for line in one.nearest]
        yield from ((f"    {translated(line, language)}", "") for line in told)


def _of_run(run: Run, whole: bool, language: str, colour: bool = False) -> Styled:
    if run.diagnostics:
        yield format_text(run.diagnostics, colour=colour, language=language), "raw"
    for rule in run.never if whole and run.results else ():
        never = said("never matched: {place} {kind} {id}", place=rule.source, kind=rule.kind, id=rule.id)
        yield translated(never, language), _LINES["never"]
    matched = run.rules - len(run.never)
    share = said("{matched} of {rules} rules matched ({share} %)", matched=matched, rules=run.rules, share=f"{run.coverage:.0f}")
    told = translated(said("{counts}; {share}", counts=_counts(run), share=share), language)
    yield told, _LINES["failed" if run.failed else "passed"]


def _counts(run: Run) -> Said:
    return said("{tests} tests, {failed} failed", tests=len(run.results), failed=run.failed)


def _as_text(run: Run, language: str) -> str:
    lines = [line for result in run.results for line, _ in _of_result(result, language)]
    return "\n".join([*lines, *(line for line, _ in _of_run(run, True, language))])


def _as_json(run: Run, language: str) -> str:
    results = [
        {
            "name": result.name,
            **picked(result.source, "file line"),
            "passed": not result.failures,
            "failures": [picked(one.source, "file line path") | picked(one, "expected actual because nearest") for one in result.failures],
        }
        for result in run.results
    ]
    never = [picked(rule, "kind id") | picked(rule.source, "file line") for rule in run.never]
    counts = {"tests": len(run.results), "failed": run.failed, "rules": run.rules, "coverage": round(run.coverage, 1)}
    diagnostics = json.loads(format_json(run.diagnostics, language))
    return json.dumps({**counts, "results": results, "never_matched": never, "diagnostics": diagnostics}, ensure_ascii=False, indent=2)


def _as_junit(run: Run, language: str) -> str:
    """Each test is a case, and so is each diagnostic: an error where it is one, else a case that passes and tells of it."""
    errors = sum(item.severity == "error" for item in run.diagnostics)
    suites = ET.Element("testsuites", name="engine test")
    suite = ET.SubElement(suites, "testsuite", name="policies", failures=str(run.failed), errors=str(errors))
    suite.set("tests", str(len(run.results) + len(run.diagnostics)))
    for result in run.results:
        case = ET.SubElement(suite, "testcase", classname=result.source.file, name=clean(result.name))
        if result.failures:
            first, *rest = [clean(line.strip()) for line, _ in list(_of_result(result, language))[1:]]
            ET.SubElement(case, "failure", message=first).text = "\n".join([first, *rest])
    for item in run.diagnostics:
        case = ET.SubElement(suite, "testcase", classname=item.file, name=f"{item.code} at {item.line}:{item.column}")
        told = clean(format_text([item], language=language))
        if item.severity == "error":
            ET.SubElement(case, "error", message=clean(translated(item.message, language))).text = told
        else:
            ET.SubElement(case, "system-out").text = told
    report: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)  # as "unicode" it would name the locale's encoding
    return report.decode()


def _watch(directory: Path, run: Callable[[], int]) -> int:
    """Run now, and again after every save, until it is interrupted; to stop watching is no verdict, so the exit code is 0."""
    from watchfiles import watch

    # The watch begins before the first run, which its first timeout leads to, so that nothing saved meanwhile is missed.
    changes = watch(directory, debounce=400, rust_timeout=200, yield_on_timeout=True, raise_interrupt=True)
    try:
        for position, saved in enumerate(changes):
            if saved and position:
                click.echo()
            if saved or position == 0:
                _once(run)
    except KeyboardInterrupt:
        click.echo()
    return 0


def _once(run: Callable[[], int]) -> None:
    """Run; what cannot be run now may be mended by the next save."""
    try:
        run()
    except EngineError as error:
        click.echo(f"engine: {error}", err=True)
