"""`engine run` under a service manager: what systemd hears, and what an operator is told over HTTP, of the real process."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.desk import Daemon, Desk
from tests.acceptance.inputs import mail
from tests.support.ports import LOOPBACK, free_port
from tests.support.repository import ROOT
from tests.support.waiting import wait_until

PLUGIN = """
import time
from engine.channels import AddressKind, ChannelType, Sent, hookimpl

class Stuck:
    def __init__(self, context): self.state = context.state
    def open(self): pass
    def close(self): pass
    def parse(self, raw, name): return []
    def check(self, to): return []
    def hang(self, what):
        while (self.state / what).exists(): time.sleep(0.05)
    def receive(self, timeout):
        self.hang("receive")
        return []
    def send(self, message):
        self.hang("send")
        return Sent()

@hookimpl
def engine_channel_types():
    schema = {"type": "object", "additionalProperties": False}
    return [ChannelType("stuck", AddressKind.PHONE, schema, lambda settings, context: Stuck(context))]
"""

QUEUE = """
import sys
from msgspec.structs import replace
from engine.runtime.clock import SystemClock
from engine.store import open_store
from tests.store.samples import message

now, store = SystemClock().now(), open_store(sys.argv[1])
with store.write() as tx:
    tx.keep_content("c", None, "message", "hello")
    tx.queue_message(replace(message("m", None), channel="stuck", content_id="c", created_at=now, next_attempt_at=now))
