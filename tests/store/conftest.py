"""Every backend that keeps the contract, for the one conformance suite. A new backend joins by one more entry in BACKENDS."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
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

    @contextmanager
    def by_hand(self) -> Iterator[Any]:
        """The database of a closed store, as somebody sees it who goes around all checks."""
        if self.name == "postgresql":
            with psycopg.connect(self.url, autocommit=True) as owner:
                owner.execute("SET session_replication_role = replica")
                yield owner
            return
        connection = sqlite3.connect(self.url.removeprefix("sqlite:///"))
        with connection:
            yield connection
        connection.close()


BACKENDS: dict[str, Callable[[pytest.FixtureRequest], Backend]] = {
    "file": lambda request: request.getfixturevalue("file_backend"),
    "memory": lambda request: Backend("memory", "sqlite://:memory:", durable=False),
    "postgresql": lambda request: Backend("postgresql", request.getfixturevalue("database"), durable=True),
}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param](request)


@pytest.fixture(params=["file", "postgresql"])
def durable_backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param](request)


@pytest.fixture(params=["file", "postgresql"])
def new_backend(request: pytest.FixtureRequest, file_backend: Backend) -> Backend:
    """A database in which nobody has made a table yet."""
    if request.param == "file":
        return file_backend
    server = request.getfixturevalue("postgresql")
    return Backend("postgresql", server.url(server.new_database()), durable=True)


@pytest.fixture
def file_backend(tmp_path: Path) -> Backend:
    return Backend("file", f"sqlite:///{tmp_path}/store.db", durable=True)


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    opened = backend.open()
    yield opened
    opened.close()
