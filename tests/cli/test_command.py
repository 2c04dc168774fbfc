"""The command itself: help everywhere, everything documented, exit codes, faults without tracebacks."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engine.cli import app
from engine.cli.app import LazyGroup
from tests.support.repository import ROOT


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command, str | None]]:
    """Every verb with its full name and the line that its lazy group says about it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        said = group.verbs[name][1] if isinstance(group, LazyGroup) else None
        yield " ".join((*path, name)), command, said
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = list(commands(app.engine))


@pytest.mark.parametrize(("name", "command", "said"), ALL, ids=[name for name, *_ in ALL])
def test_every_command_and_every_option_has_help(name: str, command: click.Command, said: str | None) -> None:
    assert command.help
    assert said is None or said.endswith(".")
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


@pytest.mark.parametrize("name", [name for name, *_ in ALL])
def test_every_command_is_in_the_manual(name: str) -> None:
    manual = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"engine {name}" in manual


def test_the_manual_names_no_command_that_does_not_exist() -> None:
    manual = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    known = {name for name, *_ in ALL}
    named = {found.strip() for found in re.findall(r"`engine ((?:[a-z]+ ?){1,2})", manual)}
    assert {name for name in named if name not in known and name.split()[0] not in known} == set()


def test_every_action_of_the_core_has_its_verb() -> None:
    from engine.cli import approvals, improve, incident, qa
    from engine.cli.ticket import VERBS
    from engine.core.decide.actions import ACTIONS

    assert set(ACTIONS) - set(VERBS) - set(approvals.group.commands) == {"join", "leave", "improve", "verify", "score"}
    assert {"add", "remove"} <= set(incident.group.commands)  # which the first two are
    assert {"update", "verify"} <= set(improve.group.commands)  # and the next two
    assert "score" in qa.group.commands


def imported(engine_command: Path, arguments: list[str], root: Path | None = None) -> set[str]:
    called = f"import sys; from engine.cli import app; app.engine({arguments}, standalone_mode=False)"
    code = f"{called}; print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([engine_command.parent / "python", "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return set(re.findall(r"'(\w+)'", done.stderr))


def test_what_a_sound_project_does_not_need_is_not_imported(engine, engine_command) -> None:
    engine("ticket", "list")  # puts the policy in force
    assert imported(engine_command, ["ticket", "list"], engine.root) & {"jsonschema", "referencing", "croniter"} == set()


def test_help_imports_no_library_but_click(engine_command) -> None:
    loaded = imported(engine_command, ["--help"])
    assert loaded & {"rich", "jinja2", "jsonschema", "msgspec", "yaml", "pluggy", "phonenumbers", "croniter", "re2", "sqlite3"} == set()


def test_a_wrong_call_exits_with_2_and_names_the_help(run) -> None:
    assert "--help" in run("frobnicate", code=2).stderr
    assert "--help" in run("ticket", "list", "--state", "bogus", code=2).stderr


@pytest.mark.parametrize(
    ("locale", "arguments", "said"),
    [
        ("zh_CN.UTF-8", ["--project", "nowhere"], "无法读取（没有这个文件或目录）；请运行 `engine init nowhere`，或进入项目目录"),
        ("zh_CN.UTF-8", ["--project", "nowhere", "--lang", "en"], "cannot be read (No such file or directory)"),
        ("C.UTF-8", ["--project", "nowhere", "--lang=zh"], "无法读取"),
        ("C.UTF-8", ["--project", "nowhere"], "run `engine init nowhere` or change"),
    ],
)
def test_what_went_wrong_is_said_in_the_language_that_was_asked_for(monkeypatch, capsys, locale, arguments, said) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    with pytest.raises(SystemExit) as left:
        app.main(["ticket", "list", *arguments])
    assert left.value.code == app.FINDINGS
    assert said in capsys.readouterr().err


def test_a_fault_is_one_line_with_the_place_of_its_details(monkeypatch, capsys, tmp_path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(app.engine, "main", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("ENGINE_DEBUG", raising=False)
    with pytest.raises(SystemExit) as left:
        app.main([])
    told = capsys.readouterr().err
    (log,) = tmp_path.glob("engine-fault-*.log")
    assert (left.value.code, told.count("\n"), str(log) in told) == (70, 1, True)
    assert "ZeroDivisionError: inside" in log.read_text(encoding="utf-8")
    monkeypatch.setenv("ENGINE_DEBUG", "1")
    with pytest.raises(SystemExit):
        app.main([])
    assert "ZeroDivisionError: inside" in capsys.readouterr().err
