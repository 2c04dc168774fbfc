"""`engine test` through the real command."""

import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from junitparser import JUnitXml

from engine.channels import write_atomically
from engine.resources import shipped_policies
from tests.cli.conftest import Command

FAILING = """\
version: 1
tests:
  - name: an outage is said to be general
    start: "2026-03-04T10:00:00+08:00"
    ticket: {channel: email, text: 系统宕机}
    steps: [{at: +0m, expect: {tier: general}}]
  - name: an outage is urgent
    start: "2026-03-04T10:00:00+08:00"
    ticket: {channel: email, text: 系统宕机}
    steps: [{at: +0m, expect: {tier: urgent}}]
"""


@pytest.fixture
def failing(tmp_path: Path) -> Command:
    """Beside the shipped policies: one test that fails, one that passes."""
    shutil.copytree(shipped_policies(), tmp_path / "policies")
    shutil.rmtree(tmp_path / "policies" / "tests")
    (tmp_path / "policies" / "tests").mkdir()
    (tmp_path / "policies" / "tests" / "x.yaml").write_text(FAILING, encoding="utf-8")
    return Command(tmp_path)


def test_a_new_project_comes_with_tests_that_pass_and_cover_its_policies(engine: Command) -> None:
    said = engine("test", "--min-coverage", "100").stdout
    assert "0 failed" in said
    assert "(100 %)" in said
    assert engine("validate").stdout.endswith("sound\n")


def test_a_failure_is_shown_with_place_expectation_and_reason_and_ends_with_1(failing: Command) -> None:
    said = failing("test", code=1).stdout
    assert "✗ an outage is said to be general" in said
    assert "tests/x.yaml:6: expected tier: general" in said
    assert "was tier: urgent" in said
    assert "because of urgent (sla.yaml:19)" in said
    assert "✓ an outage is urgent" in said
    assert "never matched: sla.yaml:34 tier general" in said


def test_a_part_of_the_tests_is_chosen_by_name(failing: Command) -> None:
    assert "1 tests, 0 failed" in failing("test", "-k", "is urgent").stdout
    assert "no test with 'nothing of that name'" in failing("test", "-k", "nothing of that name", code=2).stderr


def test_too_low_a_coverage_is_a_finding(failing: Command) -> None:
    told = failing("test", "-k", "is urgent", "--min-coverage", "99", code=1)
    assert "is below 99 %" in told.stderr


def test_the_json_names_each_failure_by_its_place(failing: Command) -> None:
    told = json.loads(failing("test", "--format", "json", code=1).stdout)
    assert (told["tests"], told["failed"]) == (2, 1)
    [failure] = told["results"][0]["failures"]
    assert (failure["file"], failure["line"], failure["expected"]) == ("tests/x.yaml", 6, "tier: general")
    assert {"kind": "tier", "id": "general", "file": "sla.yaml", "line": 34} in told["never_matched"]


def test_the_junit_report_counts_and_names_what_failed(failing: Command, tmp_path: Path) -> None:
    assert failing("test", "--format", "junit", "--output", "report.xml", code=1).stdout == "2 tests, 1 failed: report.xml\n"
    [suite] = JUnitXml.fromfile(str(tmp_path / "report.xml"))
    assert (suite.tests, suite.failures, suite.errors) == (2, 1, 0)
    failed, passed = suite
    [failure] = failed.result
    assert (failed.name, failed.classname) == ("an outage is said to be general", "tests/x.yaml")
    assert failure.message == "tests/x.yaml:6: expected tier: general"
    assert "because of urgent (sla.yaml:19)" in failure.text
    assert passed.is_passed


def test_the_text_report_can_be_written_to_a_file(failing: Command, tmp_path: Path) -> None:
    shown = failing("test", code=1).stdout
    failing("test", "--output", "report.txt", code=1)
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == shown
    assert shown.startswith("✗ an outage is said to be general\n")


def test_a_report_of_a_policy_that_is_not_sound_says_what_is_wrong(failing: Command, tmp_path: Path) -> None:
    (tmp_path / "policies" / "sla.yaml").write_text("version: 1\n", encoding="utf-8")
    failing("test", "--output", "report.txt", code=1)
    assert "error CL316" in (tmp_path / "report.txt").read_text(encoding="utf-8")


