"""`engine account`: who may sign in to the web, and which programs may use it."""

from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import say
from engine.cli.session import FORMAT, Desk, Session, options, read_text
from engine.errors import UsageError
from engine.runtime import accounts

if TYPE_CHECKING:
    from engine.cli.words import Words
    from engine.store.accounts import AccessRow
    from engine.store.contract import Reader

AGENT = click.argument("agent")


@click.group()
def group() -> None:
    """Say who may sign in to the web, and make tokens for programs."""


@group.command("list")
@options(FORMAT)
def list_(session: Session) -> None:
    """List the people of team.yaml, and whoever left it and still has something: password, lock, and which tokens act as them."""
    with session.desk() as desk:
        with desk.store.read() as reader:
            kept, tokens = {row.agent: row for row in reader.accounts()}, reader.accesses("token")
        rows = [
            {
                "id": id,
                "name": agent.name if agent else None,
                "roles": list(agent.roles) if agent else [],
                "password": (row := kept.get(id)) is not None and row.password is not None,
                "locked_at": row.locked_at if row else None,
                "tokens": [
                    {"name": one.name, "expires_at": one.expires_at, "good": agent is not None and accounts.is_good(one, desk.now)}
                    for one in tokens
                    if one.agent == id
                ],
            }
            for id in dict.fromkeys((*desk.team.agents, *kept, *(one.agent for one in tokens)))
            for agent in [desk.team.agents.get(id)]
        ]
        words = desk.words
    session.listed(
        words,
        rows,
        ("id", lambda row: (row["id"], "bold")),
        ("name", lambda row: row["name"] or words.name("not_in_team")),
        ("roles", lambda row: ", ".join(row["roles"])),
        ("password", lambda row: "✓" if row["password"] else ""),
        ("locked", lambda row: words.clock(row["locked_at"]) if row["locked_at"] else ""),
        ("tokens", lambda row: ", ".join(_token(words, one) for one in row["tokens"])),
    )


def _token(words: "Words", shown: dict[str, Any]) -> str:
    """A token's name, and how long it is good."""
    ends = words.clock(shown["expires_at"]) if shown["good"] else words.name("no_longer_good")
    return f"{shown['name']} ({ends})" if ends else shown["name"]


@group.command("set")
@options()
@AGENT
@click.option("--password", metavar="-", help="`-` reads the password from standard input. Default: it is asked for, unseen.")
@click.option("--generate", is_flag=True, help="Make one up, and show it this once.")
def set_(session: Session, agent: str, password: str | None, generate: bool) -> None:
    """Set the password of AGENT, an id of team.yaml; whoever is signed in as them is signed out."""
    if password not in (None, "-"):
        raise UsageError("a password in a command stands in the shell's history: give `--password -` and standard input, or neither")
    made = accounts.new_secret(SystemRandom())[:20] if generate else None
    with session.desk() as desk:
        _must_be_known(desk, agent)
        given = made or (read_text(password) if password else click.prompt("password", hide_input=True, confirmation_prompt=True))
        with desk.store.write() as tx:
            accounts.set_password(tx, agent, given)
        say(desk.words.name("password_set", desk.words.party(agent)))
    if made:
        click.echo(made)


@group.command("lock")
@options()
@AGENT
@click.option("--undo", is_flag=True, help="Let them in again.")
def lock(session: Session, agent: str, undo: bool) -> None:
    """Let nobody in as AGENT, and end their sessions and tokens at once."""
    with session.desk() as desk:
        with desk.store.write() as tx:
            if tx.account(agent) is None and not _tokens(tx, agent):
                _must_be_known(desk, agent)
            accounts.lock(tx, agent, None if undo else desk.now)
        say(desk.words.name("unlocked" if undo else "locked_now", desk.words.party(agent)))


@group.command("token")
@options()
@AGENT
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3650), help="For how long it is good. Default: until it is ended.")
@click.option("--end", is_flag=True, help="End the token instead.")
def token(session: Session, agent: str, name: str, days: int | None, end: bool) -> None:
    """Make a token by which a program uses the API as AGENT, and show it this once; NAME says which program."""
    with session.desk() as desk, desk.store.write() as tx:
        known = [one for one in _tokens(tx, agent) if one.name == name]
        if end and known:
            tx.end_accesses(agent, name)
            return
        _must_be_known(desk, agent)
        if end or not name.strip():
            raise UsageError(f"{agent} has no token {name!r}")
        if any(accounts.is_good(one, desk.now) for one in known):
            raise UsageError(f"{agent} has a token {name!r}")
        secret = accounts.let_in(tx, SystemRandom(), "token", agent, name, desk.now, timedelta(days=days) if days else None)
    click.echo(secret)


def _tokens(reader: "Reader", agent: str) -> list["AccessRow"]:
    return [one for one in reader.accesses("token") if one.agent == agent]


def _must_be_known(desk: Desk, agent: str) -> None:
    if agent not in desk.team.agents:
        raise UsageError(f"there is no agent {agent!r} in team.yaml; there are {', '.join(desk.team.agents)}")
