"""What every verb that works on a project shares: its options, the project's engine or store, and who acts."""

import functools
import getpass
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from msgspec import Struct

from engine.cli.output import Cell, say, say_json
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.cli.words import Words
    from engine.core.compiled import Policy
    from engine.core.team import Team
    from engine.runtime.engine import Engine
    from engine.runtime.project import Project
    from engine.store import Store

Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

PROJECT = click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    envvar="ENGINE_PROJECT",
    show_default="current directory, or ENGINE_PROJECT",
    help="The project's directory, which holds engine.yaml.",
)
LANGUAGE = click.option("--lang", type=click.Choice(["zh", "en"]), help="Language of labels. Default: by locale, else the company's.")
FORMAT = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print.")
ACTOR = click.option("--as", "actor", metavar="AGENT", help="Who acts, an id of team.yaml. Default: by your user name on this machine.")


class Desk(Struct, frozen=True):
    """What a verb that only looks works with: the project, its store, the policy in force, the people, the words, the present instant."""

    project: "Project"
    store: "Store"
    policy: "Policy"
    team: "Team"
    words: "Words"
    now: datetime


class Session(Struct, frozen=True):
    """The options that verbs share, and what is opened by them."""

    root: Path
    language: str | None = None
    json: bool = False
    wanted_actor: str | None = None

    @contextmanager
    def engine(self) -> Iterator["Engine"]:
        """Open the project whole, channels included. Raises ConfigurationError."""
        from engine.runtime.clock import SystemClock
        from engine.runtime.engine import open_engine
        from engine.runtime.project import load_project

        opened = open_engine(load_project(self.root), SystemClock())
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def store(self) -> Iterator[tuple["Project", "Store"]]:
        """Open the store alone. Raises ConfigurationError."""
        from engine.runtime.project import load_project, resolve_secrets
        from engine.store import open_store

        project = load_project(self.root)
        project.var.mkdir(parents=True, exist_ok=True)
        store = open_store(resolve_secrets(project.database, project.root), project.root)
        try:
            yield project, store
        finally:
            store.close()

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Open the store and the policy in force, without any channel. Raises ConfigurationError."""
        from engine.runtime.clock import SystemClock
        from engine.runtime.policies import COMMAND, load_active, load_from_directory, load_people, sound

        now = SystemClock().now()
        with self.store() as (project, store):
            compilation = load_active(store) or load_from_directory(project.policies, store, now, COMMAND)
            policy = sound(compilation)
            team, _ = load_people(project.policies, compilation)
            yield Desk(project, store, policy, team, self.words(policy, team), now)

    def words(self, policy: "Policy", team: "Team") -> "Words":
        """Return the words of the language asked for."""
        from engine.cli.words import Words

        return Words(self.language or by_locale() or policy.company.languages[0], policy, team)

    def listed(self, words: "Words", rows: Sequence[Any], *columns: str | tuple[str, Callable[[Any], Cell]]) -> None:
        """Print rows as JSON or as a table (see `Words.table`), or say that there are none."""
        if self.json:
            say_json(rows)
        elif rows:
            words.table(rows, *columns)
        else:
            say(words.name("nothing"))

    def actor(self, team: "Team") -> str:
        """Return who acts: `--as`, else whom the user name on this machine belongs to. Raises UsageError."""
        return resolve_actor(team, self.wanted_actor, user_name())

    def known_actor(self, team: "Team") -> str | None:
        """Return who looks, None where that is not known and was not asked for."""
        matches = [agent.id for agent in team.agents.values() if user_name() in agent.users]
        return self.actor(team) if self.wanted_actor or len(matches) == 1 else None


def options(*shared: Option) -> Option:
    """Give a verb the shared options and hand it them as a `Session`, its first argument."""

    def wrap(verb: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(verb)
        def call(project: Path = Path(), lang: str | None = None, format_: str = "text", actor: str | None = None, **rest: Any) -> Any:
            return verb(Session(project, lang, format_ == "json", actor), **rest)

        decorated: Callable[..., Any] = call
        for option in reversed((*shared, PROJECT, LANGUAGE)):
            decorated = option(decorated)
        return decorated

    return wrap


def resolve_actor(team: "Team", wanted: str | None, user: str) -> str:
    """Return the agent who acts. Raises UsageError with a hint where nobody, or more than one, can be meant."""
    if wanted is not None:
        if wanted in team.agents:
            return wanted
        raise UsageError(f"there is no agent {wanted!r} in team.yaml; there are {', '.join(team.agents)}")
    matches = [agent.id for agent in team.agents.values() if user in agent.users]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"the user {user!r} stands for {' and '.join(matches)} in team.yaml; say who acts with --as AGENT")
    raise UsageError(
        f"who acts? Say it with --as AGENT (one of {', '.join(team.agents)}), "
        f"or add your user name {user!r} to `users` of an agent in team.yaml"
    )


def user_name() -> str:
    """Return the name of the account on this machine, empty where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def by_locale() -> str | None:
    """Return zh or en if the locale names one of them."""
    named = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    language = named.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return language if language in ("zh", "en") else None


def read_text(text: str | None) -> str:
    """Return the text of an option, or all of standard input for `-`."""
    return sys.stdin.read().strip() if text == "-" else text or ""
