"""The runner of documented commands notices what goes wrong."""

from pathlib import Path

import pytest

from tests.docs.markdown import Block
from tests.docs.shell import Shell
from tests.support.repository import ROOT


@pytest.fixture
def shell(tmp_path: Path, engine_command: Path) -> Shell:
    return Shell(tmp_path, engine_command.parent)


def block(text: str, comment: str = "run", language: str = "sh") -> Block:
    return Block(ROOT / "README.md", 1, language, comment, text)


def test_where_a_block_goes_and_what_it_sets_is_there_for_the_next(shell: Shell) -> None:
    shell.follow(block("mkdir place\ncd place\nA='x y'\nf() { echo \"$A in ${PWD##*/}\"; }\n"))
    shell.follow(block("f\n", "run until it prints: ^x y in place$"))


@pytest.mark.parametrize("text", ["false\ntrue\n", "true | false | cat\n", "echo $NOTHING_OF_THE_KIND\n", "engine begin\n"])
def test_a_command_that_fails_in_the_middle_is_noticed(shell: Shell, text: str) -> None:
    with pytest.raises(AssertionError, match="exit code"):
        shell.follow(block(text))


def test_another_exit_code_than_the_one_told_is_noticed(shell: Shell) -> None:
    shell.follow(block("exit 3\n", "run, exit code 3"))
    with pytest.raises(AssertionError, match="exit code 0"):
        shell.follow(block("exit 0\n", "run, exit code 3"))


def test_of_a_console_only_the_commands_run(shell: Shell) -> None:
    shell.follow(block("$ echo one   # said\none\nfalse\n$ echo two\n", "run until it prints: ^one\\stwo$", "console"))


def test_a_mark_that_means_nothing_is_noticed(shell: Shell) -> None:
    with pytest.raises(AssertionError, match="no way to run"):
        shell.follow(block("true\n", "run perhaps"))


def test_a_program_in_the_background_that_ends_badly_is_noticed(shell: Shell) -> None:
    shell.follow(block("engine run\n", "run in the background"))  # there is no project
    with pytest.raises(AssertionError, match="exit codes"):
        shell.close()