def test_a_warning_about_the_policy_is_no_error_of_the_report(failing: Command, tmp_path: Path) -> None:
    team = tmp_path / "policies" / "team.yaml"
    team.write_text(team.read_text(encoding="utf-8").replace("queues: [finance]", "queues: [product]"), encoding="utf-8")
    [suite] = JUnitXml.fromstring(failing("test", "-k", "is urgent", "--format", "junit").stdout.encode())
    assert (suite.tests, suite.errors) == (2, 0)
    assert "CL607" in next(case.system_out for case in suite if case.name.startswith("CL607"))


def test_results_are_told_in_chinese_too(failing: Command) -> None:
    said = failing("test", "--lang", "zh", code=1).stdout
    assert "tests/x.yaml:6：预期 tier: general" in said
    assert "依据 urgent (sla.yaml:19)" in said
    assert "从未命中：sla.yaml:34 tier general" in said
    assert "2 个测试，1 个失败" in said


def test_tests_in_a_project_may_name_its_channels(engine: Command) -> None:
    settings = engine.root / "engine.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("\nchannels:\n", "\nchannels:\n  helpdesk: {type: email, transport: folder}\n"),
        encoding="utf-8",
    )
    mine = engine.root / "policies" / "tests" / "mine.yaml"
    mine.write_text(FAILING.replace("channel: email", "channel: helpdesk"), encoding="utf-8")
    assert "✓ an outage is urgent" in engine("test", "-k", "an outage is", code=1).stdout
    assert engine("validate").stdout.endswith("sound\n")
    mine.unlink()


def test_a_misspelt_name_in_a_test_is_an_error_with_its_place(failing: Command, tmp_path: Path) -> None:
    (tmp_path / "policies" / "tests" / "x.yaml").write_text(FAILING.replace("tier: urgent", "tier: urgnt"), encoding="utf-8")
    for verb in ("test", "validate"):
        said = failing(verb, code=1).stdout
        assert "tests/x.yaml:10:38: error CL641: there is no tier `urgnt`" in said
        assert "did you mean `urgent`?" in said
    [suite] = JUnitXml.fromstring(failing("test", "--format", "junit", code=1).stdout.encode())
    assert (suite.tests, suite.failures, suite.errors) == (2, 1, 1)
    [[error]] = [case.result for case in suite if case.name == "CL641 at 10:38"]
    assert error.message == "there is no tier `urgnt`"


def test_a_policy_that_is_not_sound_runs_no_test(failing: Command, tmp_path: Path) -> None:
    (tmp_path / "policies" / "sla.yaml").write_text("version: 1\n", encoding="utf-8")
    said = failing("test", code=1).stdout
    assert "error CL316" in said
    assert "0 tests" in said


def test_without_tests_or_policies_there_is_nothing_to_run(failing: Command, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "policies" / "tests")
    assert "no tests/*.yaml" in failing("test", code=2).stderr
    (tmp_path / "empty").mkdir()
    assert "there are no policies" in failing("test", "empty", code=2).stderr


@pytest.fixture
def watching(failing: Command, tmp_path: Path) -> Iterator["queue.SimpleQueue[str]"]:
    """The lines of `engine test --watch`, as they come."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    arguments = [str(Path(sys.prefix) / "bin" / "engine"), "test", "--watch"]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=lambda: list(map(lines.put, process.stdout or ())), daemon=True)
        reader.start()
        yield lines
        process.send_signal(2)
        assert process.wait(200) == 0
        reader.join(20)


def until(lines: "queue.SimpleQueue[str]", wanted: str) -> None:
    deadline = time.monotonic() + 200
    while wanted not in lines.get(timeout=max(0.1, deadline - time.monotonic())):
        pass


def test_watching_runs_again_when_a_file_is_saved_and_ends_cleanly(watching, tmp_path: Path) -> None:
    until(watching, "2 tests, 1 failed")
    write_atomically(tmp_path / "policies" / "tests" / "x.yaml", FAILING.replace("tier: general", "tier: urgent").encode())
    until(watching, "2 tests, 0 failed")
