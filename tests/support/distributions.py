"""Lays real distributions out on the import path, as pip would: one module, one entry point."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Install = Callable[..., None]


def installer(directory: Path, monkeypatch: pytest.MonkeyPatch, group: str) -> Install:
    """Return what lays a distribution with an entry point of this group in the directory, which is put on the import path."""
    monkeypatch.syspath_prepend(str(directory))

    def lay(distribution: str, source: str, entry: str = "channel") -> None:
        module = f"{distribution}_module"
        monkeypatch.delitem(sys.modules, module, raising=False)
        (directory / f"{module}.py").write_text(textwrap.dedent(source))
        info = directory / f"{distribution}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry} = {module}\n")

    return lay
