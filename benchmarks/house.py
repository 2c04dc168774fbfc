"""What several benchmarks work with: a project with the shipped policies on a database of its own, and customers who write to it."""

import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from msgspec.structs import replace

from engine.cli.init import lay_out
from engine.runtime.clock import Clock, VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from tests.support import postgresql
from tests.support.postgresql import Server

MORNING = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
"""Ten o'clock on a Thursday in Shanghai."""

SUBJECTS = ("支付失败", "Parcel {number} is late", "发票怎么开", "系统宕机", "Question about order {number}", "退货")
TEXTS = (
    "您好,昨天下午开始支付失败,订单 {number} 一直无法完成,请尽快处理,谢谢。",
    "Hello,\nmy parcel {number} has not arrived, and the app has shown an error since this morning.\nPlease have a look.",
    "想咨询一下订单 {number} 的发票怎么开,抬头写错了能不能改?",
    "系统宕机,全部门店无法使用,编号 {number},请立即联系我们!",
    "Hello, how long does the warranty of order {number} last, and what does it cover?",
    "订单 {number} 的屏幕有划痕,想退货,请问怎么办理?",
)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def mail(number: int) -> bytes:
    """The mail number so of as many customers, as it comes over the wire."""
    message = EmailMessage()
    message["From"] = f"Customer {number} <customer{number}@example.com>"
    message["To"] = "support@example.org"
    message["Subject"] = SUBJECTS[number % len(SUBJECTS)].format(number=number)
    message["Message-ID"] = f"<{number}@mail.example.com>"
    message["Date"] = format_datetime(MORNING)
    message.set_content(TEXTS[number % len(TEXTS)].format(number=number))
    return message.as_bytes()


class Databases(Protocol):
    """Where databases come from: `new` is the URL of an empty one, `copy` of one with all that is in another, which nobody works on."""

    name: str

    def new(self) -> str:
        """Return the URL of an empty database."""

    def copy(self, url: str) -> str:
        """Return the URL of a copy."""


class Files:
    """SQLite: each database is a file in `folder`."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def new(self) -> str:
        """Return the URL of a file that does not exist yet."""
        self._count += 1
        return f"sqlite:///{self._folder / f'{self._count}.db'}"

    def copy(self, url: str) -> str:
        """Copy the file; whoever closed it last has written its log back."""
        target = self.new()
        shutil.copy(url.removeprefix("sqlite:///"), target.removeprefix("sqlite:///"))
        return target


class Served:
    """PostgreSQL: each database is one of a server of the benchmark's own, which waits for its disk as it would in earnest."""

    name = "PostgreSQL"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._count = 0

    def new(self, more: str = "TEMPLATE template0") -> str:
        """Return the URL of a database without any table."""
        self._count += 1
        with self._server.connection() as owner:
            owner.execute(f"CREATE DATABASE bench_{self._count} {more}".encode())
        return self._server.url(f"bench_{self._count}")

    def copy(self, url: str) -> str:
        """Let the server copy all of it."""
        return self.new(f"TEMPLATE {url.rpartition('/')[2]}")


@contextmanager
def databases(kind: str, root: Path) -> Iterator[Databases]:
    """Databases of the kind `sqlite` or `postgresql` below a directory; the server runs inside the block."""
    if kind == "sqlite":
        yield Files(root)
        return
    postgresql.SETTINGS.update(fsync="on", synchronous_commit="on", full_page_writes="on", shared_buffers="256MB")
    home = root / "server"
    home.mkdir()
    root.chmod(0o755)  # the server runs as somebody else where this is root
    server = postgresql.Server(home)
    try:
        yield Served(server)
    finally:
        server.stop("immediate")


def open_house(root: Path, url: str, clock: Clock | None = None, chance: int = 1) -> Engine:
    """Open a project with the shipped policies, whose messages go to folders, on the database of that URL; laid out if need be.

    The same `chance` and clock lead to the same rows.
    """
    if not (root / "engine.yaml").exists():
        lay_out(root, "live")
    project = replace(load_project(root), database=url)
    seeded = random.Random(chance)  # noqa: S311  # a benchmark must repeat itself; nothing secret comes of it
    return open_engine(project, clock or VirtualClock(MORNING), seeded, reload=True, key=b"k" * 32)


