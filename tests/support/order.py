"""Files that take long come first, so that none is left over for one worker while the others have nothing more to do.

Some of them mostly wait, for which reason there are two workers more than there are processors.
"""

import os

import pytest

FIRST = (
    "tests/faults/",
    "tests/acceptance/",
    "plugins/web/",
    "tests/policy_figures/",
    "tests/policy/test_mutations.py",
    "tests/docs/test_documents.py",
    "tests/cli/",
    "tests/whatif/",
    "tests/real/",
    "tests/store/",
    "tests/runtime/",
)
"""What the paths of such files begin with, the longest first (`pytest --durations=200`)."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, begins in enumerate(FIRST) if item.nodeid.startswith(begins)), len(FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return len(os.sched_getaffinity(0)) + 2
