"""What a user gets who has no clone: only the built wheels, in an environment of their own, in a directory of their own."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import engine
from tests.support.repository import ROOT, tracked_files

pytestmark = pytest.mark.wheels

Run = Callable[..., subprocess.CompletedProcess[str]]

SHIPPED_FILES = """
from pathlib import Path
import engine
from engine.resources import explained_diagnostics, shipped_policies
print(Path(engine.__file__).parent)
print(shipped_policies())
print(explained_diagnostics())
"""
CHANNEL_TYPES = """
from engine.channels.manager import ChannelTypes
print(*sorted(ChannelTypes.discover().types))
"""


@pytest.fixture
def run(environment_under_test: Path, tmp_path: Path) -> Run:
    """Run a program of the environment, away from the clone and with nothing of the caller's Python in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "CLOSEDLOOP_"))}

    def run(program: str, *arguments: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [str(environment_under_test / "bin" / program), *arguments]
        return subprocess.run(command, cwd=cwd, env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def project(run: Run, tmp_path: Path) -> Path:
    """A project as `engine init` lays it out."""
    directory = tmp_path / "desk"
    done = run("engine", "init", str(directory))
    assert done.returncode == 0, done.stderr
    return directory


def python(run: Run, source: str) -> list[str]:
    done = run("python", "-I", "-c", source)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


def test_the_command_says_its_version(run: Run) -> None:
    done = run("engine", "--version")
    assert (done.returncode, engine.__version__ in done.stdout, done.stderr) == (0, True, "")


def test_every_file_of_the_package_and_every_shipped_policy_travels(run: Run) -> None:
    package, policies, page = map(Path, python(run, SHIPPED_FILES)[:3])
    assert page.read_bytes() == (ROOT / "docs" / "diagnostics.md").read_bytes()
    assert not package.is_relative_to(ROOT)
    for origin, copy in ((ROOT / "engine", package), (ROOT / "policies", policies)):
        names = {path.relative_to(origin) for path in tracked_files(origin.name)}
        assert {name for name in names if not (copy / name).is_file()} == set()
        assert {name for name in names if (copy / name).read_bytes() != (origin / name).read_bytes()} == set()


def test_the_extra_all_brings_every_channel(run: Run) -> None:
    assert {"email", "phone_log", "sms", "web", "web_phone", "webhook"} <= set(python(run, CHANNEL_TYPES)[0].split())


def test_the_extra_all_brings_what_renders_reports(run: Run) -> None:
    assert python(run, "from engine.documents import renderers; print(*sorted(renderers()[0]))")[0].split() == ["html", "pdf", "xlsx"]


def test_init_lays_out_a_project_that_mails_nobody_by_accident(project: Path) -> None:
    settings = yaml.safe_load((project / "engine.yaml").read_text(encoding="utf-8"))
    assert settings["outbound"] == "hold"
    assert {path.name for path in tracked_files("policies/*.yaml") if path.parent == ROOT / "policies"} <= {
        path.name for path in (project / "policies").iterdir()
    }


def test_a_fresh_project_validates(run: Run, project: Path) -> None:
    done = run("engine", "validate", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_mistake_is_named_by_file_line_and_column_with_a_hint(run: Run, project: Path) -> None:
    sla = project / "policies" / "sla.yaml"
    text = sla.read_text(encoding="utf-8")
    line = text[: text.index("response:")].count("\n") + 1
    sla.write_text(re.sub(r"response: *\d+[mh]", "response: soon", text, count=1), encoding="utf-8")
    done = run("engine", "validate", cwd=project)
    assert done.returncode == 1
    assert re.search(rf"sla\.yaml:{line}:\d+", done.stdout + done.stderr), done.stdout + done.stderr


def test_the_verdict_is_there_for_programs_too(run: Run, project: Path) -> None:
    (project / "policies" / "sla.yaml").write_text("version: 1\ntiers: often\n", encoding="utf-8")
    done = run("engine", "validate", "--format", "json", cwd=project)
    assert done.returncode == 1
    assert "sla.yaml" in json.dumps(json.loads(done.stdout))
