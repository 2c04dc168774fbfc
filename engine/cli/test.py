"""`engine test`: run the tests that lie beside the policies."""

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.app import FINDINGS
from engine.cli.output import write_report
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.policy import Diagnostic
    from engine.policy.rules import Named
    from engine.whatif.policy_tests import Failure, Result


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of all tests came to: their results, the rules never matched of `rules`, and what was wrong with the files."""

    results: "Sequence[Result]"
    never: "Sequence[Named]"
    rules: int
    diagnostics: "Sequence[Diagnostic]"

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
def command(path: Path | None, wanted: str, form: str, output: Path | None, min_coverage: float | None, watch: bool) -> int:
    """Run the tests in PATH/tests/*.yaml against the policies in PATH: the same decisions as the daemon's, with a clock that runs ahead.

    PATH is a directory of policies or a project. Default: the project in the current directory, else ./policies. Exit code 0: all is
    as expected, 1: it is not, or the coverage is too low, 2: there are no tests.
    """
    directory = policies_in(path or Path())
    if watch:
        return _watch(directory, lambda: _report(directory, wanted, form, output, min_coverage))
    return _report(directory, wanted, form, output, min_coverage)


def policies_in(path: Path) -> Path:
    """Return the directory of policies that a path means: itself, or that of the project. Raises UsageError where there are none."""
    if (path / "engine.yaml").is_file():
        from engine.runtime.project import load_project

        return load_project(path).policies
    directory = path / "policies" if (path / "policies").is_dir() else path
    if not any(directory.glob("*.yaml")):
        raise UsageError(f"there are no policies in {path.absolute()}. `engine init DIR` lays out a project")
    return directory


def _report(directory: Path, wanted: str, form: str, output: Path | None, least: float | None) -> int:
    """Run everything once and say what came of it."""
    from engine.policy import has_errors

    text = form == "text" and output is None
    run = _run(directory, wanted, _say_result if text else lambda result: None)
    if text:
        _say_summary(run, whole=not wanted)
    else:
        made = {"text": _as_text, "json": _as_json, "junit": _as_junit}[form](run)
        if output is None:
            click.echo(made)
        else:
            write_report(output, made)
            click.echo(f"{len(run.results)} tests, {run.failed} failed: {output}")
    too_low = least is not None and run.coverage < least
    if too_low:
        click.echo(f"coverage {run.coverage:.0f} % is below {least:g} %", err=True)
    return FINDINGS if run.failed or has_errors(run.diagnostics) or too_low else 0


def _run(directory: Path, wanted: str, echo: "Callable[[Result], None]") -> Run:
    from engine.policy import check_team, compile_policy, has_errors, load_team
    from engine.policy.cases import load_cases
    from engine.policy.rules import rules_of
    from engine.whatif.policy_tests import never_matched, run_case

    compilation = compile_policy(directory)
    load = load_team(directory / "team.yaml")
    diagnostics = [*compilation.diagnostics, *load.diagnostics, *check_team(load, compilation)]
    policy, team = compilation.policy, load.team
    if policy is None or team is None or has_errors(diagnostics):
        return Run((), (), 0, diagnostics)
    loaded = load_cases(directory, policy, team)
    cases = [case for case in loaded.cases if wanted in case.name]
    if not cases and not loaded.diagnostics:
        what = f"no test with {wanted!r} in its name" if wanted else "no tests/*.yaml"
        raise UsageError(f"there is nothing to run in {directory.absolute()}: {what}. docs/policies.md shows how a test is written")
    results = []
    for case in cases:
        results.append(run_case(case, policy, team))
        echo(results[-1])
    rules = list(rules_of(policy))
    return Run(results, never_matched(policy, results), len(rules), [*diagnostics, *loaded.diagnostics])


def _say_result(result: "Result") -> None:
    from engine.cli.output import say

    say(f"{'✗' if result.failures else '✓'} {result.name}", "red" if result.failures else "green")
    for failure in result.failures:
        for line in _told(failure):
            say(f"    {line}")


def _told(failure: "Failure") -> list[str]:
    lines = [f"{failure.source}: expected {failure.expected}", f"  was {failure.actual}"]
    return [*lines, f"  because of {failure.because}"] if failure.because else lines


def _say_summary(run: Run, whole: bool) -> None:
    from engine.cli.output import say
    from engine.policy import format_text

    if run.diagnostics:
        click.echo(format_text(run.diagnostics, colour=sys.stdout.isatty()))
    if whole and run.results:
        for rule in run.never:
            say(f"never matched: {rule.source} {rule.kind} {rule.id}", "yellow")
    matched = f"{run.rules - len(run.never)} of {run.rules} rules matched ({run.coverage:.0f} %)"
    say(f"{len(run.results)} tests, {run.failed} failed; {matched}", "bold red" if run.failed else "bold green")


def _as_text(run: Run) -> str:
    lines = []
    for result in run.results:
        lines.append(f"{'✗' if result.failures else '✓'} {result.name}")
        lines += [f"    {line}" for failure in result.failures for line in _told(failure)]
    return "\n".join([*lines, *(f"never matched: {rule.source} {rule.kind} {rule.id}" for rule in run.never)])


def _as_json(run: Run) -> str:
    from engine.policy import format_json

    results = [
        {
            "name": result.name,
            "file": result.source.file,
            "line": result.source.line,
            "passed": not result.failures,
            "failures": [
                {
                    "file": one.source.file,
                    "line": one.source.line,
                    "path": one.source.path,
                    "expected": one.expected,
                    "actual": one.actual,
                    "because": one.because,
                }
                for one in result.failures
            ],
        }
        for result in run.results
    ]
    never = [{"kind": rule.kind, "id": rule.id, "file": rule.source.file, "line": rule.source.line} for rule in run.never]
    counts = {"tests": len(run.results), "failed": run.failed, "rules": run.rules, "coverage": round(run.coverage, 1)}
    diagnostics = json.loads(format_json(run.diagnostics))
    return json.dumps({**counts, "results": results, "never_matched": never, "diagnostics": diagnostics}, ensure_ascii=False, indent=2)


def _as_junit(run: Run) -> str:
    suites = ET.Element("testsuites", name="engine test")
    suite = ET.SubElement(suites, "testsuite", name="policies", failures=str(run.failed), errors=str(len(run.diagnostics)))
    suite.set("tests", str(len(run.results) + len(run.diagnostics)))
    for result in run.results:
        case = ET.SubElement(suite, "testcase", classname=result.source.file, name=result.name)
        for one in result.failures:
            failure = ET.SubElement(case, "failure", message=f"expected {one.expected}, was {one.actual}")
            failure.text = "\n".join(_told(one))
    for item in run.diagnostics:
        case = ET.SubElement(suite, "testcase", classname=item.file, name=f"{item.code} at {item.line}:{item.column}")
        ET.SubElement(case, "error", message=str(item.message))
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


def _watch(directory: Path, run: Callable[[], int]) -> int:
    """Run now, and again after every save, until it is interrupted; return the last outcome."""
    from watchfiles import watch

    code = _once(run)
    try:
        for _ in watch(directory, raise_interrupt=True):
            click.echo()
            code = _once(run)
    except KeyboardInterrupt:
        click.echo()
    return code


def _once(run: Callable[[], int]) -> int:
    """Run; what cannot be run now may be mended by the next save."""
    from engine.errors import EngineError

    try:
        return run()
    except EngineError as error:
        click.echo(f"engine: {error}", err=True)
        return FINDINGS
