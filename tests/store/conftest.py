"""Every backend that keeps the contract, for the one conformance suite. A new backend joins by one more entry in BACKENDS."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.store import Store, open_store


@dataclass(frozen=True)
class Backend:
    """Makes stores of one kind. `url` names the same data every time it is opened, if the backend is `durable`."""

    name: str
    url: str
    durable: bool

    def open(self) -> Store:
        return open_store(self.url)


BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "file": lambda directory: Backend("file", f"sqlite:///{directory}/store.db", durable=True),
    "memory": lambda directory: Backend("memory", "sqlite://:memory:", durable=False),
}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture(params=["file"])
def durable_backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    opened = backend.open()
    yield opened
    opened.close()
