"""Rules of the house that no linter holds: sizes, purity of the core, suppressions that say why."""

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

import pytest

from tests.support.repository import ROOT, source_files, tracked_files, where

LONGEST_FILE = 350
LONGEST_FUNCTION = 50
LARGEST_ENGINE = 27_468
"""Lines of code. The aim is about 10,000 (docs/architecture.md): whoever comes near the limit makes something simpler first."""
SILENT_TOKENS = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
LIBRARIES_OF_THE_CORE = {"engine", "re2", "ahocorasick_rs", "msgspec"}
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
        for path in tracked_files("*.py")
        for line, name, length in functions_of(path)
        if length > LONGEST_FUNCTION
    ] == []


def lines_of_code(path: Path) -> int:
    """Count the lines that say something to Python: no blank lines, no comments, no docstrings."""
    source = path.read_text(encoding="utf-8")
    said: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT_TOKENS:
            said.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            said.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(said)


def test_a_line_of_code_is_one_that_says_something_to_python(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text('"""What it is.\n\nAnd why."""\n\n# a remark\nTEXT = """two\nlines"""\n\n\ndef f() -> None:\n    """Nothing."""\n')
    assert lines_of_code(path) == 3


def test_the_engine_does_not_grow_past_its_limit() -> None:
    assert sum(lines_of_code(path) for path in tracked_files("engine/*.py")) <= LARGEST_ENGINE


def imports_of(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, node.module or ""))
    return found


def test_the_core_imports_only_the_standard_library_its_two_matchers_and_structs() -> None:
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
