"""`engine validate` on a project: its deployment is checked like its policies."""

import re
from pathlib import Path

import pytest

from engine.cli.init import lay_out
from engine.cli.validate import check

PAGE = (Path(__file__).parents[2] / "docs" / "diagnostics.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### (CL7\d+) [^\n]*\n\nIn `engine.yaml`:\n\n```yaml\n(.*?)```\n\n> ([^\n]*)", PAGE, re.DOTALL | re.MULTILINE)


def test_a_project_as_it_is_laid_out_is_sound(tmp_path: Path) -> None:
    lay_out(tmp_path)
    assert check(tmp_path)[0] == []


@pytest.mark.parametrize(("code", "text", "message"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_each_documented_fault_of_the_deployment_is_told_with_its_code_and_place(
    tmp_path: Path, code: str, text: str, message: str
) -> None:
    lay_out(tmp_path)
    (tmp_path / "engine.yaml").write_text(text, encoding="utf-8")
    [found] = check(tmp_path)[0]
    assert (found.code, found.message) == (code, message)
    assert text.splitlines()[found.line - 1].strip() != ""


def test_every_code_of_the_deployment_has_an_example() -> None:
    assert [code for code, _, _ in EXAMPLES] == ["CL701", "CL702"]
