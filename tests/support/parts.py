"""Tests that need what a machine may lack: real servers, or the built wheels. What is left out is named loudly at the end.

`@pytest.mark.real("postfix", …)` names programs; `@pytest.mark.wheels` needs `CLOSEDLOOP_WHEELS_VENV`, a virtual environment into which
nothing but the built wheels (and what they depend on) was installed. Under `CLOSEDLOOP_REQUIRE_REAL=1` a missing part is a failure, and so
is every skip and every expected failure.
"""

import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.warm import warm

ROOT = Path(__file__).resolve().parents[2]
INSTALLERS = {"debian-packages": "apt-get install", "npm-packages": "npm install --global"}
REQUIRE = "CLOSEDLOOP_REQUIRE_REAL"
WHEELS = "CLOSEDLOOP_WHEELS_VENV"
ADMINISTRATORS_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find_program(name: str) -> str | None:
    """The path of a program on PATH or where only administrators have theirs; None if it is not installed."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *ADMINISTRATORS_PATH]))


def required() -> bool:
    return os.environ.get(REQUIRE, "") not in ("", "0")


def installer_of(program: str) -> tuple[str, str]:
    """What installs a program, and the package that brings it, as .ci/debian-packages and .ci/npm-packages say."""
    for name, installer in INSTALLERS.items():
        for line in (ROOT / ".ci" / name).read_text(encoding="utf-8").splitlines():
            package, *programs = line.partition("#")[0].split() or [""]
            if program in programs:
                return installer, package
    return INSTALLERS["debian-packages"], program


def _what_is_missing(item: pytest.Item) -> str | None:
    programs = [str(name) for marker in item.iter_markers("real") for name in marker.args]
    absent = [name for name in programs if find_program(name) is None]
    if absent:
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for installer, package in map(installer_of, absent):
            wanted[installer].add(package)
        ways = "; ".join(f"{installer} {' '.join(sorted(packages))}" for installer, packages in wanted.items())
        return f"not installed here: {', '.join(absent)} ({ways})"
    if item.get_closest_marker("wheels") and not os.environ.get(WHEELS):
        return f"needs the built wheels in a virtual environment named by {WHEELS} (.ci/run makes one)"
    return None


class LeftOut:
    """Keeps which tests did not really run, and why."""

    def __init__(self) -> None:
        self.tests: defaultdict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "wasxfail"):
            self.tests[f"expected to fail: {report.wasxfail or 'no reason given'}"].append(report.nodeid)
        elif report.skipped:
            self._skipped(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._skipped(report)

    def _skipped(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        self.tests[reason.removeprefix("Skipped: ")].append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if required() and self.tests and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.tests:
            return
        count = sum(map(len, self.tests.values()))
        terminalreporter.section(f"LEFT OUT: {count} tests did not run here", sep="!", red=required(), yellow=True, bold=True)
        for reason, tests in sorted(self.tests.items()):
            terminalreporter.write_line(f"{len(tests)} × {reason}", bold=True)
            for test in tests:
                terminalreporter.write_line(f"    {test}")
        if required():
            terminalreporter.write_line(f"{REQUIRE} is set: this run has failed, because everything must run.", red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real(*programs): runs against real programs; left out, loudly, where they are missing")
    config.addinivalue_line("markers", f"wheels: drives what the built wheels install into the environment {WHEELS} names")
    config.pluginmanager.register(LeftOut(), "closedloop-left-out")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = _what_is_missing(item)
    if missing is None:
        return
    if required():
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.fixture
def environment_under_test(request: pytest.FixtureRequest) -> Path:
    """The virtual environment whose `bin/engine` and `bin/python` a test drives: the wheels' for tests so marked, else this one's."""
    return Path(os.environ[WHEELS] if request.node.get_closest_marker("wheels") else sys.prefix)


@pytest.fixture(scope="session")
def engine_command() -> Iterator[Path]:
    """The `engine` command to drive as a process of its own; it starts at once."""
    with TemporaryDirectory() as folder, warm(Path(sys.prefix) / "bin", Path(folder)) as command:
        yield command