@contextmanager
def folder(memory: bool = False) -> Iterator[Path]:
    """A directory of its own on the disk of /var/tmp, or in memory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="closedloop-", dir="/dev/shm" if memory else "/var/tmp") as name:  # noqa: S108  # as it says
        yield Path(name)


def fill(url: str, tickets: int, due: Callable[[int, str], datetime] | None = None) -> None:
    """Put so many more open tickets beside the one that is there, straight into the tables, without their log.

    They are copies of it with a number and a customer of their own, held by nobody. `due` says when the timer of a key of the copy number
    so is due; without it they have no timers.
    """
    connection: Any = sqlite3.connect(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else psycopg.connect(url)
    if url.startswith("sqlite"):
        connection.execute("PRAGMA synchronous = OFF")
    found = connection.execute("SELECT * FROM ticket ORDER BY number LIMIT 1")
    names = [column[0] for column in found.description]
    template = dict(zip(names, found.fetchone(), strict=True))
    keys = [key for (key,) in connection.execute("SELECT key FROM timer ORDER BY generation").fetchall()] if due else []
    number, customer = template["number"], template["customer"]

    def copies() -> Iterator[tuple[Any, ...]]:
        for copy in range(tickets):
            own = {"number": _number(copy), "customer": f"X{copy:07d}", "assignee": None}
            state = template["state_json"].replace(f'"number":"{number}"', f'"number":"{own["number"]}"')
            own["state_json"] = state.replace(f'"customer":"{customer}"', f'"customer":"{own["customer"]}"')
            yield tuple((template | own).values())

    def timers() -> Iterator[tuple[Any, ...]]:
        for copy in range(tickets):
            for key in keys:
                at = round(due(copy, key).timestamp() * 1_000_000) if due else 0
                yield _number(copy), key, at, at

    _insert(connection, "ticket", names, copies())
    _insert(connection, "timer", ["ticket", "key", "due", "next_attempt_at"], timers())
    connection.commit()
    _settle(connection)
    connection.close()


def end(url: str) -> None:
    """Let the tickets that were put in have ended a year ago, each with what came in for it and two messages that went out."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA synchronous = OFF")
    then = round((MORNING - timedelta(days=365)).timestamp() * 1_000_000)
    connection.execute(
        "UPDATE ticket SET state = 'closed', next_due = NULL, opened_at = ?, closed_at = ? + 1 WHERE number < '2021'", (then, then)
    )
    for table, key, copies in (("inbox", "source_id", 1), ("outbox", "id", 2)):
        found = connection.execute(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608  # the benchmark's own words
        template = dict(zip((column[0] for column in found.description), found.fetchone(), strict=True))
        names = [name for name in template if (table, name) != ("inbox", "id")]
        numbers = [number for (number,) in connection.execute("SELECT number FROM ticket WHERE number < '2021'")]
        past: dict[str, Any] = dict.fromkeys(("received_at", "created_at", "next_attempt_at", "sent_at"), then)
        past |= {"state": "done" if table == "inbox" else "sent", "digest": None}
        rows = (
            template | past | {"ticket": number, key: f"{number}.{copy}", "address": f"{number}@example.com"}
            for number in numbers
            for copy in range(copies)
        )
        _insert(connection, table, names, (tuple(row[name] for name in names) for row in rows))
    connection.commit()
    _settle(connection)
    connection.close()


def _settle(connection: Any) -> None:
    """Have all that was put in on the disk by now, so that nothing measured later waits for it."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    else:
        connection.autocommit = True
        connection.execute("ANALYZE")  # as the server does by itself before long; SQLite goes without
        connection.execute("CHECKPOINT")


def put_off(url: str, key: str, dues: Iterable[datetime]) -> None:
    """Let the timers of that key of the first copies be due at those instants."""
    connection: Any = sqlite3.connect(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else psycopg.connect(url)
    sql = "UPDATE timer SET due = ?, next_attempt_at = ? WHERE ticket = ? AND key = ?"
    micros = [round(due.timestamp() * 1_000_000) for due in dues]
    rows = [(at, at, _number(copy), key) for copy, at in enumerate(micros)]
    connection.cursor().executemany(sql if url.startswith("sqlite") else sql.replace("?", "%s"), rows)
    connection.commit()
    _settle(connection)
    connection.close()


def _number(copy: int) -> str:
    return f"20200101{copy:07d}"


def _insert(connection: Any, table: str, names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Put rows into a table by the quickest way the database has."""
    if isinstance(connection, sqlite3.Connection):
        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608  # the benchmark's own words
        return
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def memory() -> float:
    """How many MiB of memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
