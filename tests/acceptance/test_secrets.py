"""Secrets never leave the process: a thousand canaries in every setting that takes one, carriers that quote them back, and not one hit."""

import base64
import contextlib
import json
import os
import random
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.desk import Desk
from tests.acceptance.test_service import asked, values
from tests.support.counts import scaled
from tests.support.ports import LOOPBACK, free_port
from tests.support.repository import ROOT
from tests.support.waiting import wait_until

LEAKY = """
import logging
from engine.channels import AddressKind, ChannelType, PermanentFailure, TemporaryFailure, hookimpl
from engine.errors import ConfigurationError

class Leaky:
    def __init__(self, token):
        self.token, self.turns = token, 0
        if token.startswith("build"): raise ValueError(f"cannot use {token!r}")
    def open(self): pass
    def close(self): pass
    def parse(self, raw, name): return []
    def check(self, to): raise ConfigurationError(f"{self.token} is not known")
    def receive(self, timeout):
        self.turns += 1
        logging.getLogger("leaky").debug("with %s", self.token)
        if self.turns == 1: raise ValueError(f"fault with {self.token}")
        raise TemporaryFailure(f"refused {self.token!r}")
    def send(self, message): raise PermanentFailure(f"no account {self.token}")

@hookimpl
def engine_channel_types():
    schema = {"type": "object", "additionalProperties": False, "properties": {"token": {"type": "string"}}}
    return [ChannelType("leaky", AddressKind.PHONE, schema, lambda settings, context: Leaky(settings["token"]))]
"""

QUEUE = """
import json, sys
from msgspec.structs import replace
from engine.runtime.clock import SystemClock
from engine.store import open_store
from tests.store.samples import message

now, store = SystemClock().now(), open_store(sys.argv[1])
with store.write() as tx:
    tx.keep_content("c", None, "message", "hello")
    for number, (channel, address) in enumerate(json.load(sys.stdin)):
        row = replace(message(f"m-{number}", None), channel=channel, address=address, content_id="c", created_at=now, next_attempt_at=now)
        tx.queue_message(row)
"""

ODD = ("", "", '"', "'", "\\", "@", "%", "中", " & ", "/:#")


