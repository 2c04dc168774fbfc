"""The plugins that documents build: laid out from the very blocks of the page, built and installed."""

import subprocess
import sys
from pathlib import Path

from tests.docs.markdown import blocks

FILE = "file: "


def lay_out(page: Path, directory: Path, under: str = "") -> None:
    """Write every file that the page shows and whose name begins with `under`."""
    for block in blocks(page):
        name = block.comment.removeprefix(FILE)
        if block.comment.startswith(FILE) and name.startswith(under):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")


def install(distribution: Path, target: Path) -> Path:
    """Build a distribution and install it for itself; return the entry for sys.path."""
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", str(target), str(distribution)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target
