"""What the fault runs share, and the figures they come to: each says what befell it and what that cost, at the end of the run."""

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
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Adds to the figures of this test: `tell(kills=50)`."""
    figures: dict[str, int] = {}
    record_property("figures", figures)

    def add(**more: int) -> None:
        for what, number in more.items():
            figures[what] = figures.get(what, 0) + number

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for what, figures in report.user_properties:
            if what == "figures":
                said = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in figures.items())
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {said}")
