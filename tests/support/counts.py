"""How many examples a property gets: a share of the full count, from a seed that changes with every run and is printed.

`CLOSEDLOOP_SHARE` is the share between 0 and 1 (default 0.03; `make long` sets 1). A failure is repeated with the printed
`--hypothesis-seed=N`, and told as it was found: to look for the smallest one may take longer than a short run has, so only a run with
the share 1 does that. A test that counts on its own asks `scaled`; one whose randomness is its own takes the fixture `seed`.
"""

import os
import secrets

import pytest
from hypothesis import HealthCheck, Phase, settings

FULL_EXAMPLES = 2000
SHARE = float(os.environ.get("CLOSEDLOOP_SHARE", "0.03"))
if not 0 < SHARE <= 1:
    raise pytest.UsageError(f"CLOSEDLOOP_SHARE must be above 0 and at most 1, not {SHARE}")


def scaled(full: int, least: int = 10) -> int:
    """The share of `full` that this run does: at least `least`, at most `full`."""
    return min(full, max(least, round(full * SHARE)))


# A slow or busy machine is no fault of the code under test.
settings.register_profile(
    "closedloop",
    max_examples=scaled(FULL_EXAMPLES),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    report_multiple_bugs=False,
    phases=[phase for phase in Phase if SHARE == 1 or phase not in (Phase.shrink, Phase.explain)],
)
settings.load_profile("closedloop")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(secrets.randbelow(2**32))


def _described(config: pytest.Config) -> str:
    return f"seed: --hypothesis-seed={config.option.hypothesis_seed}, share of the long counts: {SHARE:.0%}"


def pytest_report_header(config: pytest.Config) -> str:
    return _described(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.write_line(_described(config))


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run, for tests that draw at random without hypothesis."""
    return int(pytestconfig.option.hypothesis_seed)
