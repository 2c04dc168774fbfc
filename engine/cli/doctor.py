"""`engine doctor`: whether everything that the daemon needs is there, and how to mend what is not."""

import ctypes
import json
import os
import queue
import re
import shutil
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import click
from msgspec import Struct

from engine.analysis.reports import writers
from engine.channels import Channel
from engine.cli.app import FINDINGS, WARNINGS
from engine.cli.output import clean, say, say_json
from engine.cli.session import FORMAT, Session, by_locale, options
from engine.cli.validate import SETTINGS, check
from engine.core.compiled import Policy
from engine.errors import EngineError, Refused
from engine.policy import compile_policy
from engine.policy.said import Said, foreign, said, translated
from engine.runtime import cron
from engine.runtime.clock import SystemClock
from engine.runtime.masking import without_secrets
from engine.runtime.project import Project, load_project, resolve_secrets
from engine.store import Store, open_store

GOOD, WARNING, ERROR = "good", "warning", "error"
_MARKS = {GOOD: ("✓", "green"), WARNING: ("!", "yellow"), ERROR: ("✗", "red")}
_GIGABYTE = 1_000_000_000
_SKEW = timedelta(seconds=2)
_PATIENCE = 15.0
"""Seconds a channel may take to prove itself."""


class Finding(Struct, frozen=True):
    """What was found of one thing; `mend` says what to do, empty where all is well."""

    check: str
    level: str
    message: str
    mend: str = ""


@click.command()
@options(FORMAT)
@click.option("--strict", is_flag=True, help="Exit with 3 where there are only warnings.")
def command(session: Session, strict: bool) -> int:
    """Say whether all that `engine run` needs is there: configuration, secrets, database, policy, disk, clock, channels, the daemon.

    Each line says what was found and how to mend it. Channels are asked as by `engine channel test`; nothing is sent. Exit code 0: nothing
    is wrong, 1: something is, 3: only warnings, under --strict.
    """

    def shown(text: str) -> str:
        return clean(without_secrets(translated(text, language)))

    language = session.language or by_locale() or "en"
    found = []
    for one in examine(session, SystemClock().now()):
        found.append({"check": str(one.check), "level": one.level, "message": shown(one.message), "mend": shown(one.mend)})
        if not session.json:
            mark, colour = _MARKS[one.level]
            arrow = " → " if one.mend else ""
            say(f"{mark} {shown(one.check)}: {' '.join((found[-1]['message'] + arrow + found[-1]['mend']).split())}", colour)
    if session.json:
        say_json(found)
    levels = {one["level"] for one in found}
    return FINDINGS if ERROR in levels else WARNINGS if strict and WARNING in levels else 0


def examine(session: Session, now: datetime) -> Iterator[Finding]:
    """Look at everything, one after the other; what rests on something broken is left out."""
    try:
        project = load_project(session.root)
        cron.check(project.jobs)
    except EngineError as error:
        if (session.root / SETTINGS).is_file():
            yield from _validated(session.root, now)
        else:
            yield Finding(SETTINGS, ERROR, _words(error), said("mend it; `engine validate` shows the place"))
        return
    yield from _validated(session.root, now)
    sound = True
    for finding in (*_secrets(project), *_files(project)):
        sound = sound and finding.level != ERROR
        yield finding
    yield _synchronised()
    if sound:
        alive = yield from _stored(project, now)
        yield from _channels(session, alive)


def _validated(root: Path, now: datetime) -> Iterator[Finding]:
    """What `engine validate` says of engine.yaml, the policies and their calendars."""
    diagnostics = check(root, now.date())[0]
    for one in diagnostics:
        level = ERROR if one.severity == "error" else WARNING
        place = f"{one.file}:{one.line}:{one.column}"
        yield Finding(
            SETTINGS if one.file == SETTINGS else said("policies"),
            level,
            said("{place}: {what}", place=place, what=one.message),
            one.hint or said("see `engine validate`"),
        )
    if not diagnostics:
        yield Finding(said("policies"), GOOD, said("sound, with holiday data for the days to come"))


