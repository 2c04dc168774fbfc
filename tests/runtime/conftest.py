from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.worlds import HOUSES
from tests.runtime import office


@pytest.fixture(autouse=True)
def _close_houses() -> Iterator[None]:
    yield
    while HOUSES:
        HOUSES[-1].close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office in which somebody has left something everywhere; nobody changes it."""
    return office.lived(tmp_path_factory.mktemp("lived") / "office")
