"""What tests ask for again and again, and what is the same each time, is made once a process: the parsed files of migrations."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from yoyo import read_migrations

from engine.store.sql import migrations


def pytest_configure(config: pytest.Config) -> None:
    migrations.read_migrations = _read


def _read(directory: str) -> Any:
    texts = {path.name: path.read_bytes() for path in Path(directory).iterdir() if path.is_file()}
    return _parsed(directory, tuple(sorted(texts.items())))


@cache
def _parsed(directory: str, texts: tuple[tuple[str, bytes], ...]) -> Any:
    """Most of the time that a new database takes goes into this."""
    return read_migrations(directory)