def _secrets(project: Project) -> Iterator[Finding]:
    """Whether each secret can be had, and whether its file is its owner's alone."""
    text = json.dumps([project.database, *(dict(one.settings) for one in project.channels)], ensure_ascii=False)
    named = sorted(set(re.findall(r"\$\{(env|file):([^}]*)\}", text)))
    good = True
    for kind, name in named:
        try:
            resolve_secrets(f"${{{kind}:{name}}}", project.root)
        except EngineError as error:
            good = False
            yield Finding(said("secrets"), ERROR, _words(error), said("set it where `engine run` is started"))
            continue
        path = project.root / name
        if kind == "file" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(said("secret files"), WARNING, said("{name} can be read by others", name=name), f"chmod 600 {path}")
    if good:
        yield Finding(said("secrets"), GOOD, said("{count} named, all there", count=len(named)))


def _files(project: Project) -> Iterator[Finding]:
    """Whether var/ can be written, is nobody else's, and how long its disk will last."""
    var = project.var
    if not os.access(var, os.W_OK | os.X_OK):
        yield Finding(
            said("files"), ERROR, said("{path} is missing or cannot be written", path=str(var)), f"mkdir -p {var}; chown $USER {var}"
        )
        return
    if var.stat().st_mode & stat.S_IRWXO:
        yield Finding(said("files"), WARNING, said("{path} can be read by everybody", path=str(var)), f"chmod o= {var}")
    else:
        yield Finding(said("files"), GOOD, said("{path} can be written, and is nobody else's", path=str(var)))


def _synchronised() -> Finding:
    """Whether the kernel takes its clock for synchronised (adjtimex(2), which changes nothing when asked with a zeroed record)."""
    unsynchronised = 5
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        return Finding(
            said("clock"), WARNING, said("this system does not say whether its clock is synchronised"), said("compare it by hand")
        )
    if state == unsynchronised:
        return Finding(said("clock"), WARNING, said("this machine's clock is not synchronised"), "timedatectl set-ntp true")
    return Finding(said("clock"), GOOD, said("synchronised"))


def _stored(project: Project, now: datetime) -> Generator[Finding, None, bool]:
    """The database, the policy in force, the disk and the daemon; returns whether the daemon is alive."""
    try:
        store = open_store(resolve_secrets(project.database, project.root), project.root)
    except EngineError as error:
        yield Finding(said("database"), ERROR, _words(error), said("mend `database` in engine.yaml, or the server"))
        return False
    try:
        with store.read() as reader:
            vitals, active = reader.vitals(thorough=True), reader.active_policy()
            first = min((row.at for row in reader.activations()), default=now)
        for problem in vitals.unsound:
            yield Finding(said("database"), ERROR, problem, said("set it right, or restore a backup"))
        if not vitals.unsound:
            size = f"{vitals.size / 1_000_000:.1f} MB"
            yield Finding(said("database"), GOOD, said("{server}, {size}, schema up to date", server=vitals.server, size=size))
        if vitals.now is not None and abs(vitals.now - now) > _SKEW:
            seconds = round((vitals.now - now).total_seconds())
            yield Finding(
                said("clock"),
                ERROR,
                said("the database's clock is {seconds} s ahead of this machine's", seconds=seconds),
                said("run NTP on both"),
            )
        yield _in_force(project, active)
        yield _disk(project.var, vitals.size, now - first)
        daemon = _daemon(project, store)
        yield daemon
    except EngineError as error:
        yield Finding(said("database"), ERROR, _words(error), said("set it right, or restore a backup"))
        return False
    finally:
        store.close()
    return daemon.level == GOOD


def _in_force(project: Project, active: str | None) -> Finding:
    written = compile_policy(project.policies).policy
    if active is None:
        return Finding(
            said("policy in force"), WARNING, said("none yet"), said("the first start of `engine run` puts the directory's in force")
        )
    if written is not None and written.digest != active:
        return Finding(
            said("policy in force"), WARNING, said("{digest}, the directory holds another", digest=active[:12]), "engine policy diff"
        )
    return Finding(said("policy in force"), GOOD, active[:12])


