"""The plugin that docs/channels.md builds: made from the very blocks of the page, built, installed, and held to the contract."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import blocks
from tests.docs.shell import Shell
from tests.docs.workshop import install, lay_out
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "channels.md"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with every file that the page shows."""
    directory = tmp_path_factory.mktemp("workshop")
    lay_out(PAGE, directory)
    return directory


@pytest.fixture(scope="module")
def installed(workshop: Path) -> Path:
    """Where the built distribution was installed, as an entry for sys.path."""
    return install(workshop / "notepad", workshop / "installed")


def test_the_plugin_holds_the_contract(workshop: Path, installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", ".", "tests"],
        cwd=workshop / "notepad",
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_the_page_is_true_word_for_word(workshop: Path, installed: Path, engine_command: Path) -> None:
    """A note comes in by the installed plugin, and the promise goes out by it."""
    settings = (workshop / "desk" / "engine.yaml").read_text(encoding="utf-8")
    (workshop / "desk" / "engine.yaml").unlink()
    subprocess.run([engine_command, "init", workshop / "desk"], check=True, capture_output=True)
    (workshop / "desk" / "engine.yaml").write_text(settings, encoding="utf-8")
    shell = Shell(workshop, engine_command.parent, {"PYTHONPATH": str(installed)})
    try:
        for block in blocks(PAGE):
            if block.comment.startswith("run"):
                shell.follow(block)
    finally:
        shell.close()
