"""docs/diagnostics.md lists every code, and its examples are run."""

import re
from pathlib import Path

import pytest

from engine.core.conditions import OPERATORS, FieldType
from engine.core.fields import FIELDS
from engine.policy.codes import CODES
from engine.policy.samples import OCCASION_VARIABLES
from engine.policy.vocabulary import OCCASIONS
from tests.policy.support import diagnose

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "diagnostics.md").read_text("utf-8")
EXAMPLES = re.findall(r"^### (CL\d+) [^\n]*\n\n`([^`]+)`:\n\n```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_code_stands_in_the_docs_with_its_title_and_severity() -> None:
    listed = re.findall(r"^### (CL\d+ .*)$", PAGE, re.MULTILINE)
    titles = [f"{code} {item.title}{' (warning)' if item.severity == 'warning' else ''}" for code, item in CODES.items()]
    assert titles == listed


@pytest.mark.parametrize(("code", "name", "text"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_each_example_triggers_exactly_its_code(code: str, name: str, text: str) -> None:
    assert {item.code for item in diagnose(name, text)} == {code}


def test_the_docs_list_every_field_with_exactly_its_operators() -> None:
    page = (DOCS / "policies.md").read_text("utf-8")
    table = page[page.index("| fields | operators |") : page.index("| operator | holds when |")]
    listed = {}
    for row in re.findall(r"^\| (.*) \| (.*) \|$", table, re.MULTILINE)[2:]:
        fields, operators = (re.findall(r"`([^`]+)`", cell) for cell in row)
        listed.update(dict.fromkeys(fields, tuple(operators)))
        if not fields:
            assert (row[0].split(",")[0], tuple(operators)) == ("labels", OPERATORS[FieldType.LABELS])
    assert listed == {name: OPERATORS[field.type] for name, field in FIELDS.items()}


def test_the_docs_say_what_every_operator_asks() -> None:
    page = (DOCS / "policies.md").read_text("utf-8")
    table = page[page.index("| operator | holds when |") : page.index("| field | is |")]
    assert set(re.findall(r"`(\w+): ", table)) == {operator for names in OPERATORS.values() for operator in names}


def test_the_docs_list_every_occasion_with_its_variables() -> None:
    page = (DOCS / "policies.md").read_text("utf-8")
    for occasion, names in OCCASION_VARIABLES.items():
        row = next(line for line in page.split("\n") if line.startswith(f"| `{occasion}`"))
        assert all(f"`{name}" in row for name in names)
    assert set(OCCASIONS) <= set(OCCASION_VARIABLES)