class Canaries:
    """Secrets by name, half of them in the environment and half in files; each holds a needle that stands nowhere else."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self._root = root
        self._chance = chance
        self.environment: dict[str, str] = {}
        self.needles: list[str] = []
        (root / "secrets").mkdir(mode=0o700)

    def one(self, begins: str = "", longest: int = 100, odd: bool = True) -> str:
        """A new secret's place, as engine.yaml names it."""
        number = len(self.needles)
        needle = "".join(self._chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", k=min(longest - len(begins), 16)))
        self.needles.append(needle)
        secret = f"{begins}{needle}{self._chance.choice(ODD) if odd else ''}"
        if self._chance.random() < 0.5:
            self.environment[f"CANARY_{number}"] = secret
            return f"${{env:CANARY_{number}}}"
        path = self._root / "secrets" / str(number)
        path.write_text(f"{secret}\n", encoding="utf-8")
        path.chmod(0o600)
        return f"${{file:secrets/{number}}}"

    def hits(self, data: bytes) -> list[str]:
        """Needles in what was written somewhere, in what is only encoded there too."""
        text = data.decode("utf-8", "replace")
        decoded = []
        for word in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
            for start in range(4):
                piece = word[start:].replace("-", "+").replace("_", "/")
                whole = piece[: len(piece) - (len(piece) % 4 == 1)]
                decoded.append(base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("latin-1"))
        return sorted(set(re.findall("|".join(self.needles), "\n".join([text, *decoded]))))


class Quoting(BaseHTTPRequestHandler):
    """An HTTP carrier that refuses everything and quotes what it was sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f"refused {self.path} {dict(self.headers)}".encode()
        self.send_response(400, "refused")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class QuotingLines(socketserver.StreamRequestHandler):
    """An IMAP and SMTP server in one that refuses every line and quotes it."""

    imap = True

    def handle(self) -> None:
        self.wfile.write(b"* OK IMAP4rev1 ready\r\n" if self.imap else b"220 ready\r\n")
        with contextlib.suppress(OSError):
            for line in self.rfile:
                self.wfile.write(self.answer(line.strip()))

    def answer(self, line: bytes) -> bytes:
        if self.imap:
            tag, _, rest = line.partition(b" ")
            if rest.upper().startswith(b"CAPABILITY"):
                return b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n"
            return tag + b" NO refused " + rest.replace(b'"', b"'") + b"\r\n"
        if line.upper().startswith(b"EHLO"):
            return b"250-here\r\n250 AUTH PLAIN LOGIN\r\n"
        return b"535 refused " + line + b"\r\n"


class QuotingMail(QuotingLines):
    imap = False


@pytest.fixture
def carriers() -> Iterator[dict[str, int]]:
    """Carriers that quote what they are told, by the port they listen on."""
    servers: dict[str, Any] = {
        "http": ThreadingHTTPServer((LOOPBACK, 0), Quoting),
        "imap": socketserver.ThreadingTCPServer((LOOPBACK, 0), QuotingLines),
        "smtp": socketserver.ThreadingTCPServer((LOOPBACK, 0), QuotingMail),
    }
    for server in servers.values():
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {name: server.server_address[1] for name, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


def channels(canaries: Canaries, carriers: dict[str, int], count: int) -> dict[str, Any]:
    """A channel of each kind that takes secrets, and endpoints until all canaries have their place."""
    here = {"host": LOOPBACK, "security": "none"}
    signature, sender = "【明远】", "10690000"

    def account(name: str) -> dict[str, Any]:
        return here | {"port": carriers[name], "username": canaries.one(odd=False), "password": canaries.one()}

    made: dict[str, Any] = {
        "email": {"transport": "server", "from": {"address": "desk@example.test"}, "imap": account("imap"), "smtp": account("smtp")}
    }
    for number in range(2):
        smpp: dict[str, Any] = {"system_id": canaries.one(longest=15, odd=False), "password": canaries.one(longest=8, odd=False)}
        smpp |= {"host": LOOPBACK, "port": free_port(), "tls": False}
        made[f"smpp_{number}"] = {"type": "sms", "transport": "smpp", "signature": signature, "sender": sender, "smpp": smpp}
        kannel: dict[str, Any] = {
            "username": canaries.one(),
            "password": canaries.one(),
            "secret": canaries.one("callback-of-16-", odd=False),
        }
        kannel |= {"sendsms_url": f"http://{LOOPBACK}:{carriers['http']}/cgi-bin/sendsms", "listen_port": free_port()}
        made[f"kannel_{number}"] = {"type": "sms", "transport": "kannel", "signature": signature, "kannel": kannel}
        made[f"leaky_{number}"] = {"type": "leaky", "token": canaries.one()}
    endpoints: dict[str, Any] = {}
    while len(canaries.needles) < count:
        endpoint = {
            "url": f"http://{LOOPBACK}:{carriers['http']}/hook",
            "secret": canaries.one("whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", odd=False),
            "headers": {"Authorization": canaries.one(odd=False), "X-Key": canaries.one("Bearer ", odd=False)},
        }
        endpoints[f"e{len(endpoints)}"] = endpoint
    made["webhook"] = {"endpoints": endpoints}
    return made


def leaky_plugin(directory: Path) -> str:
    """Install the plugin that tells its secrets; return where."""
    site = directory / "site"
    info = site / "leaky-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "leaky_module.py").write_text(LEAKY, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaky\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[engine.channels]\nleaky = leaky_module\n", encoding="utf-8")
    return str(site)


def test_no_secret_is_ever_told_kept_or_shown(
    desk: Desk, carriers: dict[str, int], tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = Canaries(desk.root, random.Random(seed))
    made = channels(canaries, carriers, scaled(1000, 60))
    address = f"{LOOPBACK}:{free_port()}"
    desk.configure(channels=made, outbound="live", delivery={"attempts": 1}, operations={"listen": address}, jobs={})
    environment = {**os.environ, **canaries.environment, "PYTHONPATH": leaky_plugin(tmp_path), "ENGINE_DEBUG": "1"}
    monkeypatch.setattr("tests.acceptance.desk.clean_environment", lambda: environment)
    told: dict[str, bytes] = {}

    def run(*arguments: str, code: int | None = None) -> str:
        done = subprocess.run([desk.command, *arguments], cwd=desk.root, env=environment, capture_output=True, timeout=300)
        assert code is None or done.returncode == code, done.stderr.decode()
        told[" ".join(arguments)] = done.stdout + done.stderr
        return done.stdout.decode()

    with desk.running() as daemon:
        letters = [("webhook", name) for name in made["webhook"]["endpoints"]] + [("email", "sun@customer.test")]
        letters += [(name, "+8613800138000") for name in made if name.startswith(("smpp", "kannel", "leaky"))]
        python = [str(desk.command.with_name("python")), "-c", QUEUE, f"sqlite:///{desk.root}/var/engine.db"]
        subprocess.run(python, cwd=ROOT, input=json.dumps(letters), text=True, check=True, timeout=60)
        url = f"http://{address}"
        wait_until(lambda: sum(values(url, "closedloop_backlog_items", queue="outbox", state="dead")) == len(letters), "all to fail", 240)
        told["command line"] = Path(f"/proc/{daemon.pid}/cmdline").read_bytes()
        told["metrics"] = "".join(asked(f"{url}/{path}")[1] for path in ("metrics", "healthz", "readyz")).encode()
        run("doctor", code=1)
        run("doctor", "--format", "json", code=1)
        run("validate", code=0)
        run("status", "--format", "json", code=0)
        run("channel", "list", code=0)
        for name in ("email", "smpp_0", "kannel_0", "leaky_1", "webhook"):
            run("channel", "test", name)
        for verb in (("outbox", "list", "--state", "dead", "--limit", "1000"), ("outbox", "show", "m-0"), ("dead", "list")):
            run(*verb, code=0)
        log = daemon.log
    made["leaky_0"]["token"] = canaries.one("build")
    environment |= canaries.environment
    desk.configure(channels=made)
    run("run", code=1)
    told["log"] = log.read_bytes()
    for path in (desk.root / "var").rglob("*"):
        if path.is_file():
            told[str(path.relative_to(desk.root))] = path.read_bytes()
    assert {name: hits for name, data in told.items() if (hits := canaries.hits(data))} == {}
    for name in ("log", "doctor", "outbox list --state dead --limit 1000", "run", "channel test leaky_1"):
        assert "‹secret›" in told[name].decode(), name  # they were on their way out


def test_the_count_finds_a_secret_that_is_only_encoded(tmp_path: Path) -> None:
    canaries = Canaries(tmp_path, random.Random(1))
    canaries.one()
    [needle] = canaries.needles
    for text in (needle, base64.b64encode(f"user:{needle}".encode()).decode(), f"x {base64.urlsafe_b64encode(needle.encode()).decode()} y"):
        assert canaries.hits(text.encode()) == [needle]
    assert canaries.hits(b"nothing") == []
