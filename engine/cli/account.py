"""`engine account`: who may sign in to the web, and which programs may use it."""

from datetime import timedelta
from random import SystemRandom

import click

from engine.cli.output import say
from engine.cli.session import FORMAT, Desk, Session, options, read_text
from engine.errors import UsageError
from engine.runtime import accounts
from engine.runtime.passes import new_secret

AGENT = click.argument("agent")


@click.group()
def group() -> None:
    """Say who may sign in to the web, and make tokens for programs."""


@group.command("list")
@options(FORMAT)
def list_(session: Session) -> None:
    """List the people of team.yaml: whether they have a password, are locked, and which tokens act as them."""
    with session.desk() as desk:
        with desk.store.read() as reader:
            kept, tokens = {row.agent: row for row in reader.accounts()}, reader.accesses("token")
        rows = [
            {
                "id": id,
                "name": agent.name,
                "roles": list(agent.roles),
                "password": (row := kept.get(id)) is not None and row.password is not None,
                "locked_at": row.locked_at if row else None,
                "tokens": [{"name": one.name, "expires_at": one.expires_at} for one in tokens if one.agent == id],
            }
            for id, agent in desk.team.agents.items()
        ]
        words = desk.words
    session.listed(
        words,
        rows,
        ("id", lambda row: (row["id"], "bold")),
        "name",
        ("roles", lambda row: ", ".join(row["roles"])),
        ("password", lambda row: "✓" if row["password"] else ""),
        ("locked", lambda row: words.clock(row["locked_at"]) if row["locked_at"] else ""),
        ("tokens", lambda row: ", ".join(one["name"] for one in row["tokens"])),
    )


@group.command("set")
@options()
@AGENT
@click.option("--password", metavar="-", help="`-` reads the password from standard input. Default: it is asked for, unseen.")
@click.option("--generate", is_flag=True, help="Make one up, and show it this once.")
def set_(session: Session, agent: str, password: str | None, generate: bool) -> None:
    """Set the password of AGENT, an id of team.yaml; whoever is signed in as them is signed out."""
    if password not in (None, "-"):
        raise UsageError("a password in a command stands in the shell's history: give `--password -` and standard input, or neither")
    made = new_secret(SystemRandom())[:20] if generate else None
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
            if agent not in desk.team.agents and tx.account(agent) is None:
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
    with session.desk() as desk:
        _must_be_known(desk, agent)
        with desk.store.write() as tx:
            if not name.strip() or (known := any(one.agent == agent and one.name == name for one in tx.accesses("token"))) is not end:
                raise UsageError(f"{agent} has {'a' if name.strip() and known else 'no'} token {name!r}")
            if end:
                tx.end_accesses(agent, name)
                return
            secret = accounts.let_in(tx, SystemRandom(), "token", agent, name, desk.now, timedelta(days=days) if days else None)
    click.echo(secret)


def _must_be_known(desk: Desk, agent: str) -> None:
    if agent not in desk.team.agents:
        raise UsageError(f"there is no agent {agent!r} in team.yaml; there are {', '.join(desk.team.agents)}")
