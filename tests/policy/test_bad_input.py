"""Damaged and hostile files: the real command, short of memory, names each by one clear diagnostic and never breaks off."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.bad_input import CASES, Case, lay_out

MEMORY = 256 << 20
LIMITED = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY})); os.execv(sys.argv[1], sys.argv[1:])"
ENGINE = str(Path(sys.prefix) / "bin" / "engine")


def validate(directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run `engine validate` in 256 MiB of memory."""
    return forked.run(["validate", str(directory), *options], Path.cwd(), environment(), memory=MEMORY)


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGINE_", "LC_", "LANG"))}
    return kept | {"PYTHONUTF8": "1"}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_damaged_or_hostile_is_named_by_its_diagnostic(case: Case, tmp_path: Path) -> None:
    done = validate(lay_out(case, tmp_path), "--format", "json")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert done.returncode == (1 if case.code else 0), done.stdout
    if not case.code:
        assert found == []
        return
    named = [item for item in found if re.fullmatch(case.code, item["code"]) and item["file"].endswith(case.file)]
    assert named, done.stdout[:2000]
    assert len(found) - len(named) <= 1, done.stdout[:2000]
    assert any(case.says in item["message"] for item in named)


@pytest.mark.parametrize("name", ["bomb of aliases", "a hundred thousand unknown keys"])
def test_the_installed_command_keeps_within_that_memory_too(name: str, tmp_path: Path) -> None:
    [case] = [case for case in CASES if case.name == name]
    command = [sys.executable, "-c", LIMITED, ENGINE, "validate", str(lay_out(case, tmp_path))]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(case.code, done.stdout)


def test_the_limit_of_memory_is_one_that_a_process_can_hit(tmp_path: Path) -> None:
    greedy = [sys.executable, "-c", LIMITED, sys.executable, "-c", f"bytes({MEMORY})"]
    assert "MemoryError" in subprocess.run(greedy, capture_output=True, text=True, timeout=60).stderr


def test_a_very_long_line_is_not_printed_whole(tmp_path: Path) -> None:
    [case] = [case for case in CASES if case.name == "a line of a million characters"]
    done = validate(lay_out(case, tmp_path))
    assert done.returncode == 1
    assert max(map(len, done.stdout.splitlines())) < 1000
