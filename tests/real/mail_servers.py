"""Real mail servers for tests: Dovecot (IMAP with IDLE, LMTP, the logins) and Postfix (SMTP), on loopback ports picked free.

`MailServers` is a context manager; `mail_servers` is the fixture of that. Postfix passes everything for `DOMAIN` to Dovecot, which knows
the users it was started with and `user+anything`; mail for others bounces. `REFUSED` and `BUSY` are turned away at once, with 550 and
450; so is a subject with `UNWANTED` in it (550), and a message of more than ten megabytes (552). Nothing is sent outside. Postfix must be
started by root; all else runs as Debian's own users `dovecot` and `postfix`. Servers are stopped by their process ids.
"""

import contextlib
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]  # published without types

from tests.real.mail_configuration import DOVECOT, POSTFIX, POSTFIX_SERVICES
from tests.support.parts import find_program
from tests.support.waiting import wait_until

HOST = "127.0.0.1"
DOMAIN = "example.test"
PASSWORD = "pw"
USERS = ("support", "customer", "zhao", "qian", "sun", "li", "zhou")
REFUSED = f"refused@{DOMAIN}"
BUSY = f"busy@{DOMAIN}"
UNWANTED = "unwanted words"
PATIENCE = 60.0
_SYSTEM_USER = "dovecot"


