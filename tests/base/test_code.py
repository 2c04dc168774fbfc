"""Rules of the house that no linter holds: sizes, purity of the core, suppressions that say why."""

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT, source_files, tracked_files, where

LONGEST_FILE = 350
LONGEST_FUNCTION = 50
LONGEST_ENGINE = 10_000
LIBRARIES_OF_THE_CORE = {"engine", "re2", "ahocorasick_rs"}
SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|noqa|pragma: no (?:cover|branch))(?P<rest>.*)")
SUPPRESSED_CODES = re.compile(r"^\[[\w, -]+\]|^:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*")


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def functions_of(path: Path) -> list[tuple[int, str, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_file_is_a_room_with_two_purposes() -> None:
    assert {where(path): len(lines_of(path)) for path in source_files() if len(lines_of(path)) > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    assert [
        f"{where(path, line)} {name}: {length} lines"
        for path in source_files()
        for line, name, length in functions_of(path)
        if length > LONGEST_FUNCTION
    ] == []


def test_the_engine_stays_small() -> None:
    assert sum(len(lines_of(path)) for path in tracked_files("engine/*.py")) <= LONGEST_ENGINE


def imports_of(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, node.module or ""))
    return found


def test_the_core_imports_only_the_standard_library_and_its_two_matchers() -> None:
    allowed = LIBRARIES_OF_THE_CORE | sys.stdlib_module_names
    assert [
        f"{where(path, line)}: {name}"
        for path in tracked_files("engine/core/*.py")
        for line, name in imports_of(path)
        if name.partition(".")[0] not in allowed
    ] == []


def without_reason(line: str) -> bool:
    found = SUPPRESSION.search(line)
    return found is not None and not re.search(r"\w{2}", SUPPRESSED_CODES.sub("", found["rest"]))


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("import x  # noqa", True),
        ("import x  # noqa: F401", True),
        ("import x  # noqa: F401, E402", True),
        ("import x  # noqa: F401  # re-exported", False),
        ("import x  # noqa: F401 - re-exported", False),
        ("f(1)  # type: ignore[arg-type]", True),
        ("f(1)  # type: ignore[arg-type, misc]  # the library says str, takes int", False),
        ("f(1)  # 库的类型有误", False),
        ("f(1)  # type: ignore[arg-type]  # 库的类型有误", False),
        ("f(1)  # pragma: no cover", True),
        ("f(1)", False),
    ],
)
def test_a_suppression_without_a_reason_is_recognised(line: str, bare: bool) -> None:
    assert without_reason(line) is bare


def test_every_suppression_says_why() -> None:
    this = ROOT / "tests" / "base" / "test_code.py"
    assert [
        where(path, number)
        for path in tracked_files("*.py")
        if path != this
        for number, line in enumerate(lines_of(path), start=1)
        if without_reason(line)
    ] == []
