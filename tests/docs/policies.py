"""Tries out a policy excerpt of a document: laid over the shipped policies, section by section."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.policy import check_team, compile_policy, format_text, load_team
from engine.policy.cases import load_cases
from engine.policy.diagnostics import Problems
from engine.policy.reader import read
from engine.policy.vocabulary import KIND_OF_SECTION
from engine.resources import shipped_policies
from engine.whatif.policy_tests import run_case


def compile_over_the_shipped(excerpt: Mapping[str, Any], directory: Path) -> str:
    """What is wrong with the excerpt, as `engine validate` would say it; empty if nothing is."""
    policies = directory / "policies"
    shutil.copytree(shipped_policies(), policies)
    if "tests" in excerpt:
        return _run_tests(excerpt, policies)
    for section in excerpt.keys() - {"version"}:
        path = _file_of(policies, section)
        content = _plain(path) if path.exists() else {"version": 1}
        content[section] = laid_over(content.get(section), excerpt[section])
        # JSON is YAML; every text in quotes reads the same under any reader.
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    compilation = compile_policy(policies)
    team = load_team(policies / "team.yaml")
    found = (*compilation.diagnostics, *team.diagnostics, *check_team(team, compilation))
    return format_text([item for item in found if item.code != "CL655"])  # an excerpt may replace what used a condition


def _run_tests(excerpt: Mapping[str, Any], policies: Path) -> str:
    """What is wrong with tests in a document, and which of them fail against the shipped policies."""
    shutil.rmtree(policies / "tests")
    (policies / "tests").mkdir()
    (policies / "tests" / "example.yaml").write_text(json.dumps(excerpt, ensure_ascii=False, indent=1), encoding="utf-8")
    policy, team = compile_policy(policies).policy, load_team(policies / "team.yaml").team
    assert policy is not None
    assert team is not None
    load = load_cases(policies, policy, team)
    failures = [failure for case in load.cases for failure in run_case(case, policy, team).failures]
    return "\n".join([format_text(load.diagnostics), *map(str, failures)]).strip()


def laid_over(shipped: Any, excerpt: Any) -> Any:
    """Entries of the same name or id are replaced; a list with a default of its own is complete and replaces the whole."""
    if isinstance(shipped, dict) and isinstance(excerpt, dict):
        return {**shipped, **excerpt}
    if not isinstance(shipped, list) or not isinstance(excerpt, list) or any("default" in entry for entry in excerpt):
        return excerpt
    names = {entry.get("id") for entry in excerpt}
    return [*excerpt, *(entry for entry in shipped if entry.get("id") not in names)]


def _file_of(policies: Path, section: str) -> Path:
    kind = KIND_OF_SECTION[section]
    found = [path for path in sorted(policies.rglob("*.yaml")) if section in _plain(path)]
    return found[0] if found else policies / ("calendars/example.yaml" if kind == "calendars" else f"{kind}.yaml")


def _plain(path: Path) -> dict[str, Any]:
    node = read(path.name, path.read_text(encoding="utf-8"), Problems())
    assert node is not None
    content = node.plain()
    assert isinstance(content, dict)
    return content
