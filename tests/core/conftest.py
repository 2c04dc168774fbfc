from collections.abc import Iterator

import pytest

from tests.core.worlds import HOUSES


@pytest.fixture(autouse=True)
def _close_houses() -> Iterator[None]:
    yield
    while HOUSES:
        HOUSES[-1].close()
