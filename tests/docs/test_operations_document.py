"""docs/operations.md names every key, log line and exit code, and no other."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from engine.channels.manager import ChannelTypes, validate_settings
from engine.cli import app
from engine.runtime.project import load_project, resolve_secrets
from tests.docs.markdown import blocks
from tests.support.parts import find_program
from tests.support.repository import ROOT, tracked_files

PAGE = ROOT / "docs" / "operations.md"
DEPLOYMENTS = [block for block in blocks(PAGE) if block.language == "yaml"]


def section(heading: str) -> str:
    return PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def first_cells(heading: str) -> set[str]:
    """What stands as code in the first column of the table under a heading."""
    body = section(heading).partition("| --- |")[2]
    return {cell for row in re.findall(r"^\| ([^|]+) \|", body, re.MULTILINE) for cell in re.findall(r"`([^`]+)`", row)}


def keys(schema: dict, whole: dict, path: str = "") -> Iterator[str]:
    """The keys a deployment may have, dotted; a map with names of the user's own counts as one named NAME."""
    for name, below in schema.get("properties", {}).items():
        if "$ref" in below:
            below = whole
            for step in schema["properties"][name]["$ref"].removeprefix("#/").split("/"):
                below = below[step]
        here = f"{path}.{name}" if path else name
        branches = [below, *([below["then"]] if "then" in below else [])]
        deeper = [key for branch in branches for key in keys(branch, whole, here)]
        free = below.get("additionalProperties")
        if isinstance(free, dict):
            deeper += [f"{here}.NAME", *keys(free, whole, f"{here}.NAME")]
        yield from deeper if deeper and "then" not in below else [here, *deeper]


def test_every_key_of_engine_yaml_is_in_the_table_and_no_other() -> None:
    schema = json.loads(resources.files("engine.runtime").joinpath("engine.schema.json").read_text(encoding="utf-8"))
    assert first_cells("engine.yaml") == set(keys(schema, schema))


@pytest.mark.parametrize("block", DEPLOYMENTS, ids=str)
def test_every_deployment_shown_loads_with_settings_its_plugins_take(block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in re.findall(r"\$\{env:(\w+)\}", block.text):
        monkeypatch.setenv(variable, "0123456789abcdef")
    for secret in re.findall(r"\$\{file:([^}]+)\}", block.text):
        (tmp_path / secret).parent.mkdir(exist_ok=True)
        (tmp_path / secret).write_text("0123456789abcdef\n", encoding="utf-8")
    (tmp_path / "engine.yaml").write_text(block.text, encoding="utf-8")
    project = load_project(tmp_path)
    types = ChannelTypes.discover()
    for channel in project.channels:
        settings = resolve_secrets(channel.settings, project.root)
        assert validate_settings(types.named(channel.type), settings) == []


def test_the_defaults_in_the_table_are_those_of_an_empty_deployment(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text("version: 1\n", encoding="utf-8")
    project = load_project(tmp_path)
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `?([^|`]*)`? \|", section("engine.yaml"), re.MULTILINE))
    delivery = project.delivery
    assert {
        "database": project.database,
        "policies": project.policies.relative_to(project.root).as_posix(),
        "var": project.var.relative_to(project.root).as_posix(),
        "outbound": project.outbound,
        "phone_region": project.phone_region,
        "delivery.attempts": str(delivery.attempts),
        "delivery.backoff": f"{delivery.backoff.seconds}s",
        "delivery.longest": f"{delivery.longest.seconds // 3600}h",
        "delivery.deadline": f"{project.send_deadline.seconds}s",
        "handling.attempts": str(project.handling.attempts),
        "handling.backoff": f"{project.handling.backoff.seconds}s",
        "handling.longest": f"{project.handling.longest.seconds // 3600}h",
        "circuit.failures": str(project.circuit.failures),
        "circuit.pause": f"{project.circuit.pause.seconds}s",
        "circuit.longest": f"{project.circuit.longest.seconds // 60}m",
        "circuit.patience": f"{project.circuit.patience.days}d",
        "operations.clock_jump": f"{project.clock_jump.seconds // 60}m",
    }.items() <= rows.items()


def test_every_line_of_the_log_is_in_the_table_and_no_other() -> None:
    said = re.compile(r'(?:log\.say\(\s*|warn\(|LOGGER\.(?:info|exception)\(\s*|LOGGER\.log\(logging[^"]*)"([^"]+)"')
    found = {
        line
        for path in tracked_files("engine/runtime/*.py", "engine/analysis/*.py")
        for line in said.findall(path.read_text(encoding="utf-8"))
    }
    assert first_cells("The log") == found


def test_every_exit_code_is_in_the_table() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}
    assert told == {0, 130, app.FINDINGS, app.USAGE, app.WARNINGS, app.INTERNAL}


def test_the_unit_that_is_shipped_is_the_one_that_is_shown() -> None:
    [block] = [block for block in blocks(PAGE) if block.language == "ini"]
    assert block.text == (PAGE.parent / "closedloop.service").read_text(encoding="utf-8")


def test_every_metric_is_in_the_table_and_no_other() -> None:
    families = (ROOT / "engine" / "runtime" / "metrics.py").read_text(encoding="utf-8")
    suffixes = {"Counter": "_total", "InfoMetricFamily": "_info"}
    made = {name + suffixes.get(kind, "") for kind, name in re.findall(r'(\w+)\(\s*"(closedloop_\w+)"', families)}
    assert first_cells("Health, metrics, traces") - {"/healthz", "/readyz", "/metrics"} == made


@pytest.mark.real("systemd-analyze")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    [block] = [block for block in blocks(PAGE) if block.language == "ini"]
    program = shutil.which("true")
    unit = tmp_path / "closedloop.service"
    unit.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={program}", block.text).replace("User=closedloop", "User=root"), encoding="utf-8")
    tool = find_program("systemd-analyze")
    assert tool is not None
    done = subprocess.run([tool, "verify", "--man=no", unit], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
