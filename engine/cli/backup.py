"""`engine backup` and `engine restore`: all that the engine has written, in one file, and back."""

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from engine.cli.check import look
from engine.cli.db import move
from engine.cli.output import say
from engine.cli.session import Session, options
from engine.errors import NotFound, Refused
from engine.runtime.clock import SystemClock
from engine.runtime.erasure import FILE as ERASURES
from engine.runtime.erasure import remember, repeat
from engine.store import Store, Transaction, open_store

DATABASE = "engine.db"
# What channels have read is copied before the database, and input that waits too: what comes twice is known, what was skipped is lost.
BEFORE, AFTER = ("state", "in", "bad"), ("attachments", "archive")

_SQLITE = b"SQLite format 3\0"
"""How a database file begins (sqlite.org/fileformat.html)."""


@click.command()
@options()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def backup(session: Session, file: Path | None) -> None:
    """Write the database, attachments and what channels remember to FILE (.tar, .tar.gz, or .db: the database alone), while work goes on.

    Without FILE it goes to var/backups/. engine.yaml, policies/ and secrets/ are yours and not in it.
    """
    with session.store() as (project, store):
        path = file or project.var / "backups" / f"engine-{_stamp()}.tar"
        if path.exists():
            raise Refused(f"{path} exists already; name another file")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            store.backup(path) if path.suffix == ".db" else _archive(store, project.var, path)
        except OSError as error:
            raise Refused(f"{path} cannot be written: {error.strerror or error}") from error
    say(f"{path} ({path.stat().st_size:,} bytes)")


@click.command()
@options()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="Also where the database holds something; what it held is kept in var/backups/.")
@click.option("--unsound", is_flag=True, help="Also where `engine check` finds something in FILE.")
def restore(session: Session, file: Path, replace: bool, unsound: bool) -> None:
    """Put what `engine backup` wrote (or the job `backup`, this version or an older one) in the place of this project's database.

    FILE is held against its own log first, and all or nothing is restored; customers who were erased meanwhile are erased again. Stop
    every `engine run` before.
    """
    with session.store() as (project, store), _unpacked(file, project.var) as found:
        store.lock_for_writing("engine restore", alone=True)
        with closing(open_store(f"sqlite:///{found / DATABASE}")) as kept:
            if (wrong := look(kept)) and not unsound:
                raise Refused(
                    f"{file} is not sound ({len(wrong)} findings), so nothing was restored. {wrong[0].invariant}: {wrong[0].text}."
                )
            with kept.read() as reader, store.write() as tx:
                remember(project.var, tx.erasures(), SystemClock().now())
                aside = _emptied(store, tx, project.var / "backups" / f"replaced-{_stamp()}.db", replace)
                counts = move(reader, tx)
                waiting = sum(reader.message_counts().get(state, 0) for state in ("queued", "sending"))
                _place(
                    found, project.var
                )  # before the commit: a channel that has read further than the database knows would skip something
    say(f"{counts['ticket']} tickets restored from {file}")
    if (project.var / ERASURES).exists():
        with session.engine() as engine:
            if back := repeat(engine):
                say(f"{back} customers who had been erased since were erased again", "yellow")
    if aside:
        say(f"what was there before is in {aside}")
    if waiting and not project.hold:
        say(
            f"{waiting} messages wait to be sent; some may have gone out since the backup: start with `outbound: hold` and look first",
            "yellow",
        )


def _stamp() -> str:
    return f"{SystemClock().now().astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _archive(store: Store, var: Path, path: Path) -> None:
    """Write the archive, whole or not at all."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with TemporaryDirectory(dir=path.parent, prefix=".backup-") as scratch, open(partial, "wb", opener=_private) as stream:
            with tarfile.open(fileobj=stream, mode="w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
                _add(archive, var, BEFORE, Path(scratch))
                store.backup(Path(scratch) / DATABASE)
                archive.add(Path(scratch) / DATABASE, DATABASE)
                _add(archive, var, AFTER, Path(scratch))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _add(archive: tarfile.TarFile, var: Path, parts: tuple[str, ...], scratch: Path) -> None:
    """Add whole directories. A file that is taken in meanwhile is left out; a channel's own database is copied as databases are."""
    for path in sorted(path for part in parts for path in (var / part).rglob("*")):
        if path.is_file() and not path.name.endswith((".part", "-wal", "-shm", "-journal")):
            whole = path
            if path.suffix == ".sqlite":
                whole = scratch / path.name
                with closing(sqlite3.connect(path)) as own, closing(sqlite3.connect(whole)) as copied:
                    own.backup(copied)
            with suppress(FileNotFoundError):
                archive.add(whole, path.relative_to(var))


@contextmanager
def _unpacked(file: Path, var: Path) -> Iterator[Path]:
    """Give a directory with what is in a backup. Raises NotFound, Refused for what is no backup."""
    if not file.exists():
        raise NotFound(f"there is no file {file}")
    with TemporaryDirectory(dir=var, prefix=".restore-") as scratch:
        found = Path(scratch)
        try:
            if tarfile.is_tarfile(file):
                with tarfile.open(file) as archive:
                    _extract(archive, found)
            else:
                shutil.copyfile(file, found / DATABASE)
        except (OSError, tarfile.TarError) as error:
            raise Refused(f"{file} cannot be read as a backup: {error}") from error
        if not _is_database(found / DATABASE):
            raise Refused(f"{file} is no backup: there is no {DATABASE} in it")
        yield found


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def _extract(archive: tarfile.TarFile, found: Path) -> None:
    """Take out the files that `_archive` puts in, and nothing that would lie elsewhere."""
    for member in archive:
        name = Path(member.name)
        content = archive.extractfile(member) if member.isfile() else None
        if content is not None and ".." not in name.parts and (name == Path(DATABASE) or name.parts[0] in (*BEFORE, *AFTER)):
            (found / name).parent.mkdir(parents=True, exist_ok=True)
            with open(found / name, "wb", opener=_private) as stream:
                shutil.copyfileobj(content, stream)


def _emptied(store: Store, tx: Transaction, aside: Path, replace: bool) -> Path | None:
    """Empty the database; return where what it held is kept, None if it held nothing. Raises Refused unless that was asked for."""
    if not any(tx.tables().values()):
        return None
    if not replace:
        raise Refused(f"the database holds {tx.tables()['ticket']} tickets; --replace puts the backup in its place and keeps it in {aside}")
    store.backup(aside)
    tx.empty_tables()
    return aside


def _place(found: Path, var: Path) -> None:
    """Move the files of a backup to their places: what channels remember replaces what they do, all else joins what is there."""
    if (found / "state").is_dir() and any(path.is_file() for path in (var / "state").rglob("*")):
        aside = (var / "state").rename(var / f"state.replaced-{_stamp()}")
        for path in aside.rglob("*"):
            path.touch()  # retention counts from the day on which it was set aside
    for path in sorted(found.rglob("*")):
        target = var / path.relative_to(found)
        if path.is_file() and path.relative_to(found).parts[0] in (*BEFORE, *AFTER) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
