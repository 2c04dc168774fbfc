"""`engine policy`: the versions of the policy, what differs between them, and which one is in force."""

from itertools import pairwise
from pathlib import Path

import click

from engine.cli.output import one_line, say, say_json
from engine.cli.repromise import command as repromise
from engine.cli.session import ACTOR, FORMAT, Session, options, user_name
from engine.errors import NotFound, Refused, UsageError
from engine.policy import compile_files, compile_policy
from engine.policy.diff import Change, compare
from engine.runtime.policies import COMMAND, load_people, put_in_force
from engine.store import Store

_STYLES = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}
_ACTIVE = "active"


@click.group()
def group() -> None:
    """See the versions of the policy, compare them, put one in force, and move open promises to it."""


@group.command("log")
@options(FORMAT)
def log(session: Session) -> None:
    """List each time that a policy came into force, the latest first: when, by whom, and what changed against the one before.

    By whom is an agent or a user, `daemon` where `engine run` took over the directory at its start, `reload` where it saw a file saved,
    `cli` where another command found no policy in force.
    """
    with session.desk() as desk:
        with desk.store.read() as reader:
            rows = reader.activations()
            files = {digest: reader.policy_files(digest) or {} for digest in {row.digest for row in rows}}
        words = desk.words
    changes = [*(_summary(compare(files[before.digest], files[new.digest])) for new, before in pairwise(rows)), "the first"]
    marked = [{"digest": row.digest, "at": row.at, "by": row.by, "active": row is rows[0]} for row in rows]
    if session.json:
        say_json([entry | {"changes": what} for entry, what in zip(marked, changes, strict=True)])
        return
    widest = max(len(row.by or "?") for row in rows)
    for row, what in zip(rows, changes, strict=True):
        mark, style = ("●", "bold") if row is rows[0] else (" ", "")
        say(f"{mark} {row.digest[:12]}  {words.clock(row.at, seconds=True)}  {row.by or '?':{widest}}  {what}", style)


@group.command("show")
@options()
@click.argument("version", default=_ACTIVE)
@click.argument("file", required=False)
def show(session: Session, version: str, file: str | None) -> None:
    """Print the files of VERSION (`active`, a digest or its beginning, a directory), or one FILE of it."""
    with session.desk() as desk:
        files = files_of(desk.store, version)
    if file is not None and file not in files:
        raise NotFound(f"this policy has no file {file!r}; it has {', '.join(files)}")
    for name, text in files.items():
        if file in (None, name):
            click.echo(text if file else f"# --- {name}\n{text}", nl=not text.endswith("\n"))


@group.command("diff")
@options(FORMAT)
@click.argument("old", default=_ACTIVE)
@click.argument("new", required=False)
def diff(session: Session, old: str, new: str | None) -> None:
    """Say what NEW changes against OLD, rule by rule: `active`, a digest or its beginning, or a directory.

    Default: what the project's directory would change against the policy in force.
    """
    with session.desk() as desk:
        changes = compare(files_of(desk.store, old), files_of(desk.store, new or str(desk.project.policies)))
    if session.json:
        say_json(changes)
        return
    for change in changes:
        say(_told(change), _STYLES[change.what])
    say(_summary(changes), "bold")


@group.command("activate")
@options(ACTOR)
@click.argument("version", required=False)
@click.option("--from-directory", is_flag=True, help="Put in force what the project's directory holds.")
def activate(session: Session, version: str | None, from_directory: bool) -> None:
    """Put an earlier policy in force again; a running daemon follows within two seconds, without a restart.

    Open tickets keep the promises they were given; routing, scripts and escalation follow the policy in force. Files in the directory
    stay as they are: when one of them is saved, the directory comes into force again.
    """
    if (version is None) is not from_directory:
        raise UsageError("say which policy: a digest (`engine policy log` lists them), or --from-directory")
    with session.desk() as desk:
        files = files_of(desk.store, str(desk.project.policies) if version is None else version)
        compilation = compile_files(files)
        load_people(desk.project.policies, compilation)
        put_in_force(compilation, desk.store, desk.now, session.known_actor(desk.team) or user_name() or COMMAND)
        with desk.store.read() as reader:
            say(f"in force: {(reader.active_policy() or '')[:12]}", "green")


group.add_command(repromise, "repromise")


def files_of(store: Store, version: str) -> dict[str, str]:
    """Return the files of a version (`active`, a digest or its beginning, a directory) by name.

    Raises NotFound, and Refused where a beginning fits several.
    """
    if version and Path(version).is_dir():
        if written := compile_policy(Path(version)).files:
            return dict(written)
        raise NotFound(f"there are no policy files in {version}")
    with store.read() as reader:
        wanted = reader.active_policy() or "" if version == _ACTIVE else version
        found = [row.digest for row in reader.policies() if row.digest.startswith(wanted)]
        if len(found) > 1:
            raise Refused(f"{version} is the beginning of {len(found)} policies; write more of it")
        files = reader.policy_files(found[0]) if found else None
    if files is None:
        raise NotFound(f"there is no policy {version!r} in the store and no such directory; `engine policy log` lists them")
    return files


def _summary(changes: list[Change]) -> str:
    counts = {what: len({(one.section, one.id) for one in changes if one.what == what}) for what in _STYLES}
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return told or "no rule or entry differs"


def _told(change: Change) -> str:
    name = f"{change.section} {change.id}".rstrip()
    match change.what:
        case "added":
            return f"+ {name}  ({change.place})"
        case "removed":
            return f"- {name}  ({change.place})"
        case "moved":
            return f"↕ {name}: place {change.old} → {change.new}  ({change.place})"
    return f"~ {name}: {change.path or 'value'}: {_shown(change.old)} → {_shown(change.new)}  ({change.place})"


def _shown(value: str | None) -> str:
    return "nothing" if value is None else one_line(value, 60)
