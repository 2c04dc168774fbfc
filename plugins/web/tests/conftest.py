from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import Program, staffed
from tests.support.website import Website, website


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Website]:
    """A fresh project, served on a port of its own; costs a second."""
    with website(tmp_path / "project") as served:
        yield served


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    """One for all tests of a file that can do with what others left in it."""
    with website(tmp_path_factory.mktemp("web") / "project") as served:
        yield served


@pytest.fixture(scope="module")
def house(shared_site: Website) -> Website:
    """The shared site, with somebody of every role in the team."""
    return staffed(shared_site)


@pytest.fixture(scope="module")
def app(house: Website) -> Program:
    """A program that acts as the integration."""
    return Program(house, "integration")
