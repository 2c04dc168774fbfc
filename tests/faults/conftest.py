"""What the fault runs share, and the figures they come to: each says what befell it and what that cost, at the end of the run."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.acceptance.conftest import desk
from tests.faults.house import House
from tests.real.webhook_receivers import Receiver

__all__ = ["NewHouse", "Tell", "crm", "desk", "new_house", "tell"]

NewHouse = Callable[..., House]
Tell = Callable[..., None]


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


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Iterator[Tell]:
    """Adds to the figures of this test: `tell(kills=50)`."""
    figures: Counter[str] = Counter()
    yield lambda **more: figures.update(more)
    record_property("figures", ", ".join(f"{what} {number}" for what, number in figures.items()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, figures in report.user_properties:
            if name == "figures" and report.when == "teardown":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {figures}")
