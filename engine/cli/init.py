"""`engine init`: lay out a new project."""

import os
from importlib import resources
from pathlib import Path

import click

from engine.cli.output import say
from engine.errors import Refused
from engine.resources import shipped_policies

_FOLDERS = ("in/email", "in/sms", "in/phone_log", "out/email", "out/sms", "bad", "attachments", "state")
_IGNORED = """\
# what the engine writes; back up var/engine.db (运行数据)
var/
# secrets never belong into version control (密码等)
secrets/
"""


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def command(directory: Path) -> None:
    """Lay out a new project in DIRECTORY: engine.yaml, the shipped policies, and the folders that messages come and go by.

    Nothing is sent to anybody until `outbound` in engine.yaml says so. A directory that holds a project already is left alone.
    """
    lay_out(directory)
    _say_what_next(directory)


def lay_out(directory: Path, outbound: str = "hold") -> None:
    """Write a new project; `outbound` is hold or live. Raises Refused where there is one already."""
    if (directory / "engine.yaml").exists():
        raise Refused(f"{directory} holds a project already (engine.yaml is there); nothing was changed")
    if (directory / "policies").exists():
        raise Refused(f"{directory / 'policies'} is there already; nothing was changed. Move it away or choose another directory")
    directory.mkdir(parents=True, exist_ok=True)
    for folder in _FOLDERS:
        (directory / "var" / folder).mkdir(parents=True, exist_ok=True)
    _copy(shipped_policies(), directory / "policies")
    if not (directory / ".gitignore").exists():
        (directory / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    text = resources.files("engine.cli").joinpath("engine.yaml").read_text(encoding="utf-8")
    # Last, for it makes the directory a project: an init that was interrupted can be repeated.
    text = text.replace("\noutbound: hold\n", f"\noutbound: {outbound}\n")
    (directory / "engine.yaml").write_text(text, encoding="utf-8")


def _copy(origin: Path, target: Path) -> None:
    """Copy the policy files, and the schemas for editors, as files of the user's own, writable whatever the installation's are."""
    for path in sorted([*origin.rglob("*.yaml"), *origin.glob("knowledge/[!.]*"), *origin.glob(".schemas/*.json")]):
        copy = target / path.relative_to(origin)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def _say_what_next(directory: Path) -> None:
    there = os.path.relpath(directory)
    say(f"A project lies in {there}: 项目已建立")
    for step, what in (
        (f"cd {there}", "everything below is said in that directory"),
        ("engine validate", "are the policies sound? 检查策略"),
        ("engine run", "the daemon; stop it with Ctrl-C 启动"),
        ("cp MAIL.eml var/in/email/", "a customer writes: any .eml file 收信"),
        ("engine ticket list", "what there is to do 工单列表"),
        ("engine outbox list", "what would be sent; nothing goes out while engine.yaml says `outbound: hold` 待发消息"),
    ):
        say(f"  {step:<28} {what}")
    say("Edit policies/company.yaml (who you are) and policies/team.yaml (your people) first. 请先修改公司信息与人员。")
