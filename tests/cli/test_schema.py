"""`engine schema`: what editors know of policies is what the engine checks."""

import json
from pathlib import Path

import pytest

from engine.policy.vocabulary import KINDS_OF_FILE
from engine.resources import shipped_policies
from tests.cli.conftest import Command


def test_the_shipped_schemas_are_the_ones_that_the_engine_checks_by(run: Command) -> None:
    run("schema", "--check", str(shipped_policies() / ".schemas"))


def test_every_shipped_file_names_the_schema_of_its_kind_in_its_first_lines() -> None:
    for path in shipped_policies().rglob("*.yaml"):
        named = [line for line in path.read_text(encoding="utf-8").splitlines()[:3] if line.startswith("# yaml-language-server: $schema=")]
        kind = path.stem if path.parent == shipped_policies() else path.parent.name
        assert [(path.parent / line.partition("=")[2]).resolve() for line in named] == [
            shipped_policies().resolve() / ".schemas" / f"{kind}.json"
        ]


def test_a_new_project_has_the_schemas_its_policies_name(engine: Command) -> None:
    assert sorted(path.stem for path in (engine.root / "policies" / ".schemas").iterdir()) == sorted(KINDS_OF_FILE)
    engine("schema", "--check", "policies/.schemas")


@pytest.mark.parametrize("kind", KINDS_OF_FILE)
def test_each_kind_of_file_has_a_schema_by_its_name(run: Command, kind: str) -> None:
    assert json.loads(run("schema", kind).stdout)["$id"] == f"urn:closedloop:schema:{kind}"


def test_without_a_kind_the_kinds_are_listed_and_an_unknown_one_is_refused(run: Command) -> None:
    assert run("schema").stdout.split() == list(KINDS_OF_FILE)
    run("schema", "nonsense", code=2)


def test_a_stale_schema_is_a_finding_that_says_how_to_renew_it(run: Command, tmp_path: Path) -> None:
    run("schema", "--output", "schemas")
    run("schema", "--check", "schemas")
    (tmp_path / "schemas" / "sla.json").write_text("{}", encoding="utf-8")
    assert "schemas/sla.json is not the present schema" in run("schema", "--check", "schemas", code=1).stdout
