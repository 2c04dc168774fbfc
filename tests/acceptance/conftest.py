"""What the acceptance tests share."""

from pathlib import Path

import pytest

from tests.acceptance.desk import Desk


@pytest.fixture
def desk(engine_command: Path, tmp_path: Path) -> Desk:
    """A project as `engine init` lays it out, worked by people who are always there."""
    fresh = Desk(engine_command, tmp_path / "desk")
    fresh.always_at_work()
    return fresh
