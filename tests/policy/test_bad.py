"""Each file in bad/ is laid over the shipped policies; its first lines say under which name, and what must be found."""

from pathlib import Path

import pytest

from engine.policy import Diagnostic
from engine.policy.codes import CODES
from tests.policy.support import diagnose

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
OF_DIRECTORIES = {"CL102", "CL103", "CL104", "CL105", "CL118", "CL119", "CL120", "CL121"}
OF_MANY_FAULTS = {"CL212"}
OF_DEPLOYMENTS = ("CL7",)
"""About engine.yaml: tests/cli/test_validate.py."""


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_a_bad_file_gives_exactly_its_message_and_hint(path: Path) -> None:
    text = path.read_text("utf-8")
    header = [line.removeprefix("# ") for line in text.split("\n") if line.startswith(("# file: ", "# expect: ", "# hint:"))]
    name = header[0].removeprefix("file: ")
    diagnostics = diagnose(name, text)
    assert [line.rstrip() for line in header[1:]] == [line for item in diagnostics for line in _lines(item, name)]
    assert {item.code for item in diagnostics} == {path.stem[:5]}


def test_every_code_has_a_bad_file_unless_it_is_about_what_no_text_can_be() -> None:
    of_policies = {code for code in CODES if not code.startswith(OF_DEPLOYMENTS)}
    assert of_policies - OF_DIRECTORIES - OF_MANY_FAULTS == {path.stem[:5] for path in BAD}


def _lines(item: Diagnostic, name: str) -> list[str]:
    place = f"{item.line}:{item.column}" if item.file == name else "*:*"
    return [f"expect: {item.file}:{place}: {item.severity} {item.code}: {item.message}", f"hint: {item.hint}".rstrip()]
