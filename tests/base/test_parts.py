"""What is left out of a test run is named loudly, and is a failure where everything must run."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_runs():
    pass

@pytest.mark.real("bearerbox-of-nowhere")
def test_needs_a_server(): pass

@pytest.mark.wheels
def test_needs_wheels(): pass

@pytest.mark.xfail(reason="known fault")
def test_known_fault():
    assert False
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run TESTS in a process of their own, under an environment."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    for name in ("CLOSEDLOOP_REQUIRE_REAL", "CLOSEDLOOP_WHEELS_VENV", "CLOSEDLOOP_SHARE"):
        monkeypatch.delenv(name, raising=False)

    def run(source: str = TESTS, **environment: str) -> pytest.RunResult:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-p", "tests.support.parts", "-p", "tests.support.counts")

    return run


def test_what_is_missing_is_left_out_and_named_with_the_way_to_get_it(run) -> None:
    result = run()
    result.assert_outcomes(passed=1, skipped=2, xfailed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*LEFT OUT: 3 tests did not run here*",
            "*expected to fail: known fault*",
            "*test_known_fault*",
            "*needs the built wheels*CLOSEDLOOP_WHEELS_VENV*",
            "*not installed here: bearerbox-of-nowhere (apt-get install *",
            "*test_needs_a_server*",
        ]
    )


def test_where_everything_must_run_a_missing_part_is_a_failure(run) -> None:
    result = run(CLOSEDLOOP_REQUIRE_REAL="1")
    result.assert_outcomes(passed=1, errors=2, xfailed=1)
    assert result.ret == 1


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\ndef test_skips(): pytest.skip('not today')",
        "import pytest\npytest.skip('not today', allow_module_level=True)",
        "import pytest\n@pytest.mark.xfail(reason='not today')\ndef test_fails(): assert False",
        "import pytest\n@pytest.mark.xfail(reason='not today', strict=False)\ndef test_passes(): pass",
    ],
    ids=["skip", "module skip", "xfail", "xpass"],
)
def test_where_everything_must_run_nothing_may_excuse_itself(run, source: str) -> None:
    result = run(f"{source}\n", CLOSEDLOOP_REQUIRE_REAL="1")
    result.stdout.fnmatch_lines(["*LEFT OUT: 1 tests*", "*not today*", "*this run has failed*"])
    assert result.ret != 0


def test_a_run_that_leaves_nothing_out_says_nothing_of_it(run) -> None:
    result = run("def test_runs(): pass", CLOSEDLOOP_REQUIRE_REAL="1")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*LEFT OUT*")


SEEN = """
from hypothesis import given, strategies as st
seen = []

@given(st.integers())
def test_draws(number):
    seen.append(number)

def test_tells():
    print("sum of what was drawn:", sum(seen))
"""


def test_the_seed_is_printed_and_repeats_the_run(run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SEEN)
    arguments = ("-p", "tests.support.parts", "-p", "tests.support.counts", "-s", "--hypothesis-seed=7")
    first, second = (pytester.runpytest_subprocess(*arguments) for _ in range(2))
    first.stdout.fnmatch_lines(["seed: --hypothesis-seed=7, share of the long counts: 3%"])
    drawn = [[line for line in result.outlines if "sum of what was drawn" in line] for result in (first, second)]
    assert len(drawn[0]) == 1
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(("share", "examples"), [("0.05", 100), ("1", 2000)])
def test_the_share_decides_how_many_examples_run(run, share: str, examples: int) -> None:
    source = f"from hypothesis import settings\ndef test_x(): assert settings().max_examples == {examples}\n"
    assert run(source, CLOSEDLOOP_SHARE=share).ret == 0


def test_a_share_that_makes_no_sense_is_refused(run) -> None:
    result = run("def test_runs(): pass", CLOSEDLOOP_SHARE="7")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*CLOSEDLOOP_SHARE must be above 0 and at most 1, not 7.0*"])
