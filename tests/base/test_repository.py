"""What the repository must and must not hold, so that a fresh clone works anywhere."""

import re
import subprocess
from pathlib import Path

import pytest

import engine
from tests.support.repository import ROOT, pyprojects, tracked_files, where

DEPENDENCIES = ROOT / "docs" / "dependencies.md"
MACHINE_PATH = re.compile(r"(?<![\w.$}*])/(?:home|root|work|farm|Users)/")
REGISTRY = re.compile(r"\b(?:pypi\.org|pythonhosted\.org|deb\.debian\.org|registry\.npmjs\.org)\b|--(?:extra-)?index-url|--trusted-host")


def normalised(requirement: str) -> str:
    """The name in a requirement, as package indexes compare names (PEP 503)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def required_by(pyproject: dict) -> set[str]:
    project = pyproject["project"]
    extras = [requirement for extra in project.get("optional-dependencies", {}).values() for requirement in extra]
    return {normalised(requirement) for requirement in [*project.get("dependencies", []), *extras, *pyproject["build-system"]["requires"]]}


def explained() -> set[str]:
    rows = re.findall(r"^\| `([^`]+)` \| \S", DEPENDENCIES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {normalised(name) for name in rows}


def test_every_dependency_has_its_reason_and_every_reason_its_dependency() -> None:
    distributions = {normalised(pyproject["project"]["name"]) for pyproject in pyprojects().values()}
    ours = distributions | {
        "closedloop-email",
        "closedloop-sms",
        "closedloop-phone-log",
        "closedloop-reports",
        "closedloop-web",
        "closedloop-webhook",
    }
    required = set().union(*map(required_by, pyprojects().values())) - ours
    assert {"required, not explained": required - explained(), "explained, not required": explained() - required} == {
        "required, not explained": set(),
        "explained, not required": set(),
    }


@pytest.mark.parametrize(
    "directory", ["plugins", "plugins/email", "plugins/sms", "plugins/phone_log", "plugins/reports", "plugins/web", "plugins/webhook"]
)
def test_plugin_directories_are_no_packages_so_that_the_standard_library_keeps_its_email(directory: str) -> None:
    assert not (ROOT / directory / "__init__.py").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see /home/me/x", True),
        ('"/root/.ssh"', True),
        ("/work/main", True),
        ("plugins/home/x", False),
        ("$HOME/work/x", False),
        ("home/", False),
    ],
)
def test_a_path_of_one_machine_is_recognised(text: str, found: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) is found


def test_no_tracked_file_names_a_path_of_one_machine_or_a_package_registry() -> None:
    this = Path(__file__).resolve()
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if path == this or b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
            if MACHINE_PATH.search(line) or REGISTRY.search(line):
                found.append(f"{where(path, number)}: {line.strip()[:100]}")
    assert found == []


def test_the_changelog_is_open_for_what_comes_next() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()


def test_an_editable_install_sees_the_policies_of_the_repository() -> None:
    from engine.resources import shipped_policies

    assert shipped_policies() == ROOT / "policies"
    assert Path(engine.__file__).parent == ROOT / "engine"


def test_ci_is_a_bash_script_that_anybody_may_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert script.stat().st_mode & 0o111 == 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
