"""What the repository holds, for tests that police it."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def tracked_files(*patterns: str) -> list[Path]:
    """The files under version control that match git's patterns, as they are in the work tree."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def source_files() -> list[Path]:
    """Every Python file that ships: the engine's and the plugins' packages, without tests."""
    return tracked_files("engine/*.py", "plugins/*/engine_*.py")


def pyprojects() -> dict[Path, dict[str, Any]]:
    """Every distribution's pyproject.toml, parsed."""
    paths = tracked_files("pyproject.toml", "plugins/*/pyproject.toml")
    return {path: tomllib.loads(path.read_text(encoding="utf-8")) for path in paths}


def where(path: Path, line: int | None = None) -> str:
    """A place in the repository as people read it."""
    name = path.relative_to(ROOT).as_posix()
    return name if line is None else f"{name}:{line}"