class MailServers:
    """Dovecot and Postfix, running inside `with`. Addresses are `user@DOMAIN`, which are the login names too; the password is `PASSWORD`.

    `imap_port` and `smtp_port` speak plain text and STARTTLS, `imaps_port` and `smtps_port` TLS; `ca_file` is what to trust for that.
    """

    def __init__(self, users: Sequence[str] = USERS, dovecot_settings: str = "", certificate_days: int = 2) -> None:
        """`dovecot_settings` are further lines of dovecot.conf."""
        self._certificate_days = certificate_days
        self._dovecot_settings = dovecot_settings
        self.users = tuple(users)
        self.host = HOST
        self.password = PASSWORD
        self.imap_port, self.imaps_port, self.smtp_port, self.smtps_port, self._lmtp_port, self._sasl_port = _free_ports(6)

    def __enter__(self) -> "MailServers":
        self._root = Path(tempfile.mkdtemp(prefix="mail-"))
        self.ca_file = self._root / "server.pem"
        try:
            self._write_files()
            self.start_dovecot()
            self._start_postfix()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    @staticmethod
    def address(user: str) -> str:
        """`support` -> `support@example.test`."""
        return f"{user}@{DOMAIN}"

    def deliver(self, message: EmailMessage | bytes, sender: str, recipient: str, *, wait: bool = True) -> None:
        """Hand a message to Postfix as the user `sender`, logged in, for the address `recipient`.

        With `wait`, return once it lies in the recipient's mailbox, who must be one of the users then.
        """
        before = len(self.mailbox(recipient)) if wait else 0
        raw = message if isinstance(message, bytes) else message.as_bytes(policy=policy.SMTP)
        with smtplib.SMTP(HOST, self.smtp_port, timeout=PATIENCE) as smtp:
            smtp.login(self.address(sender), PASSWORD)
            smtp.sendmail(self.address(sender), [recipient], raw)
        if wait:
            self.wait_for(recipient, lambda messages: len(messages) > before)

    def hand_over(self, messages: Iterable[bytes], user: str) -> None:
        """Put messages into a user's INBOX by LMTP, one after the other, as the last server on the way does: it adds trace fields."""
        with smtplib.LMTP(HOST, self._lmtp_port) as lmtp:
            for raw in messages:
                lmtp.sendmail("", [self.address(user)], raw)

    def forget(self, user: str) -> None:
        """Let Dovecot start again with a mailbox that knows no UID and no mark of its messages, as one that was restored from files."""
        self.stop_dovecot()
        folder = self._root / "mail" / user / "Maildir"
        for path in [*folder.glob("dovecot*")]:
            path.unlink()
        for path in (folder / "cur").iterdir():
            path.rename(folder / "new" / path.name.partition(":")[0])
        self.start_dovecot()

    def mailbox(self, user: str) -> list[EmailMessage]:
        """Every message in the user's INBOX, oldest first; looking changes no flag. `user` may be an address, with or without a tag."""
        with self.log_in(user) as client:
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
        raws = [found[uid][b"BODY[]"] for uid in sorted(found)]
        return [message_from_bytes(raw, policy=policy.default) for raw in raws]

    def flags(self, user: str) -> list[set[str]]:
        """The flags of every message in the user's INBOX, oldest first."""
        with self.log_in(user) as client:
            client.select_folder("INBOX", readonly=True)
            found = client.get_flags(client.search("ALL"))
        return [{flag.decode() for flag in found[uid]} for uid in sorted(found)]

    def log_in(self, user: str) -> Any:
        """An IMAPClient logged in as the user; use it in `with`."""
        name = user.partition("@")[0].partition("+")[0]
        client = IMAPClient(HOST, self.imap_port, ssl=False, timeout=PATIENCE)
        client.login(self.address(name), PASSWORD)
        return client

    def empty(self, user: str) -> None:
        """Remove every message from the user's INBOX."""
        with self.log_in(user) as client:
            client.select_folder("INBOX")
            client.delete_messages(client.search("ALL"))
            client.expunge()

    def wait_for(self, user: str, holds: Callable[[list[EmailMessage]], object]) -> list[EmailMessage]:
        """Return the user's messages once `holds(messages)`; fails after twenty seconds."""
        found: list[list[EmailMessage]] = [[]]

        def look() -> bool:
            found[0] = self.mailbox(user)
            return bool(holds(found[0]))

        wait_until(look, lambda: f"mail to {user}; the servers' logs:\n{self._last_log_lines()}")
        return found[0]

    def settle(self) -> None:
        """Wait until Postfix has nothing left to deliver."""
        queues = [self._root / "postfix" / "spool" / name for name in ("maildrop", "incoming", "active", "deferred")]
        wait_until(lambda: not any(path.is_file() for queue in queues for path in queue.rglob("*")), lambda: "the queue to empty")

    def start_dovecot(self) -> None:
        """Start Dovecot and wait until it takes connections."""
        as_root = os.geteuid() == 0
        subprocess.run(
            [_program("dovecot"), "-c", str(self._root / "dovecot.conf")],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the daemon keeps it open: a pipe would never end
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            user=_SYSTEM_USER if as_root else None,
            group=_SYSTEM_USER if as_root else None,
            extra_groups=[] if as_root else None,
        )
        wait_until(lambda: _greets(self.imap_port), lambda: "Dovecot to answer")

    def stop_dovecot(self) -> None:
        """Stop Dovecot; every IMAP connection breaks."""
        _stop_process(self._root / "dovecot" / "master.pid")

    def _write_files(self) -> None:
        root = self._root
        values = {
            "root": root,
            "host": HOST,
            "domain": DOMAIN,
            "refused": REFUSED,
            "busy": BUSY,
            "user": _SYSTEM_USER,
            "imap": self.imap_port,
            "imaps": self.imaps_port,
            "smtp": self.smtp_port,
            "smtps": self.smtps_port,
            "lmtp": self._lmtp_port,
            "sasl": self._sasl_port,
        }
        for name in ("dovecot", "mail", "log", "postfix/etc", "postfix/spool", "postfix/data"):
            (root / name).mkdir(parents=True)
        root.chmod(0o755)
        (root / "users").write_text("".join(f"{self.address(user)}:{{PLAIN}}{PASSWORD}::::::\n" for user in self.users))
        (root / "dovecot.conf").write_text(DOVECOT.format(**values) + self._dovecot_settings)
        (root / "postfix/etc/main.cf").write_text(POSTFIX.format(**values))
        (root / "postfix/etc/master.cf").write_text(POSTFIX_SERVICES.format(**values))
        (root / "header_checks").write_text(f"/^Subject: .*{UNWANTED}/ REJECT unwanted here\n")
        _make_certificate(root, self._certificate_days)
        for name in ("dovecot", "mail", "log", "users", "dovecot.conf", "server.key"):
            shutil.chown(root / name, _SYSTEM_USER, _SYSTEM_USER)
        shutil.chown(root / "postfix/data", "postfix")

    def _start_postfix(self) -> None:
        for trial in range(3):  # its master gives up after a few seconds, which a busy machine may take
            try:
                self._postfix("start")
                break
            except subprocess.CalledProcessError:
                if trial == 2:
                    raise
        wait_until(lambda: _greets(self.smtp_port), lambda: "Postfix to answer")

    def _postfix(self, verb: str) -> None:
        subprocess.run(
            [_program("postfix"), "-c", str(self._root / "postfix" / "etc"), verb],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
        )

    def _stop(self) -> None:
        _stop_process(self._root / "postfix" / "spool" / "pid" / "master.pid")
        self.stop_dovecot()
        shutil.rmtree(self._root, ignore_errors=True)  # a Postfix child that ends late may still write its last file

    def _last_log_lines(self) -> str:
        logs = sorted((self._root / "log").glob("*.log"))
        return "\n".join(line for log in logs for line in log.read_text(errors="replace").splitlines()[-8:])


@pytest.fixture(scope="module")
def mail_servers() -> Iterator[MailServers]:
    """Dovecot and Postfix for one module; a test that uses them is marked `real("dovecot", "postfix", "openssl")`."""
    with MailServers() as servers:
        yield servers


def _make_certificate(root: Path, days: int) -> None:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command = [_program("openssl"), "req", "-x509", "-nodes", "-days", str(days), *curve]
    files = ["-keyout", str(root / "server.key"), "-out", str(root / "server.pem")]
    subprocess.run(
        [*command, "-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{HOST},DNS:localhost", *files],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path


def _greets(port: int) -> bool:
    """Whether a server on `port` says something on its own, as IMAP and SMTP servers do."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            return bool(connection.recv(1))
    except OSError:
        return False


def _stop_process(pid_file: Path) -> None:
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().strip() or 0)
    if not pid:
        return
    # Dovecot's children serve their connections for ten seconds more unless they are told to end as well.
    family = [pid, *_children(pid)]
    for member in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGTERM)
    wait_until(lambda: not any(_alive(member) for member in family), lambda: f"processes {family} to end")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    probes = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
