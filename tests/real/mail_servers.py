"""Real mail servers for tests: Dovecot (IMAP with IDLE, LMTP, the logins) and Postfix (SMTP), on loopback ports picked free.

`MailServers` is a context manager; `mail_servers` is the fixture of that. Postfix passes everything for `DOMAIN` to Dovecot, which knows
the users it was started with and `user+anything`; mail for others bounces. `REFUSED` and `BUSY` are turned away at once, with 550 and
450. Nothing is sent outside. Postfix must be started by root; all else runs as Debian's own users `dovecot` and `postfix`. Servers are
stopped by their process ids.
"""

import contextlib
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]  # published without types

from tests.support.parts import find_program

HOST = "127.0.0.1"
DOMAIN = "example.test"
PASSWORD = "pw"
USERS = ("support", "customer", "zhao", "qian", "sun", "li", "zhou")
REFUSED = f"refused@{DOMAIN}"
BUSY = f"busy@{DOMAIN}"
PATIENCE = 20.0
_SYSTEM_USER = "dovecot"

_DOVECOT = """\
base_dir = {root}/dovecot
state_dir = {root}/dovecot
log_path = {root}/log/dovecot.log
protocols = imap lmtp
listen = {host}
ssl = yes
ssl_cert = <{root}/server.pem
ssl_key = <{root}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {user}
default_login_user = {user}
mail_uid = {user}
mail_gid = {user}
first_valid_uid = 1
mail_location = maildir:{root}/mail/%n/Maildir
mail_home = {root}/mail/%n
lda_mailbox_autocreate = yes
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
postmaster_address = postmaster@{domain}
passdb {{
  driver = passwd-file
  args = username_format=%Lu {root}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%Lu {root}/users
}}
service anvil {{
  chroot =
  # a wrong password must not delay every later login from this machine
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {host}
    port = {imap}
  }}
  inet_listener imaps {{
    address = {host}
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = {host}
    port = {lmtp}
  }}
}}
service auth {{
  inet_listener {{
    address = {host}
    port = {sasl}
  }}
}}
service stats {{
  chroot =
}}
"""

_POSTFIX = """\
compatibility_level = 3.6
queue_directory = {root}/postfix/spool
data_directory = {root}/postfix/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/log/postfix.log
maillog_file_prefixes = {root}
inet_interfaces = {host}
inet_protocols = ipv4
myhostname = mx.{domain}
mydestination =
mynetworks =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps =
virtual_transport = lmtp:inet:{host}:{lmtp}
default_transport = error:5.7.1 this test server sends nothing outside
relay_transport = error:5.7.1 this test server sends nothing outside
disable_dns_lookups = yes
recipient_delimiter = +
message_size_limit = 52428800
smtpd_tls_security_level = may
smtpd_tls_cert_file = {root}/server.pem
smtpd_tls_key_file = {root}/server.key
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{host}:{sasl}
smtpd_recipient_restrictions =
  check_recipient_access inline:{{{{{refused}=550 5.1.1 refused here}}, {{{busy}=450 4.2.1 busy now}}}}
  permit_sasl_authenticated, reject
alias_maps =
alias_database =
biff = no
bounce_queue_lifetime = 0
minimal_backoff_time = 5s
queue_run_delay = 5s
"""

_POSTFIX_SERVICES = """\
{host}:{smtp} inet n - n - - smtpd
{host}:{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class MailServers:
    """Dovecot and Postfix, running inside `with`. Addresses are `user@DOMAIN`, which are the login names too; the password is `PASSWORD`.

    `imap_port` and `smtp_port` speak plain text and STARTTLS, `imaps_port` and `smtps_port` TLS; `ca_file` is what to trust for that.
    """

    def __init__(self, users: Sequence[str] = USERS) -> None:
        self.users = tuple(users)
        self.host = HOST
        self.password = PASSWORD
        self.imap_port, self.imaps_port, self.smtp_port, self.smtps_port, self._lmtp_port, self._sasl_port = (
            _free_ports(6)
        )

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

        _wait_until(look, lambda: f"mail to {user}; the servers' logs:\n{self._last_log_lines()}")
        return found[0]

    def settle(self) -> None:
        """Wait until Postfix has nothing left to deliver."""
        queues = [self._root / "postfix" / "spool" / name for name in ("maildrop", "incoming", "active", "deferred")]
        _wait_until(
            lambda: not any(path.is_file() for queue in queues for path in queue.rglob("*")),
            lambda: "the queue to empty",
        )

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
        _wait_until(lambda: _greets(self.imap_port), lambda: "Dovecot to answer")

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
        (root / "dovecot.conf").write_text(_DOVECOT.format(**values))
        (root / "postfix/etc/main.cf").write_text(_POSTFIX.format(**values))
        (root / "postfix/etc/master.cf").write_text(_POSTFIX_SERVICES.format(**values))
        _make_certificate(root)
        for name in ("dovecot", "mail", "log", "users", "dovecot.conf", "server.key"):
            shutil.chown(root / name, _SYSTEM_USER, _SYSTEM_USER)
        shutil.chown(root / "postfix/data", "postfix")

    def _start_postfix(self) -> None:
        self._postfix("start")
        _wait_until(lambda: _greets(self.smtp_port), lambda: "Postfix to answer")

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


def _make_certificate(root: Path) -> None:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command = [_program("openssl"), "req", "-x509", "-nodes", "-days", "2", *curve]
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
    _wait_until(lambda: not any(_alive(member) for member in family), lambda: f"processes {family} to end")


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


def _wait_until(holds: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what()}"
        pause.wait(0.02)


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    probes = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