def _disk(var: Path, size: int, age: timedelta) -> Finding:
    """What is free, against what the database grew by a day so far (nothing is said of less than a week)."""
    usage = shutil.disk_usage(var)
    free = said("{free} GB free", free=f"{usage.free / _GIGABYTE:.1f}")
    daily = size / (age / timedelta(days=1)) if age > timedelta(days=7) else 0.0
    if usage.free < _GIGABYTE / 10:
        return Finding(said("disk"), ERROR, free, said("make room: nothing can be kept when it is full"))
    if usage.free < _GIGABYTE or (daily and usage.free / daily < 30):
        return Finding(said("disk"), WARNING, free, said("make room; the database grows by {daily} MB a day", daily=f"{daily / 1e6:.1f}"))
    return Finding(said("disk"), GOOD, free)


def _daemon(project: Project, store: Store) -> Finding:
    """Whether `engine run` is alive: by its own word where it answers, else by its lock on the database."""
    start = said("start `engine run`; its log says why it ended")
    if project.listen:
        try:
            with urllib.request.urlopen(f"http://{project.listen}/healthz", timeout=5) as answer:  # our own address
                answer.read()
        except urllib.error.HTTPError as error:
            with error:
                stalled = ", ".join(json.loads(error.read()).get("stalled", ()))
            standing = said("alive, but standing still: {loops}", loops=stalled)
            return Finding(said("daemon"), ERROR, standing, said("restart it; its log says since when"))
        except (OSError, ValueError):
            return Finding(said("daemon"), WARNING, said("nobody answers at {address}", address=project.listen), start)
        return Finding(said("daemon"), GOOD, said("alive, it answers at {address}", address=project.listen))
    if store.shared:
        return Finding(said("daemon"), WARNING, said("cannot be known"), said("set `operations.listen` in engine.yaml"))
    try:
        store.lock_for_writing("engine doctor")
    except Refused:
        return Finding(said("daemon"), GOOD, said("at work on the database"))
    return Finding(said("daemon"), WARNING, said("nobody works on the database"), start)


def _channels(session: Session, alive: bool) -> Iterator[Finding]:
    """Each channel proves itself. While the daemon is alive none is opened, because the daemon listens on their ports."""
    try:
        with session.engine() as engine:
            for alarm in engine.alarms:
                yield Finding(said("alarms"), WARNING, alarm, said("it stands in the log too, as `alarm`"))
            yield from _reports(engine.world.policy)
            for name in engine.channels:
                yield _proven(name, lambda name=name: engine.channel(name, opened=not alive))  # type: ignore[misc]  # the loop's own name
    except EngineError as error:
        yield Finding(said("channels"), ERROR, _words(error), said("mend `channels` in engine.yaml"))


def _reports(policy: Policy) -> Iterator[Finding]:
    """The formats that reports go out in and that nothing installed here writes."""
    if missing := {name for one in policy.reports.reports for name in one.formats} - writers().keys():
        wanted = said("nothing installed here writes {formats}", formats=", ".join(sorted(missing)))
        yield Finding(said("reports"), WARNING, wanted, said("pip install 'closedloop[reports]'"))


def _proven(name: str, channel: Callable[[], Channel]) -> Finding:
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def prove() -> None:
        try:
            answers.put(channel().check(None))
        except Exception as error:  # noqa: BLE001  # a plugin's fault is what is looked for
            answers.put(error)

    threading.Thread(target=prove, daemon=True).start()
    mend = said("mend `channels.{name}` in engine.yaml, or the carrier; then `engine channel test {name}`", name=name)
    try:
        answer = answers.get(timeout=_PATIENCE)
    except queue.Empty:
        return Finding(said("channel {name}", name=name), ERROR, said("no answer within {seconds} s", seconds=round(_PATIENCE)), mend)
    if isinstance(answer, Exception):
        words = _words(answer) if isinstance(answer, EngineError) else f"{type(answer).__name__}: {answer}"
        return Finding(said("channel {name}", name=name), ERROR, words, mend)
    return Finding(said("channel {name}", name=name), GOOD, "; ".join(answer))


def _words(error: Exception) -> str | Said:
    return foreign(str(error))