"""


class Manager:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(path))
        self._line.settimeout(0.1)
        self._heard: list[tuple[float, str]] = []

    def listen(self) -> list[str]:
        """All it heard so far."""
        while True:
            try:
                self._heard.append((time.monotonic(), self._line.recv(4096).decode()))
            except TimeoutError:
                return [text for _, text in self._heard]

    def silent_for(self) -> float:
        """Seconds since the last sign of life."""
        self.listen()
        return time.monotonic() - max(at for at, text in self._heard if text == "WATCHDOG=1")

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(tmp_path / "notify")
    yield one
    one.close()


@pytest.fixture
def service(desk: Desk, manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, Daemon, str]]:
    """A running daemon with a channel that hangs on demand: its desk, itself, and where it answers."""
    site = tmp_path / "site"
    info = site / "stuck-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "stuck_module.py").write_text(PLUGIN, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stuck\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[engine.channels]\nstuck = stuck_module\n", encoding="utf-8")
    address = f"{LOOPBACK}:{free_port()}"
    desk.configure(
        channels={"email": {"transport": "folder"}, "stuck": {}},
        outbound="live",
        delivery={"deadline": "2s", "backoff": "1s"},
        operations={"listen": address, "stalled_after": "1s"},
    )
    monkeypatch.setenv("NOTIFY_SOCKET", str(manager.path))
    monkeypatch.setattr("tests.acceptance.desk.clean_environment", lambda: {**os.environ, "PYTHONPATH": str(site)})
    daemon = desk.start()
    yield desk, daemon, f"http://{address}"
    if daemon.process.poll() is None:
        daemon.kill()


def asked(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:  # noqa: S310  # our own daemon
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def values(url: str, name: str, **labels: str) -> list[float]:
    families = text_string_to_metric_families(asked(f"{url}/metrics")[1])
    return [one.value for family in families for one in family.samples if one.name == name and labels.items() <= one.labels.items()]


def test_systemd_hears_ready_signs_of_life_and_the_end(service: tuple[Desk, Daemon, str], manager: Manager) -> None:
    _, daemon, url = service
    wait_until(lambda: asked(f"{url}/healthz") == (200, '{"alive": true, "stalled": {}}\n'), "health")
    wait_until(lambda: json.loads(asked(f"{url}/readyz")[1])["ready"], "readiness")
    assert asked(f"{url}/readyz")[0] == 200
    wait_until(lambda: manager.listen().count("WATCHDOG=1") >= 2, "two signs of life")
    assert manager.listen()[0].startswith("READY=1\nSTATUS=working by policy ")
    assert asked(f"{url}/healthz", "POST")[0] == 405
    assert asked(f"{url}/")[0] == 404
    daemon.stop()
    assert any(text.startswith("STOPPING=1") for text in manager.listen())


def test_a_loop_that_is_blocked_stops_the_signs_of_life_until_it_moves(service: tuple[Desk, Daemon, str], manager: Manager) -> None:
    desk, daemon, url = service
    hang = desk.root / "var" / "state" / "stuck" / "receive"
    hang.touch()
    line = daemon.wait_for_line("a loop stands still")
    assert list(line["loops"]) == ["receive stuck"]
    status, told = asked(f"{url}/healthz")
    assert (status, list(json.loads(told)["stalled"])) == (503, ["receive stuck"])
    wait_until(lambda: manager.silent_for() > 2, "silence towards systemd")
    assert "STATUS=standing still: receive stuck" in manager.listen()
    hang.unlink()
    daemon.wait_for_line("all loops move again")
    wait_until(lambda: manager.silent_for() < 1, "signs of life")
    assert asked(f"{url}/healthz")[0] == 200
    daemon.stop()


def test_a_sending_that_hangs_costs_its_channel_and_not_the_daemon(service: tuple[Desk, Daemon, str], manager: Manager) -> None:
    desk, daemon, url = service
    hang = desk.root / "var" / "state" / "stuck" / "send"
    hang.touch()
    python = desk.command.with_name("python")
    subprocess.run([python, "-c", QUEUE, f"sqlite:///{desk.root}/var/engine.db"], cwd=ROOT, check=True, timeout=60)
    daemon.wait_for_line("the channel hangs: it is replaced")
    assert manager.silent_for() < 10
    wait_until(lambda: asked(f"{url}/healthz")[0] == 200, "health")
    assert values(url, "closedloop_backlog_items", queue="outbox", channel="stuck") == [1]
    hang.unlink()
    wait_until(lambda: sum(values(url, "closedloop_messages_total", channel="stuck", outcome="sent")) >= 1, "the message to leave")
    assert asked(f"{url}/healthz")[0] == 200


def test_a_process_that_is_stopped_gives_no_sign_of_life(service: tuple[Desk, Daemon, str], manager: Manager) -> None:
    _, daemon, _ = service
    wait_until(lambda: manager.listen().count("WATCHDOG=1") >= 1, "a sign of life")
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: manager.silent_for() > 3, "silence")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    wait_until(lambda: manager.silent_for() < 1, "signs of life")


def test_metrics_count_what_was_done_and_follow_the_rules_of_prometheus(service: tuple[Desk, Daemon, str]) -> None:
    desk, _, url = service
    desk.drop("email", "one.eml", mail(1, "系统宕机了,请打 13800138000"))
    wait_until(lambda: sum(values(url, "closedloop_decisions_total", signal="message_arrived")) >= 1, "a decision")
    wait_until(lambda: sum(values(url, "closedloop_messages_total", channel="email", kind="outbound", outcome="sent")) >= 1, "a message")
    assert values(url, "closedloop_messages_total", channel="email", kind="inbound", outcome="accepted") == [1]
    wait_until(lambda: values(url, "closedloop_channel_up", channel="email", direction="receive") == [1], "the channel to be up")
    assert values(url, "closedloop_database_up") == [1]
    assert values(url, "closedloop_database_size_bytes")[0] > 0
    assert values(url, "closedloop_decision_seconds_count", signal="message_arrived") == [1]
    text = asked(f"{url}/metrics")[1]
    assert [part for part in ("customer.example", "1380013", "宕机") if part in text] == []
    assert lint(text) == []


def lint(text: str) -> list[Any]:
    """What `promtool check metrics` would find: names, units, suffixes, help."""
    wrong: list[Any] = []
    for family in text_string_to_metric_families(text):
        name = family.name
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            wrong.append((name, "no snake case"))
        if not family.documentation:
            wrong.append((name, "no help"))
        if family.type == "counter" and not all(one.name.endswith(("_total", "_created")) for one in family.samples):
            wrong.append((name, "a counter ends in _total"))
        if family.type != "counter" and name.endswith("_total"):
            wrong.append((name, "only a counter ends in _total"))
        if re.search(r"_(?:milliseconds|minutes|hours|kilobytes|megabytes|percent|ms)(?:_|$)", name):
            wrong.append((name, "no base unit"))
        if family.type in name.split("_"):
            wrong.append((name, "the type is no part of the name"))
        wrong += [(name, f"label {label}") for one in family.samples for label in one.labels if not re.fullmatch(r"[a-z][a-z0-9_]*", label)]
    return wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("# HELP a_total x\n# TYPE a_total counter\na_total 1\n", []),
        ("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n", ["only a counter ends in _total"]),
        ("# TYPE a_ms gauge\na_ms 1\n", ["no help", "no base unit"]),
        ('# HELP aB x\n# TYPE aB gauge\naB{C="1"} 1\n', ["no snake case", "label C"]),
        ("# HELP a_gauge x\n# TYPE a_gauge gauge\na_gauge 1\n", ["the type is no part of the name"]),
    ],
)
def test_the_rules_find_what_breaks_them(text: str, wrong: list[str]) -> None:
    assert [why for _, why in lint(text)] == wrong
