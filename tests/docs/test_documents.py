"""What every document must keep: links that lead somewhere, YAML that is read, commands that exist, examples that run."""

import subprocess
from pathlib import Path

import click
import pytest

from engine.cli.app import engine
from engine.policy.diagnostics import Problems, has_errors
from engine.policy.formats import format_text
from engine.policy.reader import read
from engine.policy.vocabulary import KIND_OF_SECTION
from engine.runtime.project import load_project
from tests.docs.markdown import SHELLS, all_blocks, anchors, blocks, commands, documents, links
from tests.docs.policies import compile_over_the_shipped
from tests.docs.shell import Shell
from tests.support.repository import ROOT, where

NEED_THEIR_PLUGIN = ("docs/channels.md", "docs/fields.md")  # each has a test of its own
ALWAYS = {"--help", "-h"}
WRONG_ON_PURPOSE = "docs/diagnostics.md"  # tests/policy holds each of its examples to the code it stands under
YAML = [block for block in all_blocks("yaml") if where(block.path) != WRONG_ON_PURPOSE]
RUN = [
    path for path in documents() if where(path) not in NEED_THEIR_PLUGIN and any(block.comment.startswith("run") for block in blocks(path))
]


def plain(text: str):
    problems = Problems()
    node = read("example.yaml", text, problems)
    assert not has_errors(problems.all()), format_text(problems.all())
    assert node is not None
    return node.plain()


@pytest.mark.parametrize("path", documents(), ids=where)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    dangling = []
    for line, link in links(path):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dangling.append(f"{where(path, line)}: {link}")
    assert dangling == []


@pytest.mark.parametrize("block", YAML, ids=str)
def test_every_block_of_yaml_is_read_strictly(block) -> None:
    plain(block.text)


@pytest.mark.parametrize("block", YAML, ids=str)
def test_every_policy_compiles_over_the_shipped_ones_and_every_deployment_loads(block, tmp_path: Path) -> None:
    content = plain(block.text)
    if where(block.path) == "docs/fields.md":
        return  # asks what only its plugin supplies
    if not isinstance(content, dict) or "version" not in content:
        return  # a fragment that only shows how something is written
    sections = content.keys() - {"version"}
    if sections <= KIND_OF_SECTION.keys():
        assert compile_over_the_shipped(content, tmp_path) == ""
    else:
        (tmp_path / "engine.yaml").write_text(block.text, encoding="utf-8")
        load_project(tmp_path)


def test_an_excerpt_that_does_not_compile_is_recognised(tmp_path: Path) -> None:
    excerpt = {"tiers": [{"id": "urgent", "default": True, "label": "urgent", "budgets": {"response": "soon"}, "calendar": "24x7"}]}
    assert "soon" in compile_over_the_shipped(excerpt, tmp_path)


@pytest.mark.parametrize("path", documents(), ids=where)
def test_every_command_named_exists_with_its_options(path: Path) -> None:
    unknown = []
    for line, words in commands(path):
        reason = unknown_word(words)
        if reason:
            unknown.append(f"{where(path, line)}: engine {' '.join(words)}: {reason}")
    assert unknown == []


def unknown_word(words: list[str]) -> str | None:
    """The first word that the command line does not know, None if it knows all; CAPITALS and … stand for anything."""
    command: click.Command = engine
    for word in words:
        if word.startswith("-"):
            known = {option for parameter in command.params for option in parameter.opts} | ALWAYS
            if word.split("=")[0] not in known and not word[1:].replace(".", "").isdecimal():
                return f"no option {word}"
        elif isinstance(command, click.Group) and not word.isupper() and "…" not in word:
            found = [command.get_command(click.Context(command), name) for name in word.split("|")]
            if None in found:
                return f"no command {word}"
            command = found[0] or command
        elif isinstance(command, click.Group):
            return None
    return None


@pytest.mark.parametrize("command", ["ticket list --mine", "ticket list|show|claim", "VERB --help", "init DIR", "--version"])
def test_a_known_command_is_recognised(command: str) -> None:
    assert unknown_word(command.split()) is None


@pytest.mark.parametrize("command", ["ticket lsit", "ticket list --mien", "ticket list|shwo", "begin", "--verison"])
def test_an_unknown_command_is_recognised(command: str) -> None:
    assert unknown_word(command.split()) is not None


@pytest.mark.parametrize("path", RUN, ids=where)
def test_every_block_marked_to_run_does_what_it_says(path: Path, tmp_path: Path, engine_command: Path, project: Path) -> None:
    shell = Shell(project, engine_command.parent)
    try:
        for block in blocks(path):
            if block.comment.startswith("run"):
                shell.follow(block)
    finally:
        shell.close()


def test_the_first_hour_is_run_whole() -> None:
    walk = [block for block in blocks(ROOT / "docs" / "your-first-hour.md") if block.language in SHELLS]
    assert walk
    assert [str(block) for block in walk if not block.comment.startswith("run")] == []


@pytest.fixture
def project(tmp_path: Path, engine_command: Path) -> Path:
    """A fresh project."""
    directory = tmp_path / "project"
    subprocess.run([engine_command, "init", directory], check=True, capture_output=True)
    return directory
