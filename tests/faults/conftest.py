"""What the fault runs share."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.faults.house")

from tests.faults.house import House  # noqa: E402  # so that its assertions say what they compared
from tests.real.webhook_receivers import Receiver  # noqa: E402

NewHouse = Callable[..., House]


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """Another program that is told of every ticket, and counts what it is told."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def new_house(engine_command: Path, tmp_path: Path, crm: Receiver) -> NewHouse:
    """Lays out a house in a directory of its own, on a database URL, or on a SQLite file of its own."""
    numbers = count(1)
    return lambda database="": House(engine_command, tmp_path / f"house-{next(numbers)}", crm, database)
